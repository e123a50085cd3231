"""Picked faults and horizons as curves on sections and below lines."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex
from numpy.typing import NDArray

from ..sections import Section
from ..style import TIME, fault_colour
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


def crossing(
    fault: Fault, side: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Where the mesh of a fault crosses a surface.

    Args:
        fault: A picked fault.
        side: Signed distance (N,) of the points of the mesh from the surface.

    Returns:
        Segments (K, 2, 3) of indices along (n3, n2, n1), one for each triangle that crosses, and
        the number of the edge of the mesh (K, 2) that each end lies on.
    """
    positive = side >= 0
    if not positive.any() or positive.all():
        return np.empty((0, 2, 3)), np.empty((0, 2), np.int64)
    points, triangles = fault.mesh.points, fault.mesh.triangles
    a, b, c = (positive[corner] for corner in triangles.T)
    crossed = triangles[(a != b) | (b != c)]
    start, end = crossed, np.roll(crossed, -1, axis=1)
    # Two of the three edges of such a triangle cross.
    edges = positive[start] != positive[end]
    first, last = start[edges], end[edges]
    part = (side[first] / (side[first] - side[last]))[:, None]
    ends = points[first] * (1 - part) + points[last] * part
    numbers = np.minimum(first, last) * len(points) + np.maximum(first, last)
    return ends.reshape(-1, 2, 3), numbers.reshape(-1, 2)


def chained(pieces: NDArray[np.float64], edges: NDArray[np.int64]) -> NDArray[np.float64]:
    """Join segments that meet on an edge of the mesh; a browser draws few long lines faster.

    Args:
        pieces: Segments (K, 2, 3).
        edges: Number of the edge that each end lies on, (K, 2).

    Returns:
        Points (P, 3) of all lines, with a row of NaN after each.
    """
    ends, at = edges.tolist(), defaultdict[int, list[int]](list)
    for segment, (first, last) in enumerate(ends):
        at[first].append(segment)
        at[last].append(segment)
    free, order = [True] * len(ends), []
    # Lines start where one segment ends alone; those that remain are closed.
    for start in [*(edge for edge, segments in at.items() if len(segments) == 1), *at]:
        edge, begun = start, False
        while following := [segment for segment in at[edge] if free[segment]]:
            segment = following[0]
            free[segment] = False
            far = 1 if ends[segment][0] == edge else 0
            order += [2 * segment + far] if begun else [2 * segment + 1 - far, 2 * segment + far]
            edge, begun = ends[segment][far], True
        if begun:
            order.append(2 * len(ends))
    points = np.concatenate([pieces.reshape(-1, 3), np.full((1, 3), np.nan)])
    return points[order]


def faults_in(prediction: Prediction, view: View, section: Section) -> list[Drawn]:
    """Faults that are switched on and cross a section."""
    axes = [prediction.sidecar.axes[axis] for axis in section.axes]
    found = []
    for fault in _shown_faults(prediction, view):
        pieces, edges = crossing(fault, fault.mesh.points[:, section.axis] - section.index)
        if len(pieces):
            line = chained(pieces, edges)
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
            segments, _ = crossing(fault, away[:, 0] * along[1] - away[:, 1] * along[0])
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
