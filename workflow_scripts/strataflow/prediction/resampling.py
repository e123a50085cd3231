"""Tiles of a resampled copy of a volume, and interpolation back to the original grid.

Tiles of a copy start at multiples of the network stride in the grid of the copy. Neighbouring tiles
therefore see their overlap in the same phase. A copy with fewer voxels is read with a halo, so that
neighbours share as many voxels of the copy as of the original.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..network.architecture import STRIDE
from ..volume.raw import Array
from .averaging import Scale
from .tiling import Corner, TileAxis, TileGrid

# Parameter of cubic convolution (Keys, 1981, IEEE Trans. ASSP 29); this value is third-order.
KEYS = -0.5


@dataclass(frozen=True)
class ResampledAxis:
    """A tile axis with `factor` times as many voxels.

    Voxel j of the copy lies at (j + 0.5) / factor - 0.5 in the original. This is symmetric: a copy
    of the mirrored volume is the mirrored copy.
    """

    axis: TileAxis
    factor: float

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """First voxel of each tile in the copy, a multiple of STRIDE."""
        room = self._length - self.size
        return tuple(min(STRIDE * first, room) for first, _ in self._strides)

    @cached_property
    def size(self) -> int:
        """Size of a tile in voxels of the copy, a multiple of STRIDE."""
        longest = max(last - first for first, last in self._strides)
        return min(STRIDE * longest, self._length)

    @property
    def _length(self) -> int:
        """Length of the copy in voxels, rounded up to a multiple of STRIDE by reflection."""
        return STRIDE * int(np.ceil(self.axis.n * self.factor / STRIDE))

    @property
    def _strides(self) -> list[tuple[int, int]]:
        """Range of strides in the copy, end excluded, that each tile and its halo touch."""
        axis = self.axis
        shared = max((a + axis.size - b for a, b in pairwise(axis.starts)), default=0)
        halo = max(shared * (1 / self.factor - 1) / 2, 0)
        ends = []
        for start in axis.starts:
            first = max((start - halo) * self.factor / STRIDE, 0)
            last = (start + axis.size + halo) * self.factor / STRIDE
            ends.append((int(np.floor(first)), int(np.ceil(last))))
        return ends

    @property
    def _reach(self) -> float:
        """Half width of the interpolation kernel in voxels of the original."""
        return 2 * max(1 / self.factor, 1)

    def _places(self, number: int) -> NDArray[np.float64]:
        """Positions in the original of the voxels of tile `number` in the copy."""
        voxels = self.starts[number] + np.arange(self.size, dtype=np.float64)
        return (voxels + 0.5) / self.factor - 0.5

    @cached_property
    def read(self) -> TileAxis:
        """Voxels of the original that are read for each tile."""
        starts = [
            int(np.floor(self._places(number)[0] - self._reach))
            for number in range(len(self.starts))
        ]
        size = int(np.ceil(self.size / self.factor + 2 * self._reach)) + 1
        return TileAxis(self.axis.n, size, tuple(starts))

    def weights(self, number: int) -> Array:
        """Weights (size, read.size) that resample the voxels read for a tile to the copy.

        The weights are those of cubic convolution. If the copy has fewer voxels, the kernel is
        stretched to prevent aliasing.
        """
        places = self.read.starts[number] + np.arange(self.read.size)
        away = np.abs(self._places(number)[:, None] - places) * min(self.factor, 1.0)
        near = ((KEYS + 2) * away - (KEYS + 3)) * away**2 + 1
        far = KEYS * (((away - 5) * away + 8) * away - 4)
        kernel = np.where(away < 1, near, np.where(away < 2, far, 0))
        return (kernel / kernel.sum(axis=1, keepdims=True)).astype(np.float32)

    def back(self, number: int) -> tuple[NDArray[np.int64], Array]:
        """Positions of the voxels of tile `number` in its window of the copy.

        Returns:
            For each voxel, the index of the previous voxel in the window and the fraction of the
            way to the next one, 0 to 1; both (axis.size,).
        """
        voxels = self.axis.starts[number] + np.arange(self.axis.size)
        place = (voxels + 0.5) * self.factor - 0.5 - self.starts[number]
        place = place.clip(0, self.size - 1)
        before = np.minimum(place.astype(np.int64), self.size - 2)
        return before, (place - before).astype(np.float32)


@dataclass(frozen=True)
class ResampledGrid:
    """The tiles of `grid` in a copy at `scale`."""

    grid: TileGrid
    scale: Scale

    @cached_property
    def axes(self) -> tuple[ResampledAxis, ResampledAxis, ResampledAxis]:
        """Resampled axes (n3, n2, n1)."""
        n3, n2, n1 = map(ResampledAxis, self.grid.axes, self.scale.factors)
        return (n3, n2, n1)

    @cached_property
    def read(self) -> TileGrid:
        """Blocks of the original that are read for each tile."""
        n3, n2, n1 = (axis.read for axis in self.axes)
        return TileGrid((n3, n2, n1))

    def numbers(self, corner: Corner) -> tuple[int, int, int]:
        """Index of the tile at `corner` along each axis of the grid."""
        i3, i2, i1 = (
            axis.starts.index(start) for axis, start in zip(self.grid.axes, corner, strict=True)
        )
        return (i3, i2, i1)

    def corner_read(self, corner: Corner) -> Corner:
        """First voxel that is read for the tile at `corner`; it may be negative."""
        i3, i2, i1 = (
            axis.starts[number]
            for axis, number in zip(self.read.axes, self.numbers(corner), strict=True)
        )
        return (i3, i2, i1)
