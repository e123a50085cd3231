"""Sizes of pictures of sections: their scales, and where sections lie on a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..volume.sidecar import Sidecar
from ..volume.units import METRES
from .section import Section

# Velocity in m/s that turns two-way time into depth where none is known; for drawing only.
NOMINAL_VELOCITY = 2500.0

# Vertical exaggerations to choose from, and the width of a section divided by its height to reach.
EXAGGERATIONS = (0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 5, 7.5, 10, 15, 20, 30, 50)
WIDE = 1.9

# Limits of width divided by height of a panel.
NARROWEST, WIDEST = 0.5, 4.0

# Width of a picture, and space around its panels, in inches.
WIDTH = 14.0
LEFT, RIGHT, TOP, BOTTOM = 0.65, 0.15, 0.62, 0.62
BESIDE, BELOW, BETWEEN, BAR = 0.75, 0.72, 0.38, 0.75


@dataclass(frozen=True)
class Scale:
    """How long the axes of a survey are drawn.

    Attributes:
        steps: Length on the page of one step along (n3, n2, n1), in lateral units.
        exaggeration: Vertical exaggeration; None if lengths are not known.
        velocity: m/s that turned two-way time into depth; None in a depth survey.
        is_nominal: Whether this velocity is NOMINAL_VELOCITY.
    """

    steps: tuple[float, float, float]
    exaggeration: float | None
    velocity: float | None
    is_nominal: bool

    @property
    def text(self) -> str:
        """What a reader needs to know about the vertical scale."""
        if self.exaggeration is None:
            return "Vertical scale arbitrary"
        text = f"Vertical exaggeration {self.exaggeration:g}"
        if self.velocity:
            assumed = "assumed velocity" if self.is_nominal else "velocity"
            text += f" at {'an' if self.is_nominal else 'a'} {assumed} of {self.velocity:,.0f} m/s"
        return text


def scale_of(sidecar: Sidecar, velocity: float | None = None, wide: float = WIDE) -> Scale:
    """Choose the vertical exaggeration so that sections are about `wide` times as wide as high.

    Args:
        sidecar: Geometry of the volume.
        velocity: m/s that turns two-way time into depth, if known.
        wide: Mean width of an inline and a crossline divided by their height.
    """
    lateral, vertical = METRES.get(sidecar.axes[0].unit), sidecar.axes[2].unit
    spacing = [axis.spacing for axis in sidecar.axes]
    widths = [d * n for d, n in zip(spacing[:2], sidecar.shape.array[:2], strict=True) if n > 1]
    widths = widths or [spacing[1]]
    metres = METRES.get(vertical)
    used = None
    if sidecar.domain != "depth":
        used = velocity or NOMINAL_VELOCITY
        metres = used / 2000 if vertical == "ms" else None
    if not lateral or not metres:
        # Angles or unknown units: sections fill their panels.
        down = float(np.mean(widths)) / wide / sidecar.shape.n1
        return Scale((spacing[0], spacing[1], down), None, None, False)
    down = spacing[2] * metres / lateral
    wanted = float(np.mean(widths)) / (down * sidecar.shape.n1) / wide
    chosen = min(EXAGGERATIONS, key=lambda factor: abs(np.log(factor / wanted)))
    return Scale((spacing[0], spacing[1], down * chosen), chosen, used, not velocity)


def ratio_of(section: Section, sidecar: Sidecar, scale: Scale) -> float:
    """Width of a section divided by its height on the page, within NARROWEST to WIDEST."""
    lengths = [n * step for n, step in zip(sidecar.shape.array, scale.steps, strict=True)]
    horizontal, vertical = section.axes
    return float(np.clip(lengths[horizontal] / lengths[vertical], NARROWEST, WIDEST))


def rows_of_panels(ratios: Sequence[float], rows: int) -> tuple[Figure, list[list[Axes]]]:
    """A figure with rows of panels, equally high, and for each row axes of a colour bar at its end.

    Args:
        ratios: Width divided by height of the panels of a row.
        rows: Number of rows.
    """
    free = WIDTH - LEFT - RIGHT - BAR - BESIDE * (len(ratios) - 1)
    height = free / sum(ratios)
    # A single section, a 2D line, has an axis above it.
    between = BETWEEN if len(ratios) > 1 else BELOW
    total = TOP + BOTTOM + rows * height + (rows - 1) * between
    figure = Figure(figsize=(WIDTH, total))
    grid = []
    for row in range(rows):
        low = total - TOP - height - row * (height + between)
        line, left = [], LEFT
        for ratio in ratios:
            line.append(_panel(figure, left, low, ratio * height, height))
            left += ratio * height + BESIDE
        bar = _panel(figure, left - BESIDE + 0.15, low + 0.1 * height, 0.12, 0.8 * height)
        grid.append([*line, bar])
    return figure, grid


def large_panels(ratios: Sequence[float]) -> tuple[Figure, list[Axes]]:
    """A figure with an inline above a crossline, and a slice beside them of their total height.

    A single section fills the figure.

    Args:
        ratios: Width divided by height of the inline, the crossline and the slice.
    """
    if len(ratios) == 1:
        wide = WIDTH - LEFT - RIGHT
        figure = Figure(figsize=(WIDTH, TOP + BOTTOM + wide / ratios[0]))
        return figure, [_panel(figure, LEFT, BOTTOM, wide, wide / ratios[0])]
    first, second, third = ratios
    free = WIDTH - LEFT - RIGHT - BESIDE
    # A slice far from square takes part of its column.
    column = float(np.clip(third, 0.7, 1.3))
    wide = (free - column * BELOW) / (1 + column * (1 / first + 1 / second))
    heights = [wide / first, wide / second]
    high = sum(heights) + BELOW
    total = TOP + BOTTOM + high
    figure = Figure(figsize=(WIDTH, total))
    upper = _panel(figure, LEFT, total - TOP - heights[0], wide, heights[0])
    lower = _panel(figure, LEFT, BOTTOM, wide, heights[1])
    width = min(column, third) * high
    height = width / third
    slice_ = _panel(figure, LEFT + wide + BESIDE, total - TOP - height, width, height)
    return figure, [upper, lower, slice_]


def _panel(figure: Figure, left: float, low: float, width: float, height: float) -> Axes:
    """Axes at a place in inches."""
    across, up = figure.get_size_inches()
    return figure.add_axes((left / across, low / up, width / across, height / up))
