"""The tile grid over a volume, and windows that blend overlapping tiles without a seam.

Tiles begin at multiples of the networks' stride from each other, so that all of them sample the
volume in the same phase, and reach beyond the volume by half an overlap, where it is reflected:
no voxel is predicted by the rim of a tile alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from .errors import StrataflowError
from .networks import STRIDE

Array = NDArray[np.float32]


PRECISIONS = ("auto", "fp32")


@dataclass(frozen=True)
class Tiling:
    """How a volume is cut: `tile` (n3, n2, n1) in voxels, least `overlap` as a fraction of it.

    `precision` is auto (the fastest of the hardware) or fp32 (the same bits everywhere).
    """

    tile: tuple[int, int, int] = (128, 128, 128)
    overlap: float = 0.25
    precision: str = "auto"


@dataclass(frozen=True)
class TileAxis:
    """Tiles of `size` along an axis of `n` voxels: the first voxel of each, maybe negative."""

    n: int
    size: int
    starts: tuple[int, ...]

    @classmethod
    def cover(cls, n: int, tile: int, overlap: float) -> TileAxis:
        """Cover `n` voxels by tiles of at most `tile` that overlap by at least `overlap` of it.

        No more than `tile` - STRIDE voxels: tiles must differ by a stride.
        """
        step = max(int(tile * (1 - overlap) / STRIDE), 1) * STRIDE
        margin = (tile - step) // 2
        needed = n + 2 * margin
        if needed <= tile:
            return cls(n, -(-needed // STRIDE) * STRIDE, (-margin,))
        count = -(-(needed - tile) // step) + 1
        return cls(n, tile, tuple(-margin + k * step for k in range(count)))

    def indices(self, start: int) -> NDArray[np.intp]:
        """Voxels of the volume that a tile at `start` reads, reflected at the ends."""
        if self.n == 1:
            return np.zeros(self.size, np.intp)
        period = 2 * (self.n - 1)
        folded = np.abs(np.arange(start, start + self.size)) % period
        return np.minimum(folded, period - folded)

    def inside(self, start: int) -> slice:
        """The part of a tile at `start` that lies inside the volume."""
        return slice(max(-start, 0), min(self.n - start, self.size))

    def weights(self) -> Array:
        """Weights (tiles, size) of the voxels of each tile; they add up to 1 at every voxel."""
        overlap = self.size - (self.starts[1] - self.starts[0]) if len(self.starts) > 1 else 0
        ramp = np.sin(0.5 * np.pi * (np.arange(overlap) + 0.5) / max(overlap, 1)) ** 2
        window = np.ones(self.size)
        window[:overlap] = ramp
        window[self.size - overlap :] *= ramp[::-1]
        total = np.zeros(self.starts[-1] - self.starts[0] + self.size)
        for start in self.starts:
            total[start - self.starts[0] :][: self.size] += window
        return np.stack(
            [window / total[start - self.starts[0] :][: self.size] for start in self.starts]
        ).astype(np.float32)


@dataclass(frozen=True)
class TileGrid:
    """Tiles over a volume, axes in the order (n3, n2, n1)."""

    axes: tuple[TileAxis, TileAxis, TileAxis]

    @classmethod
    def cover(
        cls, shape: tuple[int, int, int], tile: tuple[int, int, int], overlap: float
    ) -> TileGrid:
        """Cover a volume of `shape` by tiles of at most `tile`, both (n3, n2, n1).

        Raises StrataflowError for tiles that the networks cannot take and for overlaps out of
        [0, 1).
        """
        if any(side < STRIDE or side % STRIDE for side in tile):
            raise StrataflowError(
                f"tile: sides must be multiples of {STRIDE}, got {tile} as n3, n2, n1"
            )
        if not 0 <= overlap < 1:
            raise StrataflowError(f"overlap: must be at least 0 and below 1, got {overlap}")
        axes = [TileAxis.cover(n, t, overlap) for n, t in zip(shape, tile, strict=True)]
        return cls((axes[0], axes[1], axes[2]))

    @property
    def tile(self) -> tuple[int, int, int]:
        """Size of the tiles, (n3, n2, n1)."""
        return tuple(axis.size for axis in self.axes)  # type: ignore[return-value]

    def corners(self) -> list[tuple[int, int, int]]:
        """First voxel of each tile, those of one row of inlines together."""
        return list(product(self.axes[0].starts, self.axes[1].starts, self.axes[2].starts))

    def read(self, values: NDArray, corner: tuple[int, int, int]) -> NDArray:
        """The tile at `corner` of `values` (n3, n2, n1), reflected where it leaves the volume."""
        i3, i2, i1 = (axis.indices(start) for axis, start in zip(self.axes, corner, strict=True))
        block = values[i3.min() : i3.max() + 1]
        block = block[:, i2.min() : i2.max() + 1, i1.min() : i1.max() + 1]
        return np.asarray(block)[np.ix_(i3 - i3.min(), i2 - i2.min(), i1 - i1.min())]

    def inside(self, corner: tuple[int, int, int]) -> tuple[slice, slice, slice]:
        """The part of the tile at `corner` that lies inside the volume."""
        s3, s2, s1 = (axis.inside(start) for axis, start in zip(self.axes, corner, strict=True))
        return (s3, s2, s1)

    def weights(self, corner: tuple[int, int, int]) -> Array:
        """Blending weights, shape of the tile, of the tile at `corner`."""
        w3, w2, w1 = (
            axis.weights()[axis.starts.index(start)]
            for axis, start in zip(self.axes, corner, strict=True)
        )
        return w3[:, None, None] * w2[None, :, None] * w1[None, None, :]
