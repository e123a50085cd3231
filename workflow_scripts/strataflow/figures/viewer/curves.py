"""Picked faults and horizons as curves on sections and below lines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex
from numpy.typing import NDArray

from ..section import Section
from ..style import TIME, fault_colour
from .crossings import crossing
from .folder import Prediction
from .layers import Curve, Cut, level_curves
from .picks import Fault, Horizon
from .reading import Line
from .view import View

# Width of lines in pixels, and of the one that is highlighted.
WIDTH, HIGHLIGHT = 2.0, 4.5


@dataclass(frozen=True)
class Drawn:
    """A fault or a horizon in a panel.

    Attributes:
        name: Its name.
        colour: As #RRGGBB.
        width: Width in pixels.
        x: Curve in numbers of the horizontal axis, with NaN between its pieces.
        y: The same of the vertical axis.
    """

    name: str
    colour: str
    width: float
    x: NDArray[np.floating]
    y: NDArray[np.floating]

    def label_at(
        self, end: bool, box: tuple[float, float, float, float]
    ) -> tuple[float, float] | None:
        """Place of the name in a box: the topmost point, or the last point if `end`.

        Args:
            end: Which of the two.
            box: Left, width, top and height of what is shown.

        Returns:
            The place; None if the curve does not cross the box.
        """
        left, width, top, height = box
        inside = (self.x >= left) & (self.x <= left + width)
        inside &= (self.y >= top) & (self.y <= top + height)
        shown = np.flatnonzero(inside)
        if not shown.size:
            return None
        at = shown[-1] if end else shown[int(np.argmin(self.y[shown]))]
        return float(self.x[at]), float(self.y[at])


@cache
def horizon_colour(number: int, count: int) -> str:
    """Colour of a horizon, from 1, the youngest, to `count`: the palette of RGT."""
    return to_hex(colormaps[TIME](number / (count + 1)))


def faults_in(prediction: Prediction, view: View, section: Section) -> list[Drawn]:
    """Faults that are switched on and cross a section."""
    shown = _shown_faults(prediction, view)
    if not shown:
        return []
    axes = [prediction.sidecar.axes[axis] for axis in section.axes]
    lines = prediction.picked().crossings.lines(section.axis, section.index)
    found = []
    for fault in shown:
        if fault.number in lines:
            line = lines[fault.number]
            x, y = (
                axis.first + axis.step * line[:, along]
                for axis, along in zip(axes, section.axes, strict=True)
            )
            found.append(_drawn_fault(fault, view, x, y))
    return found


def faults_below(prediction: Prediction, view: View, line: Line) -> list[Drawn]:
    """Faults that are switched on and cross the surface below a line."""
    vertical = prediction.sidecar.axes[2]
    at_corner = [int(np.argmin(np.abs(line.distance - corner))) for corner in line.corners]
    places = np.stack([line.i3, line.i2], axis=1)[at_corner]
    found = []
    for fault in _shown_faults(prediction, view):
        pieces, distances = [], []
        for start, end, first, last in zip(
            places, places[1:], line.corners, line.corners[1:], strict=False
        ):
            along = end - start
            square = float(along @ along)
            if square == 0:
                continue
            away = fault.mesh.points[:, :2] - start
            segments, _ = crossing(fault.mesh, away[:, 0] * along[1] - away[:, 1] * along[0])
            part = (segments[..., :2] - start) @ along / square
            inside = (part.mean(axis=1) >= 0) & (part.mean(axis=1) <= 1)
            pieces.append(vertical.first + vertical.step * segments[inside][..., 2])
            distances.append(first + part[inside] * (last - first))
        if pieces and sum(map(len, pieces)):
            gap = np.full((sum(map(len, pieces)), 1), np.nan)
            x, y = (
                np.concatenate([np.concatenate(parts), gap], axis=1).ravel()
                for parts in (distances, pieces)
            )
            found.append(_drawn_fault(fault, view, x, y))
    return found


def _shown_faults(prediction: Prediction, view: View) -> list[Fault]:
    if not view.faults:
        return []
    off = view.hidden_faults()
    return [fault for fault in prediction.picked().faults if fault.number not in off]


def _drawn_fault(fault: Fault, view: View, x: NDArray, y: NDArray) -> Drawn:
    width = HIGHLIGHT if fault.number == view.fault else WIDTH
    return Drawn(fault.name, fault_colour(fault.number), width, x, y)


def horizons_in(prediction: Prediction, view: View, section: Section, cut: Cut) -> list[Drawn]:
    """Horizons that are switched on in a section; on a slice, where they have its time or depth."""
    found = []
    for number, horizon, count in _shown_horizons(prediction, view):
        if section.axis == 2:
            level = horizon.level[np.ix_(cut.rows, cut.columns)]
            curve = _joined(level_curves(level, np.array([float(section.index)]), cut))
        else:
            level = np.asarray(horizon.level.take(section.index, section.axis))
            curve = _along(prediction, level, section)
        found += _drawn_horizon(number, horizon, count, view, curve)
    return found


def horizons_below(prediction: Prediction, view: View, line: Line) -> list[Drawn]:
    """Horizons that are switched on below a line."""
    vertical = prediction.sidecar.axes[2]
    found = []
    for number, horizon, count in _shown_horizons(prediction, view):
        curve = line.distance, vertical.first + vertical.step * horizon.level[line.nearest()]
        found += _drawn_horizon(number, horizon, count, view, curve)
    return found


def _shown_horizons(prediction: Prediction, view: View) -> list[tuple[int, Horizon, int]]:
    horizons = prediction.picked().horizons if view.horizons else []
    off = view.hidden_horizons()
    numbered = enumerate(horizons, start=1)
    return [(number, h, len(horizons)) for number, h in numbered if number not in off]


def _along(prediction: Prediction, level: NDArray, section: Section) -> Curve:
    horizontal, vertical = (prediction.sidecar.axes[axis] for axis in section.axes)
    x = horizontal.first + horizontal.step * np.arange(level.size)
    return x, vertical.first + vertical.step * level.astype(np.float64)


def _joined(curves: list[Curve]) -> Curve:
    if not curves:
        return np.empty(0), np.empty(0)
    gap = [np.nan]
    x, y = (np.concatenate([np.append(c[axis], gap) for c in curves]) for axis in (0, 1))
    return x, y


def _drawn_horizon(
    number: int, horizon: Horizon, count: int, view: View, curve: Curve
) -> list[Drawn]:
    if not np.isfinite(curve[1]).any():
        return []
    width = HIGHLIGHT if number == view.horizon else WIDTH
    return [Drawn(horizon.name, horizon_colour(number, count), width, *curve)]
