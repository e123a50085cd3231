"""One consistent RGT for a whole survey, from tiles that each have their own scale and offset."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import spsolve

from ..volume.raw import Array
from .tiling import TileAxis, TileGrid

Points = NDArray[np.float64]
Window = tuple[slice, ...]

# Spacing in voxels of the points at which overlaps are compared, along each axis. Tiles start at
# multiples of it, so the points of neighbouring tiles coincide.
COMPARE_EVERY = 8

# Iterations of the reweighting, and the residual in samples above which a point loses weight.
REWEIGHTINGS = 8
TRUSTED_RESIDUAL = 1.0

# Weights of the priors that keep the scale near 1 and the offset near 0, in numbers of compared
# points. A scale residual is one sample at half the tile height.
SCALE_PRIOR = 400.0
OFFSET_PRIOR = 1e-4


def compared_points(tiles: Array) -> Array:
    """Values of `tiles` (tiles, n3, n2, n1) at the points where overlaps are compared."""
    thin = slice(COMPARE_EVERY // 2, None, COMPARE_EVERY)
    return np.array(tiles[:, thin, thin, thin])


def align_tiles(points: Array, grid: TileGrid, live: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Find the scale and offset of each RGT tile that make overlapping tiles agree.

    This minimises sum |a_i p_i + b_i - a_j p_j - b_j| over the live points of all overlaps by
    iteratively reweighted least squares (Holland & Welsch, 1977, Comm. Stat. 6). The L1 norm
    limits the effect of faults and of poor tiles. Priors keep scales near 1 and offsets near 0.

    Args:
        points: `compared_points` (tiles, m3, m2, m1) of RGT tiles in samples, in the order of
            `grid.corners()`.
        grid: Tiles of the volume.
        live: Live traces, bool (n3, n2).

    Returns:
        Scale and offset of each tile, (tiles, 2).
    """
    numbers = np.arange(len(points)).reshape([len(axis.starts) for axis in grid.axes])
    depth = np.repeat([grid.axes[2].starts], numbers[..., 0].size, axis=0).ravel()
    middle = depth + grid.tile[2] / 2
    # The scale acts about the middle of a tile, in units of half the tile height.
    unit = grid.tile[2] / 2
    lever = (points - middle[:, None, None, None]) / unit
    valid = _valid(grid, live)
    compared = list(_overlaps(numbers, grid))
    solution = np.zeros((len(points), 2))
    prior = np.tile([SCALE_PRIOR, OFFSET_PRIOR], len(points))
    for _ in range(REWEIGHTINGS if compared else 0):
        rows: list[NDArray] = [np.arange(prior.size)]
        columns: list[NDArray] = [np.arange(prior.size)]
        values: list[NDArray] = [prior]
        right = np.zeros(prior.size)
        for first, second, here, there in compared:
            inside = valid[first][(slice(None), *here)]
            p, q = (points[t][(slice(None), *w)] for t, w in ((first, here), (second, there)))
            u, v = (lever[t][(slice(None), *w)] for t, w in ((first, here), (second, there)))
            gap = p.astype(np.float64) - q
            change = _column(solution[first, 0]) * u + _column(solution[first, 1])
            change -= _column(solution[second, 0]) * v + _column(solution[second, 1])
            weight = inside / np.maximum(np.abs(gap + change), TRUSTED_RESIDUAL)
            unknowns = [2 * first, 2 * first + 1, 2 * second, 2 * second + 1]
            coefficients = [u, np.ones_like(u), -v, -np.ones_like(v)]
            for row, a in zip(unknowns, coefficients, strict=True):
                np.add.at(right, row, -(weight * a * gap).sum(axis=(1, 2, 3)))
                for column, b in zip(unknowns, coefficients, strict=True):
                    rows.append(row)
                    columns.append(column)
                    values.append((weight * a * b).sum(axis=(1, 2, 3)))
        normal = coo_matrix(
            (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
        )
        solution = spsolve(normal.tocsc(), right).reshape(-1, 2)
    scale = 1 + solution[:, 0] / unit
    return np.stack([scale, solution[:, 1] + (1 - scale) * middle], axis=1)


def _column(values: Points) -> Points:
    return values[:, None, None, None]


def _overlaps(
    numbers: NDArray[np.intp], grid: TileGrid
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], Window, Window]]:
    """Yield pairs of overlapping tiles, grouped by their distance; each pair occurs once.

    Yields:
        Indices of the first and of the second tiles, and the windows of their shared points.
    """
    for chosen in product(*(_shifts(axis) for axis in grid.axes)):
        if tuple(shift for shift, _, _ in chosen) > (0, 0, 0):
            first = numbers[np.ix_(*(tiles for _, tiles, _ in chosen))].ravel()
            second = numbers[np.ix_(*(tiles for _, _, tiles in chosen))].ravel()
            lags = [
                (shift // COMPARE_EVERY, axis.size // COMPARE_EVERY)
                for (shift, _, _), axis in zip(chosen, grid.axes, strict=True)
            ]
            here = tuple(slice(max(lag, 0), n + min(lag, 0)) for lag, n in lags)
            there = tuple(slice(max(-lag, 0), n - max(lag, 0)) for lag, n in lags)
            yield first, second, here, there


def _shifts(axis: TileAxis) -> list[tuple[int, NDArray[np.intp], NDArray[np.intp]]]:
    """Distances in voxels between overlapping tiles, with the indices of both tiles for each."""
    starts = np.array(axis.starts)
    behind = starts - starts[:, None]
    shifts = []
    for shift in np.unique(behind[np.abs(behind) < axis.size]):
        first, second = np.nonzero(behind == shift)
        shifts.append((int(shift), first, second))
    return shifts


def _valid(grid: TileGrid, live: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mask of the compared points of each tile that lie in the volume and on live traces."""

    def places(axis: TileAxis) -> NDArray[np.intp]:
        return np.add.outer(axis.starts, np.arange(COMPARE_EVERY // 2, axis.size, COMPARE_EVERY))

    i3, i2, i1 = (places(axis) for axis in grid.axes)
    inside3, inside2, inside1 = (
        (i >= 0) & (i < axis.n) for i, axis in zip((i3, i2, i1), grid.axes, strict=True)
    )
    n3, n2 = live.shape
    traces = live[i3.clip(0, n3 - 1)[:, None, :, None], i2.clip(0, n2 - 1)[None, :, None, :]]
    traces = traces & inside3[:, None, :, None] & inside2[None, :, None, :]
    points = traces[:, :, None, :, :, None] & inside1[None, None, :, None, None, :]
    return points.reshape(-1, *points.shape[3:])
