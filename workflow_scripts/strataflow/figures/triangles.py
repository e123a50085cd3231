"""Triangles of fault surfaces: their normals, and where a surface cuts them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def area_normals(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normals (T, 3) of triangles with these corners (T, 3, 3), as long as their areas."""
    first, second, third = np.moveaxis(corners, 1, 0)
    return np.cross(second - first, third - first) / 2


def cut_edges(side: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which edges of triangles cross a surface, (T, 3): from each corner to the next one.

    Args:
        side: Signed distances (T, 3) of the corners from the surface; 0 counts as beyond it.
    """
    beyond = side >= 0
    return beyond != np.roll(beyond, -1, axis=1)


def segments(corners: NDArray[np.float64], side: NDArray[np.float64]) -> NDArray[np.float64]:
    """Segments (T, 2, 3) in which a surface cuts triangles, all of which it crosses.

    Args:
        corners: Corners (T, 3, 3): triangle, corner, axis.
        side: Signed distances (T, 3) of the corners from the surface; 0 counts as beyond it.
    """
    cut, after = cut_edges(side), np.roll(side, -1, axis=1)
    part = side / np.where(cut, side - after, 1.0)
    points = corners + part[..., None] * (np.roll(corners, -1, axis=1) - corners)
    return points[cut].reshape(-1, 2, 3)
