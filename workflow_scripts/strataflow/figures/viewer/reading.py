"""Reading what is shown: windows of sections, sections along a line, single values."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...volume.raw import Array, Shape
from ...volume.volume import Volume
from ..section import Section

# Maximum number of samples along each axis of what is drawn of a section.
PIXELS = 640

# The same of a time or depth slice, of which each trace costs one disk page.
SLICE_TRACES = 256

# Traces that amplitude statistics are taken from; each costs a few disk pages.
STATISTICS_TRACES = 400


@dataclass(frozen=True)
class Window:
    """The part of a section that is read: indices along its horizontal and its vertical axis."""

    columns: range
    rows: range

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top in indices, half a step around what is read."""
        (left, right), (top, bottom) = (
            (r.start - r.step / 2, r[-1] + r.step / 2) for r in (self.columns, self.rows)
        )
        return left, right, bottom, top


def part_of(n: int, low: float, high: float, most: int) -> range:
    """At most `most` indices of 0 to n - 1, evenly spaced, that cover `low` to `high`.

    The first is a multiple of the step, so that all windows of one step show the same samples.
    """
    first, last = max(int(np.floor(low)), 0), min(int(np.ceil(high)), n - 1)
    if last < first:
        first, last = 0, n - 1
    step = max(-(-(last - first + 1) // most), 1)
    return range(first - first % step, last + 1, step)


def window_of(
    shape: Shape,
    section: Section,
    horizontal: tuple[float, float] = (-np.inf, np.inf),
    vertical: tuple[float, float] = (-np.inf, np.inf),
) -> Window:
    """The window of a section between indices along its two axes, decimated where it is large."""
    parts = []
    for axis, (low, high) in zip(section.axes, (horizontal, vertical), strict=True):
        n = shape.array[axis]
        most = SLICE_TRACES if section.axis == 2 else PIXELS
        parts.append(part_of(n, max(low, 0), min(high, n - 1), most))
    return Window(*parts)


def read_section(volume: Volume, section: Section, window: Window) -> Array:
    """Samples (rows, columns) of a window of a section, as drawn."""
    values, index = volume.values, section.index
    columns, rows = (slice(r.start, r.stop, r.step) for r in (window.columns, window.rows))
    if section.axis == 0:
        return np.ascontiguousarray(values[index, columns, rows].T)
    with _no_reading_ahead(values):
        if section.axis == 1:
            return np.ascontiguousarray(values[columns, index, rows].T)
        return np.ascontiguousarray(values[rows, columns, index])


@dataclass(frozen=True)
class Line:
    """Traces along a line that was drawn on a slice.

    Attributes:
        i3: Index along n3 of each trace, float64.
        i2: Index along n2.
        distance: Distance (N,) from the start of the line in the unit of the lateral axes.
        corners: Distances of the points that were drawn.
    """

    i3: NDArray[np.float64]
    i2: NDArray[np.float64]
    distance: NDArray[np.float64]
    corners: NDArray[np.float64]

    def nearest(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Indices of the traces next to the line."""
        return np.rint(self.i3).astype(np.int64), np.rint(self.i2).astype(np.int64)


def line_through(points: NDArray[np.float64], volume: Volume) -> Line:
    """The line through `points` (N, 2), indices along (n3, n2), with a trace every step."""
    spacing = [axis.spacing for axis in volume.sidecar.axes[:2]]
    edges = np.linalg.norm(np.diff(points, axis=0) * spacing, axis=1)
    corners = np.concatenate([[0.0], np.cumsum(edges)])
    count = int(np.clip(round(corners[-1] / min(spacing)) + 1, 2, PIXELS))
    distance = np.linspace(0, corners[-1], count)
    i3, i2 = (np.interp(distance, corners, points[:, axis]) for axis in (0, 1))
    return Line(i3, i2, distance, corners)


def read_line(volume: Volume, line: Line, rows: range) -> Array:
    """Samples (rows, traces) below a line, of the trace next to it."""
    i3, i2 = line.nearest()
    with _no_reading_ahead(volume.values):
        traces = volume.values[i3, i2]
    return np.ascontiguousarray(traces[:, rows.start : rows.stop : rows.step].T)


def sample_of(volume: Volume) -> Array:
    """Finite samples of evenly spaced live traces, (N,), without reading the whole volume."""
    live = np.flatnonzero(volume.sidecar.live)
    if not live.size:
        return np.zeros(1, np.float32)
    chosen = live[:: max(live.size // STATISTICS_TRACES, 1)]
    with _no_reading_ahead(volume.values):
        traces = volume.values.reshape(-1, volume.shape.n1)[chosen]
    finite = traces[np.isfinite(traces)]
    return finite if finite.size else np.zeros(1, np.float32)


@contextmanager
def _no_reading_ahead(values: Array) -> Iterator[None]:
    """Disable read-ahead of a memory map, because the traces or samples lie far apart."""
    mapped = getattr(values, "_mmap", None)
    if mapped is not None:
        mapped.madvise(mmap.MADV_RANDOM)
    yield
    if mapped is not None:
        mapped.madvise(mmap.MADV_NORMAL)
