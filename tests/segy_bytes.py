"""SEG-Y files byte by byte, with whatever quirk a test is about; independent of the library."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

# struct's letters for samples, by format code; 3-byte integers are made from 4-byte ones.
LETTERS = {2: "i", 3: "h", 5: "f", 6: "d", 8: "b", 9: "q", 10: "I", 11: "H", 12: "Q", 16: "B"}


def ibm_bytes(value: float) -> bytes:
    """A System/360 hexadecimal float by long division, big-endian."""
    if value == 0:
        return bytes(4)
    sign, rest, exponent = (0x80 if value < 0 else 0), abs(value), 64
    while rest >= 1:
        rest, exponent = rest / 16, exponent + 1
    while rest < 1 / 16:
        rest, exponent = rest * 16, exponent - 1
    return bytes([sign | exponent]) + round(rest * 2**24).to_bytes(3, "big")


def sample_bytes(values: Sequence[float], code: int, order: str) -> bytes:
    """Samples of a trace in a format."""
    if code == 1:
        words = [ibm_bytes(value) for value in values]
        return b"".join(word if order == ">" else word[::-1] for word in words)
    if code in (7, 15):
        name = "big" if order == ">" else "little"
        whole = [int(value) & 0xFFFFFF for value in values]
        return b"".join(value.to_bytes(3, name) for value in whole)  # type: ignore[arg-type]
    letter = LETTERS[code]
    kind = float if letter in "fd" else int
    return struct.pack(f"{order}{len(values)}{letter}", *(kind(value) for value in values))


def write_bytes(
    path: Path,
    traces: Sequence[Sequence[float]],
    header: Callable[[int], dict[int, int]],
    *,
    order: str = ">",
    code: int = 5,
    revision: int = 1,
    text: bytes | None = None,
    extended: Sequence[bytes] = (),
    extended_count: int | None = None,
    binary: dict[int, tuple[str, Any]] | None = None,
    gap: int = 0,
    more: bytes = b"",
    tail: bytes = b"",
) -> Path:
    """Write `traces`; `header` gives fields {byte: value} of trace number i, from 0.

    Header fields are 4 bytes wide, or 2 where the standard says so. `binary` sets further fields
    {byte from 1 of the file: (struct letter, value)}; `gap` bytes precede the first trace, `more`
    follows each trace header, `tail` the last trace.
    """
    n1 = len(traces[0])
    head = bytearray(3600)
    head[:3200] = text or "".join(f"C{i + 1:>2}".ljust(80) for i in range(40)).encode("cp037")
    fields: dict[int, tuple[str, Any]] = {
        3217: ("H", 4000),
        3221: ("H", n1),
        3225: ("H", code),
        3505: ("h", len(extended) if extended_count is None else extended_count),
    }
    head[3500] = revision
    for byte, (letter, value) in (fields | (binary or {})).items():
        struct.pack_into(order + letter, head, byte - 1, value)
    content = bytes(head) + b"".join(extended) + bytes(gap)
    two = {29, 71, 89, 109, 115, 117, 215}
    for number, samples in enumerate(traces):
        trace = bytearray(240)
        for byte, value in ({115: n1, 117: 4000} | header(number)).items():
            letter = "h" if byte in two else "i"
            struct.pack_into(order + letter, trace, byte - 1, value)
        content += bytes(trace) + more + sample_bytes(samples, code, order)
    path.write_bytes(content + tail)
    return path


def lines(n2: int, iline: int = 189, xline: int = 193) -> Callable[[int], dict[int, int]]:
    """Headers of an inline-sorted survey of `n2` crosslines."""
    return lambda i: {iline: 10 + i // n2, xline: 100 + i % n2, 181: 5 * i, 185: 7}


def integers(shape: tuple[int, int, int], low: int = -100, high: int = 100) -> np.ndarray:
    """Whole numbers that every format holds exactly, float32 (n3, n2, n1)."""
    return np.random.default_rng(3).integers(low, high, shape).astype(np.float32)
