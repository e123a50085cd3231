"""Fault sticks: lines down a fault surface on evenly spaced inlines or crosslines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from contourpy import contour_generator
from numpy.typing import NDArray

from ..volume.raw import Array
from ..volume.sidecar import Sidecar
from .fault_ground import Ground
from .fault_tables import fault_name
from .surfaces import Surface

# Lines from one fault stick to the next, and voxels from one point of a stick to the next.
STICK_EVERY, POINT_EVERY = 10, 8

# Small faults have their sticks closer, so that there are this many.
MIN_STICKS = 3

# Voxels of the shortest stick, and lines without sticks at the ends of a fault.
MIN_LENGTH, RAGGED = 4.0, 1.0


@dataclass(frozen=True)
class Stick:
    """A stick of the fault numbered `fault`: `points` (3, N) over (n3, n2, n1), top to bottom."""

    fault: int
    number: int
    points: Array


def fault_sticks(surfaces: Sequence[Surface], ground: Ground) -> list[Stick]:
    """The sticks of `surfaces`, on the lines, inlines or crosslines, that cut each more squarely.

    They lie on every STICK_EVERY-th line of the survey, closer on small faults. They have a point
    every POINT_EVERY voxels of their length, and one at their end. A 2D line has one on each fault.
    """
    sticks = []
    for fault, surface in enumerate(surfaces, start=1):
        axis = 0 if ground.is_line else _cut_squarely(surface, ground)
        lines = _lines(surface, axis, (0,) if ground.is_line else None)
        sticks += [Stick(fault, number, line) for number, line in enumerate(lines, start=1)]
    return sticks


def _cut_squarely(surface: Surface, ground: Ground) -> int:
    """Axis of the lines that cut a surface more squarely: 0 for inlines, 1 for crosslines."""
    east, north, _ = ground.mean_normal(surface)
    # A line is square to the fault when it runs along the fault's horizontal normal.
    across = [
        abs(east * step[0] + north * step[1]) / np.hypot(step[0], step[1])
        for step in (ground.steps[:2, 1], ground.steps[:2, 0])
    ]
    return 0 if across[0] >= across[1] else 1


def _lines(surface: Surface, axis: int, lines: Sequence[int] | None = None) -> Iterator[Array]:
    """Where a surface meets `lines`, or evenly spaced lines, of `axis`, as points (3, N)."""
    points = surface.points()
    of_line = np.ma.masked_array(points[axis], ~surface.inside)
    if min(surface.inside.shape) < 2:
        return
    contours = contour_generator(z=of_line)
    # Along the last lines a surface ends raggedly.
    low, high = float(of_line.min()) + RAGGED, float(of_line.max()) - RAGGED
    every = int(np.clip((high - low) // MIN_STICKS, 1, STICK_EVERY))
    evenly = range(-int(-low // every) * every, int(high) + 1, every)
    for line in evenly if lines is None else lines:
        for track in contours.lines(line):
            stick = _stick(points, np.asarray(track).T)
            if stick is not None:
                stick[axis] = line
                yield stick


def _stick(points: Array, track: NDArray[np.float64]) -> Array | None:
    """Evenly spaced points (3, N) of a surface along a `track` (2, M) over its cells (b, a)."""
    b, a = track
    i, j = (
        np.clip(np.floor(x).astype(np.int64), 0, n - 2)
        for x, n in zip((a, b), points.shape[1:], strict=True)
    )
    along = np.stack([_between(axis, a - i, b - j, i, j) for axis in points])
    if along[2, 0] > along[2, -1]:
        along = along[:, ::-1]
    length = np.append(0, np.cumsum(np.linalg.norm(np.diff(along, axis=1), axis=0)))
    if length[-1] < MIN_LENGTH:
        return None
    at = np.append(np.arange(0, length[-1] - 0.5 * POINT_EVERY, POINT_EVERY), length[-1])
    return np.stack([np.interp(at, length, axis) for axis in along]).astype(np.float32)


def _between(
    values: Array, a: NDArray, b: NDArray, i: NDArray[np.int64], j: NDArray[np.int64]
) -> NDArray:
    """`values` (A, B) at parts `a`, `b` of the way from cells (i, j) to the next, bilinear."""
    return (1 - a) * ((1 - b) * values[i, j] + b * values[i, j + 1]) + a * (
        (1 - b) * values[i + 1, j] + b * values[i + 1, j + 1]
    )


def charisma_lines(sticks: Sequence[Stick], sidecar: Sidecar) -> Iterator[str]:
    """Charisma fault sticks, a line a point: INLINE- inline XLINE- crossline x y z fault stick."""
    for stick in sticks:
        places = sidecar.places(stick.points)
        lines = (places[name] for name in sidecar.axis_names[:2])
        lateral = sidecar.map_places(stick.points)
        for inline, crossline, x, y, z in zip(
            *lines, *lateral, places[sidecar.domain], strict=True
        ):
            yield (
                f"INLINE- {inline:9.2f} XLINE- {crossline:9.2f} {x:14.2f} {y:14.2f} {z:10.2f}"
                f" {fault_name(stick.fault)} {stick.number}\n"
            )


def opendtect_lines(sticks: Sequence[Stick], sidecar: Sidecar) -> Iterator[str]:
    """OpendTect's ASCII FaultStickSets, a line a point: name x y z stick node, tab-separated.

    These are the columns of its import of several sets from one file; a set is a fault. Sticks and
    nodes count from 0.
    """
    for stick in sticks:
        vertical = sidecar.places(stick.points)[sidecar.domain]
        lateral = sidecar.map_places(stick.points)
        for node, (x, y, z) in enumerate(zip(*lateral, vertical, strict=True)):
            numbers = f"{x:.2f}\t{y:.2f}\t{z:.3f}\t{stick.number - 1}\t{node}"
            yield f"{fault_name(stick.fault)}\t{numbers}\n"
