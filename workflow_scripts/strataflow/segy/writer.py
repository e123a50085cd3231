"""Writing of raw volumes as SEG-Y, with the headers of the original survey."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from segyio import BinField

from .. import __version__
from ..errors import StrataflowError
from ..files import begin_writeback, require_free_space, written_whole
from ..volume.sidecar import HeaderBytes
from ..volume.volume import Volume
from .binary_header import TEXT_HEADER
from .fields import IBM_FLOAT, IEEE_FLOAT, encode, put, trace_type
from .grid import scan
from .layout import BLOCK_BYTES, read_layout, text_encoding

SAMPLE_FORMATS = {"ieee": IEEE_FLOAT, "ibm": IBM_FLOAT}

ANGLES = ("fdip", "fstrike")


def export_segy(
    volume: Volume,
    template: Path,
    output: Path,
    where: HeaderBytes,
    sample_format: str = "ieee",
    degrees: bool = False,
) -> None:
    """Write a volume as SEG-Y with the headers and trace order of the original survey.

    Only the samples, the format code and one line of history in the text header differ from the
    template. Dead traces are written as zeros.

    Args:
        volume: Volume to write.
        template: SEG-Y file of the survey.
        output: SEG-Y file to write.
        where: Byte positions of line numbers.
        sample_format: 4-byte float format, one of SAMPLE_FORMATS.
        degrees: Write dip and strike in degrees instead of values from 0 to 1.

    Raises:
        StrataflowError: The grid of the template differs from that of the volume.
    """
    layout = read_layout(template)
    grid = scan(layout, where)
    if grid.shape != volume.shape:
        raise StrataflowError(
            f"{volume.path}: size {volume.shape} differs from {template}, {grid.shape}"
        )
    code = SAMPLE_FORMATS[sample_format]
    kind = trace_type(layout.n1, code, layout.byte_order, layout.additional_trace_headers)
    given = layout.map()
    require_free_space(output.parent, layout.first_trace + layout.traces * kind.itemsize)
    unit = unit_of(volume, degrees)
    values = volume.values.reshape(-1, layout.n1)
    dead = ~volume.sidecar.live.ravel()
    size = max(BLOCK_BYTES // kind.itemsize, 1)
    with (
        written_whole(output) as (temporary,),
        open(temporary, "wb") as stream,
        open(template, "rb") as original,
    ):
        head = np.frombuffer(bytearray(original.read(layout.first_trace)), np.uint8)
        text = _with_history(head[:TEXT_HEADER].tobytes(), volume.sidecar.attribute)
        head[:TEXT_HEADER] = np.frombuffer(text, np.uint8)
        put(head, BinField.Format, code, 2, layout.byte_order)
        stream.write(head.data)
        for start in range(0, layout.traces, size):
            part = slice(start, min(start + size, layout.traces))
            place = grid.place[part]
            block = np.empty(place.size, kind)
            block["header"], block["more"] = given["header"][part], given["more"][part]
            # Every program reads floats. They hold fault numbers up to 16 million exactly.
            samples = values[_as_slice(place)].astype(np.float32, copy=False) * unit
            # Null traces without a place are zeros, too.
            samples[dead[place] | (place < 0)] = 0
            block["samples"] = encode(samples, code, layout.byte_order)
            at = stream.tell()
            stream.write(block.view(np.uint8).data)
            begin_writeback(stream, at, block.nbytes)
        original.seek(layout.first_trace + given.nbytes)
        stream.write(original.read())


def unit_of(volume: Volume, degrees: bool) -> np.float32:
    """Factor of the values of a volume: 180 for dip and strike in degrees."""
    return np.float32(180 if degrees and volume.sidecar.attribute in ANGLES else 1)


def _as_slice(place: NDArray[np.int64]) -> NDArray[np.int64] | slice:
    """Consecutive positions as a slice, which avoids a copy by index; -1 is no position."""
    first, last = int(place[0]), int(place[-1])
    in_order = first >= 0 and last - first == place.size - 1 and (np.diff(place) == 1).all()
    return slice(first, last + 1) if in_order else place


def _with_history(text: bytes, attribute: str) -> bytes:
    """Add a line of history to a text header, in the first empty line after the used ones.

    The encoding, EBCDIC or ASCII, is kept. The last two lines are reserved by revision 1. If no
    line is empty, the text does not change.
    """
    encoding = text_encoding(text)
    lines = [text[i : i + 80].decode(encoding) for i in range(0, TEXT_HEADER, 80)]
    unused = [n for n, line in enumerate(lines[:-2]) if not line[3:].strip(" \x00")]
    used = [n for n in range(len(lines) - 2) if n not in unused]
    if unused:
        after = [n for n in unused if n > max(used, default=-1)]
        number = after[0] if after else unused[-1]
        entry = f"C{number + 1:>2} STRATAFLOW {__version__}: {attribute.upper()}"
        lines[number] = entry.ljust(80)
    return "".join(lines).encode(encoding)
