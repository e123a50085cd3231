"""Flattened volumes: amplitudes over geologic time, and with one horizon flat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from ..errors import StrataflowError
from ..figures.flattened import draw_flattened
from ..files import require_free_space, written_whole
from ..volume.raw import Array
from ..volume.sidecar import sidecar_path, write_sidecar
from ..volume.tables import read_horizons
from ..volume.volume import Volume, require_same_shape
from .horizon_amplitudes import cubic
from .horizon_names import horizon_names
from .horizons import gap_growth


def flatten_by_time(image: Volume, rgt: Volume, output: Path) -> None:
    """Write the amplitudes over geologic time, as in a Wheeler diagram.

    Sample k of `output` has the RGT k / (n1 - 1). It is 0 where a trace does not contain that time,
    and where the time is missing at a fault or an unconformity.

    Args:
        image: Amplitudes.
        rgt: RGT of the same size.
        output: Raw volume to write; a picture goes beside it as `output`.png.

    Raises:
        StrataflowError: The volumes differ in size.
    """
    require_same_shape(rgt, image)
    limit = gap_growth(rgt.values, image.sidecar.live)
    levels = np.linspace(0, 1, image.shape.n1)
    about = f"sample k has the geologic time k / {image.shape.n1 - 1}"
    places = (_places_of_levels(np.asarray(plane), levels, limit) for plane in rgt.values)
    _write(image, places, output, about)


def _places_of_levels(time: Array, levels: NDArray[np.float64], limit: float) -> Array:
    """Samples at which traces (n2, n1) have RGT `levels`, NaN where they do not."""
    growing = np.maximum.accumulate(time, axis=1)
    samples = np.arange(time.shape[1])
    gaps = np.diff(growing, axis=1) > limit
    result = np.empty((time.shape[0], levels.size), np.float32)
    for trace, values, gap in zip(result, growing, gaps, strict=True):
        trace[:] = np.interp(levels, values, samples, left=np.nan, right=np.nan)
        if gap.any():
            above = np.floor(np.nan_to_num(trace)).astype(np.int64).clip(0, gap.size - 1)
            trace[gap[above] & (trace > above)] = np.nan
    return result


def flatten_on_horizon(image: Volume, table: Path, number: int, output: Path) -> None:
    """Write the amplitudes with a horizon moved to its mean time or depth on each trace.

    Where the horizon is undefined, a trace moves as the nearest one on which it is.

    Args:
        image: Amplitudes.
        table: Table of horizons, PREFIX.horizons.csv.
        number: Number of the horizon.
        output: Raw volume to write; a picture goes beside it as `output`.png.

    Raises:
        StrataflowError: The table is missing, is of another survey, or does not have the horizon.
    """
    sidecar = image.sidecar
    name = horizon_names(number)[-1]
    _, (samples,) = read_horizons(table, sidecar, [name])
    if not np.isfinite(samples).any():
        raise StrataflowError(
            f"{table}: {name}: undefined everywhere, so nothing can be flat on it"
        )
    mean = float(np.nanmean(samples))
    nearest = distance_transform_edt(
        ~np.isfinite(samples), return_distances=False, return_indices=True
    )
    moved = samples[tuple(nearest)] - mean
    axis = sidecar.axes[2]
    about = f"{name} is flat at {axis.first + axis.step * mean:.1f} {axis.unit}"
    depth = np.arange(image.shape.n1, dtype=np.float32)
    places = (_within(depth + plane[:, None], depth[-1]) for plane in moved)
    _write(image, places, output, about)


def _within(places: Array, last: float) -> Array:
    """Samples (n2, n1), NaN outside of the trace."""
    return np.where((places >= 0) & (places <= last), places, np.float32(np.nan))


def _write(image: Volume, places: Iterator[Array], output: Path, about: str) -> None:
    """Write the amplitudes at `places` (n2, n1) in samples of each inline, and a picture."""
    shape, live = image.shape, image.sidecar.live
    require_free_space(output.parent, shape.n_bytes)
    traces = np.arange(shape.n2)[:, None]
    with written_whole(sidecar_path(output), output) as (beside, raw):
        with open(raw, "wb") as stream:
            for plane, at, alive in zip(image.values, places, live, strict=True):
                known = np.isfinite(at) & alive[:, None]
                moved = cubic(np.asarray(plane), traces, np.where(known, at, 0))
                np.where(known, moved, 0).astype("<f4").tofile(stream)
        sidecar = image.sidecar.of_attribute(output.suffix[1:])
        sidecar = replace(sidecar, source=sidecar.source | {"flattened": about})
        write_sidecar(beside, sidecar, raw)
    draw_flattened(image, output, about)
