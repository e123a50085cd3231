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

FORMATS = {
    1: "4-byte IBM float",
    2: "4-byte integer",
    3: "2-byte integer",
    5: "4-byte IEEE float",
    6: "8-byte IEEE float",
    8: "1-byte integer",
}
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
        with segyio.open(path, ignore_geometry=True) as file:
            if int(file.bin[segyio.BinField.Format]) not in FORMATS:
                raise StrataflowError(
                    f"{path}: sample format code {file.bin[segyio.BinField.Format]} is unknown"
                )
            file.mmap()
            yield file
    except (RuntimeError, ValueError, IndexError, OverflowError) as error:
        raise StrataflowError(f"{path}: cannot be read as SEG-Y ({error})") from error


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
    history in the text header is the template's. Dead traces stay zero. Raises StrataflowError
    when the template's grid is not the volume's.
    """
    with opened(template) as source:
        grid = scan(source, template, where)
        if grid.shape != volume.shape:
            raise StrataflowError(f"{volume.path}: {volume.shape}, but {template} is {grid.shape}")
        spec = segyio.spec()
        spec.samples = source.samples
        spec.tracecount = source.tracecount
        spec.format = IEEE_FLOAT
        spec.ext_headers = source.ext_headers
        require_free_space(output.parent, source.tracecount * (240 + 4 * grid.shape.n1))
        with written_whole(output) as (temporary,), segyio.create(temporary, spec) as copy:
            copy.text[0] = _with_history(source.text[0], volume.sidecar.attribute)
            for number in range(1, 1 + source.ext_headers):
                copy.text[number] = source.text[number]
            copy.bin = source.bin
            copy.bin.update({segyio.BinField.Format: IEEE_FLOAT})
            for start in range(0, source.tracecount, BLOCK):
                stop = min(start + BLOCK, source.tracecount)
                at = (grid.i3[start:stop], grid.i2[start:stop])
                block = volume.values[at] * volume.sidecar.live[at][:, None]
                copy.trace.raw[start:stop] = np.ascontiguousarray(block, np.float32)
                for trace in range(start, stop):
                    copy.header[trace] = source.header[trace]


def _with_history(text: bytes, attribute: str) -> bytes:
    """The text header with one line of history in its last unused line, if there is one."""
    lines = [bytes(text[i : i + 80]) for i in range(0, 3200, 80)]
    for number in reversed(range(len(lines))):
        if not lines[number][3:].strip(b" \x00"):
            entry = f"C{number + 1:>2} STRATAFLOW {__version__}: {attribute.upper()}"
            lines[number] = entry.ljust(80).encode("ascii")
            break
    return b"".join(lines)


def write_survey(path: Path, values: NDArray[np.float32], sidecar: Sidecar, title: str) -> None:
    """Write `values` (n3, n2, n1) as a new inline-sorted SEG-Y file of revision 1."""
    inline, crossline, sample = sidecar.axes
    spec = segyio.spec()
    spec.sorting = segyio.TraceSortingFormat.INLINE_SORTING
    spec.format = IEEE_FLOAT
    spec.ilines = inline.first + inline.step * np.arange(values.shape[0])
    spec.xlines = crossline.first + crossline.step * np.arange(values.shape[1])
    spec.samples = sample.first + sample.step * np.arange(values.shape[2])
    first, along2, along3 = (np.array(sidecar.corners[i]) for i in (0, 1, 2))
    step2 = (along2 - first) / max(values.shape[1] - 1, 1)
    step3 = (along3 - first) / max(values.shape[0] - 1, 1)
    with written_whole(path) as (temporary,), segyio.create(temporary, spec) as file:
        file.text[0] = segyio.tools.create_text_header({1: title, 2: f"STRATAFLOW {__version__}"})
        file.bin.update(_binary_header(sample.step, values.shape[2]))
        trace = 0
        for i3, number3 in enumerate(spec.ilines):
            file.trace.raw[trace : trace + len(spec.xlines)] = np.ascontiguousarray(values[i3])
            for i2, number2 in enumerate(spec.xlines):
                x, y = first + i3 * step3 + i2 * step2
                file.header[trace] = {
                    segyio.TraceField.TRACE_SEQUENCE_FILE: trace + 1,
                    segyio.TraceField.TraceIdentificationCode: 1,
                    segyio.TraceField.TRACE_SAMPLE_COUNT: values.shape[2],
                    segyio.TraceField.TRACE_SAMPLE_INTERVAL: round(sample.step * 1000),
                    segyio.TraceField.DelayRecordingTime: round(sample.first),
                    segyio.TraceField.SourceGroupScalar: -100,
                    segyio.TraceField.CDP_X: round(100 * x),
                    segyio.TraceField.CDP_Y: round(100 * y),
                    segyio.TraceField.INLINE_3D: int(number3),
                    segyio.TraceField.CROSSLINE_3D: int(number2),
                }
                trace += 1


def _binary_header(interval: float, samples: int) -> dict[int, Any]:
    return {
        segyio.BinField.Interval: round(interval * 1000),
        segyio.BinField.Samples: samples,
        segyio.BinField.Format: IEEE_FLOAT,
        segyio.BinField.SEGYRevision: 1,
        segyio.BinField.TraceFlag: 1,
    }
