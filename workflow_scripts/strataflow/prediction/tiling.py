"""The tile grid over a volume, and the seamless blending of overlapping tiles.

Tiles start at multiples of the network stride, so that all of them sample the volume in the same
phase. The outermost tiles end at the edges of the volume, like the crops of the training. Padding
by reflection would put a kink into dipping layers, which looks like a fault. Reflection only fills
the volume up to a multiple of the stride.

A row of tiles has the same inlines. A column of a row also has the same crosslines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ..errors import StrataflowError
from ..network.architecture import STRIDE
from ..volume.raw import Array, Shape

Corner = tuple[int, int, int]

PRECISIONS = ("auto", "fp32")


@dataclass(frozen=True)
class Tiling:
    """How a volume is divided into tiles.

    Attributes:
        tile: Maximum tile (n3, n2, n1) in voxels.
        overlap: Minimum overlap as a fraction of the tile.
        precision: auto (fastest in hardware) or fp32 (on a CPU, bitwise identical results for any
            number of cores).
    """

    tile: tuple[int, int, int] = (128, 128, 128)
    overlap: float = 0.25
    precision: str = "auto"

    def __post_init__(self) -> None:
        if len(self.tile) != 3 or any(side < STRIDE or side % STRIDE for side in self.tile):
            raise StrataflowError(
                f"tile: expected three multiples of {STRIDE}, got (n3, n2, n1) = {self.tile}"
            )
        if not 0 <= self.overlap < 1:
            raise StrataflowError(f"overlap: expected 0 to below 1, got {self.overlap}")
        if self.precision not in PRECISIONS:
            raise StrataflowError(
                f"precision: expected one of {PRECISIONS}, got {self.precision!r}"
            )


@dataclass(frozen=True)
class TileAxis:
    """Tiles along one axis.

    Attributes:
        n: Voxels of the volume.
        size: Voxels of a tile.
        starts: First voxel of each tile.
    """

    n: int
    size: int
    starts: tuple[int, ...]

    @classmethod
    def cover(cls, n: int, tile: int, overlap: float) -> TileAxis:
        """Cover an axis evenly with the minimum number of tiles, of the minimum size for it.

        Args:
            n: Voxels of the volume.
            tile: Maximum size of a tile in voxels.
            overlap: Minimum overlap as a fraction of `tile`. It is limited to `tile` - STRIDE
                voxels, because tiles must differ by at least one stride.
        """
        # All lengths are in strides.
        needed, largest = -(-n // STRIDE), tile // STRIDE
        step = max(int(largest * (1 - overlap)), 1)
        if needed <= largest:
            return cls(n, needed * STRIDE, (0,))
        count = -(-(needed - largest) // step) + 1
        shared = largest - step
        size = shared + -(-(needed - shared) // count)
        room = needed - size
        starts = tuple(STRIDE * (room * number // (count - 1)) for number in range(count))
        return cls(n, size * STRIDE, starts)

    def step(self, number: int) -> int:
        """Distance in voxels from tile `number` to the next; for the last one, its size."""
        if number + 1 == len(self.starts):
            return self.size
        return self.starts[number + 1] - self.starts[number]

    def shared(self, number: int) -> int:
        """Overlap in voxels of tile `number` with the next."""
        return self.size - self.step(number)

    def finished(self, number: int) -> slice:
        """Voxels of the volume that tile `number` covers and later tiles do not."""
        first = self.starts[number]
        return slice(first, min(first + self.step(number), self.n))

    def indices(self, start: int) -> NDArray[np.intp]:
        """Voxels of the volume that a tile at `start` reads, with reflection at the edges."""
        if self.n == 1:
            return np.zeros(self.size, np.intp)
        period = 2 * (self.n - 1)
        folded = np.arange(start, start + self.size) % period
        return np.minimum(folded, period - folded)

    def inside(self, start: int) -> slice:
        """Part of a tile at `start` that lies inside the volume."""
        return slice(0, min(self.n - start, self.size))

    @property
    def result(self) -> int:
        """First voxel of a tile to use.

        A tile repeats a single line. Its middle has copies on both sides, which finds more faults.
        """
        return self.size // 2 if self.n == 1 else 0

    def weights(self) -> Array:
        """Blending weights (tiles, size); they add up to 1 at every voxel of the volume."""
        windows = np.ones((len(self.starts), self.size))
        for number in range(len(self.starts) - 1):
            shared = self.shared(number)
            ramp = np.sin(0.5 * np.pi * (np.arange(shared) + 0.5) / max(shared, 1)) ** 2
            windows[number, self.size - shared :] *= ramp[::-1]
            windows[number + 1, :shared] *= ramp
        total = np.zeros(self.starts[-1] + self.size)
        for start, window in zip(self.starts, windows, strict=True):
            total[start:][: self.size] += window
        return np.stack(
            [w / total[start:][: self.size] for start, w in zip(self.starts, windows, strict=True)]
        ).astype(np.float32)


@dataclass(frozen=True)
class TileGrid:
    """Tiles over a volume, axes in the order (n3, n2, n1)."""

    axes: tuple[TileAxis, TileAxis, TileAxis]

    @classmethod
    def cover(
        cls, shape: tuple[int, int, int], tile: tuple[int, int, int], overlap: float
    ) -> TileGrid:
        """Cover a volume with tiles.

        Args:
            shape: Shape of the volume (n3, n2, n1).
            tile: Maximum tile (n3, n2, n1), in multiples of STRIDE.
            overlap: Minimum overlap as a fraction of the tile, in [0, 1).

        Raises:
            StrataflowError: `tile` or `overlap` is invalid.
        """
        if any(side < STRIDE or side % STRIDE for side in tile):
            raise StrataflowError(f"tile: expected multiples of {STRIDE}, got {Shape(*tile[::-1])}")
        if not 0 <= overlap < 1:
            raise StrataflowError(f"overlap: expected at least 0 and below 1, got {overlap}")
        axes = [TileAxis.cover(n, t, overlap) for n, t in zip(shape, tile, strict=True)]
        return cls((axes[0], axes[1], axes[2]))

    @property
    def tile(self) -> tuple[int, int, int]:
        """Size of the tiles (n3, n2, n1)."""
        return tuple(axis.size for axis in self.axes)  # type: ignore[return-value]

    @property
    def per_row(self) -> int:
        """Number of tiles in a row."""
        return len(self.axes[1].starts) * len(self.axes[2].starts)

    def corners(self, rows: range | None = None) -> list[Corner]:
        """First voxels of the tiles of `rows` (default: all), row by row, column by column."""
        starts = self.axes[0].starts
        chosen = starts if rows is None else starts[rows.start : rows.stop]
        return list(product(chosen, self.axes[1].starts, self.axes[2].starts))

    def rows_of_slab(self, slab: int, slabs: int) -> range:
        """Rows of tiles of `slab` out of `slabs`; empty for some if slabs outnumber rows."""
        rows = len(self.axes[0].starts)
        return range(rows * slab // slabs, rows * (slab + 1) // slabs)

    def with_halo(self, rows: range) -> range:
        """`rows` and the earlier rows that overlap the inlines that `rows` finish."""
        if not rows:
            return rows
        starts, size = self.axes[0].starts, self.axes[0].size
        reaching = (row for row in range(rows.stop) if starts[row] + size > starts[rows.start])
        return range(next(reaching), rows.stop)

    def inlines(self, rows: range) -> slice:
        """Inlines that `rows` finish."""
        if not rows:
            return slice(0, 0)
        finished = self.axes[0].finished
        return slice(finished(rows[0]).start, finished(rows[-1]).stop)

    def inlines_read(self, rows: range) -> slice:
        """Inlines that the tiles of `rows` and of their halo read."""
        if not rows:
            return slice(0, 0)
        starts, size = self.axes[0].starts, self.axes[0].size
        first, last = (starts[row] for row in (self.with_halo(rows)[0], rows[-1]))
        return slice(first, min(last + size, self.axes[0].n))

    def read(self, values: NDArray, corner: Corner) -> NDArray:
        """Read the tile at `corner` from `values` (n3, n2, n1), reflected beyond the edges."""
        i3, i2, i1 = (axis.indices(start) for axis, start in zip(self.axes, corner, strict=True))
        block = values[i3.min() : i3.max() + 1]
        block = block[:, i2.min() : i2.max() + 1, i1.min() : i1.max() + 1]
        return np.asarray(block)[np.ix_(i3 - i3.min(), i2 - i2.min(), i1 - i1.min())]


def blend(
    grid: TileGrid, rows: range, channels: int, tiles: Iterator[Array]
) -> Iterator[tuple[slice, slice, Array]]:
    """Blend overlapping tiles, column by column.

    Only one column of tiles and the overlap with the next row are in memory. The order of summation
    does not depend on `rows`, so that slabs give the same result as the whole volume.

    Args:
        grid: Tiles of the volume.
        rows: Rows of tiles to finish.
        channels: Number of channels.
        tiles: Tiles (channels, n3, n2, n1) of `grid.with_halo(rows)`, in the order of `corners`.

    Yields:
        Finished inlines and crosslines, and their values (channels, inlines, crosslines, n1). The
        array is reused for the next block.
    """
    along3, along2, along1 = grid.axes
    width = along2.starts[-1] + along2.size
    weights3, weights2, weights1 = (axis.weights() for axis in grid.axes)
    max_shared = max(map(along3.shared, range(len(along3.starts))))
    behind = np.zeros((channels, max_shared, width, along1.n), np.float32)
    # Allocate once: allocation takes longer than the sums.
    block = np.empty((channels, along3.size, along2.size, along1.n), np.float32)
    weighted = np.empty((channels, along2.size, along1.size), np.float32)
    shared = 0
    for row in grid.with_halo(rows):
        beside = 0
        for column, begin in enumerate(along2.starts):
            if beside:
                block[:, :, :beside] = block[:, :, along2.size - beside :]
            block[:, :, beside:] = 0
            for start, down in zip(along1.starts, weights1, strict=True):
                tile, inside = next(tiles), along1.inside(start)
                section = weights2[column][:, None] * down
                # One inline at a time fits into the processor cache.
                for i3, weight in enumerate(weights3[row]):
                    np.multiply(tile[:, i3], weight * section, out=weighted)
                    block[:, i3, :, start : start + inside.stop] += weighted[..., inside]
            beside = along2.shared(column)
            # Cut off the part that later columns change, then the part that later rows change.
            finished = block[:, :, : along2.step(column)]
            done = slice(begin, begin + finished.shape[2])
            finished[:, :shared] += behind[:, :shared, done]
            behind[:, : along3.shared(row), done] = finished[:, along3.step(row) :]
            if row in rows:
                inlines, crosslines = along3.finished(row), along2.finished(column)
                n3, n2 = (part.stop - part.start for part in (inlines, crosslines))
                first = along3.result
                yield inlines, crosslines, finished[:, first : first + n3, :n2]
        shared = along3.shared(row)
