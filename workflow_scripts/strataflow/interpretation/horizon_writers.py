"""Picked horizons as tables, Irap classic grids, OpendTect ASCII and meshes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import surfio
from numpy.typing import NDArray

from ..errors import StrataflowError
from ..volume.raw import Array
from ..volume.sidecar import Sidecar
from .fault_tables import rounded
from .horizons import PickedHorizon
from .meshes import Mesh, quads

# Maximum cosine of the angle between the axes of an Irap grid, which must be rectangular.
IRAP_TOLERANCE = 0.05

# Decimals of times and depths, and significant digits of amplitudes, in the table.
DECIMALS, DIGITS = 3, 6

# Maximum number of vertices of a mesh along each axis.
MAX_VERTICES = 512

Amplitudes = Sequence[Mapping[str, Array]]


def horizon_table(
    horizons: Sequence[PickedHorizon], amplitudes: Amplitudes, sidecar: Sidecar
) -> pd.DataFrame:
    """A row a live trace: its place, and time or depth and amplitudes of each horizon."""
    i3, i2 = np.nonzero(sidecar.live)
    places = sidecar.places(np.stack([i3, i2, np.zeros_like(i3)]))
    places.pop(sidecar.domain)
    columns: dict[str, NDArray] = dict(places)
    for horizon in horizons:
        columns[horizon.name] = horizon.depths(sidecar)[i3, i2].round(DECIMALS)
    for horizon, values in zip(horizons, amplitudes, strict=False):
        for name, grid in values.items():
            columns[f"{horizon.name}_{name}"] = _to_digits(grid[i3, i2])
    return rounded(pd.DataFrame(columns), sidecar)


def _to_digits(values: NDArray) -> NDArray[np.float64]:
    """Amplitudes of any size to DIGITS significant digits."""
    wide = values.astype(np.float64)
    size = np.floor(np.log10(np.abs(wide), where=wide != 0, out=np.zeros_like(wide)))
    digits = 10.0 ** np.maximum(DIGITS - 1 - size, 0)
    unit = 10.0 ** np.maximum(size - DIGITS + 1, 0)
    return np.round(wide * digits / unit) * unit / digits


def horizon_index(horizons: Sequence[PickedHorizon], sidecar: Sidecar) -> pd.DataFrame:
    """A row a horizon: its RGT, its times or depths, and how well it meets its control."""
    unit, live = sidecar.axes[2].unit, max(int(sidecar.live.sum()), 1)
    rows = []
    for horizon in horizons:
        depth = horizon.depths(sidecar)[np.isfinite(horizon.samples)]
        low, mean, high = (depth.min(), depth.mean(), depth.max()) if depth.size else [np.nan] * 3
        control = horizon.level.control
        away = _misfit(horizon) * abs(sidecar.axes[2].step) if control else np.empty(0)
        rows.append(
            {
                "horizon": horizon.name,
                "name": control.name if control else "",
                "rgt": horizon.level.rgt,
                f"mean_{sidecar.domain}_{unit}": mean,
                f"minimum_{sidecar.domain}_{unit}": low,
                f"maximum_{sidecar.domain}_{unit}": high,
                "traces": depth.size,
                "share": depth.size / live,
                "broken_share": horizon.broken.sum() / live,
                "control_points": len(control.points) if control else 0,
                f"misfit_mean_{unit}": away.mean() if away.size else np.nan,
                f"misfit_maximum_{unit}": away.max() if away.size else np.nan,
            }
        )
    return pd.DataFrame(rows).round(5)


def _misfit(horizon: PickedHorizon) -> NDArray[np.float64]:
    """Samples between a horizon and the points of its control, where it is defined."""
    assert horizon.level.control is not None
    points = horizon.level.control.points.astype(np.float64)
    i3, i2 = np.rint(points[:, :2]).astype(np.int64).T
    away = np.abs(horizon.samples[i3, i2] - points[:, 2])
    return np.asarray(away[np.isfinite(away)], np.float64)


def write_irap(path: Path, horizon: PickedHorizon, sidecar: Sidecar) -> None:
    """Write a horizon as an Irap classic grid (ASCII), that of a 2D line as Irap classic points.

    Irap requires a right-handed grid, so columns run along n2 or n3, depending on the survey.

    Raises:
        StrataflowError: The grid is not rectangular.
    """
    if sidecar.is_line:
        path.write_text(_points(horizon.depths(sidecar)[0], sidecar))
        return
    origin, step3, step2 = sidecar.map_lattice()
    depth = horizon.depths(sidecar)
    turn = step2[0] * step3[1] - step2[1] * step3[0]
    # y must point to the left of x.
    x, y, grid = (step2, step3, depth.T) if turn >= 0 else (step3, step2, depth)
    if abs(float(x @ y)) > IRAP_TOLERANCE * float(np.hypot(*x) * np.hypot(*y)):
        raise StrataflowError(
            "horizons: inlines and crosslines are not at right angles, as Irap grids require; leave"
            " irap out of export.horizon_formats"
        )
    columns, rows = grid.shape
    spacing = float(np.hypot(*x)) or 1.0, float(np.hypot(*y)) or 1.0
    header = surfio.IrapHeader(
        ncol=columns,
        nrow=rows,
        xori=float(origin[0]),
        yori=float(origin[1]),
        xmax=float(origin[0] + (columns - 1) * spacing[0]),
        ymax=float(origin[1] + (rows - 1) * spacing[1]),
        xinc=spacing[0],
        yinc=spacing[1],
        rot=float(np.degrees(np.arctan2(x[1], x[0]))),
        xrot=float(origin[0]),
        yrot=float(origin[1]),
    )
    surfio.IrapSurface(header, grid.astype(np.float32)).to_ascii_file(path)


def _points(depth: NDArray[np.float64], sidecar: Sidecar) -> str:
    """Irap classic points of the horizon (n2,) of a 2D line: x, y and z, one point per line."""
    known = np.flatnonzero(np.isfinite(depth))
    x, y = sidecar.map_places(np.stack([0 * known, known, 0 * known]))
    rows = zip(x, y, depth[known], strict=True)
    return "".join(f"{east:.2f} {north:.2f} {down:.4f}\n" for east, north, down in rows)


def write_opendtect(path: Path, horizon: PickedHorizon, sidecar: Sidecar) -> None:
    """Write the defined nodes of a horizon as OpendTect's ASCII: inline, crossline and z.

    x and y follow the lines if the survey has coordinates. The header names the columns as
    OpendTect does in its exports.
    """
    i3, i2 = np.nonzero(np.isfinite(horizon.samples))
    places = sidecar.places(np.stack([i3, i2, horizon.samples[i3, i2]]))
    names = dict(zip(sidecar.axis_names[:2], ("Inline", "Crossline"), strict=True))
    names |= {"x": "X", "y": "Y"} if sidecar.corners else {}
    names[sidecar.domain] = f"Z ({sidecar.axes[2].unit})"
    with open(path, "w") as stream:
        for number, name in enumerate(names.values(), start=1):
            stream.write(f"# {number}: {name}\n")
        stream.write("# - - - - - - - - - -\n")
        row = "\t".join(["%.10g"] * len(names)) + "\n"
        columns = (places[name].tolist() for name in names)
        stream.writelines(row % values for values in zip(*columns, strict=True))


def horizon_mesh(
    number: int, horizon: PickedHorizon, amplitudes: Mapping[str, Array], sidecar: Sidecar
) -> Mesh:
    """Triangles of a horizon, with holes where any trace between the vertices is undefined."""
    inside = np.isfinite(horizon.samples)
    steps = [-(-n // MAX_VERTICES) for n in inside.shape]
    i3, i2 = (np.arange(0, n, step) for n, step in zip(inside.shape, steps, strict=True))
    corners = quads(_whole(inside, i3, i2), inside[np.ix_(i3, i2)])
    used, flat = np.unique(corners, return_inverse=True)
    flat = flat.reshape(corners.shape)
    a, b = i3[used // i2.size], i2[used % i2.size]
    origin, step3, step2 = sidecar.map_lattice()
    places = origin + a[:, None] * step3 + b[:, None] * step2
    data = {"rgt": np.full(used.size, horizon.level.rgt)}
    data[sidecar.domain] = horizon.depths(sidecar)[a, b]
    data |= {name: grid[a, b].astype(np.float64) for name, grid in amplitudes.items()}
    return Mesh(
        number,
        np.column_stack([places, horizon.depths(sidecar)[a, b]]),
        np.concatenate([flat[:, [0, 1, 2]], flat[:, [0, 2, 3]]]),
        data,
    )


def _whole(
    inside: NDArray[np.bool_], i3: NDArray[np.int64], i2: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Squares (len(i3) - 1, len(i2) - 1) between vertices in which all traces are `inside`."""
    if min(i3.size, i2.size) < 2:
        return np.zeros((max(i3.size - 1, 0), max(i2.size - 1, 0)), bool)
    missing = np.pad(np.cumsum(np.cumsum(~inside, axis=0), axis=1), ((1, 0), (1, 0)))
    a0, a1, b0, b1 = i3[:-1, None], i3[1:, None] + 1, i2[:-1], i2[1:] + 1
    return np.asarray(missing[a1, b1] - missing[a0, b1] - missing[a1, b0] + missing[a0, b0] == 0)
