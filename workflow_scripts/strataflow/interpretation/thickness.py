"""Thickness of predicted and labelled faults."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from ..volume.attributes import PROBABILITY
from ..volume.raw import Array

# Number of sampled voxels, number of directions, and step and maximum length to either side along
# a direction in voxels.
VOXELS, DIRECTIONS, STEP, REACH = 1000, 64, 0.25, 16.0


def directions() -> NDArray[np.float64]:
    """Unit vectors (3, DIRECTIONS) that cover half of the sphere evenly.

    They form the golden-angle spiral of Swinbank and Purser (2006, Q. J. R. Meteorol. Soc. 132).
    """
    number = np.arange(DIRECTIONS)
    height = (number + 0.5) / DIRECTIONS
    azimuth = number * np.pi * (3 - np.sqrt(5))
    radius = np.sqrt(1 - height**2)
    return np.stack([radius * np.cos(azimuth), radius * np.sin(azimuth), height])


def median_thickness(
    probability: Array, where: NDArray[np.bool_] | None = None, minimum: float = PROBABILITY
) -> float | None:
    """Median fault thickness in voxels, weighted by fault area.

    The thickness at a voxel is the length of the shortest chord through it that stays in the fault
    zone. Chords have DIRECTIONS directions, with gaps of at most 15 degrees, so that the normal of
    the zone need not be known. A voxel of a zone twice as thick represents half the area, and has
    half the weight. The probability is interpolated linearly between voxels and is constant beyond
    the edges of the volume. Chords extend up to REACH to either side and are at least one voxel
    long. The thickness is measured at up to VOXELS voxels, which are the same in each call.

    Args:
        probability: Fault probability or label (n3, n2, n1).
        where: Mask of the same shape to limit the voxels, such as the neighbourhood of labelled
            faults.
        minimum: Minimum probability of a fault zone.

    Returns:
        Thickness in voxels; None without fault voxels.
    """
    found = probability >= minimum
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
            inside = np.logical_and.accumulate(values >= minimum, axis=1)
            chord += STEP * inside.sum(axis=1)
        chords = np.minimum(chords, chord)
    chords = np.maximum(chords, 1)
    return weighted_median(chords, 1 / chords)


def weighted_median(values: NDArray, weights: NDArray) -> float:
    """Weighted median of `values` (N,) with `weights` (N,)."""
    order = np.argsort(values)
    heaped = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(heaped, heaped[-1] / 2)])
