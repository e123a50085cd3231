"""Search of trace headers for line numbers at unknown byte positions."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
from numpy.typing import NDArray
from segyio import TraceField

from .fields import FIELD_KINDS, TRACE_HEADER
from .layout import Layout
from .line_numbers import coded_dead, lines_of, places_of, read_fields, unique_of

# Traces that are searched for line numbers at unusual bytes.
SEARCHED = 20_000

# Maximum step of line numbers at unusual bytes.
MAX_STEP = 1000

# Usual byte positions of line numbers, the standard first, and of coordinates as a substitute.
LINE_BYTES = (189, 193, 9, 21, 5, 13, 17, 25, 197, 205, 213, 221, 225, 229, 233, 237)
COORDINATE_BYTES = (181, 185, 73, 77, 81, 85)


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
    live = ~coded_dead(code) & np.logical_or.reduce([field != 0 for field in numbers])
    # Shots and channels are no lines.
    if not live.any() or unique_of(np.abs(offset[live])).size > 1:
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
    lines = {position: lines_of(field) for position, field in fields.items()}
    varying = [position for position in fields if 1 < lines[position].count < traces]
    changes = {position: np.count_nonzero(np.diff(fields[position])) for position in varying}
    found = []
    for iline, xline in permutations(varying, 2):
        places = lines[iline].count * lines[xline].count
        if changes[iline] > changes[xline] or not traces <= places <= 2 * traces:
            continue
        place = places_of(fields[iline], fields[xline], lines[iline], lines[xline])
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
