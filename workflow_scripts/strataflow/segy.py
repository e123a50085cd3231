"""SEG-Y in and out, on segyio.

A survey is a post-stack 3D grid of inlines and crosslines. Its trace headers are scanned once;
samples then stream through in blocks of traces, so memory does not grow with the survey.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import segyio
from numpy.typing import NDArray

from . import __version__
from .amplitudes import AmplitudeStatistics, clip_limits
from .errors import StrataflowError
from .files import require_file, require_free_space, written_whole
from .samples import Shape
from .volumes import Axis, HeaderBytes, Sidecar, Volume, sidecar_path, write_sidecar

# Traces in a block: a few MB at usual trace lengths.
BLOCK = 4000

# Traces looked at to find where amplitudes are clipped.
CLIP_TRACES = 2000

# Sizes in bytes of the parts of a file, after the standard.
TEXT_HEADER = 3200
FILE_HEADER = 3600
TRACE_HEADER = 240

FORMATS = {
    1: "4-byte IBM float",
    2: "4-byte integer",
    3: "2-byte integer",
    5: "4-byte IEEE float",
    6: "8-byte IEEE float",
    8: "1-byte integer",
}
SAMPLE_BYTES = {code: int(name[0]) for code, name in FORMATS.items()}
IEEE_FLOAT = 5


@dataclass(frozen=True)
class Grid:
    """Where each trace of a SEG-Y file lies: `i3`, `i2` are indices, one a trace, in file order."""

    shape: Shape
    i3: NDArray[np.intp]
    i2: NDArray[np.intp]
    inlines: tuple[int, int]
    crosslines: tuple[int, int]


@contextmanager
def opened(path: Path) -> Iterator[segyio.SegyFile]:
    """Open a SEG-Y file for reading; StrataflowError with the reason when it is none."""
    require_file(path)
    try:
        file = segyio.open(path, ignore_geometry=True)
    except (RuntimeError, ValueError, IndexError, OverflowError, OSError) as error:
        raise StrataflowError(f"{path}: cannot be read as SEG-Y ({error})") from error
    with file:
        code = int(file.bin[segyio.BinField.Format])
        if code not in FORMATS:
            raise StrataflowError(f"{path}: sample format code {code} is unknown")
        file.mmap()
        yield file


def scan(file: segyio.SegyFile, path: Path, where: HeaderBytes) -> Grid:
    """The grid that the line numbers make; StrataflowError when they make none."""
    lines = {}
    for name, byte in (("iline", where.iline), ("xline", where.xline)):
        try:
            lines[name] = file.attributes(byte)[:].astype(np.int64)
        except (KeyError, ValueError, IndexError) as error:
            raise StrataflowError(
                f"{path}: {name}: {byte} is no byte position of a header field"
            ) from error
    inline, crossline = lines["iline"], lines["xline"]
    first3, step3, n3 = _regular(inline)
    first2, step2, n2 = _regular(crossline)
    asked = f"line numbers at bytes {where.iline} and {where.xline}"
    if n3 * n2 > 10 * inline.size:
        raise StrataflowError(
            f"{path}: {asked} make no grid: {n3} x {n2} lines for {inline.size} traces"
        )
    i3, i2 = (inline - first3) // step3, (crossline - first2) // step2
    places = np.unique(i3 * n2 + i2).size
    if places < inline.size:
        raise StrataflowError(
            f"{path}: {asked} give {inline.size} traces only {places} places in a grid: a "
            "pre-stack file, a 2D line or wrong byte positions"
        )
    shape = Shape(len(file.samples), n2, n3)
    return Grid(shape, i3, i2, (first3, step3), (first2, step2))


def _regular(numbers: NDArray[np.int64]) -> tuple[int, int, int]:
    """First number, step and count of a line axis."""
    unique = np.unique(numbers)
    step = math.gcd(*np.diff(unique).tolist()) if unique.size > 1 else 1
    return int(unique[0]), step, int((unique[-1] - unique[0]) // step + 1)


def segy_to_binary(
    path: Path,
    output: Path,
    where: HeaderBytes,
    attribute: str = "image",
    domain: str = "time",
    expected: Shape | None = None,
) -> None:
    """Write the survey at `path` as a raw volume `output` with its sidecar.

    Missing traces are zero and, like image traces that hold nothing but zeros, dead in the
    sidecar.
    NaN and infinite samples become zero and are counted. Raises StrataflowError when the file is
    no post-stack 3D grid, not of the `expected` shape or when all amplitudes of an image are the
    same.
    """
    with opened(path) as file:
        grid = scan(file, path, where)
        shape = grid.shape
        if expected and expected != shape:
            raise StrataflowError(f"{path}: {expected} given, the file has {shape}")
        require_free_space(output.parent, shape.n_bytes)
        low, high = _clip_limits(file)
        with written_whole(sidecar_path(output), output) as (beside, raw):
            values = np.memmap(raw, "<f4", "w+", shape=shape.array)
            live = np.zeros((shape.n3, shape.n2), bool)
            bad, count, total, squares = 0, 0, 0.0, 0.0
            for start, block in _blocks(file):
                finite = np.isfinite(block)
                bad += int(block.size - np.count_nonzero(finite))
                block[~finite] = 0
                at = (grid.i3[start : start + len(block)], grid.i2[start : start + len(block)])
                values[at] = block
                # A label is rightly zero all along many a trace.
                alive = block.any(axis=1) | (attribute not in ("image", "dhr"))
                live[at] = alive
                clipped = np.clip(block[alive], low, high).astype(np.float64)
                count += clipped.size
                total += clipped.sum()
                squares += np.square(clipped).sum()
            values.flush()
            mean = total / max(count, 1)
            std = math.sqrt(max(squares / max(count, 1) - mean**2, 0.0))
            statistics = AmplitudeStatistics(low, high, mean, std)
            if attribute == "image" and not std > 1e-9 * max(abs(low), abs(high)):
                raise StrataflowError(f"{path}: all amplitudes are the same ({mean:g})")
            sidecar = _sidecar(file, path, grid, where, attribute, domain, statistics, live)
            sidecar.source["bad_samples"] = bad
            write_sidecar(beside, sidecar)
    if bad:
        print(f"{path}: {bad} samples that were NaN or infinite are now 0")


def _blocks(file: segyio.SegyFile) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """First trace number and samples (traces, n1) of each block."""
    for start in range(0, file.tracecount, BLOCK):
        yield start, file.trace.raw[start : start + BLOCK].astype(np.float32)


def _clip_limits(file: segyio.SegyFile) -> tuple[float, float]:
    """Clip limits from live traces spread evenly over the file."""
    step = max(file.tracecount // CLIP_TRACES, 1)
    traces = file.trace.raw[::step].astype(np.float32)
    finite = traces[np.isfinite(traces) & traces.any(axis=1, keepdims=True)]
    return clip_limits(finite) if finite.size else (0.0, 0.0)


def _sidecar(
    file: segyio.SegyFile,
    path: Path,
    grid: Grid,
    where: HeaderBytes,
    attribute: str,
    domain: str,
    statistics: AmplitudeStatistics,
    live: NDArray[np.bool_],
) -> Sidecar:
    shape = grid.shape
    corners = _corners(file, grid, where)
    along3 = math.dist(corners[0], corners[2]) / max(shape.n3 - 1, 1)
    along2 = math.dist(corners[0], corners[1]) / max(shape.n2 - 1, 1)
    # The header gives microseconds, or thousandths of the depth unit.
    interval = segyio.tools.dt(file, fallback_dt=4000.0) / 1000
    first = float(file.header[0][segyio.TraceField.DelayRecordingTime])
    unit = "ms" if domain == "time" else "m"
    return Sidecar(
        attribute=attribute,
        shape=shape,
        domain=domain,
        axes=(
            Axis("inline", *grid.inlines, along3 or 1.0, "m"),
            Axis("crossline", *grid.crosslines, along2 or 1.0, "m"),
            Axis("sample", first, interval, interval, unit),
        ),
        corners=corners,
        source={
            "segy": str(path),
            "format": FORMATS[int(file.bin[segyio.BinField.Format])],
            "header_bytes": asdict(where),
            "traces": file.tracecount,
        },
        amplitudes=statistics,
        live=live,
    )


def _corners(
    file: segyio.SegyFile, grid: Grid, where: HeaderBytes
) -> tuple[tuple[float, float], ...]:
    """CDP coordinates of the four corners, from the affine map that fits all traces best."""
    scalar = file.attributes(segyio.TraceField.SourceGroupScalar)[:].astype(np.float64)
    scale = np.where(
        scalar < 0, -1 / np.where(scalar == 0, 1, scalar), np.where(scalar == 0, 1, scalar)
    )
    design = np.stack([np.ones(grid.i3.size), grid.i3, grid.i2], axis=1)
    coordinates = np.stack(
        [file.attributes(byte)[:] * scale for byte in (where.cdp_x, where.cdp_y)], axis=1
    )
    affine = np.linalg.lstsq(design, coordinates, rcond=None)[0]
    ends = [(a, b) for a in (0, grid.shape.n3 - 1) for b in (0, grid.shape.n2 - 1)]
    return tuple((float(x), float(y)) for x, y in np.array([[1, *end] for end in ends]) @ affine)


def export_segy(volume: Volume, template: Path, output: Path, where: HeaderBytes) -> None:
    """Write `volume` as SEG-Y with the headers, trace order and trace count of `template`.

    Samples are 4-byte IEEE floats; all else but the format code and one line of processing
    history in the text header is the template's, byte for byte. Dead traces stay zero. Raises
    StrataflowError when the template's grid is not the volume's.
    """
    with opened(template) as source:
        grid = scan(source, template, where)
        code = int(source.bin[segyio.BinField.Format])
        start = FILE_HEADER + TEXT_HEADER * source.ext_headers
    if grid.shape != volume.shape:
        raise StrataflowError(f"{volume.path}: {volume.shape}, but {template} is {grid.shape}")
    n1, traces = grid.shape.n1, grid.i3.size
    given = np.memmap(template, _trace_type(n1, f"V{SAMPLE_BYTES[code]}"), "r", start, (traces,))
    require_free_space(output.parent, start + traces * (TRACE_HEADER + 4 * n1))
    with written_whole(output) as (temporary,), open(temporary, "wb") as stream:
        with open(template, "rb") as original:
            head = bytearray(original.read(start))
        head[:TEXT_HEADER] = _with_history(bytes(head[:TEXT_HEADER]), volume.sidecar.attribute)
        _put(np.frombuffer(head, np.uint8)[TEXT_HEADER:], segyio.BinField.Format - 3200, IEEE_FLOAT)
        stream.write(head)
        for first in range(0, traces, BLOCK):
            part = slice(first, min(first + BLOCK, traces))
            block = np.empty(part.stop - first, _trace_type(n1, ">f4"))
            block["header"] = given["header"][part]
            at = (grid.i3[part], grid.i2[part])
            block["samples"] = volume.values[at] * volume.sidecar.live[at][:, None]
            block.tofile(stream)


def _trace_type(n1: int, sample: str) -> np.dtype:
    """A trace as it lies in a file: its header, then `n1` samples of a type."""
    return np.dtype([("header", np.uint8, TRACE_HEADER), ("samples", sample, n1)])


def _put(header: NDArray[np.uint8], byte: int, values: Any, width: int = 2) -> None:
    """Put big-endian integers into `header` (..., bytes) at `byte`, counted from 1."""
    whole = np.asarray(values).astype(f">i{width}")
    header[..., byte - 1 : byte - 1 + width] = whole[..., None].view(np.uint8)


def _with_history(text: bytes, attribute: str) -> bytes:
    """The text header with a line of history in the first unused line after the used ones.

    The last two lines are kept for what revision 1 puts there. Where no line is unused the text
    stays as it is. EBCDIC or ASCII as it comes.
    """
    encoding = "cp037" if text[:1] == "C".encode("cp037") else "latin-1"
    lines = [text[i : i + 80].decode(encoding) for i in range(0, TEXT_HEADER, 80)]
    unused = [n for n, line in enumerate(lines[:-2]) if not line[3:].strip(" \x00")]
    used = [n for n in range(len(lines) - 2) if n not in unused]
    if unused:
        after = [n for n in unused if n > max(used, default=-1)]
        number = after[0] if after else unused[-1]
        entry = f"C{number + 1:>2} STRATAFLOW {__version__}: {attribute.upper()}"
        lines[number] = entry.ljust(80)
    return "".join(lines).encode(encoding)


def write_survey(
    folder: Path, volumes: dict[str, NDArray[np.float32]], sidecar: Sidecar, title: str
) -> None:
    """Write each of `volumes` (n3, n2, n1) as a new inline-sorted SEG-Y file, `folder`/NAME.sgy.

    They share the geometry of `sidecar` and hence the trace headers; revision 1, IEEE floats.
    """
    shape = sidecar.shape
    headers = _new_trace_headers(sidecar)
    sample = sidecar.axes[2]
    binary = np.zeros(FILE_HEADER - TEXT_HEADER, np.uint8)
    for field, value in (
        (segyio.BinField.Interval, round(sample.step * 1000)),
        (segyio.BinField.Samples, shape.n1),
        (segyio.BinField.Format, IEEE_FLOAT),
        (segyio.BinField.SortingCode, 4),
        (segyio.BinField.TraceFlag, 1),
    ):
        _put(binary, field - TEXT_HEADER, value)
    # The revision is a byte of its own, major before minor.
    _put(binary, segyio.BinField.SEGYRevision - TEXT_HEADER, 1 << 8)
    for name, values in volumes.items():
        lines = {1: f"{title}: {name.upper()}", 2: f"STRATAFLOW {__version__}"}
        text = segyio.tools.create_text_header(lines).encode("cp037")
        with written_whole(folder / f"{name}.sgy") as (temporary,), open(temporary, "wb") as stream:
            stream.write(text + binary.tobytes())
            block = np.empty(shape.n2, _trace_type(shape.n1, ">f4"))
            for inline, inline_headers in zip(values, headers, strict=True):
                block["header"], block["samples"] = inline_headers, inline
                block.tofile(stream)


def _new_trace_headers(sidecar: Sidecar) -> NDArray[np.uint8]:
    """Trace headers (n3, n2, 240) of a survey that has none yet; coordinates in centimetres."""
    shape = sidecar.shape
    inline, crossline, sample = sidecar.axes
    i3, i2 = np.indices((shape.n3, shape.n2))
    first, along2, along3 = (np.array(sidecar.corners[i]) for i in (0, 1, 2))
    step2, step3 = (along2 - first) / max(shape.n2 - 1, 1), (along3 - first) / max(shape.n3 - 1, 1)
    x, y = (first[a] + i3 * step3[a] + i2 * step2[a] for a in (0, 1))
    headers = np.zeros((shape.n3, shape.n2, TRACE_HEADER), np.uint8)
    field = segyio.TraceField
    for byte, width, values in (
        (field.TRACE_SEQUENCE_FILE, 4, i3 * shape.n2 + i2 + 1),
        (field.TraceIdentificationCode, 2, np.ones_like(i3)),
        (field.SourceGroupScalar, 2, np.full_like(i3, -100)),
        (field.DelayRecordingTime, 2, np.full_like(i3, round(sample.first))),
        (field.TRACE_SAMPLE_COUNT, 2, np.full_like(i3, shape.n1)),
        (field.TRACE_SAMPLE_INTERVAL, 2, np.full_like(i3, round(sample.step * 1000))),
        (field.CDP_X, 4, np.round(100 * x)),
        (field.CDP_Y, 4, np.round(100 * y)),
        (field.INLINE_3D, 4, inline.first + i3 * inline.step),
        (field.CROSSLINE_3D, 4, crossline.first + i2 * crossline.step),
    ):
        _put(headers, int(byte), values, width)
    return headers
