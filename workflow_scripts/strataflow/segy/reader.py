"""Conversion of SEG-Y to a raw volume and its sidecar, in one streaming pass."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import StrataflowError
from ..files import begin_writeback, require_free_space, written_whole
from ..volume.amplitudes import RunningStatistics, clip_limits
from ..volume.attributes import WHOLE_NUMBERS
from ..volume.raw import Shape
from ..volume.volume import HeaderBytes, Sidecar, sidecar_path, write_sidecar
from .choice import find_grid
from .geometry import survey_geometry
from .grid import is_constant
from .layout import ANGULAR_UNITS, FORMATS, Layout, decode, read_layout

# Number of samples from evenly spaced traces that determine the clip limits.
CLIP_SAMPLES = 1 << 21

# A null value makes up more than this share of the samples and exceeds the 99.9th percentile of the
# other magnitudes by this factor.
NULL_SHARE, NULL_FACTOR = 1e-3, 5.0


def segy_to_binary(
    path: Path,
    output: Path,
    where: HeaderBytes,
    attribute: str = "image",
    domain: str = "time",
    expected: Shape | None = None,
) -> None:
    """Convert a SEG-Y survey to a raw volume with its sidecar.

    Null traces take part in nothing: the sidecar marks them as dead, like missing ones, and both
    are written as zeros. Null are traces with the identification code of a dead trace, constant
    traces of an image, and constant traces with headers that do not fit. Samples with a null value
    (such as -999.25), NaN and infinite samples are set to zero. All are counted and reported.

    Args:
        path: SEG-Y file.
        output: Raw volume to write.
        where: Byte positions of line numbers and coordinates.
        attribute: image, or the attribute that the samples hold.
        domain: time or depth.
        expected: Size to require, if known.

    Raises:
        StrataflowError: The file is damaged, is not a post-stack 3D survey, differs in size from
            `expected`, or is an image with constant amplitudes.
    """
    layout = read_layout(path)
    grid, notes = find_grid(layout, where)
    shape = grid.shape
    if expected and expected != shape:
        raise StrataflowError(f"{path}: size {expected} given, but the file has {shape}")
    require_free_space(output.parent, shape.n_bytes)
    geometry = survey_geometry(layout, grid, domain)
    null = geometry.null
    looked_at = _spread_live(layout, null)
    filler = null_value(looked_at)
    statistics = RunningStatistics(*_clip_limits(looked_at, filler))
    live = np.zeros(shape.n3 * shape.n2, bool)
    kind = "<i4" if attribute in WHOLE_NUMBERS else "<f4"
    filled = 0
    with (
        written_whole(sidecar_path(output), output) as (beside, raw),
        ThreadPoolExecutor(1) as writer,
    ):
        with open(raw, "wb") as stream:
            stream.truncate(shape.n_bytes)
            written: Future[None] | None = None
            for start, block in layout.blocks():
                samples = decode(block["samples"], layout.format, layout.byte_order)
                part = slice(start, start + len(block))
                alive = ~null[part]
                # Labels may be constant throughout a trace without being dead.
                if attribute in ("image", "dhr"):
                    alive &= ~is_constant(samples)
                null[part] = ~alive
                samples[~alive] = 0
                if filler is not None:
                    filled += _blank(samples, filler)
                statistics.clean(samples)
                statistics.add(samples if alive.all() else samples[alive])
                placed = grid.place[part] >= 0
                live[grid.place[part][placed]] = alive[placed]
                if written:
                    written.result()
                values = samples[placed].astype(kind, copy=False)
                written = writer.submit(_write, stream, values, grid.place[part][placed])
            if written:
                written.result()
        if attribute == "image":
            statistics.require_contrast(str(path))
        sidecar = Sidecar(
            attribute=attribute,
            shape=shape,
            domain=domain,
            axes=geometry.axes,
            corners=geometry.corners,
            source={
                "segy": str(path),
                "format": FORMATS[layout.format][0],
                "revision": layout.revision,
                "byte_order": "big" if layout.byte_order == ">" else "little",
                "header_bytes": asdict(grid.where),
                "traces": layout.traces,
                "null_traces": int(np.count_nonzero(null)),
                "bad_samples": statistics.bad,
                "null_value": filler,
                "null_samples": filled,
            },
            amplitudes=statistics.result() if statistics.count else None,
            live=live.reshape(shape.n3, shape.n2),
        )
        write_sidecar(beside, sidecar, raw)
    missing = shape.n3 * shape.n2 - int(np.count_nonzero(grid.place >= 0))
    dead = np.count_nonzero(~live)
    print(f"{path}: {shape}, {layout.traces} traces, {missing} missing, {dead} dead or missing")
    notes += geometry.notes
    if null.any():
        notes.append(
            f"{np.count_nonzero(null)} null traces (coded as dead or constant) take no part"
        )
    if filled:
        notes.append(f"{filled} samples with the null value {filler:g} set to 0")
    if layout.coordinate_unit in ANGULAR_UNITS.values():
        notes.append(f"coordinates in {layout.coordinate_unit}: distances are not lengths")
    if statistics.bad:
        notes.append(f"{statistics.bad} NaN or infinite samples set to 0")
    for note in notes:
        print(f"{path}: {note}")


def spread_traces(layout: Layout) -> NDArray[np.float32]:
    """Samples (traces, n1) of evenly spaced traces, at most CLIP_SAMPLES samples in total."""
    step = _stride(layout)
    return decode(np.array(layout.map()["samples"][::step]), layout.format, layout.byte_order)


def _stride(layout: Layout) -> int:
    """Every how many traces `spread_traces` takes one."""
    return -(-layout.traces * layout.n1 // CLIP_SAMPLES)


def null_value(traces: NDArray[np.float32]) -> float | None:
    """A value that stands for missing samples within live traces, such as -999.25 or 1e30.

    It repeats exactly and lies far outside the other values. None if there is none.

    Args:
        traces: Live traces (N, n1).
    """
    values = traces[np.isfinite(traces) & (traces != 0)]
    unique, counts = np.unique(values, return_counts=True)
    often = unique[counts > max(NULL_SHARE * values.size, 8)]
    for value in (often[0], often[-1]) if often.size else ():
        others = np.abs(values[values != value])
        if others.size and abs(value) > NULL_FACTOR * np.percentile(others, 99.9):
            return float(value)
    return None


def _spread_live(layout: Layout, null: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Those of `spread_traces` that are neither null nor constant."""
    traces = spread_traces(layout)
    alive = ~null[:: _stride(layout)]
    return traces[alive & ~is_constant(traces)]


def _clip_limits(traces: NDArray[np.float32], filler: float | None) -> tuple[float, float]:
    """Clip limits from live `traces` (N, n1), without the null value `filler`."""
    finite = traces[np.isfinite(traces)]
    if filler is not None:
        finite = finite[finite != np.float32(filler)]
    return clip_limits(finite) if finite.size else (0.0, 0.0)


def _blank(samples: NDArray[np.float32], filler: float) -> int:
    """Set samples with the null value to 0 in place, and count them."""
    missing = samples == np.float32(filler)
    samples[missing] = 0
    return int(np.count_nonzero(missing))


def _write(stream: BinaryIO, samples: NDArray, place: NDArray[np.int64]) -> None:
    """Write traces (N, n1) to their grid positions in a raw volume, adjacent ones together."""
    if (np.diff(place) <= 0).any():
        order = np.argsort(place)
        samples, place = samples[order], place[order]
    ends = [*(np.flatnonzero(np.diff(place) != 1) + 1).tolist(), place.size]
    begin = 0
    stride = samples[0].nbytes
    for end in ends:
        stream.seek(int(place[begin]) * stride)
        stream.write(samples[begin:end].data)
        begin = end
    stream.flush()
    begin_writeback(stream, int(place[0]) * stride, int(place[-1] - place[0] + 1) * stride)
