"""Fault sticks to surfaces: points of the ruled surfaces between neighbouring sticks of a fault."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from .fault_masks import HALF_THICKNESS, FaultPoints
from .stick_files import PickedStick

# Distance in voxels from one point of a surface to the next.
SPACING = 0.6

# Sticks whose points differ less along an axis, in voxels, lie on one line of that axis.
SAME_LINE = 0.75

Sticks = list[NDArray[np.float64]]


def surface_points(sticks: Sequence[PickedStick]) -> FaultPoints:
    """Points of all faults, at most a voxel apart.

    Neighbouring sticks of a fault are joined by a ruled surface, which consists of two triangles
    between each pair of points at the same part of both sticks. A fault with sticks on one line
    alone becomes a curve on that line whose orientation is unknown.
    """
    parts: list[FaultPoints] = []
    for _, group in groupby(sorted(sticks, key=lambda s: s.fault), key=lambda s: s.fault):
        lines = [_downward(stick.points) for stick in group]
        pairs = list(_neighbours(lines))
        parts += [_ruled(first, second) for first, second in pairs]
        joined = {id(line) for pair in pairs for line in pair}
        parts += [_curve(line) for line in lines if id(line) not in joined]
    return FaultPoints(
        np.concatenate([part.at for part in parts], axis=1),
        np.concatenate([part.normal for part in parts], axis=1),
        np.concatenate([part.oriented for part in parts]),
        np.concatenate([part.half for part in parts]),
    )


def line_of(points: NDArray[np.float64]) -> tuple[int, int] | None:
    """The axis and the index of the line that a stick (3, N) lies on: 0 inline, 1 crossline.

    None if it lies on neither. A vertical stick counts as on an inline.
    """
    spreads = np.ptp(points[:2], axis=1)
    axis = int(np.argmin(spreads))
    if spreads[axis] >= SAME_LINE:
        return None
    return axis, int(np.rint(points[axis].mean()))


def _downward(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return points if points[2, 0] <= points[2, -1] else points[:, ::-1]


def _neighbours(lines: Sticks) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Pairs of neighbouring sticks of a fault, along the main direction of their centres.

    Of several sticks on a line, each is joined to the nearest one of the line before.
    """
    centres = np.array([line[:2].mean(axis=1) for line in lines])
    if len(lines) < 2:
        return
    apart = centres - centres.mean(axis=0)
    along = apart @ np.linalg.svd(apart, full_matrices=False)[2][0]
    order = np.argsort(along)
    steps = np.flatnonzero(np.diff(along[order]) >= SAME_LINE) + 1
    groups = np.split(order, steps)
    for before, after in pairwise(groups):
        for number in after:
            middle = lines[number].mean(axis=1)
            distances = [np.linalg.norm(lines[other].mean(axis=1) - middle) for other in before]
            yield lines[before[int(np.argmin(distances))]], lines[number]


def _ruled(first: NDArray[np.float64], second: NDArray[np.float64]) -> FaultPoints:
    """Points of the ruled surface between two sticks, with their normals."""
    if np.linalg.norm(first[:, 0] - second[:, -1]) + np.linalg.norm(
        first[:, -1] - second[:, 0]
    ) < np.linalg.norm(first[:, 0] - second[:, 0]) + np.linalg.norm(first[:, -1] - second[:, -1]):
        second = second[:, ::-1]
    length = max(_length(first)[-1], _length(second)[-1])
    down = np.linspace(0, 1, max(int(length / SPACING), 1) + 1)
    a, b = _at(first, down), _at(second, down)
    width = float(np.linalg.norm(a - b, axis=0).max())
    across = np.linspace(0, 1, max(int(width / SPACING), 1) + 1)
    points = a[:, :, None] * (1 - across) + b[:, :, None] * across
    along = np.gradient(points, axis=1)
    normal = np.cross(along, (b - a)[:, :, None] * np.ones_like(across), axis=0)
    size = np.linalg.norm(normal, axis=0)
    there = size > 1e-6
    return _points(points[:, there], normal[:, there] / size[there], oriented=True)


def _curve(line: NDArray[np.float64]) -> FaultPoints:
    """Points of a stick. Its normal lies within its line, since that of the fault is unknown."""
    length = _length(line)[-1]
    points = _at(line, np.linspace(0, 1, max(int(length / SPACING), 1) + 1))
    along = np.gradient(points, axis=1)
    found = line_of(line)
    across = np.zeros(3)
    across[found[0] if found else int(np.argmin(np.ptp(line[:2], axis=1)))] = 1
    normal = np.cross(along, across[:, None] * np.ones(points.shape[1]), axis=0)
    size = np.linalg.norm(normal, axis=0)
    there = size > 1e-6
    return _points(points[:, there], normal[:, there] / size[there], oriented=False)


def _points(at: NDArray[np.float64], normal: NDArray[np.float64], oriented: bool) -> FaultPoints:
    count = at.shape[1]
    return FaultPoints(
        at.astype(np.float32),
        normal.astype(np.float32),
        np.full(count, oriented),
        np.full(count, HALF_THICKNESS, np.float32),
    )


def _length(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Length along a stick (3, N) up to each of its points."""
    return np.append(0, np.cumsum(np.linalg.norm(np.diff(line, axis=1), axis=0)))


def _at(line: NDArray[np.float64], parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (3, M) at `parts` of the length of a stick, 0..1."""
    length = _length(line)
    return np.stack([np.interp(parts * length[-1], length, axis) for axis in line])
