"""What lies where in a SEG-Y file, revisions 0 to 2, in either byte order.

Byte positions are those of the standard (SEG Technical Standards Committee, 2017, SEG-Y_r2.0),
counted from 1; fields go by segyio's names. A file is described by its own bytes before anything is
read from it, so that a damaged one is told by what is wrong with it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import segyio
import segyio._segyio  # segyio.tools.native needs it and leaves its import to segyio.open
from numpy.typing import NDArray
from segyio import BinField, TraceField

from ..errors import StrataflowError
from ..files import require_file

TEXT_HEADER = 3200
FILE_HEADER = 3600
TRACE_HEADER = 240

IBM_FLOAT = 1
IEEE_FLOAT = 5

# NumPy has no type of this width.
THREE_BYTES = "3 x u1"

# Name, and NumPy's name of the type that a sample is read as.
FORMATS: dict[int, tuple[str, str]] = {
    IBM_FLOAT: ("4-byte IBM float", "u4"),
    2: ("4-byte integer", "i4"),
    3: ("2-byte integer", "i2"),
    IEEE_FLOAT: ("4-byte IEEE float", "f4"),
    6: ("8-byte IEEE float", "f8"),
    7: ("3-byte integer", THREE_BYTES),
    8: ("1-byte integer", "i1"),
    9: ("8-byte integer", "i8"),
    10: ("4-byte unsigned integer", "u4"),
    11: ("2-byte unsigned integer", "u2"),
    12: ("8-byte unsigned integer", "u8"),
    15: ("3-byte unsigned integer", THREE_BYTES),
    16: ("1-byte unsigned integer", "u1"),
}

# Fields of the trace header that are two bytes wide; all others are read as four.
TWO_BYTES = {29, 31, 33, 35, 69, 71, *range(89, 181, 2), 201, 203, 209, 211, 213, 215, 217, 223}
TWO_BYTES |= {229, 231, 239}

# Units by the measurement system in the binary header, where it says one, and by the units of
# coordinates in the trace header, where those are no lengths.
LENGTH_UNITS = {1: "m", 2: "ft"}
ANGULAR_UNITS = {2: "arcsec", 3: "degree", 4: "dms"}

# Fields of the binary header of revision 2, where segyio has no name for them.
EXTENDED_SAMPLES, EXTENDED_INTERVAL, BYTE_ORDER_MARK = 3269, 3273, 3297
MAJOR_REVISION, MINOR_REVISION = 3501, 3502
ADDITIONAL_TRACE_HEADERS, FIRST_TRACE, TRAILERS = 3507, 3521, 3529

# Bytes of traces that are in memory at a time; they stay in the processor's cache.
BLOCK_BYTES = 1 << 21


@dataclass(frozen=True)
class Layout:
    """Where the traces of a file lie and how their samples are stored.

    `byte_order` is NumPy's, ">" or "<"; `interval` is that of the samples in microseconds, or in
    thousandths of the unit of depth, 0 where no header gives a positive one; `length_unit` is that
    of depth and `coordinate_unit` that of coordinates, in metres where no header says otherwise;
    `first_trace` is an offset in bytes.
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
        """A trace as it lies in the file: `header`, `more` headers and `samples`."""
        return trace_type(self.n1, self.format, self.byte_order, self.additional_trace_headers)

    def map(self) -> NDArray:
        """Memory map of the traces, structured as `trace_type`."""
        return np.memmap(self.path, self.trace_type, "r", self.first_trace, (self.traces,))

    def blocks(self) -> Iterator[tuple[int, NDArray]]:
        """First trace number and traces of each block, read one after the other.

        A block is valid until the next one is asked for.
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

    def field(self, headers: NDArray[np.uint8], byte: int) -> NDArray[np.int32]:
        """The integers at `byte` of trace headers (..., 240)."""
        return get(headers, byte, field_width(byte), self.byte_order)


def _fill(stream: Any, block: NDArray, path: Path) -> None:
    """Read as many bytes as `block` has."""
    wanted = block.view(np.uint8).data
    done = 0
    while done < len(wanted):
        count = stream.readinto(wanted[done:])
        if not count:
            raise StrataflowError(f"{path}: the file became shorter while it was being read")
        done += count


def trace_type(n1: int, code: int, byte_order: str, additional_headers: int = 0) -> np.dtype:
    """Structured type of a trace of `n1` samples of format `code`."""
    kind = FORMATS[code][1]
    samples = (np.uint8, (n1, 3)) if kind == THREE_BYTES else (byte_order + kind, (n1,))
    more = np.uint8, (TRACE_HEADER * additional_headers,)
    return np.dtype([("header", np.uint8, (TRACE_HEADER,)), ("more", *more), ("samples", *samples)])


def field_width(byte: int) -> int:
    """Width in bytes of the trace header field that begins at `byte`."""
    return 2 if byte in TWO_BYTES else 4


def get(header: NDArray[np.uint8], byte: int, width: int, byte_order: str) -> NDArray[np.int32]:
    """Signed integers of `width` bytes at `byte` (from 1) of `header` (..., bytes)."""
    part = np.ascontiguousarray(header[..., byte - 1 : byte - 1 + width])
    return part.view(f"{byte_order}i{width}")[..., 0].astype(np.int32)


def put(
    header: NDArray[np.uint8], byte: int, values: Any, width: int = 2, byte_order: str = ">"
) -> None:
    """Put integers of `width` bytes into `header` (..., bytes) at `byte`, counted from 1."""
    whole = np.asarray(values).astype(f"{byte_order}i{width}")
    header[..., byte - 1 : byte - 1 + width] = whole[..., None].view(np.uint8)


def decode(samples: NDArray, code: int, byte_order: str) -> NDArray[np.float32]:
    """Samples (traces, n1), as they lie in a file of format `code`, as native float32."""
    if code == IBM_FLOAT:
        # segyio takes the bytes in the order of the standard.
        standard = np.array(samples, ">u4", order="C")
        return segyio.tools.native(standard.view(np.float32), code, copy=False)
    if FORMATS[code][1] != THREE_BYTES:
        return samples.astype(np.float32)
    high, middle, low = np.moveaxis(samples[..., :: 1 if byte_order == ">" else -1], -1, 0)
    value = (high.astype(np.int32) << 16) | (middle.astype(np.int32) << 8) | low
    if code == 7:
        value -= (value & 0x800000) << 1
    return value.astype(np.float32)


def encode(values: NDArray[np.float32], code: int, byte_order: str) -> NDArray:
    """Float32 `values` in the form of format `code`, IBM_FLOAT or IEEE_FLOAT.

    An IBM float is 0.f times 16 to the power of (e - 64), with 24 bits of f (IBM, 1970, System/360
    Principles of Operation). Up to three bits are lost, to the nearest. What an IBM float cannot
    be, NaN and infinity, becomes 0, and so does what IEEE stores without a leading bit.
    """
    if code == IEEE_FLOAT:
        return values.astype(f"{byte_order}f4")
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    field = (bits >> 23) & 0xFF
    # The value is the 24 bits behind the point times 2 to the power of (field - 126); the power of
    # 16 is a quarter of that, rounded up, and the bits go right by what was added.
    power = field + (4 * 64 + 3 - 126)
    lost = 3 - (power & 3)
    fraction = ((((bits & 0x7FFFFF) | 0x800000) << 1 >> lost) + 1) >> 1
    ibm = (bits & 0x80000000) | ((power >> 2) << 24) | fraction
    ibm[(field == 0) | (field == 0xFF)] = 0
    return ibm.astype(f"{byte_order}u4")


def read_layout(path: Path) -> Layout:
    """Describe the SEG-Y file at `path`.

    Raises StrataflowError, with what is wrong and where, when it is none or damaged.
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
        byte_order, code = _byte_order(path, head)

        def binary(byte: int, kind: str = "i2") -> Any:
            width = int(kind[1])
            return head[byte - 1 : byte - 1 + width].view(byte_order + kind)[0]

        major, minor = int(head[MAJOR_REVISION - 1]), int(head[MINOR_REVISION - 1])
        if byte_order == "<" or (major, minor) == (0, 1):
            # Some write the revision as one number in their own byte order.
            major, minor = max(major, minor), 0
        second = major >= 2
        n1 = int(binary(BinField.Samples, "u2"))
        if second:
            n1 = int(binary(EXTENDED_SAMPLES, "i4")) or n1
        extended = int(binary(BinField.ExtendedHeaders))
        if major and extended < 0:
            extended = _count_text_headers(stream, path)
        elif not major:
            # Revision 0 knows no such field: it is one only if traces fill the rest of the file.
            rest = size - FILE_HEADER - TEXT_HEADER * extended
            fits = extended > 0 and n1 and rest % trace_type(n1, code, byte_order).itemsize == 0
            extended = extended if fits and rest > 0 else 0
        additional = int(binary(ADDITIONAL_TRACE_HEADERS, "i4")) if second else 0
        given_first = int(binary(FIRST_TRACE, "u8")) if second else 0
        first_trace = given_first or FILE_HEADER + TEXT_HEADER * extended
        trailers = max(int(binary(TRAILERS, "i4")), 0) if second else 0
        if not FILE_HEADER <= first_trace <= size - TRACE_HEADER:
            raise StrataflowError(
                f"{path}: truncated: the file ends at byte {size}, but its first trace starts at "
                f"byte {first_trace}"
            )
        stream.seek(first_trace)
        header = np.frombuffer(stream.read(TRACE_HEADER), np.uint8)
    intervals = [
        float(binary(EXTENDED_INTERVAL, "f8")) if second else 0.0,
        float(binary(BinField.Interval)),
        float(get(header, TraceField.TRACE_SAMPLE_INTERVAL, 2, byte_order)),
    ]
    in_trace = int(get(header, TraceField.TRACE_SAMPLE_COUNT, 2, byte_order)) & 0xFFFF
    n1 = n1 or in_trace
    data = size - first_trace - TEXT_HEADER * trailers
    # More than the file has bytes would not even make a type of a trace.
    if not 0 < n1 <= size or not 0 <= TRACE_HEADER * additional <= size or data <= 0:
        raise StrataflowError(
            f"{path}: invalid binary header: {n1} samples and {additional} additional headers per "
            f"trace and {trailers} trailing records do not fit into {size} bytes"
        )
    trace_bytes = {
        n: trace_type(n, code, byte_order, additional).itemsize for n in (n1, in_trace) if n
    }
    traces = _count_traces(path, n1, in_trace, trace_bytes, data, size)
    length_unit = LENGTH_UNITS.get(int(binary(BinField.MeasurementSystem)), "m")
    coordinates = int(get(header, TraceField.CoordinateUnits, 2, byte_order))
    return Layout(
        path=path,
        byte_order=byte_order,
        format=code,
        revision=f"{major}.{minor}",
        n1=n1,
        interval=next((i for i in intervals if 0 < i < math.inf), 0.0),
        length_unit=length_unit,
        coordinate_unit=ANGULAR_UNITS.get(coordinates, length_unit),
        extended_text_headers=extended,
        additional_trace_headers=additional,
        first_trace=first_trace,
        traces=traces,
    )


def _byte_order(path: Path, head: NDArray[np.uint8]) -> tuple[str, int]:
    """Byte order and format code."""
    at = BinField.Format - 1
    codes = {order: int(head[at : at + 2].view(f"{order}u2")[0]) for order in "><"}
    mark = head[BYTE_ORDER_MARK - 1 : BYTE_ORDER_MARK + 3]
    if head[MAJOR_REVISION - 1] == 2 and mark.tobytes() == bytes([2, 1, 4, 3]):
        raise StrataflowError(f"{path}: pairwise byte-swapped data are not supported")
    for order, code in codes.items():
        if code in FORMATS:
            return order, code
    if codes[">"] == 4:
        raise StrataflowError(
            f"{path}: fixed-point samples with gain (format code 4) are not supported"
        )
    known = " ".join(str(code) for code in FORMATS)
    raise StrataflowError(
        f"{path}: not SEG-Y: unknown sample format code {codes['>']} (bytes 3225-3226), "
        f"expected one of {known}"
    )


def _count_text_headers(stream: BinaryIO, path: Path) -> int:
    """Number of extended text headers where the file only marks the last one."""
    end = "((SEG: EndText))"
    stream.seek(FILE_HEADER)
    for number in itertools.count(1):
        record = stream.read(TEXT_HEADER)
        if end.encode("ascii") in record or end.encode("cp037") in record:
            return number
        if len(record) < TEXT_HEADER:
            break
    raise StrataflowError(f"{path}: the extended text headers lack the end marker {end}")


def _count_traces(
    path: Path, n1: int, in_trace: int, trace_bytes: dict[int, int], data: int, size: int
) -> int:
    """Number of whole traces in `data` bytes; StrataflowError when they do not fill them.

    `trace_bytes` are those of a trace of as many samples as the binary header says (`n1`) and as
    the first trace header says (`in_trace`).
    """
    traces, rest = divmod(data, trace_bytes[n1])
    if not rest:
        return traces
    if in_trace and not data % trace_bytes[in_trace]:
        raise StrataflowError(
            f"{path}: the binary header gives {n1} samples per trace (bytes 3221-3222), but the "
            f"trace headers and the file size give {in_trace}"
        )
    raise StrataflowError(
        f"{path}: truncated: the file ends at byte {size}, {rest} bytes into trace {traces + 1}, "
        f"which has {trace_bytes[n1]} bytes ({n1} samples)"
    )


def text_of(path: Path) -> str:
    """The text header in 40 lines, from EBCDIC or ASCII."""
    with open(path, "rb") as stream:
        text = stream.read(TEXT_HEADER)
    decoded = text.decode(text_encoding(text))
    return "\n".join(decoded[i : i + 80].rstrip() for i in range(0, TEXT_HEADER, 80))


def text_encoding(text: bytes) -> str:
    """Codec of a text header, told by its blanks: EBCDIC or ASCII."""
    return "cp037" if text.count(" ".encode("cp037")) > text.count(b" ") else "latin-1"
