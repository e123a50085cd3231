"""The inline and crossline grid of a SEG-Y file, or the reason why there is none."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray
from segyio import TraceField

from ..errors import StrataflowError
from ..volume.raw import Shape
from ..volume.volume import HeaderBytes
from .layout import (
    DEAD,
    FIELD_KINDS,
    TRACE_HEADER,
    Layout,
    decode,
    field_width,
    parse_position,
)

# Number of trace headers in a block.
BLOCK = 1 << 16

# Maximum number of grid positions per trace; more indicate wrong line numbers.
MAX_PLACES_PER_TRACE = 10

# Maximum share of traces that are checked for being null because of their line numbers.
MAX_SUSPECTS = 0.2

# Traces that are searched for line numbers at unusual bytes.
SEARCHED = 20_000

# Maximum step of line numbers at unusual bytes.
MAX_STEP = 1000

# Usual byte positions of line numbers, the standard first, and of coordinates as a substitute.
LINE_BYTES = (189, 193, 9, 21, 5, 13, 17, 25, 197, 205, 213, 221, 225, 229, 233, 237)
COORDINATE_BYTES = (181, 185, 73, 77, 81, 85)


@dataclass(frozen=True)
class Lines:
    """Numbers of parallel lines: the first, the step to the next, and how many."""

    first: int
    step: int
    count: int


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


def read_fields(layout: Layout, *positions: int | str) -> list[NDArray[np.int32]]:
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
    null = _coded_dead(code)
    suspects = _suspects(inline, crossline, null)
    null[suspects[are_constant(layout, suspects)]] = True
    live = ~null
    asked = f"{layout.path}: line numbers at bytes {where.iline} and {where.xline}"
    for name, numbers in (("inline", inline), ("crossline", crossline)):
        outliers = np.flatnonzero(_far_from(numbers, numbers[live]) & live)
        if outliers.size:
            outlier = int(outliers[0])
            low, high = np.percentile(numbers[live], (0.5, 99.5))
            raise StrataflowError(
                f"{layout.path}: {name} {numbers[outlier]} of trace {outlier + 1} is far outside "
                f"the range of the others ({low:.0f} to {high:.0f}); correct or remove that trace"
                f"{_suggestion(layout, where)}"
            )
    inlines, crosslines = _lines(inline[live]), _lines(crossline[live])
    for position, lines in ((where.iline, inlines), (where.xline, crosslines)):
        # Two neighbouring fields of two bytes, read as one of four.
        if str(position).endswith(":int32") and lines.count > 1 and lines.step % (1 << 16) == 0:
            raise StrataflowError(f"{asked} do not form a grid: byte {position} is not 4 bytes")
    used = live | _usable(inline, crossline, null, inlines, crosslines)
    inlines, crosslines = _lines(inline[used]), _lines(crossline[used])
    traces = int(np.count_nonzero(live))
    places = inlines.count * crosslines.count
    if places > MAX_PLACES_PER_TRACE * traces:
        raise StrataflowError(
            f"{asked} do not form a grid: {inlines.count} inlines x {crosslines.count} crosslines "
            f"for {traces} traces{_suggestion(layout, where)}"
        )
    place = np.full(layout.traces, -1, np.int64)
    place[used] = _places(inline[used], crossline[used], inlines, crosslines)
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
    if traces > 1 and min(inlines.count, crosslines.count) == 1:
        single = inline[live] if inlines.count == 1 else crossline[live]
        if single[0] == 0:
            raise StrataflowError(
                f"{asked}: a 2D line, one of them is 0 in all traces; a 3D grid is needed"
                f"{_suggestion(layout, where)}"
            )
    shape = Shape(layout.n1, crosslines.count, inlines.count)
    return Grid(shape, inlines, crosslines, place, null, where, Headers(*more))


def _coded_dead(code: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Traces with the identification code of a dead trace; none if all have it."""
    dead = code == DEAD
    return dead if not dead.all() else np.zeros_like(dead)


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
        odd |= _far_from(values, values[~odd])
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


def is_constant(samples: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which traces (N, n1) have only one value, or none that is finite.

    A trace of one sample counts only if that is 0 or not finite.
    """
    first = samples[:, 0]
    if samples.shape[1] == 1:
        return (first == 0) | ~np.isfinite(first)
    middle, last = samples[:, samples.shape[1] // 2], samples[:, -1]
    constant = ((first == middle) & (first == last)) | ~(np.isfinite(first) | np.isfinite(last))
    # Few traces are left to compare in full.
    some = samples[constant]
    constant[constant] = (some == some[:, :1]).all(axis=1) | ~np.isfinite(some).any(axis=1)
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


def _far_from(numbers: NDArray[np.int32], others: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which `numbers` are outliers: far outside the 0.5 to 99.5 percentile range of `others`."""
    if others.size < 100:
        return np.zeros(numbers.shape, bool)
    low, high = np.percentile(others, (0.5, 99.5))
    spread = max(high - low, 10)
    return (numbers < low - spread) | (numbers > high + spread)


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
    asked = (TraceField.offset, TraceField.FieldRecord, TraceField.CDP)
    offset, record, cdp = (field[used] for field in read_fields(layout, *asked))
    places, first, count = np.unique(place, return_index=True, return_counts=True)
    traces = used.size
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
            f"{inline[double]}, crossline {crossline[double]} (trace {used[double] + 1}); "
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


def fitting_bytes(layout: Layout) -> list[tuple[int | str, int | str, int, int]]:
    """Find pairs of byte positions whose numbers form a grid.

    A grid has at most one trace per position, traces at half of its positions or more, and several
    lines along both axes. The number that changes less often from trace to trace is the inline.
    Usual positions come first; if none of them fits, all bytes are tried in all types.

    Returns:
        Tuples (iline byte, xline byte, number of inlines, number of crosslines), best first. Empty
        for a pre-stack file.
    """
    usual = (*LINE_BYTES, *COORDINATE_BYTES)
    code, offset, *numbers = read_fields(
        layout, TraceField.TraceIdentificationCode, TraceField.offset, *usual
    )
    # Null traces often have no numbers at all.
    live = ~_coded_dead(code) & np.logical_or.reduce([field != 0 for field in numbers])
    # Shots and channels are no lines.
    if not live.any() or _unique(np.abs(offset[live])).size > 1:
        return []
    fields: dict[int | str, NDArray[np.int32]] = {
        byte: field[live] for byte, field in zip(usual, numbers, strict=True)
    }
    return (
        _grids({byte: fields[byte] for byte in LINE_BYTES})
        or _grids({name: field[live] for name, field in _unusual_fields(layout).items()})
        or _grids({byte: fields[byte] for byte in COORDINATE_BYTES})
    )


def _grids(
    fields: dict[int | str, NDArray[np.int32]],
) -> list[tuple[int | str, int | str, int, int]]:
    """The pairs of `fields` (traces,) that form a grid, see `fitting_bytes`; earlier ones first."""
    traces = len(next(iter(fields.values()), ()))
    lines = {position: _lines(field) for position, field in fields.items()}
    varying = [position for position in fields if 1 < lines[position].count < traces]
    changes = {position: np.count_nonzero(np.diff(fields[position])) for position in varying}
    found = []
    for iline, xline in permutations(varying, 2):
        places = lines[iline].count * lines[xline].count
        if changes[iline] > changes[xline] or not traces <= places <= 2 * traces:
            continue
        place = _places(fields[iline], fields[xline], lines[iline], lines[xline])
        seen = np.zeros(places, bool)
        seen[place] = True
        if np.count_nonzero(seen) == traces:
            order = list(fields)
            rank = (places, order.index(iline) + order.index(xline))
            found.append((rank, (iline, xline, lines[iline].count, lines[xline].count)))
    return [pair for _, pair in sorted(found, key=lambda item: item[0])]


def _unusual_fields(layout: Layout) -> dict[int | str, NDArray[np.int32]]:
    """Fields at all positions with plausible line numbers in the first traces.

    Plausible numbers are whole, vary, and are no coordinates. A field that is read one byte off has
    steps of 256, or fewer different numbers. Of fields that overlap one stays: floats before
    integers, wide ones before narrow ones.
    """
    headers = np.array(layout.map()["header"][:SEARCHED])
    found = []
    for rank, kind in enumerate(("float64", "float32", "int32", "int16")):
        width = int(FIELD_KINDS[kind][1])
        for byte in range(1, TRACE_HEADER + 2 - width):
            numbers = layout.numbers(headers, f"{byte}:{kind}")
            if not (np.abs(numbers) < 1 << 31).all() or (numbers != np.rint(numbers)).any():
                continue
            unique = np.unique(numbers).astype(np.int64)
            step = math.gcd(*np.diff(unique).tolist()) if unique.size > 1 else 0
            if 0 < step <= MAX_STEP and step % 256:
                found.append((rank, -unique.size, byte, f"{byte}:{kind}", width))
    taken = {byte + i for byte in COORDINATE_BYTES for i in range(4)}
    kept: list[str] = []
    for _, _, byte, position, width in sorted(found):
        covered = set(range(byte, byte + width))
        if not covered & taken:
            kept.append(position)
            taken |= covered
    return dict(zip(kept, read_fields(layout, *kept), strict=True)) if kept else {}
