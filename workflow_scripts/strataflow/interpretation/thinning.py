"""Fault probability thinned along the fault's normal to samples of a surface, one voxel thick."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates
from tqdm import tqdm

from ..volume.attributes import PROBABILITY
from ..volume.orientation import normal_from_strike_dip
from ..volume.raw import Array
from ..volume.volume import Volume

# Voxels of the inlines thinned together.
BLOCK_VOXELS = 1 << 22

# Standard deviation, in voxels, of the smoothing before ridges are looked for: the middle of a
# band of equal probability, as labels have it, becomes its ridge. Inlines that it needs around.
SMOOTHING, HALO = 1.0, 5

# By how much a ridge must rise above the voxel behind it, and by how much equals may differ.
RISE, ROUNDING = 1e-4, 1e-6


@dataclass(frozen=True)
class FaultVoxels:
    """Voxels of thinned faults.

    `at` is int (3, N) over (n3, n2, n1), `probability` (N,), `normal` (3, N), and `offset` (N,)
    how far the ridge lies from the centre of the voxel along its normal, in voxels.
    """

    at: NDArray[np.int32]
    probability: Array
    normal: Array
    offset: Array


def thin(volumes: dict[str, Volume], min_probability: float = PROBABILITY) -> FaultVoxels:
    """The voxels whose fault probability is largest along the fault's normal.

    Non-maximum suppression (Canny, 1986, IEEE PAMI 8) along the normal of fdip and fstrike. The
    ridge between voxels is the vertex of the parabola through the voxel and its two sides.

    Args:
        volumes: fsem, fdip and fstrike (n3, n2, n1). They are read in blocks of inlines.
        min_probability: voxels below do not count; the attributes need angles down to that.

    Returns:
        The voxels in the order of the raw file.
    """
    n3, n2, n1 = volumes["fsem"].values.shape
    step = max(BLOCK_VOXELS // (n2 * n1), 1)
    parts = [
        _thin_inlines(volumes, first, min(first + step, n3), min_probability)
        for first in tqdm(range(0, n3, step), desc="thinning", unit="block", disable=n3 <= step)
    ]
    return FaultVoxels(
        np.concatenate([part.at for part in parts], axis=1),
        np.concatenate([part.probability for part in parts]),
        np.concatenate([part.normal for part in parts], axis=1),
        np.concatenate([part.offset for part in parts]),
    )


def _thin_inlines(
    volumes: dict[str, Volume], first: int, last: int, min_probability: float
) -> FaultVoxels:
    """Those of inlines from `first` to before `last`."""
    fsem = volumes["fsem"].values
    low = max(first - HALO, 0)
    block = np.array(fsem[low : last + HALO])
    np.nan_to_num(block, copy=False)
    at = np.argwhere(block[first - low : last - low] >= min_probability).T
    at[0] += first - low
    if not at.size:
        empty = np.empty(0, np.float32)
        return FaultVoxels(at.astype(np.int32), empty, np.empty((3, 0), np.float32), empty)
    probability = block[tuple(at)]
    block = gaussian_filter(block, SMOOTHING, mode="nearest")
    here = (at[0] + low, at[1], at[2])
    strike, dip = (volumes[n].values[here] for n in ("fstrike", "fdip"))
    normal = normal_from_strike_dip(180 * strike, 180 * dip)
    # Sample one voxel away on both sides. Of two equal voxels, keep the one on the negative side.
    ahead, behind = (
        map_coordinates(block, at + side * normal, order=1, mode="nearest") for side in (1.0, -1.0)
    )
    middle = block[tuple(at)]
    ridge = (middle >= ahead - ROUNDING) & (middle > behind + RISE)
    # Of a fault along an edge of the volume nothing lies behind: the nearest voxel is the same one.
    end = np.array(block.shape)[:, None] - 0.5
    outside = np.any((at - normal < -0.5) | (at - normal > end), axis=0)
    ridge |= outside & (middle >= behind - ROUNDING) & (middle > ahead + RISE)
    outside |= np.any((at + normal < -0.5) | (at + normal > end), axis=0)
    bend = np.maximum(2 * middle - ahead - behind, RISE)[ridge]
    offset = np.clip(0.5 * (ahead - behind)[ridge] / bend, -0.5, 0.5)
    offset[outside[ridge]] = 0
    at[0] += low
    return FaultVoxels(at[:, ridge].astype(np.int32), probability[ridge], normal[:, ridge], offset)
