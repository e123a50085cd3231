"""Multigrid preconditioner for least squares over elements that faults cut.

Smoothed aggregation (Vanek, Mandel & Brezina, 1996, Computing 56) with geometric aggregates: blocks
of nodes, of which only those become one that equations join inside the block. Nodes on the two
sides of a fault therefore stay apart. Blocks are longer along axes with strong couplings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import coo_array, csr_array, diags_array
from scipy.sparse.csgraph import connected_components

Vector = NDArray[np.float64]

# Unknowns of the coarsest level, which is solved directly, and the largest number of levels.
FEW, LEVELS = 600, 12

# Nodes of a block along an axis that is coarsened, and the share of the strongest coupling from
# which an axis is.
BLOCK, STRONG = 3, 0.2

# Smoothing steps before and after each correction.
SWEEPS = 2


@dataclass(frozen=True)
class Level:
    """A system, the inverse of its diagonal of absolute sums, and the way to the next level."""

    system: csr_array
    relax: Vector
    down: csr_array
    up: csr_array


class Multigrid:
    """One V-cycle for a symmetric positive definite system."""

    def __init__(self, system: csr_array, place: NDArray[np.int64]) -> None:
        """Set up the levels.

        Args:
            system: matrix (N, N).
            place: of each unknown along each axis, (3, N); -1 for unknowns without a place.
        """
        self.levels: list[Level] = []
        while system.shape[0] > FEW and len(self.levels) < LEVELS:
            relax = 1 / np.maximum(np.asarray(abs(system).sum(axis=1)).ravel(), 1e-30)
            blocks = _blocks(system, place)
            aggregate = _aggregates(system, blocks)
            count = int(aggregate.max()) + 1
            if count > 0.8 * aggregate.size:
                break
            rows = np.arange(aggregate.size)
            plain = csr_array((np.ones(rows.size), (rows, aggregate)), shape=(rows.size, count))
            up = csr_array(plain - diags_array(4 / 3 * relax) @ (system @ plain))
            down = csr_array(up.T)
            self.levels.append(Level(system, relax, down, up))
            system = csr_array(down @ (system @ up))
            first = np.zeros(count, np.int64)
            first[aggregate[::-1]] = rows[::-1]
            place = blocks[:, first]
        self.coarse = _direct(system)

    def __call__(self, residual: Vector) -> Vector:
        """An approximate solution for `residual`."""
        return self._cycle(residual, 0)

    def _cycle(self, right: Vector, number: int) -> Vector:
        if number == len(self.levels):
            return self.coarse(right)
        level = self.levels[number]
        x = level.relax * right
        for _ in range(SWEEPS - 1):
            x += level.relax * (right - level.system @ x)
        x += level.up @ self._cycle(level.down @ (right - level.system @ x), number + 1)
        for _ in range(SWEEPS):
            x += level.relax * (right - level.system @ x)
        return x


def _blocks(system: csr_array, place: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place of the block of each unknown, (3, N)."""
    entries = system.tocoo()
    strength = np.zeros(3)
    step = place[:, entries.col] - place[:, entries.row]
    placed = (place[0, entries.row] >= 0) & (place[0, entries.col] >= 0)
    for axis in range(3):
        others = [a for a in range(3) if a != axis]
        along = placed & (np.abs(step[axis]) == 1) & (step[others] == 0).all(axis=0)
        strength[axis] = -float(entries.data[along].sum())
    extent = np.array([np.unique(place[axis]).size for axis in range(3)])
    strength[extent <= 2] = 0
    coarsened = strength >= STRONG * strength.max()
    return np.where(coarsened[:, None] & (place >= 0), place // BLOCK, place)


def _aggregates(system: csr_array, blocks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of the aggregate of each unknown: those joined within a block are one."""
    entries = system.tocoo()
    inside = (blocks[:, entries.row] == blocks[:, entries.col]).all(axis=0)
    inside &= (blocks[0, entries.row] >= 0) & (entries.data < 0)
    graph = coo_array(
        (np.ones(inside.sum(), bool), (entries.row[inside], entries.col[inside])),
        shape=system.shape,
    )
    _, found = connected_components(graph, directed=False)
    return found.astype(np.int64)


def _direct(system: csr_array) -> Callable[[Vector], Vector]:
    """Direct solution of the coarsest system."""
    dense = system.toarray()
    dense[np.diag_indices_from(dense)] += 1e-9 * np.trace(dense) / max(len(dense), 1)
    factor = cho_factor(dense)
    return lambda right: cho_solve(factor, right)
