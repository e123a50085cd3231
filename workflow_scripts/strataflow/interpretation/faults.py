"""Fault picking: fault surfaces as points, a table of faults, and fault sticks.

Non-maximum suppression along the fault normal thins the fault probability to a surface one voxel
thick (Canny, 1986, IEEE PAMI 8, extended to 3D). Neighbouring voxels belong to the same fault if
each lies in the plane of the other. Crossing faults therefore stay separate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from tqdm import tqdm

from ..files import written_whole
from ..volume.attributes import PROBABILITY
from ..volume.orientation import (
    normal_from_strike_dip,
    orientation_tensor,
    principal_normal,
    strike_dip_from_normal,
)
from ..volume.raw import Array, Shape
from ..volume.volume import Sidecar, Volume, attribute_path, open_volume

# Number of inlines that are thinned together.
BLOCK = 32

# Limits for neighbouring voxels of a fault: distance along each axis in voxels, distance from the
# plane of the other in voxels, and angle between the normals in degrees.
REACH, OFF_PLANE, TURN = 2, 0.6, 5.0

# Minimum number of voxels of a fault, spacing of fault sticks in lines, and spacing of the points
# of a stick in samples or lines.
MIN_VOXELS, STICK_EVERY, POINT_EVERY = 200, 10, 8


@dataclass(frozen=True)
class FaultVoxels:
    """Voxels of thinned faults.

    Attributes:
        at: Indices (3, N) along (n3, n2, n1).
        probability: Fault probability (N,).
        normal: Unit normals (3, N) along (n3, n2, n1).
    """

    at: NDArray[np.int64]
    probability: Array
    normal: Array


def pick_faults(
    prefix: Path,
    output: Path,
    shape: Shape | None = None,
    min_voxels: int = MIN_VOXELS,
    min_probability: float = PROBABILITY,
) -> None:
    """Pick faults from `prefix`.fsem, .fdip and .fstrike.

    Writes `output`.faults.csv with one row per fault, largest first, `output`.fault_points.csv with
    one row per voxel, and `output`.fault_sticks.txt in the format of Charisma fault sticks.

    Args:
        prefix: PREFIX of the attributes.
        output: PREFIX of the files to write.
        shape: Size of the volume; required without sidecars.
        min_voxels: Minimum number of voxels of a fault.
        min_probability: Minimum fault probability.
    """
    names = ("fsem", "fdip", "fstrike")
    volumes = {name: open_volume(attribute_path(prefix, name), shape, name) for name in names}
    sidecar = volumes["fsem"].sidecar
    voxels = thin(volumes, min_probability)
    number = number_faults(voxels, sidecar.shape, min_voxels)
    points = _points(voxels, number, sidecar)
    finals = [Path(f"{output}.{end}") for end in ("faults.csv", "fault_points.csv")]
    output.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(*finals, Path(f"{output}.fault_sticks.txt")) as (table, cloud, sticks):
        fault_table(voxels, number, sidecar).to_csv(table, index=False, float_format="%.6g")
        points.to_csv(cloud, index=False, float_format="%.8g")
        sticks.write_text("".join(stick_lines(voxels, number, sidecar)))


def thin(volumes: dict[str, Volume], min_probability: float = PROBABILITY) -> FaultVoxels:
    """Find the voxels where the fault probability is at a maximum along the fault normal.

    Args:
        volumes: fsem, fdip and fstrike.
        min_probability: Minimum fault probability. The angles must be defined down to this value.
    """
    fsem = volumes["fsem"].values
    n3 = fsem.shape[0]
    parts = []
    for first in tqdm(range(0, n3, BLOCK), desc="thinning", unit="block", disable=n3 <= BLOCK):
        last = min(first + BLOCK, n3)
        low = max(first - 1, 0)
        block = np.array(fsem[low : last + 1])
        at = np.argwhere(block[first - low : last - low] >= min_probability).T
        at[0] += first - low
        here = tuple(at)
        strike, dip = (volumes[n].values[low : last + 1][here] for n in ("fstrike", "fdip"))
        normal = normal_from_strike_dip(180 * strike, 180 * dip)
        # Compare with points one voxel away along the normal; of two equal voxels, keep one.
        ahead, behind = (
            map_coordinates(block, at + side * normal, order=1, mode="nearest")
            for side in (1.0, -1.0)
        )
        probability = block[here]
        ridge = (probability >= ahead) & (probability > behind)
        at[0] += low
        parts.append((at[:, ridge], probability[ridge], normal[:, ridge]))
    at, probability, normal = (
        np.concatenate(column, axis=-1) for column in zip(*parts, strict=True)
    )
    return FaultVoxels(at, probability, normal)


def number_faults(voxels: FaultVoxels, shape: Shape, min_voxels: int) -> NDArray[np.int64]:
    """Number the faults by size.

    Args:
        voxels: Voxels of thinned faults.
        shape: Size of the volume.
        min_voxels: Minimum number of voxels of a fault.

    Returns:
        Fault number of each voxel (N,): 1 is the largest fault, 0 is a fault below `min_voxels`.
    """
    # Pad the axes so that flat indices do not wrap into the next line.
    padded = [n + 2 * REACH for n in shape.array]
    place = np.ravel_multi_index(tuple(voxels.at + REACH), padded)
    order = np.argsort(place)
    place, at, normal = place[order], voxels.at[:, order], voxels.normal[:, order]
    firsts, seconds = [], []
    for step in product(range(-REACH, REACH + 1), repeat=3):
        if step <= (0, 0, 0):
            continue
        there = place + np.ravel_multi_index([REACH + s for s in step], padded)
        there -= np.ravel_multi_index([REACH] * 3, padded)
        second = np.searchsorted(place, there).clip(max=max(place.size - 1, 0))
        first = np.flatnonzero(place[second] == there) if place.size else np.empty(0, np.int64)
        second = second[first]
        alike = np.abs((normal[:, first] * normal[:, second]).sum(axis=0)) >= np.cos(
            np.radians(TURN)
        )
        off = np.abs((normal[:, first] * np.array(step)[:, None]).sum(axis=0))
        one = alike & (off <= OFF_PLANE)
        firsts.append(first[one])
        seconds.append(second[one])
    pair = np.concatenate(firsts), np.concatenate(seconds)
    graph = coo_array((np.ones(pair[0].size, bool), pair), shape=(at.shape[1],) * 2)
    _, component = connected_components(graph, directed=False)
    sizes = np.bincount(component)
    # Largest first; faults of the same size keep the order of their first voxels.
    ranks = np.empty(sizes.size, np.int64)
    ranks[np.argsort(-sizes, kind="stable")] = np.arange(1, sizes.size + 1)
    ranks[sizes < min_voxels] = 0
    number = np.empty(at.shape[1], np.int64)
    number[order] = ranks[component]
    return number


def _faults(number: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield the number of each fault and the indices of its voxels."""
    order = np.argsort(number, kind="stable")
    ends = np.searchsorted(number[order], np.arange(1, int(number.max(initial=0)) + 2))
    for fault, (first, last) in enumerate(pairwise(ends), start=1):
        yield fault, order[first:last]


def fault_table(voxels: FaultVoxels, number: NDArray[np.int64], sidecar: Sidecar) -> pd.DataFrame:
    """Table with one row per fault: size, mean orientation and extent.

    `strike` and `dip` are in degrees on the voxel grid, as in the attributes. `azimuth` is the
    strike clockwise from north in degrees.

    Args:
        voxels: Voxels of thinned faults.
        number: Fault number of each voxel (N,).
        sidecar: Geometry of the volume.
    """
    rows = []
    for fault, mine in _faults(number):
        tensor = orientation_tensor(voxels.normal[:, mine]).mean(axis=1)
        strike, dip = strike_dip_from_normal(principal_normal(tensor[:, None]))
        row: dict[str, float] = {"fault": fault, "voxels": mine.size}
        row |= {"mean_probability": float(voxels.probability[mine].mean())}
        row |= {"strike": float(strike[0]), "dip": float(dip[0])}
        row["azimuth"] = float(sidecar.azimuth(strike[0]))
        for name, axis, at in zip(
            sidecar.axis_names, sidecar.axes, voxels.at[:, mine], strict=True
        ):
            ends = axis.first + axis.step * np.array([at.min(), at.max()])
            row |= {f"{name}_from": float(ends.min()), f"{name}_to": float(ends.max())}
        rows.append(row)
    columns = ["fault", "voxels", "mean_probability", "strike", "dip", "azimuth"]
    return pd.DataFrame(rows, columns=None if rows else columns)


def _points(voxels: FaultVoxels, number: NDArray[np.int64], sidecar: Sidecar) -> pd.DataFrame:
    """Table with one row per fault voxel, ordered by fault."""
    kept = np.concatenate([np.empty(0, np.int64), *(mine for _, mine in _faults(number))])
    strike, dip = strike_dip_from_normal(voxels.normal[:, kept])
    return pd.DataFrame(
        {
            "fault": number[kept],
            **sidecar.places(voxels.at[:, kept]),
            "probability": voxels.probability[kept],
            "strike": strike,
            "dip": dip,
        }
    )


def stick_lines(voxels: FaultVoxels, number: NDArray[np.int64], sidecar: Sidecar) -> list[str]:
    """Fault sticks, one line of text per point: INLINE- inline XLINE- crossline x y z fault stick.

    Sticks lie on every STICK_EVERY-th inline or crossline, whichever is closer to perpendicular to
    the strike. Points follow at every POINT_EVERY-th sample down dip or, for dips below 45 degrees,
    at every POINT_EVERY-th trace.

    Args:
        voxels: Voxels of thinned faults.
        number: Fault number of each voxel (N,).
        sidecar: Geometry of the volume.
    """
    lines: list[str] = []
    for fault, mine in _faults(number):
        at = voxels.at[:, mine]
        normal = principal_normal(orientation_tensor(voxels.normal[:, mine]).mean(axis=1)[:, None])
        across = np.abs(normal[:, 0])
        line = 0 if across[1] >= across[0] else 1
        along, other = (2, 1 - line) if across[2] < np.sqrt(0.5) else (1 - line, 2)
        stick = 0
        for index in np.unique(at[line]):
            if index % STICK_EVERY:
                continue
            here = at[:, at[line] == index]
            steps, which = np.unique(here[along], return_inverse=True)
            if steps.size < 2:
                continue
            points = np.empty((3, steps.size))
            points[line], points[along] = index, steps
            points[other] = np.bincount(which, here[other]) / np.bincount(which)
            keep = np.unique([*range(0, steps.size, POINT_EVERY), steps.size - 1])
            stick += 1
            places = pd.DataFrame(sidecar.places(points[:, keep]))
            lines += [
                f"INLINE- {inline:9.2f} XLINE- {crossline:9.2f} {x:14.2f} {y:14.2f} {z:10.2f}"
                f" fault_{fault} {stick}\n"
                for inline, crossline, x, y, z in places.itertuples(index=False)
            ]
    return lines
