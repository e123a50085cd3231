"""The inline and crossline grid of a SEG-Y file, or the reason why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray
from segyio import TraceField

from ..errors import StrataflowError
from ..volume.raw import Shape
from ..volume.volume import HeaderBytes
from .layout import TRACE_HEADER, Layout, field_width

# Number of trace headers in a block.
BLOCK = 1 << 16

# Maximum number of grid positions per trace; more indicate wrong line numbers.
MAX_PLACES_PER_TRACE = 10

# Usual byte positions of line numbers, the standard first, then coordinates as a substitute.
USUAL_BYTES = (
    *(189, 193, 9, 21, 5, 13, 17, 25, 197, 205, 213, 221, 225, 229, 233, 237),
    *(181, 185, 73, 77, 81, 85),
)


@dataclass(frozen=True)
class Lines:
    """Numbers of parallel lines: the first, the step to the next, and how many."""

    first: int
    step: int
    count: int


@dataclass(frozen=True)
class Grid:
    """Grid of a SEG-Y file.

    Attributes:
        shape: Size of the volume.
        inlines: Inline numbers.
        crosslines: Crossline numbers.
        place: Grid position i3 * n2 + i2 of each trace, int64 in file order.
    """

    shape: Shape
    inlines: Lines
    crosslines: Lines
    place: NDArray[np.int64]


def read_fields(layout: Layout, *positions: int) -> list[NDArray[np.int32]]:
    """Read the fields at byte `positions` of all trace headers, one array (traces,) for each."""
    fields = [np.empty(layout.traces, np.int32) for _ in positions]
    traces = layout.map()
    for start in range(0, layout.traces, BLOCK):
        headers = np.array(traces["header"][start : start + BLOCK])
        for field, byte in zip(fields, positions, strict=True):
            field[start : start + len(headers)] = layout.field(headers, byte)
    return fields


def scan(layout: Layout, where: HeaderBytes) -> Grid:
    """Build the post-stack 3D grid from the line numbers in the trace headers.

    Args:
        layout: Layout of the file.
        where: Byte positions of the line numbers.

    Raises:
        StrataflowError: The line numbers do not form a grid. The message says what the file seems
            to be and what to do.
    """
    for name in ("iline", "xline", "cdp_x", "cdp_y"):
        byte = getattr(where, name)
        if byte > TRACE_HEADER + 1 - field_width(byte):
            raise StrataflowError(
                f"{layout.path}: {name}: byte {byte} is outside the trace header, expected 1 to "
                f"{TRACE_HEADER + 1 - field_width(byte)}"
            )
    inline, crossline = read_fields(layout, where.iline, where.xline)
    asked = f"{layout.path}: line numbers at bytes {where.iline} and {where.xline}"
    for name, numbers in (("inline", inline), ("crossline", crossline)):
        outlier = _outlier(numbers)
        if outlier is not None:
            low, high = np.percentile(numbers, (0.5, 99.5))
            raise StrataflowError(
                f"{layout.path}: {name} {numbers[outlier]} of trace {outlier + 1} is far outside "
                f"the range of the others ({low:.0f} to {high:.0f}); correct or remove that trace"
                f"{_suggestion(layout, where)}"
            )
    inlines, crosslines = _lines(inline), _lines(crossline)
    places = inlines.count * crosslines.count
    if places > MAX_PLACES_PER_TRACE * layout.traces:
        raise StrataflowError(
            f"{asked} do not form a grid: {inlines.count} inlines x {crosslines.count} crosslines "
            f"for {layout.traces} traces{_suggestion(layout, where)}"
        )
    place = _places(inline, crossline, inlines, crosslines)
    seen = np.zeros(places, bool)
    seen[place] = True
    if np.count_nonzero(seen) < layout.traces:
        raise StrataflowError(f"{asked} {_why_no_grid(layout, where, place, inline, crossline)}")
    if layout.traces > 1 and min(inlines.count, crosslines.count) == 1:
        single = inline if inlines.count == 1 else crossline
        if single[0] == 0:
            raise StrataflowError(
                f"{asked}: a 2D line, one of them is 0 in all traces; a 3D grid is needed"
                f"{_suggestion(layout, where)}"
            )
    return Grid(Shape(layout.n1, crosslines.count, inlines.count), inlines, crosslines, place)


def _lines(numbers: NDArray[np.int32]) -> Lines:
    unique = _unique(numbers)
    step = math.gcd(*np.diff(unique).tolist()) if unique.size > 1 else 1
    return Lines(int(unique[0]), step, int((unique[-1] - unique[0]) // step + 1))


def _unique(numbers: NDArray[np.int32]) -> NDArray[np.int64]:
    """Sorted unique numbers; in linear time if they span a small range."""
    low, high = int(numbers.min()), int(numbers.max())
    if high - low > 4 * numbers.size + 1000:
        return np.unique(numbers).astype(np.int64)
    there = np.zeros(high - low + 1, bool)
    there[numbers.astype(np.int64) - low] = True
    return np.flatnonzero(there) + low


def _places(
    inline: NDArray[np.int32], crossline: NDArray[np.int32], inlines: Lines, crosslines: Lines
) -> NDArray[np.int64]:
    place = (inline.astype(np.int64) - inlines.first) // inlines.step
    place *= crosslines.count
    place += (crossline.astype(np.int64) - crosslines.first) // crosslines.step
    return place


def _outlier(numbers: NDArray[np.int32]) -> int | None:
    """Index of a trace with an outlying number: far outside the 0.5 to 99.5 percentile range."""
    if numbers.size < 100:
        return None
    low, high = np.percentile(numbers, (0.5, 99.5))
    spread = max(high - low, 10)
    outside = np.flatnonzero((numbers < low - spread) | (numbers > high + spread))
    return int(outside[0]) if outside.size else None


def _why_no_grid(
    layout: Layout,
    where: HeaderBytes,
    place: NDArray[np.int64],
    inline: NDArray[np.int32],
    crossline: NDArray[np.int32],
) -> str:
    """Explain why several traces share a grid position, and what to do."""
    offset, record, cdp = read_fields(
        layout, TraceField.offset, TraceField.FieldRecord, TraceField.CDP
    )
    places, first, count = np.unique(place, return_index=True, return_counts=True)
    traces = layout.traces
    offsets, records = _unique(offset), _unique(record)
    if offsets.size > 1:
        span = f"offsets {offsets[0]} to {offsets[-1]} (byte {int(TraceField.offset)})"
        if places.size < records.size < traces:
            return (
                f"do not form a grid: a file of {records.size} shot gathers (byte 9), {span}; "
                "process it to a stack first"
            )
        return (
            f"give up to {count.max()} traces the same grid position: a pre-stack file, {span}; "
            "stack it first, or extract one offset"
        )
    hint = _suggestion(layout, where)
    if hint:
        zero = " are 0 in all traces" if not inline.any() and not crossline.any() else ""
        shared = f"give {traces} traces {places.size} grid positions"
        return f"{zero.strip() or shared}{hint}"
    if places.size == 1 and _unique(cdp).size == traces:
        return (
            f"are the same in all traces: a 2D line of {traces} CDPs (byte {int(TraceField.CDP)}); "
            "a 3D grid is needed"
        )
    if 2 * places.size > traces:
        double = int(first[np.argmax(count > 1)])
        return (
            f"give {traces - places.size} traces the grid position of another trace, e.g. inline "
            f"{inline[double]}, crossline {crossline[double]} (trace {double + 1}); "
            "remove the duplicates"
        )
    return (
        f"give {traces} traces {places.size} grid positions, up to {count.max()} traces share "
        "one: a pre-stack file, a 2D line or wrong byte positions"
    )


def _suggestion(layout: Layout, where: HeaderBytes) -> str:
    """Suggest other byte positions that form a grid, as the end of an error message."""
    fitting = [pair for pair in fitting_bytes(layout) if pair[:2] != (where.iline, where.xline)]
    if not fitting:
        return ""
    iline, xline, n3, n2 = fitting[0]
    return f"; try --iline {iline} --xline {xline}: {n3} inlines x {n2} crosslines"


def fitting_bytes(layout: Layout) -> list[tuple[int, int, int, int]]:
    """Find pairs of usual byte positions whose numbers form a grid.

    A grid has at most one trace per position, traces at half of its positions or more, and several
    lines along both axes. The number that changes less often from trace to trace is the inline.

    Returns:
        Tuples (iline byte, xline byte, number of inlines, number of crosslines), best first.
    """
    fields = dict(zip(USUAL_BYTES, read_fields(layout, *USUAL_BYTES), strict=True))
    lines = {byte: _lines(numbers) for byte, numbers in fields.items()}
    varying = [byte for byte in USUAL_BYTES if 1 < lines[byte].count < layout.traces]
    changes = {byte: np.count_nonzero(np.diff(fields[byte])) for byte in varying}
    found = []
    for iline, xline in permutations(varying, 2):
        places = lines[iline].count * lines[xline].count
        if changes[iline] > changes[xline] or not layout.traces <= places <= 2 * layout.traces:
            continue
        place = _places(fields[iline], fields[xline], lines[iline], lines[xline])
        seen = np.zeros(places, bool)
        seen[place] = True
        if np.count_nonzero(seen) == layout.traces:
            rank = (places, USUAL_BYTES.index(iline) + USUAL_BYTES.index(xline))
            found.append((rank, (iline, xline, lines[iline].count, lines[xline].count)))
    return [pair for _, pair in sorted(found)]
