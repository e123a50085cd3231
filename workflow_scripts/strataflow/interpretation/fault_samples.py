"""Thinned fault samples in the order of the volume, so that those around a place are found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..volume.orientation import TENSOR_COMPONENTS, orientation_tensor, principal_normal
from ..volume.raw import Array
from .thinning import FaultVoxels

# Voxels beyond the ends of an axis that may be asked for.
MARGIN = 4

# Steps along n3 and n2 to the columns around a voxel.
COLUMNS = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)])

# Normals of neighbours on one fault agree within this angle, in degrees.
AGREEMENT = 10.0

# Samples whose neighbourhoods are looked at together.
BLOCK = 1 << 16


@dataclass(frozen=True)
class FaultSamples:
    """Samples of faults, sorted by `key`, the place in a padded volume.

    `position` is (N, 3) over (n3, n2, n1), between voxels; `normal` (N, 3), the mean of the
    neighbours that agree; `probability` (N,); `score` (N,), the larger the surer. `key` has
    sentinels behind its end.
    """

    shape: tuple[int, int, int]
    key: NDArray[np.int64]
    position: Array
    normal: Array
    probability: Array
    score: Array

    def __len__(self) -> int:
        return len(self.position)

    def around(self, at: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs of a row of `at`, voxels (M, 3), and a sample in the 3 x 3 x 3 voxels around it."""
        return _around(self.key, self.shape, at)


def _strides(shape: tuple[int, int, int]) -> NDArray[np.int64]:
    n2, n1 = shape[1] + 2 * MARGIN, shape[2] + 2 * MARGIN
    return np.array([n2 * n1, n1, 1], np.int64)


def _around(
    key: NDArray[np.int64], shape: tuple[int, int, int], at: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    strides = _strides(shape)
    first = (at + MARGIN) @ strides - 1
    low = (first[:, None] + COLUMNS @ strides[:2]).ravel()
    found = np.searchsorted(key, low)
    # Neighbours along n1 follow each other.
    candidate = found[:, None] + np.arange(3)
    row, column = np.nonzero(key[candidate] <= low[:, None] + 2)
    return row // len(COLUMNS), found[row] + column


def index_samples(voxels: FaultVoxels, shape: tuple[int, int, int], min_size: int) -> FaultSamples:
    """Sort `voxels`, average their normals with their neighbours', and leave out scraps.

    Args:
        voxels: those of `thin`, in the order of the raw file.
        shape: (n3, n2, n1).
        min_size: connected samples of fewer are left out.

    Returns:
        The samples that are left.
    """
    key = (voxels.at.T.astype(np.int64) + MARGIN) @ _strides(shape)
    sentinels = np.full(3, np.iinfo(np.int64).max)
    key = np.concatenate([key, sentinels])
    at, raw = voxels.at.T.astype(np.int64), np.ascontiguousarray(voxels.normal.T)
    normal, score = np.empty_like(raw), np.empty(len(raw), np.float32)
    pairs = []
    cosine = np.float32(np.cos(np.radians(AGREEMENT)))
    for first in range(0, len(raw), BLOCK):
        part = slice(first, min(first + BLOCK, len(raw)))
        row, other = _around(key, shape, at[part])
        mine = row + first
        agree = np.abs(np.einsum("ij,ij->i", raw[mine], raw[other])) >= cosine
        row, mine, other = row[agree], mine[agree], other[agree]
        tensor = orientation_tensor(raw[other].T) * voxels.probability[other]
        n = part.stop - part.start
        total = np.stack([np.bincount(row, one, n) for one in tensor])
        mean = principal_normal(total)
        normal[part] = mean.T
        along = sum(
            (1 if i == j else 2) * mean[i] * mean[j] * total[c]
            for c, (i, j) in enumerate(TENSOR_COMPONENTS)
        )
        # Nine samples of full probability on one plane are as good as it gets.
        score[part] = np.minimum(along / 9, 1) * voxels.probability[part]
        ahead = other > mine
        pairs.append((mine[ahead].astype(np.int32), other[ahead].astype(np.int32)))
    kept = _large(pairs, len(raw), min_size)
    position = at + voxels.offset[:, None] * raw
    return FaultSamples(
        shape,
        np.concatenate([key[:-3][kept], sentinels]),
        position[kept].astype(np.float32),
        normal[kept],
        voxels.probability[kept],
        score[kept],
    )


def _large(
    pairs: list[tuple[NDArray[np.int32], NDArray[np.int32]]], n: int, min_size: int
) -> NDArray[np.bool_]:
    """Which of `n` samples, joined by `pairs`, are connected to at least `min_size`."""
    if not n:
        return np.empty(0, bool)
    rows, columns = (np.concatenate(ends) for ends in zip(*pairs, strict=True))
    graph = coo_array((np.ones(rows.size, bool), (rows, columns)), shape=(n, n))
    _, component = connected_components(graph, directed=False)
    return (np.bincount(component) >= min_size)[component]
