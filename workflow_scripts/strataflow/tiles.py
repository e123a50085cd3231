"""The tile grid over a volume, and how overlapping tiles are blended without a seam.

Tiles begin at multiples of the networks' stride from each other, so that all of them sample the
volume in the same phase, and reach beyond the volume by half an overlap, where it is reflected:
no voxel is predicted by the rim of a tile alone.

A row of tiles are those at the same inlines, a column of a row those at the same crosslines too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from .errors import StrataflowError
from .networks import STRIDE

Array = NDArray[np.float32]
Corner = tuple[int, int, int]

PRECISIONS = ("auto", "fp32")


@dataclass(frozen=True)
class Tiling:
    """How a volume is cut: `tile` (n3, n2, n1) in voxels, least `overlap` as a fraction of it.

    `precision` is auto (the fastest of the hardware) or fp32 (the same bits everywhere). `batch`
    tiles are predicted together on a GPU, by itself as many as it holds.
    """

    tile: tuple[int, int, int] = (128, 128, 128)
    overlap: float = 0.25
    precision: str = "auto"
    batch: int | None = None


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

    @property
    def step(self) -> int:
        """Voxels from one tile to the next, or the size of the only one."""
        return self.starts[1] - self.starts[0] if len(self.starts) > 1 else self.size

    @property
    def shared(self) -> int:
        """Voxels that a tile shares with the next."""
        return self.size - self.step

    def finished(self, number: int) -> slice:
        """The voxels of the volume that tile `number` covers and neither a later nor, alone, an
        earlier one: together the tiles finish every voxel once."""
        first = max(self.starts[number], 0) if number else 0
        last = number + 1 == len(self.starts)
        return slice(first, self.n if last else max(self.starts[number + 1], 0))

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
        shared = self.shared
        ramp = np.sin(0.5 * np.pi * (np.arange(shared) + 0.5) / max(shared, 1)) ** 2
        window = np.ones(self.size)
        window[:shared] = ramp
        window[self.size - shared :] *= ramp[::-1]
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

    @property
    def per_row(self) -> int:
        """Number of tiles in a row."""
        return len(self.axes[1].starts) * len(self.axes[2].starts)

    def corners(self, rows: range | None = None) -> list[Corner]:
        """First voxel of each tile of `rows` (of all): row by row, column by column."""
        starts = self.axes[0].starts
        chosen = starts if rows is None else starts[rows.start : rows.stop]
        return list(product(chosen, self.axes[1].starts, self.axes[2].starts))

    def rows_of_slab(self, slab: int, slabs: int) -> range:
        """Rows of tiles of `slab` of `slabs`; none where there are more slabs than rows."""
        rows = len(self.axes[0].starts)
        return range(rows * slab // slabs, rows * (slab + 1) // slabs)

    def with_halo(self, rows: range) -> range:
        """`rows` and the earlier ones that reach into the inlines that `rows` finish."""
        reach = -(-self.axes[0].shared // self.axes[0].step)
        return range(max(rows.start - reach, 0), rows.stop) if rows else rows

    def inlines(self, rows: range) -> slice:
        """The inlines that `rows` finish."""
        if not rows:
            return slice(0, 0)
        finished = self.axes[0].finished
        return slice(finished(rows[0]).start, finished(rows[-1]).stop)

    def read(self, values: NDArray, corner: Corner) -> NDArray:
        """The tile at `corner` of `values` (n3, n2, n1), reflected where it leaves the volume."""
        i3, i2, i1 = (axis.indices(start) for axis, start in zip(self.axes, corner, strict=True))
        block = values[i3.min() : i3.max() + 1]
        block = block[:, i2.min() : i2.max() + 1, i1.min() : i1.max() + 1]
        return np.asarray(block)[np.ix_(i3 - i3.min(), i2 - i2.min(), i1 - i1.min())]

    def weights(self, corner: Corner) -> Array:
        """Blending weights, shape of the tile, of the tile at `corner`."""
        w3, w2, w1 = (
            axis.weights()[axis.starts.index(start)]
            for axis, start in zip(self.axes, corner, strict=True)
        )
        return w3[:, None, None] * w2[None, :, None] * w1[None, None, :]


def blend(
    grid: TileGrid, rows: range, channels: int, tiles: Iterator[Array]
) -> Iterator[tuple[slice, slice, Array]]:
    """Blend `tiles`, (channels, n3, n2, n1) each, of `grid.with_halo(rows)` column by column.

    Yields the inlines and crosslines that are finished and their values (channels, inlines,
    crosslines, n1). In memory are a column of tiles and what a row shares with the next; sums are
    made in an order that does not depend on `rows`.
    """
    along3, along2, along1 = grid.axes
    width = along2.starts[-1] + along2.size - along2.starts[0]
    behind = np.zeros((channels, along3.shared, width, along1.n), np.float32)
    for row in grid.with_halo(rows):
        beside = np.zeros((channels, along3.size, along2.shared, along1.n), np.float32)
        for column, begin in enumerate(start - along2.starts[0] for start in along2.starts):
            block = np.zeros((channels, along3.size, along2.size, along1.n), np.float32)
            block[:, :, : along2.shared] = beside
            for start in along1.starts:
                inside = along1.inside(start)
                weighted = next(tiles) * grid.weights(
                    (along3.starts[row], along2.starts[column], start)
                )
                block[..., start + inside.start : start + inside.stop] += weighted[..., inside]
            beside = block[:, :, along2.step :].copy()
            # What no later column of the row touches, then what no later row does.
            last = column + 1 == len(along2.starts)
            block = block[:, :, : None if last else along2.step]
            done = slice(begin, begin + block.shape[2])
            block[:, : along3.shared] += behind[:, :, done]
            behind[:, :, done] = block[:, along3.step :]
            if row in rows:
                inlines, crosslines = along3.finished(row), along2.finished(column)
                first3, first2 = along3.starts[row], along2.starts[column]
                yield (
                    inlines,
                    crosslines,
                    block[
                        :,
                        inlines.start - first3 : inlines.stop - first3,
                        crosslines.start - first2 : crosslines.stop - first2,
                    ],
                )
