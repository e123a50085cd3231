"""Equations that give the points of each control set one geologic time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ..interpretation.control import ControlSet
from .rgt_elements import Elements
from .rgt_ties import Ties

# Weight of the points of a set in an element; a planar reflector has weight 1. The fit would
# squeeze time to meet rough points of a larger weight.
WEIGHT = 1.0

# Minimum time in samples between sets in order, and the weight of that.
GAP, ORDER_WEIGHT = 1.0, 1e4


def control_ties(sets: Sequence[ControlSet], elements: Elements) -> Ties:
    """Equations for the points of `sets`: the time at each is that of its set.

    What they leave at the points is up to `honour_control`.
    """
    count = len(elements.vertex_of)
    ties = Ties.empty(count)
    last = np.array(elements.shape) - 1
    for one in sets:
        points = np.asarray(one.points, np.float64)
        voxels = np.rint(points).astype(np.int64).clip(0, last)
        nodes, weights = elements.stencils(points, voxels)
        _, element, share = np.unique(
            voxels // elements.side, axis=0, return_inverse=True, return_counts=True
        )
        rest = np.zeros((len(nodes), 7))
        own = np.full((len(nodes), 1), count)
        ties += Ties(
            count,
            1,
            np.concatenate([nodes, own, rest], axis=1).astype(np.int32),
            np.concatenate([weights, -np.ones(own.shape), rest], axis=1),
            -points[:, 2],
            WEIGHT / share[element.ravel()],
        )
    return ties.in_order(_ordered(sets), GAP, ORDER_WEIGHT)


def _ordered(sets: Sequence[ControlSet]) -> list[tuple[int, int]]:
    """Pairs of sets, the younger one first, that follow each other in their order."""
    known = sorted((s.order, number) for number, s in enumerate(sets) if s.order is not None)
    return [(a, b) for (p, a), (q, b) in pairwise(known) if p < q]
