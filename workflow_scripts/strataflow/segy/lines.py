"""2D lines: CDP numbers along a line, and coordinates that follow it around its bends."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from segyio import TraceField

from ..volume.sidecar import HeaderBytes
from .fields import TRACE_HEADER
from .layout import Layout
from .line_numbers import coded_dead, lines_of, read_fields, unique_of
from .search import COORDINATE_BYTES, LINE_BYTES

# Fields that count the traces of any file: they number a line only if its coordinates say so.
COUNTERS = (int(TraceField.TRACE_SEQUENCE_LINE), int(TraceField.TRACE_SEQUENCE_FILE))

# A step between neighbours is a jump if it exceeds the usual one by this factor.
JUMP = 5.0

# Neighbours whose median tells whether a coordinate is off the line.
NEAR = 5

# Maximum number of places per trace along a line; more indicate wrong numbers.
MAX_GAPS = 10


@dataclass(frozen=True)
class FoundLine:
    """A 2D line: `where` are its byte positions, and it `is_sure` if its coordinates say so."""

    where: HeaderBytes
    is_sure: bool


def find_line(layout: Layout, where: HeaderBytes) -> FoundLine | None:
    """Find out whether a file is a stacked 2D line, and where its traces are numbered.

    Each live trace has its own number: the CDP, or one of the other usual ones. Coordinates, if
    there are any, follow the line without jumps.

    Args:
        layout: Layout of the file.
        where: Byte positions to prefer.

    Returns:
        Positions: `iline` is the same in all traces, `xline` numbers them. None for no line.
    """
    asked = (TraceField.TraceIdentificationCode, TraceField.offset)
    code, offset = read_fields(layout, *asked)
    live = ~coded_dead(code)
    has_coordinates = _coordinates(layout) is not None
    if not has_coordinates and unique_of(np.abs(offset[live])).size > 1:
        return None
    for position in _candidates(where, has_coordinates):
        (number,) = read_fields(layout, position)
        numbered = live & (number != 0)
        if _numbers_a_line(number[numbered], int(np.count_nonzero(live))):
            if has_coordinates and not follows_a_line(layout, number, numbered):
                return None
            constant = _constant_field(layout, where)
            if constant is None:
                return None
            is_sure = has_coordinates and position not in COUNTERS
            return FoundLine(replace(where, iline=constant, xline=position), is_sure)
    return None


def _candidates(where: HeaderBytes, has_coordinates: bool) -> Iterator[int | str]:
    first = [where.xline, where.iline, int(TraceField.CDP), *LINE_BYTES]
    yield from dict.fromkeys(b for b in first if b not in COUNTERS)
    # Without coordinates, a 3D survey without line numbers would look the same.
    if has_coordinates:
        yield from COUNTERS


def _numbers_a_line(number: NDArray[np.int32], traces: int) -> bool:
    """Whether these numbers differ in all of the traces and are those of a line."""
    if not 1 < number.size == unique_of(number).size or number.size < 0.9 * traces:
        return False
    return lines_of(number).count <= MAX_GAPS * number.size


def _constant_field(layout: Layout, where: HeaderBytes) -> int | str | None:
    """A position whose number is the same in all traces, if possible that of the inline."""
    for position in (where.iline, *LINE_BYTES, *range(1, TRACE_HEADER - 2)):
        if unique_of(read_fields(layout, position)[0]).size == 1:
            return position
    return None


def _coordinates(layout: Layout) -> tuple[NDArray[np.int32], NDArray[np.int32]] | None:
    """The first of the usual pairs of coordinates that are not all zero."""
    fields = read_fields(layout, *COORDINATE_BYTES)
    pairs = zip(fields[::2], fields[1::2], strict=True)
    return next(((x, y) for x, y in pairs if x.any() or y.any()), None)


def follows_a_line(layout: Layout, number: NDArray[np.int32], which: NDArray[np.bool_]) -> bool:
    """Whether the coordinates of the traces `which` follow a line in the order of `number`.

    True also for a file without coordinates.
    """
    pair = _coordinates(layout)
    if pair is None:
        return True
    x, y = (field[which].astype(np.float64) for field in pair)
    there = (x != 0) | (y != 0)
    number = number[which][there]
    order = np.argsort(number, kind="stable")
    xy = np.stack([x[there][order], y[there][order]], axis=1)
    if len(xy) <= NEAR:
        return True
    apart = np.maximum(np.diff(number[order]), 1)
    usual = float(np.median(np.hypot(*np.diff(xy, axis=0).T) / apart))
    smooth = _medians(xy, NEAR)
    step = np.hypot(*np.diff(smooth, axis=0).T) / apart
    # Coordinates may be rounded to the unit.
    return usual > 0 and bool((step <= JUMP * usual + 2).all())


def track_of(
    place: NDArray[np.int64], xy: NDArray[np.float64], n2: int, unit: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Coordinates of all places of a line, from those of its live traces.

    A coordinate that is far from the median of its neighbours is ignored. Places between traces lie
    on the straight line between them, places beyond the ends on its continuation.

    Args:
        place: Position along the line of each live trace (N,).
        xy: Coordinates (N, 2); (0, 0) where unknown.
        n2: Number of places.
        unit: Smallest step of the coordinates.

    Returns:
        Coordinates (n2, 2), and which of the N traces they follow. Empty if most do not fit.
    """
    order = np.argsort(place)
    known = order[(xy[order] != 0).any(axis=1)]
    fits = np.zeros(place.size, bool)
    if known.size < 2:
        return np.empty((0, 2)), fits
    along, points = place[known], xy[known]
    step = np.hypot(*np.diff(points, axis=0).T) / np.maximum(np.diff(along), 1)
    usual = float(np.median(step))
    smooth = _medians(points, min(NEAR, len(points) | 1))
    # The median of neighbours on an edge of the line lies up to two traces further inside.
    good = np.hypot(*(points - smooth).T) <= JUMP * usual + 2 * unit
    if 2 * np.count_nonzero(good) <= place.size or np.count_nonzero(good) < 2 or not usual:
        return np.empty((0, 2)), fits
    fits[known[good]] = True
    along, points = along[good], points[good]
    at = np.arange(n2)
    track = np.stack([np.interp(at, along, c) for c in points.T], axis=1)
    for beyond, (a, b) in ((at < along[0], (0, 1)), (at > along[-1], (-1, -2))):
        slope = (points[b] - points[a]) / (along[b] - along[a])
        track[beyond] = points[a] + slope * (at[beyond] - along[a])[:, None]
    return track, fits


def length_of(track: NDArray[np.float64]) -> float:
    """Length of a line along its bends."""
    return math.fsum(np.hypot(*np.diff(track, axis=0).T)) if len(track) > 1 else 0.0


def _medians(points: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Medians of so many neighbours (N, 2), of points (N, 2) along a line."""
    # Only 2D lines need it, and its import takes a third of a second.
    from scipy.ndimage import median_filter

    return np.asarray(median_filter(points, (count, 1), mode="nearest"))
