"""Tables of picked faults: a row a fault, a row a voxel, and throws along the strike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..volume.orientation import strike_dip_from_normal
from ..volume.sidecar import Sidecar
from .fault_ground import Ground, dips, strikes
from .fault_voxels import PickedVoxels, no_voxels
from .surfaces import Surface, frame_of
from .throw_quality import MIN_QUALITY

# Cells, and the part of all, that must have good throws before a fault has one.
MIN_GOOD, MIN_GOOD_PART = 20, 0.03

# Decimals of numbers in tables; line numbers are written in full.
DECIMALS = {"x": 2, "y": 2, "time": 3, "depth": 3}

# Units of coordinates that are angles, which need more decimals.
ANGULAR, ANGULAR_DECIMALS = ("degree", "arcsec", "dms"), 7

# Columns along u that a row of a throw profile stands for.
PROFILE_STEP = 4


def fault_name(number: int) -> str:
    """Name of a fault in all files."""
    return f"fault_{number}"


def fault_table(
    surfaces: Sequence[Surface], voxels: PickedVoxels, sidecar: Sidecar, ground: Ground
) -> pd.DataFrame:
    """A row a fault: size, mean orientation on the ground, throw and extent.

    Lengths are in the unit of the lateral axes, throws in that of the vertical axis. In a time
    survey without a velocity the height is a time, the dip a slope, and there is no area but that
    in voxel faces.
    """
    rows = [
        _row(number, surface, voxels.of(number), sidecar, ground)
        for number, surface in enumerate(surfaces, start=1)
    ]
    empty = not rows
    if empty:
        rows = [_row(0, _NOTHING, no_voxels(1), sidecar, ground)]
    table = rounded(pd.DataFrame(rows), sidecar)
    return table[:0] if empty else table


def _row(
    number: int, surface: Surface, voxels: PickedVoxels, sidecar: Sidecar, ground: Ground
) -> dict[str, object]:
    normal = ground.mean_normal(surface)
    row: dict[str, object] = {"name": fault_name(number), "fault": number}
    row["voxels"] = voxels.key.size
    if not ground.is_line:
        row["area_voxels"] = round(surface.area, 1)
    row |= _sizes(surface, normal, ground)
    row |= _orientation(surface, normal, ground)
    row |= _throws(surface, sidecar)
    row["mean_probability"] = round(float(surface.probability[surface.inside].mean()), 4)
    return row | _extent(voxels, sidecar)


def _sizes(surface: Surface, normal: NDArray[np.float64], ground: Ground) -> dict[str, float]:
    """Length along strike, height down the dip and area; the height alone on a 2D line."""
    places = np.tensordot(ground.steps, surface.points()[:, surface.inside], 1)
    across = np.hypot(normal[0], normal[1])
    strike = np.array([normal[1], -normal[0], 0.0]) / across if across > 1e-6 else np.eye(3)[0]
    unit = ground.lateral
    sizes = {f"length_{unit}": round(float(np.ptp(strike @ places)), 1)}
    if ground.is_line:
        sizes = {}
    if not ground.has_depth:
        return sizes | {f"height_{ground.vertical}": round(float(np.ptp(places[2])), 1)}
    sizes[f"height_{unit}"] = round(float(np.ptp(np.cross(strike, normal) @ places)), 1)
    if ground.is_line:
        return sizes
    area = float(ground.areas(surface)[surface.inside].sum())
    return sizes | {f"area_{unit}2": round(area, 0)}


def _orientation(
    surface: Surface, normal: NDArray[np.float64], ground: Ground
) -> dict[str, float | str]:
    """Strike, dip and its azimuth on the ground; strike and dip on the grid of voxels.

    Of a 2D line the apparent dip, and the side that it falls to.
    """
    if ground.is_line:
        down = "higher" if normal[0] > 0 else "lower"
        dip = round(float(dips(normal, ground)), 3)
        return {ground.dip_column: dip, "dips_toward": f"{down} CDP"}
    strike = float(strikes(normal))
    grid = surface.normals()[:, surface.inside].mean(axis=1)
    grid_strike, grid_dip = strike_dip_from_normal(grid[:, None])
    angles = {
        "strike": round(strike, 1) % 360,
        ground.dip_column: round(float(dips(normal, ground)), 3),
        "dip_azimuth": round((strike + 90) % 360, 1) % 360,
    }
    if not ground.has_azimuth:
        angles = {ground.dip_column: angles[ground.dip_column]}
    return {
        **angles,
        "grid_strike": round(float(grid_strike[0]), 1),
        "grid_dip": round(float(grid_dip[0]), 1),
    }


def _throws(surface: Surface, sidecar: Sidecar) -> dict[str, object]:
    """Sense and statistics of the throws that are good enough, in the unit of the vertical axis."""
    unit, step = sidecar.axes[2].unit, abs(sidecar.axes[2].step)
    names = [f"throw_{what}_{unit}" for what in ("mean", "minimum", "maximum")]
    there = surface.inside & np.isfinite(surface.throw)
    quality = float(surface.quality[there].mean()) if there.any() else 0.0
    good = there & (surface.quality >= MIN_QUALITY)
    found: dict[str, object] = {"sense": "", **dict.fromkeys(names, np.nan)}
    if good.sum() >= max(MIN_GOOD, MIN_GOOD_PART * surface.inside.sum()):
        throw = surface.throw[good] * step
        found["sense"] = "normal" if throw.mean() >= 0 else "reverse"
        statistics = throw.mean(), throw.min(), throw.max()
        found |= {n: round(float(s), 2) for n, s in zip(names, statistics, strict=True)}
    return found | {"throw_quality": round(quality, 3)}


def _extent(voxels: PickedVoxels, sidecar: Sidecar) -> dict[str, object]:
    """First and last lines, times or depths, and coordinates."""
    at = np.stack(np.unravel_index(voxels.key, sidecar.shape.array))
    found: dict[str, object] = {}
    for name, values in sidecar.places(at).items():
        low, high = (values.min(), values.max()) if values.size else (np.nan, np.nan)
        found |= {f"{name}_from": float(low), f"{name}_to": float(high)}
    return found


def rounded(table: pd.DataFrame, sidecar: Sidecar) -> pd.DataFrame:
    """`table` with places to DECIMALS, and line numbers whole where they are.

    Without coordinates in the survey it has no columns x and y.
    """
    result = table.copy()
    angular = sidecar.axes[1].unit in ANGULAR
    for column in table.columns:
        name = column.removesuffix("_from").removesuffix("_to")
        if name in ("x", "y") and not sidecar.corners:
            result = result.drop(columns=column)
        elif name in DECIMALS:
            decimals = ANGULAR_DECIMALS if angular and name in ("x", "y") else DECIMALS[name]
            result[column] = table[column].round(decimals)
        elif name in ("inline", "crossline", *sidecar.axis_names[:2]):
            values = table[column].round(4)
            whole = bool((values == values.round()).all())
            result[column] = values.astype(np.int64) if whole else values
    return result


def write_points(
    path: Path, surfaces: Sequence[Surface], voxels: PickedVoxels, sidecar: Sidecar
) -> None:
    """Write a row a voxel, fault by fault; strike and dip are those on the grid of voxels."""
    with open(path, "w") as stream:
        for number, surface in enumerate(surfaces, start=1):
            mine = voxels.of(number)
            _points(number, surface, mine, sidecar).to_csv(stream, index=False, header=number == 1)
        if not surfaces:
            _points(0, _NOTHING, no_voxels(0), sidecar).to_csv(stream, index=False)


def _points(number: int, surface: Surface, voxels: PickedVoxels, sidecar: Sidecar) -> pd.DataFrame:
    at = np.stack(np.unravel_index(voxels.key, sidecar.shape.array))
    normals = surface.normals().reshape(3, -1)[:, voxels.cell]
    strike, dip = strike_dip_from_normal(normals)
    angles = {"strike": strike.round(2), "dip": dip.round(2)}
    if sidecar.is_line:
        angles = {"apparent_dip": angles["dip"]}
    table = pd.DataFrame(
        {
            "fault": np.full(voxels.key.size, number),
            **sidecar.places(at),
            "probability": surface.probability.ravel()[voxels.cell].round(4),
            **angles,
        }
    )
    return rounded(table, sidecar)


def throw_profiles(surfaces: Sequence[Surface], sidecar: Sidecar, ground: Ground) -> pd.DataFrame:
    """Throw along the strike of each fault: a row every PROFILE_STEP cells.

    The distance is that along the strike from the end of the surface, the throw the mean and the
    extremes down the dip of cells whose quality is at least MIN_QUALITY. A fault of a 2D line has
    one row.
    """
    unit, step = sidecar.axes[2].unit, abs(sidecar.axes[2].step)
    columns = ["name", "fault", f"distance_{ground.lateral}", "x", "y"]
    columns += [f"throw_{what}_{unit}" for what in ("mean", "minimum", "maximum")]
    rows = []
    for number, surface in enumerate(surfaces, start=1):
        points = surface.points()
        run = float(np.linalg.norm(ground.steps @ surface.frame.u))
        columns_of_row = surface.inside.shape[0] if ground.is_line else PROFILE_STEP
        for a in range(0, surface.inside.shape[0], columns_of_row):
            part = slice(a, a + columns_of_row)
            good = surface.inside[part] & (surface.quality[part] >= MIN_QUALITY)
            if ground.is_line:
                good &= np.abs(points[0, part]) <= PROFILE_STEP / 2
            good &= np.isfinite(surface.throw[part])
            if not good.any():
                continue
            throw = surface.throw[part][good] * step
            middle = sidecar.places(points[:, part][:, good].mean(axis=1)[:, None])
            numbers = [round(float(n), 2) for n in (throw.mean(), throw.min(), throw.max())]
            place = [float(middle[name][0]) for name in ("x", "y")]
            rows.append([fault_name(number), number, round(a * run, 2), *place, *numbers])
    return rounded(pd.DataFrame(rows, columns=columns), sidecar)


def _nothing() -> Surface:
    zero = np.zeros((1, 1), np.float32)
    return Surface(
        frame_of(np.zeros(3), np.array([0.0, 1.0, 0.0])),
        (0, 0),
        np.ones((1, 1), bool),
        *(zero for _ in range(4)),
    )


# A surface of a single cell: the columns of a table without faults are those of its row.
_NOTHING = _nothing()
