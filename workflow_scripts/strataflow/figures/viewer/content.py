"""What a panel of the viewer shows: a section, what lies over it, and the range of its axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..section import Section
from .curves import Drawn, faults_below, faults_in, horizons_below, horizons_in
from .folder import Prediction
from .layers import (
    Curve,
    Cut,
    contours_of,
    cut_of_line,
    cut_of_section,
)
from .reading import PIXELS, Line, line_through, part_of, window_of
from .view import PANELS, View

# Part of the width of a panel from which names lie on the left of their place.
EDGE_OF_NAMES = 0.92

# Part of the width and of the height of a panel that a name needs. Of names closer than this on the
# same side of their places, the first one is shown.
ROOM_OF_NAMES = (0.06, 0.035)

# A curve, the place of its name, and the side of the name on which the place is: left or right.
Name = tuple[Drawn, tuple[float, float], str]


@dataclass(frozen=True)
class Content:
    """What a panel shows: a cut through the volumes, a title, and curves.

    Attributes:
        prediction: Volumes and picks.
        view: What the page shows.
        place: The section, or the line.
        cut: What is read.
        title: Title of the panel.
    """

    prediction: Prediction
    view: View
    place: Section | Line
    cut: Cut
    title: str

    def contours(self) -> list[Curve]:
        """Contours of RGT."""
        return contours_of(self.prediction, self.view, self.cut)

    def faults(self) -> list[Drawn]:
        """Faults that are switched on."""
        if isinstance(self.place, Line):
            return faults_below(self.prediction, self.view, self.place)
        return faults_in(self.prediction, self.view, self.place)

    def horizons(self) -> list[Drawn]:
        """Horizons that are switched on."""
        if isinstance(self.place, Line):
            return horizons_below(self.prediction, self.view, self.place)
        return horizons_in(self.prediction, self.view, self.place, self.cut)


def labels_of(
    horizons: Sequence[Drawn], faults: Sequence[Drawn], box: tuple[float, float, float, float]
) -> list[Name]:
    """Curves with the places of their names in a box, and the side on which the place is.

    Names that would cover an earlier one are left out. Horizons come before faults, and larger
    faults before smaller ones.
    """
    sides = [(curve, "right") for curve in horizons] + [(curve, "left") for curve in faults]
    left, width, _, height = box
    shown: list[Name] = []
    for curve, side in sides:
        place = curve.label_at(side == "right", box)
        if place is None:
            continue
        # Near the right edge a name lies on the left of its place.
        name = (curve, place, "right" if place[0] > left + EDGE_OF_NAMES * width else side)
        if not any(_overlap(name, other, width, height) for other in shown):
            shown.append(name)
    return shown


def _overlap(name: Name, other: Name, width: float, height: float) -> bool:
    """Whether two names would cover each other in a box of this width and height."""
    (_, (x, y), side), (_, (other_x, other_y), other_side) = name, other
    across = abs(x - other_x) < ROOM_OF_NAMES[0] * width
    return side == other_side and across and abs(y - other_y) < ROOM_OF_NAMES[1] * height


def line_of(prediction: Prediction, view: View) -> Line | None:
    """The line that was drawn on the slice, if it has two points."""
    points = view.line_points()
    if len(points) < 2:
        return None
    axes = prediction.sidecar.axes
    at = [[(p[axis] - axes[axis].first) / axes[axis].step for axis in (0, 1)] for p in points]
    return line_through(np.array(at), next(iter(prediction.volumes.values())))


def content_of(
    prediction: Prediction,
    view: View,
    panel: str,
    horizontal: Sequence[float] = (-np.inf, np.inf),
    vertical: Sequence[float] = (-np.inf, np.inf),
) -> Content | None:
    """What a panel shows between two numbers of each of its axes; None without a line."""
    sidecar = prediction.sidecar
    if panel == "line":
        line = line_of(prediction, view)
        if line is None:
            return None
        rows = part_of(sidecar.shape.n1, *_indices(prediction, 2, vertical), most=PIXELS)
        title = f"line of {line.distance[-1]:,.0f} {sidecar.axes[0].unit}"
        return Content(prediction, view, line, cut_of_line(prediction, line, rows), title)
    axis = PANELS.index(panel)
    section = Section(axis, view.index(axis, prediction))
    window = window_of(
        sidecar.shape,
        section,
        _indices(prediction, section.axes[0], horizontal),
        _indices(prediction, section.axes[1], vertical),
    )
    cut = cut_of_section(prediction, section, window)
    return Content(prediction, view, section, cut, section.title(sidecar))


def _indices(prediction: Prediction, axis: int, numbers: Sequence[float]) -> tuple[float, float]:
    """Indices of two numbers of an axis, in rising order."""
    place, n = prediction.sidecar.axes[axis], prediction.shape.array[axis]
    low, high = sorted((number - place.first) / place.step for number in numbers)
    return max(low, 0.0), min(high, n - 1.0)


def full_range(prediction: Prediction, axis: int) -> tuple[float, float]:
    """Smallest and largest number of an axis, half a step around the samples."""
    place, n = prediction.sidecar.axes[axis], prediction.shape.array[axis]
    ends = (place.first - place.step / 2, place.first + place.step * (n - 0.5))
    return min(ends), max(ends)
