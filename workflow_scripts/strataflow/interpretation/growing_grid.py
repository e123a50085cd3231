"""The grid of a growing fault surface, and the planes that it has at its cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..volume.raw import Array

# Half the side of the window that planes are fitted in, its standard deviation, and how much a
# gradient counts against a height: the ratio of the variances of their errors, in voxels squared.
WINDOW, WINDOW_SCALE, GRADIENT_WEIGHT = 5, 3.5, 2.0

# Weight in that fit of cells that were crossed without a sample.
CROSSED_WEIGHT = 0.02

# Cells of the grid beyond those that may be looked at.
RIM = WINDOW + 1

# What a cell is: without a sample, with one, or crossed without one.
EMPTY, SAMPLE, CROSSED = 0, 1, 2

# Cells of the window around a cell, their weights, and the terms of a plane and its squares there.
_STEPS = np.arange(-WINDOW, WINDOW + 1)
_WINDOW_A, _WINDOW_B = (w.ravel() for w in np.meshgrid(_STEPS, _STEPS, indexing="ij"))
_WINDOW_WEIGHT = np.exp(-(_WINDOW_A**2 + _WINDOW_B**2) / (2 * WINDOW_SCALE**2))
_TERMS = np.stack(
    [
        np.ones(_WINDOW_A.size),
        _WINDOW_A,
        _WINDOW_B,
        _WINDOW_A**2,
        _WINDOW_A * _WINDOW_B,
        _WINDOW_B**2,
    ],
    axis=1,
)


@dataclass(frozen=True)
class Planes:
    """Planes that a surface has at cells (M,): heights, slopes, and how rough the surface is."""

    height: Array
    slope_u: Array
    slope_v: Array
    roughness: Array


@dataclass
class Grid:
    """Cells of a growing surface, all arrays (A, B); `origin` is the cell of the seed."""

    origin: tuple[int, int]
    state: NDArray[np.uint8]
    age: NDArray[np.int16]
    height: Array
    slope_u: Array
    slope_v: Array
    probability: Array

    @classmethod
    def empty(cls, side: int) -> Grid:
        """A grid of `side` cells along both axes without any samples."""
        zeros = [np.zeros((side, side), np.float32) for _ in range(4)]
        return cls(
            (side // 2, side // 2),
            np.zeros((side, side), np.uint8),
            np.zeros((side, side), np.int16),
            *zeros,
        )

    def padded(self) -> Grid:
        """The same in a grid of twice the size."""
        pad = [(n // 2, n // 2) for n in self.state.shape]
        return Grid(
            (self.origin[0] + pad[0][0], self.origin[1] + pad[1][0]),
            np.pad(self.state, pad),
            np.pad(self.age, pad),
            *(
                np.pad(array, pad)
                for array in (self.height, self.slope_u, self.slope_v, self.probability)
            ),
        )

    def planes(self, cells: NDArray[np.int64]) -> Planes:
        """Fit a plane to the heights and slopes of the cells around each of `cells` (2, M)."""
        side = self.state.shape[1]
        window = (cells[0] * side + cells[1])[:, None] + (_WINDOW_A * side + _WINDOW_B)
        state = self.state.ravel()[window]
        weight = _WINDOW_WEIGHT * (state == SAMPLE)
        alone = ~weight.any(axis=1)
        weight[alone] = (_WINDOW_WEIGHT * (state != EMPTY))[alone]
        weight += CROSSED_WEIGHT * _WINDOW_WEIGHT * (state == CROSSED)
        height = self.height.ravel()[window]
        weighted = weight * height
        total, a, b, aa, ab, bb = (weight @ _TERMS).T
        h, ah, bh = (weighted @ _TERMS[:, :3]).T
        slope_u = (weight * self.slope_u.ravel()[window]).sum(axis=1)
        slope_v = (weight * self.slope_v.ravel()[window]).sum(axis=1)
        more = GRADIENT_WEIGHT * total
        matrix = np.stack([total, a, b, a, aa + more, ab, b, ab, bb + more], axis=1)
        right = np.stack(
            [h, ah + GRADIENT_WEIGHT * slope_u, bh + GRADIENT_WEIGHT * slope_v], axis=1
        )
        c, p, q = np.linalg.solve(matrix.reshape(-1, 3, 3), right[:, :, None])[:, :, 0].T
        plane = c[:, None] + p[:, None] * _WINDOW_A + q[:, None] * _WINDOW_B
        rough = np.sqrt((weight * (height - plane) ** 2).sum(axis=1) / total)
        return Planes(*(value.astype(np.float32) for value in (c, p, q, rough)))
