"""Triangles for the 3D scene: fewer of them, on grids, and with normals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...volume.raw import Array
from ..triangles import area_normals


@dataclass(frozen=True)
class Triangles:
    """`points` (N, 3), corners `triangles` (M, 3), and `values` (N,) at the points."""

    points: NDArray[np.float64]
    triangles: NDArray[np.int64]
    values: NDArray[np.float64]


def simplified(mesh: Triangles, share: float) -> Triangles:
    """A mesh with about `share` of its triangles, at most all.

    Points of a cell of a grid become one, at their mean (vertex clustering: Rossignac and Borrel,
    1993, Multi-resolution 3D approximations for rendering complex scenes).
    """
    if share >= 1 or not len(mesh.triangles):
        return mesh
    first, last, _ = np.moveaxis(mesh.points[mesh.triangles], 1, 0)
    edge = float(np.median(np.linalg.norm(first - last, axis=1)))
    cell = np.floor(mesh.points / (edge / np.sqrt(share))).astype(np.int64)
    _, group = np.unique(cell, axis=0, return_inverse=True)
    group = group.ravel()
    count = np.bincount(group)
    points = np.stack([np.bincount(group, mesh.points[:, i]) / count for i in range(3)], axis=1)
    known = np.isfinite(mesh.values)
    with np.errstate(invalid="ignore"):
        total = np.bincount(group, np.where(known, mesh.values, 0.0))
        values = total / np.bincount(group, known)
    corners = group[mesh.triangles]
    a, b, c = corners.T
    corners = corners[(a != b) & (b != c) & (c != a)]
    _, kept = np.unique(np.sort(corners, axis=1), axis=0, return_index=True)
    return Triangles(points, corners[kept], values)


def grid_of(level: Array, most: int) -> Triangles:
    """Triangles through a horizon with at most `most` nodes along each side.

    Args:
        level: Sample index (n3, n2), NaN where undefined.
        most: Nodes along each side.

    Returns:
        Points as indices along (n3, n2, n1); the values are those along n1.
    """
    rows, columns = (
        np.unique(np.linspace(0, n - 1, min(n, most)).astype(int)) for n in level.shape
    )
    depth = level[np.ix_(rows, columns)].astype(np.float64)
    known = np.isfinite(depth)
    whole = known[:-1, :-1] & known[1:, :-1] & known[1:, 1:] & known[:-1, 1:]
    first = np.ravel_multi_index(np.nonzero(whole), depth.shape)
    width = depth.shape[1]
    quads = np.stack([first, first + width, first + width + 1, first + 1], axis=1)
    used, corners = np.unique(quads, return_inverse=True)
    corners = corners.reshape(quads.shape)
    triangles = np.concatenate([corners[:, [0, 1, 2]], corners[:, [0, 2, 3]]])
    i3, i2 = np.unravel_index(used, depth.shape)
    values = depth[i3, i2]
    points = np.stack([rows[i3], columns[i2], values], axis=1).astype(np.float64)
    return Triangles(points, triangles, values)


def facing_one_way(mesh: Triangles) -> Triangles:
    """A mesh whose triangles have the order of corners that makes them all face the same way."""
    faces = area_normals(mesh.points[mesh.triangles])
    main = int(np.abs(faces).sum(axis=0).argmax())
    away = faces[:, main] < 0
    triangles = mesh.triangles.copy()
    triangles[away] = triangles[away][:, ::-1]
    return Triangles(mesh.points, triangles, mesh.values)


def normals_of(mesh: Triangles) -> NDArray[np.float64]:
    """Unit normals (N, 3) of points: the mean of those of their triangles, weighted by area."""
    faces, corner = area_normals(mesh.points[mesh.triangles]), mesh.triangles.ravel()
    n = len(mesh.points)
    total = np.stack(
        [np.bincount(corner, np.repeat(faces[:, axis], 3), n) for axis in range(3)], axis=1
    )
    length = np.linalg.norm(total, axis=1, keepdims=True)
    result: NDArray[np.float64] = total / np.maximum(length, 1e-12)
    return result
