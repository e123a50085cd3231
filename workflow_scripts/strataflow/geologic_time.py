"""One geologic time for a whole survey out of tiles that each know it up to an affine map."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, vstack
from scipy.sparse.linalg import lsqr

from .tiles import TileGrid

Array = NDArray[np.float32]

# Overlaps are compared at every so many voxels along each axis.
COMPARE_EVERY = 8

# Iterations of the reweighting, and the residual in samples beyond which a point loses weight.
REWEIGHTINGS = 8
TRUSTED_RESIDUAL = 1.0

# Weight of "a tile keeps its scale" against one compared point.
SCALE_PRIOR = 10.0


def align_tiles(tiles: Array, grid: TileGrid) -> NDArray[np.float64]:
    """Scale and offset of each tile, (tiles, 2), that make overlapping tiles agree.

    `tiles` (tiles, n3, n2, n1) hold geologic time in samples, in the order of `grid.corners()`;
    may be a memory map. Minimises sum |a_i p_i + b_i - a_j p_j - b_j| over points of all overlaps
    by iteratively reweighted least squares (Holland & Welsch, 1977), so that points across faults
    and poor tiles do not drag their neighbours; the mean offset stays 0 and scales stay near 1.
    """
    corners = grid.corners()
    count = len(corners)
    rows: list[NDArray] = []
    columns: list[NDArray] = []
    values: list[NDArray] = []
    n_rows = 0
    for i, j in combinations(range(count), 2):
        here, there = _overlap(grid, corners[i], corners[j])
        if here is None or there is None:
            continue
        p = tiles[i][here].ravel().astype(np.float64)
        q = tiles[j][there].ravel().astype(np.float64)
        at = n_rows + np.arange(p.size)
        for column, value in ((2 * i, p), (2 * i + 1, 1.0), (2 * j, -q), (2 * j + 1, -1.0)):
            rows.append(at)
            columns.append(np.full(p.size, column))
            values.append(np.broadcast_to(value, p.shape))
        n_rows += p.size
    if not n_rows:
        return np.tile([1.0, 0.0], (count, 1))
    data = coo_matrix(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))),
        shape=(n_rows, 2 * count),
    ).tocsr()
    scales = 2 * np.arange(count)
    prior = coo_matrix(
        (
            np.concatenate([np.full(count, SCALE_PRIOR * grid.tile[2]), np.ones(count)]),
            (
                np.concatenate([np.arange(count), np.full(count, count)]),
                np.concatenate([scales, scales + 1]),
            ),
        ),
        shape=(count + 1, 2 * count),
    ).tocsr()
    wanted = np.concatenate([np.full(count, SCALE_PRIOR * grid.tile[2]), [0.0]])
    solution = np.tile([1.0, 0.0], count)
    for _ in range(REWEIGHTINGS):
        residual = np.abs(data @ solution)
        weight = 1 / np.sqrt(np.maximum(residual, TRUSTED_RESIDUAL))
        system = vstack([data.multiply(weight[:, None]), prior]).tocsr()
        solution = lsqr(system, np.concatenate([np.zeros(n_rows), wanted]), x0=solution)[0]
    return solution.reshape(count, 2)


def _overlap(
    grid: TileGrid, first: tuple[int, int, int], second: tuple[int, int, int]
) -> tuple[tuple[slice, ...] | None, tuple[slice, ...] | None]:
    """Windows of two tiles on the points inside the volume that both of them hold, thinned."""
    here, there = [], []
    for axis, a, b in zip(grid.axes, first, second, strict=True):
        low, high = max(a, b, 0), min(a + axis.size, b + axis.size, axis.n)
        if low >= high:
            return None, None
        middle = low + ((high - low - 1) % COMPARE_EVERY) // 2
        here.append(slice(middle - a, high - a, COMPARE_EVERY))
        there.append(slice(middle - b, high - b, COMPARE_EVERY))
    return tuple(here), tuple(there)
