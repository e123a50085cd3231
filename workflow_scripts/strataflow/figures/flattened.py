"""Pictures of flattened volumes beside the amplitudes that they are made of."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from ..volume.volume import Volume, open_volume, statistics_of
from .section import Section, axis_label, extent_of
from .style import GREY_CLIP, save_picture


def draw_flattened(image: Volume, flat: Path, about: str) -> None:
    """Draw the middle inline and crossline of `image` and of the volume `flat` to `flat`.png."""
    flattened = open_volume(flat, intact=False)
    statistics, sidecar = statistics_of(image), image.sidecar
    sections = [Section(axis, image.shape.array[axis] // 2) for axis in (0, 1)]
    figure = Figure(figsize=(14, 9), layout="constrained")
    grid = figure.subplots(2, 2)
    figure.suptitle(f"{flat.name}: {about}")
    by_time = "geologic time" in about
    for row, (name, volume) in enumerate((("amplitude", image), ("flattened", flattened))):
        for ax, section in zip(grid[row], sections, strict=True):
            left, right, bottom, top = extent_of(section, sidecar)
            if row and by_time:
                bottom, top = 1, 0
            ax.imshow(
                statistics.normalise(section.of(volume.values)),
                extent=(left, right, bottom, top),
                aspect="auto",
                cmap="gray",
                vmin=-GREY_CLIP,
                vmax=GREY_CLIP,
                interpolation="nearest",
            )
            ax.set_title(f"{name}, {section.title(sidecar)}", fontsize=9)
            horizontal, vertical = section.axes
            ax.set_xlabel(axis_label(sidecar, horizontal), fontsize=8)
            label = "geologic time" if row and by_time else axis_label(sidecar, vertical)
            ax.set_ylabel(label, fontsize=8)
            ax.tick_params(labelsize=7)
    save_picture(flat.with_name(f"{flat.name}.png"), figure)
