"""New SEG-Y files of revision 1, with headers that are made from the geometry of a survey."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import segyio
from numpy.typing import NDArray
from segyio import BinField, TraceField

from .. import __version__
from ..errors import StrataflowError
from ..files import begin_writeback, require_free_space, written_whole
from ..volume.sidecar import Axis, Sidecar
from ..volume.volume import Volume
from .binary_header import FILE_HEADER, TEXT_HEADER
from .fields import IEEE_FLOAT, TRACE_HEADER, encode, field_width, put, trace_type
from .layout import ANGULAR_UNITS, DEAD, LENGTH_UNITS
from .writer import SAMPLE_FORMATS, unit_of

# Divisors that a scalar of the trace header may have, finest first.
DIVISORS = (10_000, 1000, 100, 10, 1)

# Coordinates are written in hundredths, angles as finely as the header can.
LATERAL_DIVISOR = 100

LARGEST = {2: 1 << 15, 4: 1 << 31}


def export_new_segy(
    volume: Volume, output: Path, sample_format: str = "ieee", degrees: bool = False
) -> None:
    """Write a volume as a new SEG-Y, sorted by inline, with all traces of its grid.

    Line numbers are in bytes 189 and 193, CDP numbers of a 2D line in 21 and 193, coordinates in
    181 and 185. Dead traces are written as zeros with the identification code of a dead trace.

    Args:
        volume: Volume to write.
        output: SEG-Y file to write.
        sample_format: 4-byte float format, one of SAMPLE_FORMATS.
        degrees: Write dip and strike in degrees instead of values from 0 to 1.

    Raises:
        StrataflowError: The geometry does not fit into the headers.
    """
    sidecar, unit = volume.sidecar, unit_of(volume, degrees)
    attribute = sidecar.attribute.upper()
    source = Path(sidecar.source_file or volume.path).name
    lines = [
        f"STRATAFLOW {__version__}: {attribute}",
        f"HEADERS MADE FROM THE GEOMETRY OF {source}",
    ]
    values = (plane.astype(np.float32) * unit for plane in volume.values)
    _write(output, values, sidecar, lines, SAMPLE_FORMATS[sample_format])


def write_survey(
    folder: Path,
    volumes: Mapping[str, Iterable[NDArray[np.float32]]],
    sidecar: Sidecar,
    title: str,
) -> None:
    """Write volumes as new SEG-Y files with IEEE floats.

    Args:
        folder: Folder for the files NAME.sgy.
        volumes: Arrays (n3, n2, n1) by name, or their inlines (n2, n1) one by one.
        sidecar: Geometry of all volumes.
        title: First words of the text header.
    """
    for name, values in volumes.items():
        lines = [f"{title}: {name.upper()}", f"STRATAFLOW {__version__}"]
        _write(folder / f"{name}.sgy", values, sidecar, lines, IEEE_FLOAT)


def _write(
    output: Path, planes: Iterable[NDArray], sidecar: Sidecar, text: list[str], code: int
) -> None:
    """Write inlines (n2, n1) with text lines and sample format `code`."""
    shape = sidecar.shape
    kind = trace_type(shape.n1, code, ">")
    require_free_space(output.parent, FILE_HEADER + shape.n3 * shape.n2 * kind.itemsize)
    with written_whole(output) as (temporary,), open(temporary, "wb") as stream:
        stream.write(_text_header(sidecar, text) + _binary_header(sidecar, code).tobytes())
        block = np.empty(shape.n2, kind)
        for i3, plane in enumerate(planes):
            block["header"] = _trace_headers(sidecar, i3)
            alive = sidecar.live[i3, :, None]
            block["samples"] = encode(np.where(alive, plane, np.float32(0)), code, ">")
            at = stream.tell()
            stream.write(block.view(np.uint8).data)
            begin_writeback(stream, at, block.nbytes)


def _text_header(sidecar: Sidecar, lines: list[str]) -> bytes:
    """EBCDIC text header: the lines, and where the trace headers have what."""
    is_line = sidecar.is_line
    where = ["CDP: BYTES 21 AND 193"] if is_line else ["INLINE: BYTE 189", "CROSSLINE: BYTE 193"]
    if sidecar.corners:
        where.append(f"CDP X AND Y: BYTES 181 AND 185, IN {sidecar.axes[1].unit.upper()}")
    if is_line:
        where.append("2D LINE: DIPS ARE APPARENT, THERE IS NO STRIKE")
    numbered = dict(enumerate([*lines, *where], start=1))
    # EBCDIC has no other characters.
    plain = {n: t[:76].encode("cp037", "replace").decode("cp037") for n, t in numbered.items()}
    return segyio.tools.create_text_header(plain).encode("cp037")


def _binary_header(sidecar: Sidecar, code: int) -> NDArray[np.uint8]:
    shape, sample = sidecar.shape, sidecar.axes[2]
    binary = np.zeros(FILE_HEADER - TEXT_HEADER, np.uint8)
    units = {name: number for number, name in LENGTH_UNITS.items()}
    unit = sidecar.axes[1].unit if sidecar.axes[1].unit in units else sample.unit
    for field, value in (
        (BinField.Interval, _interval(sample)),
        (BinField.Samples, _samples(shape.n1)),
        (BinField.Format, code),
        (BinField.SortingCode, 4),
        (BinField.MeasurementSystem, units.get(unit, 0)),
        (BinField.TraceFlag, 1),
    ):
        put(binary, field - TEXT_HEADER, value)
    # The major revision is the first of two bytes.
    put(binary, BinField.SEGYRevision - TEXT_HEADER, 1 << 8)
    return binary


def _trace_headers(sidecar: Sidecar, i3: int) -> NDArray[np.uint8]:
    """Trace headers (n2, 240) of an inline."""
    shape, sample = sidecar.shape, sidecar.axes[2]
    i2 = np.arange(shape.n2)
    places = sidecar.places(np.stack([np.full_like(i2, i3), i2, np.zeros_like(i2)]))
    xy = np.nan_to_num(np.stack([places["x"], places["y"]]))
    divisor = _divisor(sidecar)
    start, start_divisor = _start(sample)
    angular = {name: number for number, name in ANGULAR_UNITS.items()}
    line, trace = (places[name] for name in sidecar.axis_names[:2])
    field = TraceField
    values = {
        field.TRACE_SEQUENCE_FILE: i3 * shape.n2 + i2 + 1,
        field.TraceIdentificationCode: np.where(sidecar.live[i3], 1, DEAD),
        field.SourceGroupScalar: -divisor,
        field.CoordinateUnits: angular.get(sidecar.axes[1].unit, 1 if sidecar.corners else 0),
        field.DelayRecordingTime: start,
        field.ScalarTraceHeader: -start_divisor if start_divisor > 1 else 0,
        field.TRACE_SAMPLE_COUNT: _samples(shape.n1),
        field.TRACE_SAMPLE_INTERVAL: _interval(sample),
        field.CDP_X: np.round(divisor * xy[0]),
        field.CDP_Y: np.round(divisor * xy[1]),
        field.INLINE_3D: line,
        field.CROSSLINE_3D: trace,
    }
    if sidecar.is_line:
        values[field.CDP] = trace
    headers = np.zeros((shape.n2, TRACE_HEADER), np.uint8)
    for byte, numbers in values.items():
        put(headers, byte, numbers, field_width(byte))
    return headers


def _divisor(sidecar: Sidecar) -> int:
    """Divisor of coordinates in the headers, so that the largest one fits."""
    ends = sidecar.track or sidecar.corners or ((0.0, 0.0),)
    largest = float(np.abs(np.array(ends)).max())
    finest = LATERAL_DIVISOR if sidecar.axes[1].unit in LENGTH_UNITS.values() else DIVISORS[0]
    for divisor in DIVISORS:
        if divisor <= finest and largest * divisor < LARGEST[4]:
            return divisor
    raise StrataflowError(f"coordinates up to {largest:.0f} do not fit into the headers of SEG-Y")


def _start(sample: Axis) -> tuple[int, int]:
    """Start of recording as a whole number, and what it is divided by."""
    for divisor in reversed(DIVISORS):
        start = sample.first * divisor
        if abs(start - round(start)) < 1e-6 * divisor and abs(start) < LARGEST[2]:
            return round(start), divisor
    if abs(sample.first) >= LARGEST[2]:
        raise StrataflowError(f"a first sample at {sample.first:g} does not fit into SEG-Y headers")
    return round(sample.first), 1


def _interval(sample: Axis) -> int:
    """Sample interval in microseconds or thousandths, as an unsigned 2-byte integer."""
    interval = round(sample.step * 1000)
    if not 0 < interval < 2 * LARGEST[2]:
        raise StrataflowError(
            f"a sample interval of {sample.step:g} {sample.unit} does not fit into SEG-Y headers"
        )
    return interval - (interval >= LARGEST[2]) * 2 * LARGEST[2]


def _samples(n1: int) -> int:
    """Number of samples as an unsigned 2-byte integer."""
    if n1 >= 2 * LARGEST[2]:
        raise StrataflowError(f"{n1} samples per trace do not fit into the headers of SEG-Y")
    return n1 - (n1 >= LARGEST[2]) * 2 * LARGEST[2]
