"""Maps of horizons: time structure with contours and fault polygons, and amplitudes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ..volume.raw import Array
from ..volume.sidecar import Sidecar
from .style import LEVELS, STRUCTURE, save_picture

# Traces of a map along each axis at most.
MAX_TRACES = 700

# Height of a map over its width from which all maps are in one row.
TALL = 1.3

# Colours of amplitudes.
SEQUENTIAL, DIVERGING = "inferno", "RdBu"

# Maximum number of contours, and traces over which they are smoothed.
CONTOURS, SMOOTHED = 30, 1.0

# Percentile at which amplitudes are clipped.
CLIP = 98

POLYGONS = ListedColormap(["0.15"])

TITLES = {
    "amplitude": "amplitude at the horizon",
    "rms": "RMS amplitude",
    "envelope": "instantaneous amplitude",
}


@dataclass(frozen=True)
class HorizonMap:
    """What a map shows.

    Attributes:
        title: Title of the picture.
        depth: Time or depth (n3, n2), NaN where undefined.
        broken: Traces (n3, n2) on which a fault or a gap cuts the horizon.
        amplitudes: Amplitudes (n3, n2) by name.
    """

    title: str
    depth: NDArray[np.float64]
    broken: NDArray[np.bool_]
    amplitudes: Mapping[str, Array]


def draw_horizon(path: Path, shown: HorizonMap, sidecar: Sidecar) -> None:
    """Draw a map of time structure and one of each amplitude as PNG.

    Maps lie on the ground with north up, or over line numbers if the survey has no coordinates.
    Contours are at round times or depths. The cuts of faults are dark polygons. The horizon of a 2D
    line is a curve over its CDPs.
    """
    if sidecar.is_line:
        _draw_curves(path, shown, sidecar)
        return
    step = [-(-n // MAX_TRACES) for n in shown.depth.shape]
    thin = (slice(None, None, step[0]), slice(None, None, step[1]))
    x, y = (grid[thin] for grid in _ground(sidecar))
    count = 1 + len(shown.amplitudes)
    ratio = float(np.clip(np.ptp(y) / max(np.ptp(x), 1e-9), 0.4, 2.5)) if sidecar.corners else 0.8
    # Tall maps stand side by side.
    columns = count if ratio > TALL else min(count, 2)
    rows = -(-count // columns)
    width = 4.8 if ratio > TALL else 7.2
    size = (width * columns, rows * (0.75 * width * ratio + 1.0) + 0.4)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    figure.suptitle(shown.title)
    holes = _polygons(shown.broken)[thin]
    _draw_structure(figure, axes[0], (x, y), shown.depth[thin], sidecar)
    for ax, (name, values) in zip(axes[1:], shown.amplitudes.items(), strict=False):
        _draw_amplitude(figure, ax, (x, y), name, values[thin])
    for ax in axes[:count]:
        _finish(ax, (x, y), holes, sidecar)
    for ax in axes[count:]:
        ax.set_axis_off()
    save_picture(path, figure, few_colours=True)


def _draw_curves(path: Path, shown: HorizonMap, sidecar: Sidecar) -> None:
    """Draw time or depth and the amplitudes of the horizon of a 2D line over its CDPs."""
    cdp, unit = sidecar.axes[1], sidecar.axes[2].unit
    along = cdp.first + cdp.step * np.arange(sidecar.shape.n2)
    count = 1 + len(shown.amplitudes)
    figure = Figure(figsize=(11, 2.6 * count + 0.4), layout="constrained")
    axes = figure.subplots(count, 1, sharex=True, squeeze=False).ravel()
    figure.suptitle(shown.title)
    axes[0].plot(along, shown.depth[0], "k", lw=1.2)
    axes[0].set_ylabel(f"{sidecar.domain} ({unit})", fontsize=8)
    axes[0].invert_yaxis()
    for ax, (name, values) in zip(axes[1:], shown.amplitudes.items(), strict=False):
        ax.plot(along, values[0], lw=1)
        ax.set_ylabel(TITLES.get(name, name), fontsize=8)
    for ax in axes:
        # The cuts of faults.
        ax.fill_between(
            along, 0, 1, where=shown.broken[0], transform=ax.get_xaxis_transform(), color="0.8"
        )
        ax.ticklabel_format(axis="x", useOffset=False, style="plain")
        ax.tick_params(labelsize=7)
    axes[-1].set_xlabel(cdp.name, fontsize=8)
    save_picture(path, figure)


def _ground(sidecar: Sidecar) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x and y (n3, n2) of the traces, or crossline and inline numbers."""
    i3, i2 = np.indices(sidecar.shape.array[:2])
    return sidecar.map_places(np.stack([i3, i2, np.zeros_like(i3)]))


def _polygons(broken: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Cuts of faults as a smooth field (n3, n2) that is above 0.5 within their polygons."""
    return gaussian_filter(broken.astype(np.float64), 0.6)


def _painted(colours: str) -> dict[str, Any]:
    """How a map is painted: with LEVELS colours, so that the PNG file has a palette."""
    return {"cmap": colormaps[colours].resampled(LEVELS), "shading": "nearest"}


def _draw_structure(
    figure: Figure, ax: Axes, at: tuple[Any, Any], depth: NDArray[np.float64], sidecar: Sidecar
) -> None:
    known = np.isfinite(depth)
    unit = sidecar.axes[2].unit
    ax.set_title(f"{sidecar.domain} structure", fontsize=10)
    if not known.any():
        return
    low, high = (float(v) for v in np.percentile(depth[known], (0.5, 99.5)))
    high = max(high, low + 1e-6)
    drawn = ax.pcolormesh(
        *at, np.ma.masked_invalid(depth), vmin=low, vmax=high, **_painted(STRUCTURE)
    )
    bar = figure.colorbar(drawn, ax=ax, shrink=0.8, pad=0.02)
    bar.set_label(f"{sidecar.domain} ({unit})", fontsize=8)
    # Shallow is at the top, as in the ground.
    bar.ax.invert_yaxis()
    bar.ax.tick_params(labelsize=7)
    levels = MaxNLocator(CONTOURS, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    if min(depth.shape) < 3:
        return
    lines = ax.contour(
        *at, np.ma.masked_invalid(_smooth(depth)), levels, colors="k", linewidths=0.6
    )
    ax.clabel(lines, list(lines.levels)[::5], fontsize=6, fmt="%g")
    interval = float(levels[1] - levels[0])
    ax.set_title(f"{sidecar.domain} structure, contours every {interval:g} {unit}", fontsize=10)


def _smooth(depth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Smooth over SMOOTHED traces, without the values beyond cuts being mixed in by far ones."""
    known = np.isfinite(depth)
    weight = gaussian_filter(known.astype(np.float64), SMOOTHED, truncate=2)
    total = gaussian_filter(np.where(known, depth, 0.0), SMOOTHED, truncate=2)
    return np.where(known, total / np.maximum(weight, 1e-9), np.nan)


def _draw_amplitude(
    figure: Figure, ax: Axes, at: tuple[Any, Any], name: str, values: Array
) -> None:
    known = values[np.isfinite(values)]
    ax.set_title(TITLES.get(name, name), fontsize=10)
    if not known.size:
        return
    if name == "amplitude":
        high = float(np.percentile(np.abs(known), CLIP)) or 1.0
        low, colours = -high, DIVERGING
    else:
        low, high = (float(v) for v in np.percentile(known, (100 - CLIP, CLIP)))
        high, colours = max(high, low + 1e-12), SEQUENTIAL
    drawn = ax.pcolormesh(
        *at, np.ma.masked_invalid(values), vmin=low, vmax=high, **_painted(colours)
    )
    bar = figure.colorbar(drawn, ax=ax, shrink=0.8, pad=0.02)
    bar.ax.tick_params(labelsize=7)


def _finish(ax: Axes, at: tuple[Any, Any], holes: NDArray[np.float64], sidecar: Sidecar) -> None:
    """Add fault polygons, the outline of the survey and the numbers of its first and last lines."""
    x, y = at
    if min(x.shape) >= 2 and (holes > 0.5).any():
        ax.contourf(x, y, holes, [0.5, 2], cmap=POLYGONS)
        ax.contour(x, y, holes, [0.5], colors="k", linewidths=0.8)
    ax.tick_params(labelsize=7)
    ax.set_facecolor("0.92")
    if not sidecar.corners:
        ax.set_xlabel("crossline", fontsize=8)
        ax.set_ylabel("inline", fontsize=8)
        return
    ax.set_aspect("equal")
    ax.ticklabel_format(useOffset=False, style="plain")
    unit = sidecar.axes[0].unit
    ax.set_xlabel(f"x ({unit})", fontsize=8)
    ax.set_ylabel(f"y ({unit})", fontsize=8)
    for label in ax.get_xticklabels():
        label.set(rotation=30, ha="right")
    outline = [(0, 0), (0, -1), (-1, -1), (-1, 0), (0, 0)]
    ax.plot([x[i] for i in outline], [y[i] for i in outline], color="0.4", lw=0.8)
    inline, crossline = (
        (a.first, a.first + a.step * (n - 1))
        for a, n in zip(sidecar.axes, sidecar.shape.array[:2], strict=False)
    )
    middle = np.array([x.mean(), y.mean()])
    ax.use_sticky_edges = False
    ax.margins(0.08)
    for i3 in (0, -1):
        for i2 in (0, -1):
            corner = np.array([x[i3, i2], y[i3, i2]])
            ax.annotate(
                f"IL {inline[i3]:g}\nXL {crossline[i2]:g}",
                tuple(corner + 0.07 * (corner - middle)),
                fontsize=6,
                color="0.25",
                ha="center",
                va="center",
            )
