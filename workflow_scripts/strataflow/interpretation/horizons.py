"""Horizons: surfaces of constant RGT, as tables and as Irap grids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import StrataflowError
from ..files import written_whole
from ..volume.raw import Array, Shape
from ..volume.volume import Sidecar, open_volume
from .fault_tables import rounded

COUNT = 10

# Values per line, and the value of an undefined node, in an Irap grid.
IRAP_ROW, IRAP_UNDEFINED = 6, 9999900.0

# Maximum cosine of the angle between the axes of an Irap grid, which must be rectangular.
IRAP_TOLERANCE = 0.05


def pick_horizons(rgt: Path, output: Path, count: int = COUNT, shape: Shape | None = None) -> None:
    """Pick horizons at evenly spaced mean depths.

    Writes `output`.horizons.csv with one row per trace and one column per horizon, and an Irap
    classic grid `output`.horizon_NN.irap for each horizon. Of a 2D line that file holds Irap
    classic points.

    Args:
        rgt: Raw volume of RGT.
        output: PREFIX of the files to write.
        count: Number of horizons.
        shape: Size of the volume; required without a sidecar.

    Raises:
        StrataflowError: RGT does not increase downward, or the grid is not rectangular.
    """
    volume = open_volume(rgt, shape, "rgt")
    sidecar = volume.sidecar
    levels = horizon_levels(volume.values, sidecar.live, count)
    depths = follow(volume.values, levels, sidecar)
    i3, i2 = np.nonzero(sidecar.live)
    places = sidecar.places(np.stack([i3, i2, np.zeros_like(i3)]))
    places.pop(sidecar.domain)
    names = horizon_names(count)
    picked = dict(zip(names, depths[:, i3, i2].astype(np.float64).round(3), strict=True))
    table = rounded(pd.DataFrame(places | picked), sidecar)
    output.parent.mkdir(parents=True, exist_ok=True)
    grids = [Path(f"{output}.{name}.irap") for name in names]
    with written_whole(Path(f"{output}.horizons.csv"), *grids) as (csv, *paths):
        table.to_csv(csv, index=False)
        for path, depth in zip(paths, depths, strict=True):
            text = point_text(depth[0], sidecar) if sidecar.is_line else irap_text(depth, sidecar)
            path.write_text(text)


def horizon_names(count: int) -> list[str]:
    """Names of `count` horizons, shallowest first."""
    return [f"horizon_{number:02d}" for number in range(1, count + 1)]


def horizon_levels(rgt: Array, live: NDArray[np.bool_], count: int) -> Array:
    """RGT values (count,) at evenly spaced mean depths.

    Args:
        rgt: RGT (n3, n2, n1).
        live: Live traces, bool (n3, n2).
        count: Number of horizons.

    Raises:
        StrataflowError: RGT does not increase downward.
    """
    thin = max(rgt.shape[0] // 64, 1), max(rgt.shape[1] // 64, 1)
    some = rgt[:: thin[0], :: thin[1]][live[:: thin[0], :: thin[1]]]
    mean = some.mean(axis=0, dtype=np.float64) if some.size else np.zeros(rgt.shape[2])
    if mean.size < 2 or mean[-1] <= mean[0]:
        raise StrataflowError("rgt: does not increase downward, so horizons cannot be picked")
    growing = np.maximum.accumulate(mean)
    at = np.linspace(0, mean.size - 1, count + 2)[1:-1]
    return np.interp(at, np.arange(mean.size), growing).astype(np.float32)


def follow(rgt: Array, levels: Array, sidecar: Sidecar) -> Array:
    """Time or depth at which RGT reaches each level.

    Args:
        rgt: RGT (n3, n2, n1).
        levels: RGT values of the horizons.
        sidecar: Geometry of the volume.

    Returns:
        Time or depth (levels, n3, n2); NaN on dead traces and where the volume does not contain
        the horizon.
    """
    axis = sidecar.axes[2]
    depths = np.full((levels.size, *rgt.shape[:2]), np.nan, np.float32)
    for i3, plane in enumerate(rgt):
        values = np.asarray(plane)
        for number, level in enumerate(levels):
            traces, above, part = crossings(values, level)
            depths[number, i3, traces] = axis.first + axis.step * (above + part)
    depths[:, ~sidecar.live] = np.nan
    return depths


def crossings(time: Array, level: float) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
    """Find the first sample interval of each trace in which RGT crosses a level.

    Args:
        time: RGT (N, n1).
        level: RGT value.

    Returns:
        Indices of the traces with a crossing, the last sample above it, and the fraction of the
        way to the next sample.
    """
    reached = time >= level
    at = reached.argmax(axis=1)
    traces = np.flatnonzero(reached.any(axis=1) & (at > 0))
    at = at[traces]
    first, second = time[traces, at - 1], time[traces, at]
    return traces, at - 1, (level - first) / np.maximum(second - first, 1e-12)


def point_text(depth: Array, sidecar: Sidecar) -> str:
    """Format the horizon of a 2D line as Irap classic points: x, y and z, one point per line.

    Args:
        depth: Time or depth (n2,), NaN where undefined.
        sidecar: Geometry of the line. Without coordinates x is the CDP, y the number of the line.
    """
    known = np.flatnonzero(np.isfinite(depth))
    x, y = sidecar.map_places(np.stack([0 * known, known, 0 * known]))
    rows = zip(x, y, depth[known], strict=True)
    return "".join(f"{east:.2f} {north:.2f} {down:.4f}\n" for east, north, down in rows)


def irap_text(depth: Array, sidecar: Sidecar) -> str:
    """Format a horizon as an Irap classic grid.

    Irap requires a right-handed grid, so columns run along n2 or n3, depending on the survey.

    Args:
        depth: Time or depth (n3, n2), NaN where undefined.
        sidecar: Geometry of the volume.

    Raises:
        StrataflowError: The grid is not rectangular.
    """
    origin, step3, step2 = sidecar.map_lattice()
    turn = step2[0] * step3[1] - step2[1] * step3[0]
    # y must point to the left of x.
    x, y, grid = (step2, step3, depth) if turn >= 0 else (step3, step2, depth.T)
    if abs(float(x @ y)) > IRAP_TOLERANCE * float(np.hypot(*x) * np.hypot(*y)):
        raise StrataflowError(
            "horizons: inlines and crosslines are not at right angles, as Irap grids require"
        )
    rows, columns = grid.shape
    spacing = np.hypot(*x) or 1.0, np.hypot(*y) or 1.0
    rotation = float(np.degrees(np.arctan2(x[1], x[0])))
    end = origin + np.array([(columns - 1) * spacing[0], (rows - 1) * spacing[1]])
    header = [
        f"-996 {rows} {spacing[0]:.6f} {spacing[1]:.6f}",
        f"{origin[0]:.6f} {end[0]:.6f} {origin[1]:.6f} {end[1]:.6f}",
        f"{columns} {rotation:.6f} {origin[0]:.6f} {origin[1]:.6f}",
        "0 0 0 0 0 0 0",
    ]
    values = np.where(np.isfinite(grid), grid, IRAP_UNDEFINED).ravel()
    lines = [
        " ".join(f"{value:.4f}" for value in values[first : first + IRAP_ROW])
        for first in range(0, values.size, IRAP_ROW)
    ]
    return "\n".join([*header, *lines]) + "\n"
