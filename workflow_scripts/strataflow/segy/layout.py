"""Layout of SEG-Y files of revisions 0 to 2.1, in either byte order.

Byte positions are those of the standard (SEG Technical Standards Committee, 2017, SEG-Y_r2.0),
counted from 1. Fields have the names of segyio. The layout is checked before any trace is read, so
that the error for a damaged file names the cause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from segyio import BinField, TraceField

from ..errors import StrataflowError
from ..files import require_file
from .binary_header import (
    FILE_HEADER,
    FIRST_TRACE,
    TEXT_HEADER,
    BinaryHeader,
    byte_order_of,
    count_text_headers,
)
from .fields import TRACE_HEADER, get, parse_position, trace_type

# Units by measurement system (binary header), and angular units by coordinate unit (trace header).
LENGTH_UNITS = {1: "m", 2: "ft"}
ANGULAR_UNITS = {2: "arcsec", 3: "degree", 4: "dms"}

# Trace identification code of a dead trace in the SEG-Y standard.
DEAD = 2

# Trace headers whose sample counts are compared where those of the headers disagree.
COUNTS_COMPARED = 100

# Size in bytes of a block of traces that fits into the processor cache.
BLOCK_BYTES = 1 << 21


@dataclass(frozen=True)
class Layout:
    """Layout of the traces in a SEG-Y file.

    Attributes:
        path: The file.
        byte_order: Byte order in NumPy's notation, ">" or "<".
        format: Sample format code, one of FORMATS.
        revision: SEG-Y revision, such as "1.0".
        n1: Samples per trace.
        interval: Sample interval in microseconds (in depth, thousandths of `length_unit`); 0 if no
            header gives a positive one.
        length_unit: Unit of depth; metres unless a header says otherwise.
        coordinate_unit: Unit of coordinates; `length_unit` unless a header says otherwise.
        extended_text_headers: Number of extended text headers.
        additional_trace_headers: Number of additional headers per trace (revision 2).
        first_trace: Offset of the first trace in bytes.
        traces: Number of traces.
    """

    path: Path
    byte_order: str
    format: int
    revision: str
    n1: int
    interval: float
    length_unit: str
    coordinate_unit: str
    extended_text_headers: int
    additional_trace_headers: int
    first_trace: int
    traces: int

    @property
    def trace_type(self) -> np.dtype:
        """Structured type of a trace: `header`, `more` (additional headers) and `samples`."""
        return trace_type(self.n1, self.format, self.byte_order, self.additional_trace_headers)

    def map(self) -> NDArray:
        """Memory-map all traces with the type `trace_type`."""
        return np.memmap(self.path, self.trace_type, "r", self.first_trace, (self.traces,))

    def blocks(self) -> Iterator[tuple[int, NDArray]]:
        """Read the traces in blocks.

        Yields:
            Index of the first trace of a block, and its traces. The array is reused for the next
            block.
        """
        kind = self.trace_type
        size = max(BLOCK_BYTES // kind.itemsize, 1)
        buffer = np.empty(min(size, self.traces), kind)
        with open(self.path, "rb", buffering=0) as stream:
            stream.seek(self.first_trace)
            for start in range(0, self.traces, size):
                block = buffer[: min(size, self.traces - start)]
                _fill(stream, block, self.path)
                yield start, block

    def field(self, headers: NDArray[np.uint8], position: int | str) -> NDArray[np.int32]:
        """Whole numbers of a field of trace headers (..., 240).

        Args:
            headers: Header bytes.
            position: Byte, counted from 1, with or without a type, such as 217 or "217:int32".
        """
        limits = np.iinfo(np.int32)
        numbers = self.numbers(headers, position)
        if numbers.dtype.kind == "f":
            numbers = np.clip(np.rint(np.nan_to_num(numbers)), limits.min, limits.max)
        return numbers.astype(np.int32)

    def numbers(self, headers: NDArray[np.uint8], position: int | str) -> NDArray:
        """The same as stored: integers or floats."""
        byte, kind = parse_position(position)
        if kind[0] == "i":
            return get(headers, byte, int(kind[1]), self.byte_order)
        part = np.ascontiguousarray(headers[..., byte - 1 : byte - 1 + int(kind[1])])
        return part.view(self.byte_order + kind)[..., 0]


def _fill(stream: Any, block: NDArray, path: Path) -> None:
    """Fill `block` from `stream`."""
    wanted = block.view(np.uint8).data
    done = 0
    while done < len(wanted):
        count = stream.readinto(wanted[done:])
        if not count:
            raise StrataflowError(f"{path}: the file became shorter while it was being read")
        done += count


def read_layout(path: Path) -> Layout:
    """Determine the layout of the SEG-Y file at `path`.

    Raises:
        StrataflowError: The file is not SEG-Y or is damaged. The message says where.
    """
    require_file(path)
    size = path.stat().st_size
    if size < FILE_HEADER + TRACE_HEADER:
        raise StrataflowError(
            f"{path}: not SEG-Y: the file has {size} bytes, but the headers of one trace alone "
            f"need {FILE_HEADER + TRACE_HEADER}"
        )
    with open(path, "rb") as stream:
        head = np.frombuffer(stream.read(FILE_HEADER), np.uint8)
        byte_order, code = byte_order_of(path, head)
        binary = BinaryHeader(head, byte_order, code)
        extended = count_text_headers(stream, path, binary, size)
        given_first = int(binary.get(FIRST_TRACE, "u8")) if binary.is_second else 0
        first_trace = given_first or FILE_HEADER + TEXT_HEADER * extended
        if not FILE_HEADER <= first_trace <= size - TRACE_HEADER:
            raise StrataflowError(
                f"{path}: truncated: the file ends at byte {size}, but its first trace starts at "
                f"byte {first_trace}"
            )
        stream.seek(first_trace)
        header = np.frombuffer(stream.read(TRACE_HEADER), np.uint8)
    in_trace = int(get(header, TraceField.TRACE_SAMPLE_COUNT, 2, byte_order)) & 0xFFFF
    n1 = binary.n1 or in_trace
    data = size - first_trace - TEXT_HEADER * binary.trailers
    additional = _additional_headers(path, binary, n1, data, size)
    trace_bytes = {
        n: trace_type(n, code, byte_order, additional).itemsize for n in (n1, in_trace) if n
    }
    traces = _count_traces(
        *(path, n1, in_trace, trace_bytes, data, size),
        lambda n: _repeat_the_count(path, first_trace, trace_bytes[n], first_trace + data, header),
    )
    length_unit = LENGTH_UNITS.get(int(binary.get(BinField.MeasurementSystem)), "m")
    coordinates = int(get(header, TraceField.CoordinateUnits, 2, byte_order))
    return Layout(
        path=path,
        byte_order=byte_order,
        format=code,
        revision="{}.{}".format(*binary.revision),
        n1=n1,
        interval=binary.interval(header),
        length_unit=length_unit,
        coordinate_unit=ANGULAR_UNITS.get(coordinates, length_unit),
        extended_text_headers=extended,
        additional_trace_headers=additional,
        first_trace=first_trace,
        traces=traces,
    )


def _additional_headers(path: Path, binary: BinaryHeader, n1: int, data: int, size: int) -> int:
    """Number of additional trace headers with which whole traces fill the `data` bytes."""
    # NumPy cannot build a trace type from sizes far beyond that of the file.
    possible = [count for count in binary.additions if 0 <= TRACE_HEADER * count <= size]
    if not 0 < n1 <= size or not possible or data <= 0:
        additional = possible[0] if possible else binary.additions[0]
        raise StrataflowError(
            f"{path}: invalid binary header: {n1} samples and {additional} additional headers per "
            f"trace and {binary.trailers} trailing records do not fit into {size} bytes"
        )
    for count in possible:
        if data % trace_type(n1, binary.format, binary.byte_order, count).itemsize == 0:
            return count
    return possible[0]


def is_segy(path: Path) -> bool:
    """Whether a file has the headers of SEG-Y; its traces may still be damaged."""
    try:
        read_layout(path)
    except StrataflowError as error:
        return "truncated" in str(error)
    return True


def _count_traces(
    path: Path,
    n1: int,
    in_trace: int,
    trace_bytes: dict[int, int],
    data: int,
    size: int,
    is_stride: Callable[[int], bool],
) -> int:
    """Count the traces that fill `data` bytes.

    Args:
        path: File for error messages.
        n1: Samples per trace according to the binary header.
        in_trace: Samples per trace according to the first trace header.
        trace_bytes: Bytes per trace for each of the two sample counts.
        data: Bytes from the first trace to the end of the last one.
        size: Size of the file.
        is_stride: Whether trace headers lie where traces of so many samples have them.

    Raises:
        StrataflowError: The number of traces is not whole, or the two sample counts disagree.
    """
    disagree = StrataflowError(
        f"{path}: the binary header gives {n1} samples per trace (bytes 3221-3222), but the "
        f"trace headers (bytes 115-116) and the file size give {in_trace}"
    )
    traces, rest = divmod(data, trace_bytes[n1])
    fits_other = in_trace not in (0, n1) and not data % trace_bytes[in_trace]
    if fits_other and (rest or (not is_stride(n1) and is_stride(in_trace))):
        raise disagree
    if not rest:
        return traces
    other = f"; the trace headers give {in_trace} samples" if in_trace not in (0, n1) else ""
    raise StrataflowError(
        f"{path}: truncated: the file ends at byte {size}, {rest} bytes into trace {traces + 1}, "
        f"which has {trace_bytes[n1]} bytes ({n1} samples{other})"
    )


def _repeat_the_count(path: Path, first: int, stride: int, size: int, header: NDArray) -> bool:
    """Whether headers that are `stride` bytes apart all have the sample count of the first."""
    at = TraceField.TRACE_SAMPLE_COUNT - 1
    starts = range(first, size - TRACE_HEADER + 1, stride)
    with open(path, "rb") as stream:
        for start in starts[:: max(len(starts) // COUNTS_COMPARED, 1)]:
            stream.seek(start + at)
            if stream.read(2) != header[at : at + 2].tobytes():
                return False
    return True


def text_of(path: Path) -> str:
    """Decode the text header from EBCDIC or ASCII to 40 lines."""
    with open(path, "rb") as stream:
        text = stream.read(TEXT_HEADER)
    decoded = text.decode(text_encoding(text))
    return "\n".join(decoded[i : i + 80].rstrip() for i in range(0, TEXT_HEADER, 80))


def text_encoding(text: bytes) -> str:
    """Codec of a text header, EBCDIC or ASCII, from the more frequent blank character."""
    return "cp037" if text.count(" ".encode("cp037")) > text.count(b" ") else "latin-1"
