"""Picture of label volumes, to be looked at before training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..volume.raw import Array
from ..volume.volume import Volume, statistics_of
from .section import Section, axis_label, extent_of
from .style import GREY_CLIP, TIME, save_picture

# Number of labelled lines that are drawn.
LINES = 3

NO_FAULT, FAULT = "#ffffff00", "#e4003a"
UNKNOWN = ListedColormap(["#ffffff00", "#5b7fb580"])


def draw_labels(path: Path, image: Volume, label: Volume) -> None:
    """Draw where labels are known, and the lines with most labels over the amplitudes.

    The map shows the share of fault voxels (of known voxels for other labels) of each trace. On
    the sections, faults are red, and unknown voxels are shaded.

    Args:
        path: PNG file to write.
        image: Seismic image.
        label: Label of the same shape, NaN where unknown.
    """
    is_fault = label.sidecar.attribute == "fsem"
    known = np.zeros(image.values.shape[:2], np.int64)
    faults = np.zeros(known.shape, np.int64)
    for i3, plane in enumerate(label.values):
        values = np.asarray(plane)
        known[i3] = np.isfinite(values).sum(axis=1)
        faults[i3] = (values > 0).sum(axis=1)
    sections = _chosen(known, faults if is_fault else known)
    figure = Figure(figsize=(4.6 * (1 + len(sections)), 4.6), layout="constrained")
    axes = figure.subplots(1, 1 + len(sections), squeeze=False)[0]
    what = "labelled voxels that are faults" if is_fault else "voxels that are known"
    share = faults / np.maximum(known, 1) if is_fault else known / image.shape.n1
    _draw_map(axes[0], image, np.where(known > 0, share, np.nan), f"share of {what}; blue: unknown")
    for ax, section in zip(axes[1:], sections, strict=True):
        _draw_section(ax, section, image, label)
    figure.suptitle(f"Labels {label.sidecar.attribute}: {label.path.name}", fontsize=9)
    save_picture(path, figure)


def _chosen(known: NDArray[np.int64], counts: NDArray[np.int64]) -> list[Section]:
    """The inlines and crosslines that are known in more than half and have the most labels."""
    candidates: list[tuple[int, int, int]] = []
    for axis in (0, 1):
        whole = (known > 0).mean(axis=1 - axis) > 0.5
        totals = counts.sum(axis=1 - axis)
        candidates += [(int(totals[i]), axis, int(i)) for i in np.flatnonzero(whole)]
    if not candidates:
        candidates = [(0, 0, int(known.sum(axis=1).argmax()))]
    best: list[tuple[int, int, int]] = []
    apart = max(known.shape) // (2 * LINES)
    for candidate in sorted(candidates, key=lambda c: (-c[0], c[1], c[2])):
        near = [c for c in best if c[1] == candidate[1] and abs(c[2] - candidate[2]) < apart]
        if not near and len(best) < LINES:
            best.append(candidate)
    return [Section(axis, index) for _, axis, index in sorted(best, key=lambda c: c[1:])]


def _draw_map(ax: Axes, image: Volume, share: NDArray[np.float64], title: str) -> None:
    section, sidecar = Section(2, 0), image.sidecar
    ax.set_facecolor("#c9d3e3")
    shown = ax.imshow(
        share, extent=extent_of(section, sidecar), aspect="auto", cmap="magma_r", vmin=0,
        interpolation="nearest",
    )  # fmt: skip
    ax.set_title(title, fontsize=8)
    ax.set_xlabel(axis_label(sidecar, 1), fontsize=8)
    ax.set_ylabel(axis_label(sidecar, 0), fontsize=8)
    ax.figure.colorbar(shown, ax=ax)


def _draw_section(ax: Axes, section: Section, image: Volume, label: Volume) -> None:
    sidecar = image.sidecar
    grey: Array = statistics_of(image).normalise(np.nan_to_num(section.of(image.values)))
    values = section.of(label.values)
    how: dict[str, Any] = {
        "extent": extent_of(section, sidecar),
        "aspect": "auto",
        "interpolation": "nearest",
    }
    ax.imshow(grey, cmap="gray", vmin=-GREY_CLIP, vmax=GREY_CLIP, **how)
    ax.imshow(np.isnan(values).astype(float), cmap=UNKNOWN, vmin=0, vmax=1, **how)
    if label.sidecar.attribute == "fsem":
        fault = ListedColormap([NO_FAULT, FAULT])
        ax.imshow((values > 0).astype(float), cmap=fault, vmin=0, vmax=1, alpha=0.8, **how)
    else:
        ax.imshow(np.ma.masked_invalid(values), cmap=TIME, alpha=0.5, **how)
    ax.set_title(section.title(sidecar), fontsize=8)
    horizontal, vertical = section.axes
    ax.set_xlabel(axis_label(sidecar, horizontal), fontsize=8)
    ax.set_ylabel(axis_label(sidecar, vertical), fontsize=8)
