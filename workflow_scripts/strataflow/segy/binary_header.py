"""The binary header of SEG-Y files of revisions 0 to 2.1, in either byte order.

Byte positions are those of the standard (SEG Technical Standards Committee, 2017, SEG-Y_r2.0),
counted from 1. Fields have the names of segyio.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from segyio import BinField, TraceField

from ..errors import StrataflowError
from .fields import FORMATS, get, trace_type

TEXT_HEADER = 3200
FILE_HEADER = 3600

# Usual endings of file names.
ENDINGS = (".sgy", ".segy", ".seg")

# Binary header fields of revision 2 without a name in segyio.
EXTENDED_SAMPLES, EXTENDED_INTERVAL, BYTE_ORDER_MARK = 3269, 3273, 3297
MAJOR_REVISION, MINOR_REVISION = 3501, 3502
ADDITIONAL_TRACE_HEADERS, FIRST_TRACE, TRAILERS = 3507, 3521, 3529


@dataclass(frozen=True)
class BinaryHeader:
    """The binary header of a file, with the revision of its fields."""

    head: NDArray[np.uint8]
    byte_order: str
    format: int

    def get(self, byte: int, kind: str = "i2") -> Any:
        """The number at `byte`, of a NumPy type without byte order."""
        width = int(kind[1])
        return self.head[byte - 1 : byte - 1 + width].view(self.byte_order + kind)[0]

    @property
    def revision(self) -> tuple[int, int]:
        """Major and minor revision."""
        major, minor = int(self.head[MAJOR_REVISION - 1]), int(self.head[MINOR_REVISION - 1])
        if self.byte_order == "<" or (major, minor) == (0, 1):
            # Some programs write the revision as one integer in native byte order.
            return max(major, minor), 0
        return major, minor

    @property
    def is_second(self) -> bool:
        """Whether the file has the fields of revision 2."""
        return self.revision[0] >= 2

    @property
    def n1(self) -> int:
        """Samples per trace; 0 if not given."""
        n1 = int(self.get(BinField.Samples, "u2"))
        return int(self.get(EXTENDED_SAMPLES, "i4")) or n1 if self.is_second else n1

    @property
    def additions(self) -> list[int]:
        """Possible numbers of additional trace headers, the likeliest one first."""
        # Four bytes in revision 2.0, two in 2.1; the size of the file decides.
        if not self.is_second:
            return [0]
        kinds = ("i2", "i4") if self.revision[1] else ("i4", "i2")
        return [int(self.get(ADDITIONAL_TRACE_HEADERS, kind)) for kind in kinds]

    @property
    def trailers(self) -> int:
        """Text records behind the traces."""
        return max(int(self.get(TRAILERS, "i4")), 0) if self.is_second else 0

    def interval(self, header: NDArray[np.uint8]) -> float:
        """The first sample interval that is given; `header` is that of a trace. 0 if none is."""
        here = float(self.get(BinField.Interval))
        there = float(get(header, TraceField.TRACE_SAMPLE_INTERVAL, 2, self.byte_order))
        intervals = [
            float(self.get(EXTENDED_INTERVAL, "f8")) if self.is_second else 0.0,
            *(here, there),
            # Negative ones are unsigned, as revision 2 says.
            *(interval % (1 << 16) for interval in (here, there)),
        ]
        return next((i for i in intervals if 0 < i < math.inf), 0.0)


def count_text_headers(stream: BinaryIO, path: Path, binary: BinaryHeader, size: int) -> int:
    """Number of extended text headers."""
    given, major = int(binary.get(BinField.ExtendedHeaders)), binary.revision[0]
    if major:
        return given if given >= 0 else _count_marked(stream, path)
    # Revision 0 does not define this field; use it only if whole traces fill the rest.
    rest = size - FILE_HEADER - TEXT_HEADER * given
    if given <= 0 or rest <= 0 or not binary.n1:
        return 0
    trace = trace_type(binary.n1, binary.format, binary.byte_order)
    return given if rest % trace.itemsize == 0 else 0


def byte_order_of(path: Path, head: NDArray[np.uint8]) -> tuple[str, int]:
    """Byte order and sample format code, from the format field of the binary header."""
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
    hint = "" if path.suffix.lower() in ENDINGS else "; a raw volume needs its n1, n2 and n3"
    raise StrataflowError(
        f"{path}: not SEG-Y: unknown sample format code {codes['>']} (bytes 3225-3226), "
        f"expected one of {known}{hint}"
    )


def _count_marked(stream: BinaryIO, path: Path) -> int:
    """Number of extended text headers if only the last one is marked."""
    end = "((SEG: EndText))"
    stream.seek(FILE_HEADER)
    for number in itertools.count(1):
        record = stream.read(TEXT_HEADER)
        if end.encode("ascii") in record or end.encode("cp037") in record:
            return number
        if len(record) < TEXT_HEADER:
            break
    raise StrataflowError(f"{path}: the extended text headers lack the end marker {end}")
