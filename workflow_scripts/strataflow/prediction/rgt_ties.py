"""Equations between points that belong to one layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .rgt_elements import Ids, Values

# Nodes in an equation.
TERMS = 16

# Residual in samples at which a doubtful equation loses most of its weight.
TRUSTED_RESIDUAL = 4.0


@dataclass(frozen=True)
class Ties:
    """Equations: `weights` (N, TERMS) times the shifts at `nodes` (N, TERMS) give `wanted` (N,).

    Nodes from `count` on are the times of controls, `times` of them. `trust` (N,) are the weights
    of the equations. Those that are `doubtful` (N,) lose weight where they do not fit, those that
    are `limits` (N,) count only where the left side is below the right one. To the left side come
    the `late_weights` (N, 2 TERMS) times the shifts of the last round at `late_nodes`. If unknown,
    these terms would be met best by time that hardly grows.
    """

    count: int
    times: int
    nodes: Ids
    weights: Values
    wanted: Values
    trust: Values
    doubtful: NDArray[np.bool_] | None = None
    limits: NDArray[np.bool_] | None = None
    late_nodes: Ids | None = None
    late_weights: Values | None = None

    @staticmethod
    def empty(count: int) -> Ties:
        """No equations for `count` nodes."""
        nodes, weights = np.empty((0, TERMS), np.int32), np.empty((0, TERMS))
        return Ties(count, 0, nodes, weights, np.empty(0), np.empty(0))

    def _flags(self, flags: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
        return np.zeros(len(self.wanted), bool) if flags is None else flags

    def _late(self) -> tuple[Ids, Values]:
        if self.late_nodes is None or self.late_weights is None:
            size = (len(self.wanted), 2 * TERMS)
            return np.zeros(size, np.int32), np.zeros(size)
        return self.late_nodes, self.late_weights

    def __add__(self, other: Ties) -> Ties:
        nodes = np.where(other.nodes >= other.count, other.nodes + self.times, other.nodes)
        pairs = [(getattr(self, n), getattr(other, n)) for n in ("weights", "wanted", "trust")]
        pairs += [
            (self._flags(self.doubtful), other._flags(other.doubtful)),
            (self._flags(self.limits), other._flags(other.limits)),
            *zip(self._late(), other._late(), strict=True),
        ]
        return Ties(
            self.count,
            self.times + other.times,
            np.concatenate([self.nodes, nodes.astype(np.int32)]),
            *(np.concatenate(pair) for pair in pairs),
        )

    def in_order(self, pairs: Sequence[tuple[int, int]], gap: float, trust: float) -> Ties:
        """With at least `gap` samples between the times of `pairs` of controls."""
        nodes = np.zeros((len(pairs), TERMS), np.int32)
        weights = np.zeros((len(pairs), TERMS))
        nodes[:, :2] = self.count + np.array(pairs, np.int32).reshape(-1, 2)
        weights[:, 0], weights[:, 1] = -1, 1
        limits = np.ones(len(pairs), bool)
        wanted, sure = np.full(len(pairs), gap), np.full(len(pairs), trust)
        ties = Ties(self.count, 0, nodes, weights, wanted, sure, None, limits)
        # Added on the left, so that the numbers of the controls stay.
        return ties + self

    def matrix(self) -> csr_array:
        """The unknown terms of the left sides, (N, count + times)."""
        return self._matrix(self.nodes, self.weights)

    def late(self) -> csr_array:
        """The terms of the left sides that are taken from the last round."""
        return self._matrix(*self._late())

    def _matrix(self, nodes: Ids, weights: Values) -> csr_array:
        rows = np.repeat(np.arange(len(nodes)), nodes.shape[1])
        shape = (len(nodes), self.count + self.times)
        return csr_array((weights.ravel(), (rows, nodes.ravel())), shape=shape)

    def first_times(self, shift: NDArray[np.float64]) -> NDArray[np.float64]:
        """Times of the controls where the shift at the nodes is `shift` (count,)."""
        has = (self.nodes >= self.count).sum(axis=1) == 1
        at = self.nodes[has] >= self.count
        control = self.nodes[has][at] - self.count
        known = np.where(at, 0, self.nodes[has])
        time = (np.where(at, 0, self.weights[has]) * shift[known]).sum(axis=1) - self.wanted[has]
        total = np.bincount(control, time, self.times)
        return np.asarray(total / np.maximum(np.bincount(control, minlength=self.times), 1))

    def trusted(self, off: Values, power: float) -> Values:
        """Weights for the residuals `off` (N,) of the last solution.

        Args:
            off: left minus right sides.
            power: of the loss of weight: 0 for none, 2 for that of Geman & McClure (1987).
        """
        doubt = (1 + np.square(off / TRUSTED_RESIDUAL)) ** -power
        trust = np.where(self._flags(self.doubtful), self.trust * doubt, self.trust)
        return np.where(self._flags(self.limits) & (off > 1e-3), 0.0, trust)
