"""Where sections cut the meshes of faults: lines, found without looking at all triangles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..triangles import cut_edges, segments
from .meshes import Triangles

Pieces = tuple[NDArray[np.float64], NDArray[np.int64]]


def crossing(mesh: Triangles, side: NDArray[np.float64]) -> Pieces:
    """Where a mesh crosses a surface.

    Args:
        mesh: A mesh of indices along (n3, n2, n1).
        side: Signed distance (N,) of the points of the mesh from the surface.

    Returns:
        Segments (K, 2, 3) of indices along (n3, n2, n1), one for each triangle that crosses, and
        the number of the edge of the mesh (K, 2) that each end lies on.
    """
    positive = side >= 0
    if not positive.any() or positive.all():
        return np.empty((0, 2, 3)), np.empty((0, 2), np.int64)
    a, b, c = (positive[corner] for corner in mesh.triangles.T)
    crossed = mesh.triangles[(a != b) | (b != c)]
    return _segments(mesh.points, crossed, side[crossed])


def _segments(
    points: NDArray[np.float64], crossed: NDArray[np.int64], side: NDArray[np.float64]
) -> Pieces:
    """Segments of triangles (K, 3) that all cross, with the sides (K, 3) of their corners."""
    edges = cut_edges(side)
    first, last = crossed[edges], np.roll(crossed, -1, axis=1)[edges]
    numbers = np.minimum(first, last) * len(points) + np.maximum(first, last)
    return segments(points[crossed], side), numbers.reshape(-1, 2)


@dataclass(frozen=True)
class Crossings:
    """The meshes of all faults, in an order in which those that a section cuts are found.

    Attributes:
        mesh: Points and triangles of all faults, fault by fault.
        fault: Number of the fault of each triangle, (M,).
        order: Triangles in the order of their lowest index along each axis of (n3, n2, n1).
        lowest: This index, rounded down, in that order.
        span: Most sections along each axis that a triangle crosses.
    """

    mesh: Triangles
    fault: NDArray[np.int64]
    order: tuple[NDArray[np.int32], ...]
    lowest: tuple[NDArray[np.int32], ...]
    span: tuple[int, ...]

    def lines(self, axis: int, index: int) -> dict[int, NDArray[np.float64]]:
        """Lines (P, 3) in which a section cuts each fault, with a row of NaN after each line."""
        first, last = np.searchsorted(self.lowest[axis], [index - self.span[axis], index])
        near = np.sort(self.order[axis][first:last])
        triangles = self.mesh.triangles[near]
        side = self.mesh.points[triangles, axis] - index
        positive = side >= 0
        cut = positive.any(axis=1) & ~positive.all(axis=1)
        if not cut.any():
            return {}
        pieces, edges = _segments(self.mesh.points, triangles[cut], side[cut])
        order = chain_order(edges)
        fault = np.append(self.fault[near[cut]], 0)[order // 2]
        # Rows of NaN belong to the line before.
        fault[fault == 0] = fault[np.flatnonzero(fault == 0) - 1]
        points = _with_gap(pieces)[order]
        starts = np.flatnonzero(np.diff(fault, prepend=0))
        return dict(zip(fault[starts].tolist(), np.split(points, starts[1:]), strict=True))


def crossings_of(faults: Sequence[tuple[int, Triangles]]) -> Crossings:
    """Sort the triangles of faults, given with their numbers from 1 on, for `Crossings.lines`."""
    starts = np.cumsum([0, *(len(mesh.points) for _, mesh in faults)])
    points = np.concatenate([np.empty((0, 3)), *(mesh.points for _, mesh in faults)])
    corners = [mesh.triangles + start for (_, mesh), start in zip(faults, starts, strict=False)]
    triangles = np.concatenate([np.empty((0, 3), np.int64), *corners])
    fault = np.repeat([n for n, _ in faults], [len(mesh.triangles) for _, mesh in faults])
    orders, lows, spans = [], [], []
    for axis in range(3):
        at = points[:, axis][triangles]
        low, high = np.floor(at.min(axis=1)), np.floor(at.max(axis=1))
        lowest = low.astype(np.int32)
        order = np.argsort(lowest, kind="stable").astype(np.int32)
        orders.append(order)
        lows.append(lowest[order])
        spans.append(int((high - low).max(initial=0)))
    mesh = Triangles(points, triangles, np.empty(0))
    return Crossings(mesh, fault.astype(np.int64), tuple(orders), tuple(lows), tuple(spans))


def chained(pieces: NDArray[np.float64], edges: NDArray[np.int64]) -> NDArray[np.float64]:
    """Join segments that meet on an edge of the mesh; a browser draws few long lines faster.

    Args:
        pieces: Segments (K, 2, 3).
        edges: Number of the edge that each end lies on, (K, 2).

    Returns:
        Points (P, 3) of all lines, with a row of NaN after each.
    """
    return _with_gap(pieces)[chain_order(edges)]


def _with_gap(pieces: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([pieces.reshape(-1, 3), np.full((1, 3), np.nan)])


def chain_order(edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """Order in which ends of segments (K, 2) make lines: end 2 k + i is end i of segment k.

    After each line comes 2 K, which stands for a gap. Lines keep the order of the segments that
    they end with. Pointer jumping (Wyllie, 1979, The complexity of parallel computations) finds
    the last segment of each line, and how far it is, from all ends at once.
    """
    count = edges.size
    ends = np.arange(count)
    opposite = ends ^ 1
    # The end from which a line goes on, where it has entered a segment at an end; or that end.
    onward = _partners(edges.ravel())[opposite]
    onward = np.where(onward < 0, ends, onward)
    last, steps, smallest = _jumped(onward)
    closed = onward[last] != last
    if closed.any():
        # Closed lines begin at their smallest end.
        onward = np.where(closed & (onward == smallest), ends, onward)
        last, steps, _ = _jumped(onward)
    # Each line has been found in both directions.
    kept = np.flatnonzero(last < last[opposite])
    order = kept[np.lexsort((-steps[kept], last[kept]))]
    stops = np.flatnonzero(last[order] == order)
    closing = np.stack([opposite[order[stops]], np.full(stops.size, count)], axis=1)
    return np.insert(order, np.repeat(stops + 1, 2), closing.ravel())


def _partners(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Index of the other one of two equal `numbers`, -1 without one."""
    order = np.argsort(numbers, kind="stable")
    equal = np.diff(numbers[order]) == 0
    starts = np.flatnonzero(np.concatenate([[True], ~equal]))[: numbers.size]
    place = np.arange(numbers.size) - np.repeat(starts, np.diff([*starts, numbers.size]))
    pairs = np.flatnonzero(equal & (place[:-1] % 2 == 0))
    partners = np.full(numbers.size, -1)
    partners[order[pairs]], partners[order[pairs + 1]] = order[pairs + 1], order[pairs]
    return partners


def _jumped(onward: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """The end of the way from each node, the steps to it, and the smallest node on the way."""
    last, smallest = onward, np.minimum(onward, np.arange(onward.size))
    steps = (onward != np.arange(onward.size)).astype(np.int64)
    for _ in range(onward.size.bit_length()):
        steps = steps + steps[last]
        smallest = np.minimum(smallest, smallest[last])
        last = last[last]
    return last, steps, smallest
