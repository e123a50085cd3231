"""The inline and crossline grid of a SEG-Y file, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray
from segyio import TraceField

from ..errors import StrataflowError
from ..volume.conversion import is_constant
from ..volume.raw import Shape
from ..volume.sidecar import HeaderBytes
from .fields import TRACE_HEADER, decode, field_width, parse_position
from .layout import Layout
from .line_numbers import (
    Lines,
    coded_dead,
    far_from,
    lines_of,
    places_of,
    read_fields,
    unique_of,
)
from .search import fitting_bytes

# Maximum number of grid positions per trace; more indicate wrong line numbers.
MAX_PLACES_PER_TRACE = 10

# Maximum share of traces that are checked for being null because of their line numbers.
MAX_SUSPECTS = 0.2


@dataclass(frozen=True)
class Headers:
    """Fields of all trace headers (traces,) that are read together with the line numbers.

    Headers are spread over the whole file, so that each further pass costs as much as the first.
    """

    start: NDArray[np.int32]
    start_scalar: NDArray[np.int32]
    x: NDArray[np.int32]
    y: NDArray[np.int32]
    scalar: NDArray[np.int32]


@dataclass(frozen=True)
class Grid:
    """Grid of a SEG-Y file.

    Attributes:
        shape: Size of the volume.
        inlines: Inline numbers.
        crosslines: Crossline numbers.
        place: Grid position i3 * n2 + i2 of each trace, int64 in file order; -1 for null traces
            whose line numbers are not on the grid.
        null: Traces that are coded as dead, or constant with unusable headers.
        where: Byte positions that were read, with their types where these were in doubt.
        headers: Fields for the geometry.
    """

    shape: Shape
    inlines: Lines
    crosslines: Lines
    place: NDArray[np.int64]
    null: NDArray[np.bool_]
    where: HeaderBytes
    headers: Headers

    @property
    def is_line(self) -> bool:
        """Whether this is a 2D line: its numbers are `crosslines`, n3 is 1."""
        return self.shape.n3 == 1 < self.shape.n2


def scan(layout: Layout, where: HeaderBytes) -> Grid:
    """Build the post-stack grid from the line numbers in the trace headers.

    Where one of the two numbers is the same in all traces, this is a 2D line along n2.

    Null traces (coded as dead, or constant with headers that do not fit) take no part. Where the
    standard has a field of two bytes, a position without a type is read with four bytes, or with
    two if four make no grid.

    Args:
        layout: Layout of the file.
        where: Byte positions of the line numbers.

    Raises:
        StrataflowError: The line numbers do not form a grid. The message says what the file seems
            to be and what to do.
    """
    require_positions(layout, where)
    errors = []
    for reading in _readings(where):
        try:
            return _scan(layout, reading)
        except StrataflowError as error:
            errors.append(error)
    raise errors[-1]


def require_positions(layout: Layout, where: HeaderBytes) -> None:
    """Raise StrataflowError, with the name, for a byte position outside the trace header."""
    for name, position in vars(where).items():
        try:
            parse_position(position)
        except StrataflowError as error:
            raise StrataflowError(f"{layout.path}: {name}: {error}") from None


def _readings(where: HeaderBytes) -> Iterator[HeaderBytes]:
    """`where` with each type that its line numbers may have."""

    def choices(position: int | str) -> list[int | str]:
        in_doubt = isinstance(position, int) and field_width(position) == 2
        wide = in_doubt and int(position) <= TRACE_HEADER - 3
        return [*([f"{position}:int32"] if wide else []), position]

    for iline, xline in product(choices(where.iline), choices(where.xline)):
        yield replace(where, iline=iline, xline=xline)


def _scan(layout: Layout, where: HeaderBytes) -> Grid:
    """The grid for one reading of the line numbers, see `scan`."""
    inline, crossline, code, *more = read_fields(
        layout,
        *(where.iline, where.xline, TraceField.TraceIdentificationCode),
        *(TraceField.DelayRecordingTime, TraceField.ScalarTraceHeader),
        *(where.cdp_x, where.cdp_y, TraceField.SourceGroupScalar),
    )
    null = coded_dead(code)
    suspects = _suspects(inline, crossline, null)
    null[suspects[are_constant(layout, suspects)]] = True
    live = ~null
    asked = f"{layout.path}: line numbers at bytes {where.iline} and {where.xline}"
    for name, numbers in (("inline", inline), ("crossline", crossline)):
        outliers = np.flatnonzero(far_from(numbers, numbers[live]) & live)
        if outliers.size:
            outlier = int(outliers[0])
            low, high = np.percentile(numbers[live], (0.5, 99.5))
            raise StrataflowError(
                f"{layout.path}: {name} {numbers[outlier]} of trace {outlier + 1} is far outside "
                f"the range of the others ({low:.0f} to {high:.0f}); correct or remove that trace"
                f"{_suggestion(layout, where)}"
            )
    inlines, crosslines = lines_of(inline[live]), lines_of(crossline[live])
    for position, lines in ((where.iline, inlines), (where.xline, crosslines)):
        # Two neighbouring fields of two bytes, read as one of four.
        if str(position).endswith(":int32") and lines.count > 1 and lines.step % (1 << 16) == 0:
            raise StrataflowError(f"{asked} do not form a grid: byte {position} is not 4 bytes")
    used = live | _usable(inline, crossline, null, inlines, crosslines)
    inlines, crosslines = lines_of(inline[used]), lines_of(crossline[used])
    traces = int(np.count_nonzero(live))
    places = inlines.count * crosslines.count
    if places > MAX_PLACES_PER_TRACE * traces:
        raise StrataflowError(
            f"{asked} do not form a grid: {inlines.count} inlines x {crosslines.count} crosslines "
            f"for {traces} traces{_suggestion(layout, where)}"
        )
    place = np.full(layout.traces, -1, np.int64)
    place[used] = places_of(inline[used], crossline[used], inlines, crosslines)
    seen = np.zeros(places, bool)
    seen[place[live]] = True
    if np.count_nonzero(seen) < traces:
        raise StrataflowError(f"{asked} {_why_no_grid(layout, where, place, inline, crossline)}")
    # A null trace does not take the place of a live one, nor of a null one before it.
    dead = np.flatnonzero(used & null)
    _, first = np.unique(place[dead], return_index=True)
    free = np.zeros(dead.size, bool)
    free[first] = ~seen[place[dead[first]]]
    place[dead[~free]] = -1
    if crosslines.count == 1:
        # A line runs along n2, whichever of its numbers changes.
        inlines, crosslines = crosslines, inlines
        where = replace(where, iline=where.xline, xline=where.iline)
    shape = Shape(layout.n1, crosslines.count, inlines.count)
    return Grid(shape, inlines, crosslines, place, null, where, Headers(*more))


def _suspects(
    inline: NDArray[np.int32], crossline: NDArray[np.int32], null: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Indices of live traces whose line numbers are outlying, both zero, or shared with another.

    None if these are too many to be null traces.
    """
    live = np.flatnonzero(~null)
    numbers = inline[live], crossline[live]
    odd = (numbers[0] == 0) & (numbers[1] == 0)
    for values in numbers:
        odd |= far_from(values, values[~odd])
    key = numbers[0].astype(np.int64) << 32 | (numbers[1].astype(np.int64) & 0xFFFFFFFF)
    order = np.argsort(key, kind="stable")
    same = np.flatnonzero(np.diff(key[order]) == 0)
    odd[order[same]] = odd[order[same + 1]] = True
    suspects = live[odd]
    return suspects if suspects.size <= MAX_SUSPECTS * live.size else suspects[:0]


def are_constant(layout: Layout, traces: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of the traces with these indices are constant, see `is_constant`."""
    mapped = layout.map()["samples"]
    constant = np.empty(traces.size, bool)
    for start in range(0, traces.size, 1024):
        part = traces[start : start + 1024]
        samples = decode(np.array(mapped[part]), layout.format, layout.byte_order)
        constant[start : start + len(part)] = is_constant(samples)
    return constant


def _usable(
    inline: NDArray[np.int32],
    crossline: NDArray[np.int32],
    null: NDArray[np.bool_],
    inlines: Lines,
    crosslines: Lines,
) -> NDArray[np.bool_]:
    """Null traces whose line numbers are on the grid of the live ones, or continue it."""
    usable = null & ~((inline == 0) & (crossline == 0))
    for numbers, lines in ((inline, inlines), (crossline, crosslines)):
        wide = numbers.astype(np.int64)
        last = lines.first + lines.step * (lines.count - 1)
        # An edge of dead traces is as wide as the live survey at most.
        margin = lines.step * max(lines.count, 10)
        # A single 0 is a missing number unless the lines begin beside it.
        if not lines.first - lines.step <= 0 <= last + lines.step:
            usable &= wide != 0
        usable &= (wide - lines.first) % lines.step == 0
        usable &= (wide >= lines.first - margin) & (wide <= last + margin)
    return usable


def _why_no_grid(
    layout: Layout,
    where: HeaderBytes,
    place: NDArray[np.int64],
    inline: NDArray[np.int32],
    crossline: NDArray[np.int32],
) -> str:
    """Explain why several traces share a grid position, and what to do."""
    used = np.flatnonzero(place >= 0)
    place, inline, crossline = place[used], inline[used], crossline[used]
    asked = (TraceField.offset, TraceField.FieldRecord)
    offset, record = (field[used] for field in read_fields(layout, *asked))
    places, first, count = np.unique(place, return_index=True, return_counts=True)
    traces = used.size
    offsets, records = unique_of(offset), unique_of(record)
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
    if 2 * places.size > traces:
        double = int(first[np.argmax(count > 1)])
        return (
            f"give {traces - places.size} traces the grid position of another trace, e.g. inline "
            f"{inline[double]}, crossline {crossline[double]} (trace {used[double] + 1}); "
            "remove the duplicates"
        )
    return (
        f"give {traces} traces {places.size} grid positions, up to {count.max()} traces share "
        "one: a pre-stack file or wrong byte positions"
    )


def _suggestion(layout: Layout, where: HeaderBytes) -> str:
    """Suggest other byte positions that form a grid, as the end of an error message."""
    fitting = [pair for pair in fitting_bytes(layout) if pair[:2] != (where.iline, where.xline)]
    if not fitting:
        return ""
    iline, xline, n3, n2 = fitting[0]
    return f"; try --iline {iline} --xline {xline}: {n3} inlines x {n2} crosslines"
