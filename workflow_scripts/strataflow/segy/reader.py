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
from ..volume.raw import Shape
from ..volume.volume import HeaderBytes, Sidecar, sidecar_path, write_sidecar
from .geometry import DEFAULT_INTERVAL, HeaderSums
from .grid import scan
from .layout import ANGULAR_UNITS, FORMATS, Layout, decode, read_layout

# Number of samples from evenly spaced traces that determine the clip limits.
CLIP_SAMPLES = 1 << 21


def segy_to_binary(
    path: Path,
    output: Path,
    where: HeaderBytes,
    attribute: str = "image",
    domain: str = "time",
    expected: Shape | None = None,
) -> None:
    """Convert a SEG-Y survey to a raw volume with its sidecar.

    The sidecar marks traces as dead if they are missing, have the trace identification code of a
    dead trace or, for images, contain only zeros. Missing traces are written as zeros. NaN and
    infinite samples are set to zero and counted.

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
    grid = scan(layout, where)
    shape = grid.shape
    if expected and expected != shape:
        raise StrataflowError(f"{path}: size {expected} given, but the file has {shape}")
    require_free_space(output.parent, shape.n_bytes)
    statistics = RunningStatistics(*_clip_limits(layout))
    headers = HeaderSums(layout, grid, where)
    live = np.zeros(shape.n3 * shape.n2, bool)
    with (
        written_whole(sidecar_path(output), output) as (beside, raw),
        ThreadPoolExecutor(1) as writer,
    ):
        with open(raw, "wb") as stream:
            stream.truncate(shape.n_bytes)
            written: Future[None] | None = None
            for start, block in layout.blocks():
                samples = decode(block["samples"], layout.format, layout.byte_order)
                place = grid.place[start : start + len(block)]
                alive = headers.add(block["header"], place, start)
                statistics.clean(samples)
                # Traces of labels may be zero throughout without being dead.
                if attribute in ("image", "dhr"):
                    alive &= samples.any(axis=1)
                live[place] = alive
                statistics.add(samples if alive.all() else samples[alive])
                if written:
                    written.result()
                written = writer.submit(_write, stream, samples, place)
            if written:
                written.result()
        if attribute == "image":
            statistics.require_contrast(str(path))
        sidecar = Sidecar(
            attribute=attribute,
            shape=shape,
            domain=domain,
            axes=headers.axes(domain),
            corners=headers.corners(),
            source={
                "segy": str(path),
                "format": FORMATS[layout.format][0],
                "revision": layout.revision,
                "byte_order": "big" if layout.byte_order == ">" else "little",
                "header_bytes": asdict(where),
                "traces": layout.traces,
                "bad_samples": statistics.bad,
            },
            amplitudes=statistics.result() if statistics.count else None,
            live=live.reshape(shape.n3, shape.n2),
        )
        write_sidecar(beside, sidecar, raw)
    missing = shape.n3 * shape.n2 - layout.traces
    dead = np.count_nonzero(~live)
    print(f"{path}: {shape}, {layout.traces} traces, {missing} missing, {dead} dead or missing")
    if not layout.interval:
        assumed = f"{DEFAULT_INTERVAL / 1000:g} {sidecar.axes[2].unit}"
        print(f"{path}: no sample interval in the headers, assuming {assumed}")
    if layout.coordinate_unit in ANGULAR_UNITS.values():
        print(f"{path}: coordinates in {layout.coordinate_unit}: distances are not lengths")
    if statistics.bad:
        print(f"{path}: {statistics.bad} NaN or infinite samples set to 0")


def spread_traces(layout: Layout) -> NDArray[np.float32]:
    """Samples (traces, n1) of evenly spaced traces, at most CLIP_SAMPLES samples in total."""
    step = -(-layout.traces * layout.n1 // CLIP_SAMPLES)
    return decode(np.array(layout.map()["samples"][::step]), layout.format, layout.byte_order)


def _clip_limits(layout: Layout) -> tuple[float, float]:
    """Clip limits from evenly spaced live traces."""
    traces = spread_traces(layout)
    finite = traces[np.isfinite(traces) & (traces != 0).any(axis=1, keepdims=True)]
    return clip_limits(finite) if finite.size else (0.0, 0.0)


def _write(stream: BinaryIO, samples: NDArray[np.float32], place: NDArray[np.int64]) -> None:
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
