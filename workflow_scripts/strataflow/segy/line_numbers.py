"""Line numbers of traces: fields of all trace headers, and the lines that they number."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .layout import DEAD, Layout

# Number of trace headers in a block.
BLOCK = 1 << 16


@dataclass(frozen=True)
class Lines:
    """Numbers of parallel lines: the first, the step to the next, and how many."""

    first: int
    step: int
    count: int


def read_fields(layout: Layout, *positions: int | str) -> list[NDArray[np.int32]]:
    """Read the fields at byte `positions` of all trace headers, one array (traces,) for each."""
    fields = [np.empty(layout.traces, np.int32) for _ in positions]
    traces = layout.map()
    for start in range(0, layout.traces, BLOCK):
        headers = np.array(traces["header"][start : start + BLOCK])
        for field, byte in zip(fields, positions, strict=True):
            field[start : start + len(headers)] = layout.field(headers, byte)
    return fields


def coded_dead(code: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Traces with the identification code of a dead trace; none if all have it."""
    dead = code == DEAD
    return dead if not dead.all() else np.zeros_like(dead)


def lines_of(numbers: NDArray[np.int32]) -> Lines:
    unique = unique_of(numbers)
    step = math.gcd(*np.diff(unique).tolist()) if unique.size > 1 else 1
    return Lines(int(unique[0]), step, int((unique[-1] - unique[0]) // step + 1))


def unique_of(numbers: NDArray[np.int32]) -> NDArray[np.int64]:
    """Sorted unique numbers; in linear time if they span a small range."""
    low, high = int(numbers.min()), int(numbers.max())
    if high - low > 4 * numbers.size + 1000:
        return np.unique(numbers).astype(np.int64)
    there = np.zeros(high - low + 1, bool)
    there[numbers.astype(np.int64) - low] = True
    return np.flatnonzero(there) + low


def places_of(
    inline: NDArray[np.int32], crossline: NDArray[np.int32], inlines: Lines, crosslines: Lines
) -> NDArray[np.int64]:
    place = (inline.astype(np.int64) - inlines.first) // inlines.step
    place *= crosslines.count
    place += (crossline.astype(np.int64) - crosslines.first) // crosslines.step
    return place


def far_from(numbers: NDArray[np.int32], others: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which `numbers` are outliers: far outside the 0.5 to 99.5 percentile range of `others`."""
    if others.size < 100:
        return np.zeros(numbers.shape, bool)
    low, high = np.percentile(others, (0.5, 99.5))
    spread = max(high - low, 10)
    return (numbers < low - spread) | (numbers > high + spread)
