"""Horizons as targets of RGT: one value along each, and their order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..interpretation.control import ControlSet
from ..volume.raw import Array

# Name of the horizons among the targets of a crop.
HORIZONS = "horizons"


def numbered(sets: Sequence[ControlSet]) -> list[tuple[int, NDArray[np.float32]]]:
    """Numbers of control sets and their points (N, 3).

    Numbers count from 1, and a larger one is older. Sets whose order is unknown have negative
    numbers.
    """
    ordered = sorted((s for s in sets if s.order is not None), key=lambda s: s.order or 0.0)
    others = [s for s in sets if s.order is None]
    parts = [(number, s.points) for number, s in enumerate(ordered, start=1)]
    parts += [(-number, s.points) for number, s in enumerate(others, start=len(parts) + 1)]
    return [(number, points) for number, points in parts if len(points)]


def horizon_target(
    parts: Sequence[tuple[int, NDArray[np.float32]]],
    corner: tuple[int, int, int],
    size: tuple[int, int, int],
    n1: int,
) -> Array:
    """Horizons in a crop that is stretched along n1.

    Args:
        parts: Numbers and points of the horizons, as from `numbered`.
        corner: First voxel (i3, i2, i1) of the crop.
        size: Size (n3, n2, n1) of the crop before it is stretched.
        n1: Samples after it is stretched.

    Returns:
        Array (2, n3, n2, `n1`): the number of the horizon in a voxel or 0, and by how many samples
        the horizon lies below the centre of the voxel.
    """
    target = np.zeros((2, size[0], size[1], n1), np.float32)
    scale = (n1 - 1) / max(size[2] - 1, 1)
    for number, points in parts:
        at = points - np.array(corner, np.float32)
        at[:, 2] *= scale
        voxel = np.rint(at).astype(np.int64)
        inside = ((voxel >= 0) & (voxel < target.shape[1:])).all(axis=1)
        i3, i2, i1 = voxel[inside].T
        target[0, i3, i2, i1] = number
        target[1, i3, i2, i1] = at[inside, 2] - i1
    return target
