"""Axes of a survey, from the numbers that its file has."""

from __future__ import annotations

import math

from .raw import Shape
from .sidecar import CDP, LINE, Axis
from .units import FACTORS, METRES

# Sample interval in ms, m or ft where neither the file nor the user gives one.
DEFAULT_INTERVAL = 4.0

# What the user should know of a 2D line.
LINE_NOTE = "a 2D line: dips are apparent, in the plane of the line; there is no strike"


def grid_axes(
    shape: Shape,
    lines: tuple[tuple[float, float], tuple[float, float]],
    sample: Axis,
    corners: tuple[tuple[float, float], ...] = (),
    unit: str = "line",
    length: float | None = None,
) -> tuple[Axis, Axis, Axis]:
    """Axes of a survey; those of a single inline are the axes of a 2D line.

    Args:
        shape: Size of the volume.
        lines: First number and step along n3 and n2.
        sample: Axis of n1.
        corners: Coordinates of the corners; empty without coordinates.
        unit: Unit of the coordinates.
        length: Length of a line along its bends, if known.
    """
    spacing = [1.0, 1.0]
    if corners:
        ends = (corners[2], corners[1])
        spacing = [
            math.dist(corners[0], end) / max(n - 1, 1)
            for end, n in zip(ends, (shape.n3, shape.n2), strict=True)
        ]
    is_line = shape.n3 == 1 < shape.n2
    if is_line:
        spacing[1] = length / (shape.n2 - 1) if length else spacing[1]
        spacing[0] = spacing[1]
    names = (LINE, CDP) if is_line else ("inline", "crossline")
    (first3, step3), (first2, step2) = lines
    unit = unit if corners else "line"
    return (
        Axis(names[0], whole(first3), whole(step3) or 1, spacing[0] or 1.0, unit),
        Axis(names[1], whole(first2), whole(step2) or 1, spacing[1] or 1.0, unit),
        sample,
    )


def sample_axis(
    domain: str,
    first: float,
    step: float,
    unit: str | None,
    interval: float | None,
    notes: list[str],
) -> Axis:
    """Axis of n1 in ms, m or ft.

    Args:
        domain: time or depth.
        first: First time or depth.
        step: Sample interval; 0 if the file has none.
        unit: Unit of both; s is turned into ms. Any other unit is taken for ms or m.
        interval: What the user says, for a file without an interval.
        notes: Gets a note if no interval is known.
    """
    if unit == "s":
        first, step, unit = FACTORS["s", "ms"] * first, FACTORS["s", "ms"] * step, "ms"
    if unit is None or unit not in ("ms", *METRES):
        unit = "ms" if domain == "time" else "m"
    if not (math.isfinite(step) and step > 0 and math.isfinite(first)):
        first = first if math.isfinite(first) else 0.0
        step = DEFAULT_INTERVAL if interval is None else interval
        if interval is None:
            notes.append(f"no sample interval in the file, assuming {step:g} {unit}")
    return Axis("sample", float(first), float(step), float(step), unit)


def whole(number: float) -> float:
    """A number as int if it is whole, as line numbers are written."""
    return int(number) if float(number).is_integer() else float(number)
