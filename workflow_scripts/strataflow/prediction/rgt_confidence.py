"""Confidence of RGT: high where layers are parallel, low where the image does not decide.

It is the product of the agreement of the layers above and below, the planarity of the reflectors,
and 1 minus the fault probability off faults with known throws. On faults without one it is 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..interpretation.fault_voxels import crossed_voxels
from ..interpretation.surfaces import Surface
from ..interpretation.throw_quality import LIKELY
from ..volume.raw import Array
from .rgt_convergence import STEP


@dataclass(frozen=True)
class Confidence:
    """Confidence in cells (m3, m2, m1) of `side` x `side` traces and STEP samples, 0 to 1."""

    cells: Array
    side: int
    shape: tuple[int, int, int]

    def without_throws(self, surfaces: Sequence[Surface]) -> Confidence:
        """With 0 where `surfaces` pass whose throw is not known."""
        cells = self.cells.copy()
        for surface in surfaces:
            key, cell = crossed_voxels(surface, self.shape)
            unknown = ~(surface.quality.ravel()[cell] >= LIKELY)
            unknown |= ~np.isfinite(surface.throw.ravel()[cell])
            i3, i2, i1 = np.unravel_index(key[unknown], self.shape)
            cells[i3 // self.side, i2 // self.side, i1 // STEP] = 0
        return Confidence(cells, self.side, self.shape)

    def planes(self) -> Iterator[Array]:
        """Yield each inline (n2, n1), linear between the middles of the cells."""
        n3, n2, n1 = self.shape
        rows, lower, part = _between(n3, self.side, self.cells.shape[0])
        across, along = (
            _interpolation(n, size, count)
            for n, size, count in zip(
                (n2, n1), (self.side, STEP), self.cells.shape[1:], strict=True
            )
        )
        for row, other, share in zip(rows, lower, part, strict=True):
            plane = (1 - share) * self.cells[row] + share * self.cells[other]
            yield across @ plane @ along.T


def _between(n: int, size: int, count: int) -> tuple[NDArray, NDArray, Array]:
    """Cells before and after each of `n` voxels, and the share of the latter."""
    at = ((np.arange(n) + 0.5) / size - 0.5).clip(0, count - 1)
    before = np.floor(at).astype(np.int64)
    return before, (before + 1).clip(max=count - 1), (at - before).astype(np.float32)


def _interpolation(n: int, size: int, count: int) -> Array:
    """Matrix (n, count) from cells to voxels."""
    before, after, part = _between(n, size, count)
    matrix = np.zeros((n, count), np.float32)
    matrix[np.arange(n), before] = 1 - part
    matrix[np.arange(n), after] += part
    return matrix
