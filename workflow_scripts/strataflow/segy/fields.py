"""Fields of SEG-Y headers and the formats of samples, in either byte order.

Byte positions are those of the standard (SEG Technical Standards Committee, 2017, SEG-Y_r2.0),
counted from 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import segyio
import segyio._segyio  # segyio.tools.native needs it and leaves its import to segyio.open
from numpy.typing import NDArray

from ..errors import StrataflowError

TRACE_HEADER = 240

IBM_FLOAT = 1
IEEE_FLOAT = 5

# NumPy has no 3-byte type.
THREE_BYTES = "3 x u1"

# Sample formats by code: name, and NumPy type.
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

# Trace header fields of two bytes; all others have four.
TWO_BYTES = {29, 31, 33, 35, 69, 71, *range(89, 181, 2), 201, 203, 209, 211, 213, 215, 217, 223}
TWO_BYTES |= {229, 231, 239}

# Types of a header field that can be named after a byte position, as in 217:int32.
FIELD_KINDS = {"int16": "i2", "int32": "i4", "float32": "f4", "float64": "f8"}


def trace_type(n1: int, code: int, byte_order: str, additional_headers: int = 0) -> np.dtype:
    """Structured type of a trace.

    Args:
        n1: Samples per trace.
        code: Sample format code.
        byte_order: ">" or "<".
        additional_headers: Number of additional trace headers.
    """
    kind = FORMATS[code][1]
    samples = (np.uint8, (n1, 3)) if kind == THREE_BYTES else (byte_order + kind, (n1,))
    more = np.uint8, (TRACE_HEADER * additional_headers,)
    return np.dtype([("header", np.uint8, (TRACE_HEADER,)), ("more", *more), ("samples", *samples)])


def parse_position(position: int | str) -> tuple[int, str]:
    """Byte and NumPy type of a header field; without a type, that of the standard's field there.

    Raises:
        StrataflowError: Not a byte of the trace header with one of FIELD_KINDS.
    """
    byte, mark, kind = str(position).partition(":")
    if not byte.isdecimal() or (mark and kind not in FIELD_KINDS):
        raise StrataflowError(
            f"{position}: expected a byte position, such as 189, or one with a type, such as "
            f"189:int32 ({', '.join(FIELD_KINDS)})"
        )
    found = FIELD_KINDS[kind] if mark else f"i{field_width(int(byte))}"
    last = TRACE_HEADER + 1 - int(found[1])
    if not 1 <= int(byte) <= last:
        raise StrataflowError(f"byte {position} is outside the trace header, expected 1 to {last}")
    return int(byte), found


def field_width(byte: int) -> int:
    """Width in bytes of the trace header field that starts at `byte`."""
    return 2 if byte in TWO_BYTES else 4


def get(header: NDArray[np.uint8], byte: int, width: int, byte_order: str) -> NDArray[np.int32]:
    """Read signed integers from headers.

    Args:
        header: Header bytes, uint8 (..., bytes).
        byte: Position, counted from 1.
        width: Width in bytes.
        byte_order: ">" or "<".
    """
    part = np.ascontiguousarray(header[..., byte - 1 : byte - 1 + width])
    return part.view(f"{byte_order}i{width}")[..., 0].astype(np.int32)


def put(
    header: NDArray[np.uint8], byte: int, values: Any, width: int = 2, byte_order: str = ">"
) -> None:
    """Write integers into headers, in place.

    Args:
        header: Header bytes, uint8 (..., bytes).
        byte: Position, counted from 1.
        values: Integers that broadcast to header.shape[:-1].
        width: Width in bytes.
        byte_order: ">" or "<".
    """
    whole = np.asarray(values).astype(f"{byte_order}i{width}")
    header[..., byte - 1 : byte - 1 + width] = whole[..., None].view(np.uint8)


def decode(samples: NDArray, code: int, byte_order: str) -> NDArray[np.float32]:
    """Convert samples of a SEG-Y file to native float32.

    Args:
        samples: Samples (traces, n1) as stored; 3-byte formats have shape (traces, n1, 3).
        code: Sample format code.
        byte_order: ">" or "<".
    """
    if code == IBM_FLOAT:
        # segyio expects big-endian bytes, as in the standard.
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
    """Convert float32 values to samples of a SEG-Y file.

    An IBM float is 0.f * 16^(e - 64), where f has 24 bits (IBM, 1970, System/360 Principles of
    Operation). The conversion rounds away up to three bits. NaN, infinity and IEEE subnormals
    become 0.

    Args:
        values: float32 array.
        code: IBM_FLOAT or IEEE_FLOAT.
        byte_order: ">" or "<".
    """
    if code == IEEE_FLOAT:
        return values.astype(f"{byte_order}f4")
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    field = (bits >> 23) & 0xFF
    # The value is 0.f * 2^(field - 126). The exponent of 16 is a quarter of that, rounded up, and
    # the fraction is shifted right by the bits that the rounding added.
    power = field + (4 * 64 + 3 - 126)
    lost = 3 - (power & 3)
    fraction = ((((bits & 0x7FFFFF) | 0x800000) << 1 >> lost) + 1) >> 1
    ibm = (bits & 0x80000000) | ((power >> 2) << 24) | fraction
    ibm[(field == 0) | (field == 0xFF)] = 0
    return ibm.astype(f"{byte_order}u4")
