"""How thick the zones are that a fault probability calls fault."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from ..volume.attributes import PROBABILITY
from ..volume.raw import Array

# Voxels looked at, directions in which the zone is measured at each of them, the step along these
# and the longest way to either side, both in voxels.
VOXELS, DIRECTIONS, STEP, REACH = 1000, 64, 0.25, 16.0


def directions(count: int = DIRECTIONS) -> NDArray[np.float64]:
    """Unit vectors (3, `count`) spread evenly over half of the sphere.

    Swinbank and Purser (2006, Q. J. R. Meteorol. Soc. 132): a spiral by the golden angle.
    """
    number = np.arange(count)
    height = (number + 0.5) / count
    azimuth = number * np.pi * (3 - np.sqrt(5))
    radius = np.sqrt(1 - height**2)
    return np.stack([radius * np.cos(azimuth), radius * np.sin(azimuth), height])


def median_thickness(
    probability: Array, where: NDArray[np.bool_] | None = None, least: float = PROBABILITY
) -> float | None:
    """Median thickness in voxels, over the faults' area, of the zones of at least `least`.

    The thickness at a voxel is the shortest chord through it that stays in the zone, over
    DIRECTIONS that leave no gap of more than 15 degrees. It runs along the normal of the zone,
    which need not be known. A voxel of a zone twice as thick stands for half the area and counts
    half. Between voxels the probability is interpolated linearly; beyond the rim of the volume it
    goes on as it is there. Chords end after REACH to either side, none is shorter than a voxel.
    VOXELS of the zones are looked at, the same ones each time. None where there is none.

    Args:
        probability: fault probability or label, (n3, n2, n1).
        where: voxels to look at alone, of the same shape: those near labelled faults, say, so that
            scattered false pieces do not count.
        least: probability from which on a voxel is in a zone.
    """
    found = probability >= least
    at = np.argwhere(found if where is None else found & where).T
    if not at.size:
        return None
    chosen = np.random.default_rng(0).permutation(at.shape[1])[:VOXELS]
    at = at[:, chosen].astype(float)
    steps = np.arange(STEP / 2, REACH, STEP)
    chords = np.full(at.shape[1], np.inf)
    for direction in directions().T:
        chord = np.zeros(at.shape[1])
        for side in (1.0, -1.0):
            points = at[:, :, None] + side * direction[:, None, None] * steps
            values = map_coordinates(probability, points, order=1, mode="nearest")
            inside = np.logical_and.accumulate(values >= least, axis=1)
            chord += STEP * inside.sum(axis=1)
        chords = np.minimum(chords, chord)
    chords = np.maximum(chords, 1)
    return weighted_median(chords, 1 / chords)


def weighted_median(values: NDArray, weights: NDArray) -> float:
    """The value below and above which half of the weight lies; arrays (N,)."""
    order = np.argsort(values)
    heaped = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(heaped, heaped[-1] / 2)])
