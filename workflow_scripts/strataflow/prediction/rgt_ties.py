"""Equations between points that belong to one layer: across faults, and of control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..interpretation.surfaces import Surface
from ..interpretation.throw import MIN_QUALITY
from ..volume.raw import Array
from .rgt_elements import Elements, Ids

# Cells of a fault surface between pairs of points, along each axis.
EVERY = 4

# Voxels from a surface, along the axis that it is steepest to, that are surely on one side.
ASIDE = 2.0

# Voxels from a surface at which the network's time is compared where the throw is not known.
APART = 8.0

# Weight of a pair of points of the best quality, and of one whose throw is not known.
THROW_WEIGHT, PREDICTED_WEIGHT = 4.0, 0.04

# Residual in samples from which a pair loses weight.
TRUSTED_RESIDUAL = 2.0

# Weight of a point of a control.
CONTROL_WEIGHT = 100.0


@dataclass(frozen=True)
class Control:
    """Points that have one time, such as a picked horizon.

    `points` (N, 3) over (n3, n2, n1) in voxels, with fractions; `weight` of a point, 1 for one that
    holds within half a sample; `order`, if known: controls of a higher order are older.
    """

    points: NDArray[np.float64]
    weight: float = 1.0
    order: float | None = None
    name: str = ""


@dataclass(frozen=True)
class Ties:
    """Equations: `weights` (N, K) of the time at `nodes` (N, K) sum up to `wanted` (N,).

    Nodes from `count` on are the times of controls, `times` of them. `trust` (N,) are the weights
    of the equations; those that are `doubtful` lose weight where they do not fit.
    """

    count: int
    times: int
    nodes: Ids
    weights: Array
    wanted: Array
    trust: Array
    doubtful: NDArray[np.bool_]

    def __add__(self, other: Ties) -> Ties:
        nodes = other.nodes.copy()
        nodes[nodes >= other.count] += self.times
        names = ("weights", "wanted", "trust", "doubtful")
        joined = [np.concatenate([getattr(self, n), getattr(other, n)]) for n in names]
        return Ties(
            self.count, self.times + other.times, np.concatenate([self.nodes, nodes]), *joined
        )

    def matrix(self) -> csr_array:
        rows = np.repeat(np.arange(len(self.nodes)), self.nodes.shape[1])
        shape = (len(self.nodes), self.count + self.times)
        return csr_array((self.weights.ravel(), (rows, self.nodes.ravel())), shape=shape)

    def first_times(self, shift: NDArray[np.float64]) -> NDArray[np.float64]:
        """Times of the controls where `shift` (count,) is the shift at the nodes."""
        return np.zeros(self.times)

    def equations(self, solution: NDArray[np.float64], power: float) -> tuple[csr_array, Array, Array]:
        """Matrix, right side, and weights that fit the `solution` of the last round."""
        rows = self.matrix()
        off = (rows @ solution - self.wanted) / TRUSTED_RESIDUAL
        doubt = np.where(self.doubtful, (1 + off**2) ** -power, 1.0)
        return rows, self.wanted, self.trust * doubt


def throw_ties(surfaces: Sequence[Surface], elements: Elements, time: Array) -> Ties:
    """Equations for pairs of points on both sides of faults."""
    parts = [_pairs(surface, elements, time) for surface in surfaces]
    parts.append(
        (np.empty((0, 16), np.int32), np.empty((0, 16)), np.empty(0), np.empty(0), np.empty(0, bool))
    )
    nodes, weights, wanted, trust, doubtful = (
        np.concatenate(values) for values in zip(*parts, strict=True)
    )
    return Ties(len(elements.vertex_of), 0, nodes, weights, wanted, trust, doubtful)


def pair_points(surface: Surface, elements: Elements):  # type: ignore[no-untyped-def]
    width, height = surface.inside.shape
    a, b = np.nonzero(surface.inside)
    thin = ((a + surface.first[0]) % EVERY == 0) & ((b + surface.first[1]) % EVERY == 0)
    a, b = a[thin], b[thin]
    points, normals = surface.points(), surface.normals()
    fall = np.gradient(points[2], axis=1) if height > 1 else np.zeros((width, height))
    known = np.isfinite(surface.throw[a, b]) & (surface.quality[a, b] >= MIN_QUALITY)
    known &= np.abs(fall[a, b]) > 0.2
    throw = np.where(known, surface.throw[a, b], 0)
    half = 0.5 * throw / np.where(known, fall[a, b], 1)
    ends, voxels = [], []
    shape = np.array(elements.shape)
    good = np.ones(a.size, bool)
    for side in (-1, 1):
        at = b + side * half
        inner = np.rint(at.clip(0, height - 1)).astype(np.int64)
        down = np.gradient(points, axis=2)[:, a, inner] if height > 1 else 0 * points[:, a, inner]
        point = points[:, a, inner] + (at - inner) * down
        normal = normals[:, a, inner]
        axis = np.abs(normal).argmax(axis=0)
        steep = normal[axis, np.arange(a.size)]
        aside = np.where(known, ASIDE, APART)
        step = np.zeros_like(point)
        step[axis, np.arange(a.size)] = side * np.sign(steep) * aside
        voxel = np.rint(point + step).astype(np.int64)
        point = np.where(known, point, point + step)
        good &= ((voxel >= 0) & (voxel < shape[:, None])).all(axis=0)
        ends.append(point.T)
        voxels.append(voxel.T)
    ends = [e[good] for e in ends]
    voxels = [v[good] for v in voxels]
    return ends, (voxels, known[good], throw[good], surface.quality[a, b][good])


def _pairs(surface: Surface, elements: Elements, time: Array):  # type: ignore[no-untyped-def]
    ends, (voxels, known, throw, quality) = pair_points(surface, elements)
    (n_f, w_f), (n_h, w_h) = (
        elements.stencils(e, v) for e, v in zip(ends, voxels, strict=True)
    )
    rise = ends[0][:, 2] - ends[1][:, 2]
    guess = ~known
    if guess.any():
        (f, h) = (time[tuple(v[guess].T)].astype(float) for v in voxels)
        rise[guess] += h - f
    trust = np.where(known, THROW_WEIGHT * quality, PREDICTED_WEIGHT)
    return np.concatenate([n_f, n_h], 1), np.concatenate([-w_f, w_h], 1), rise, trust, known


def control_ties(constraints: Sequence[Control], elements: Elements) -> Ties:
    """Equations for points of controls: the time at each is that of its control."""
    count = len(elements.vertex_of)
    nodes, weights, wanted, trust = [], [], [], []
    for number, control in enumerate(constraints):
        points = np.asarray(control.points, np.float64).reshape(-1, 3)
        voxels = np.rint(points).astype(np.int64).clip(0, np.array(elements.shape) - 1)
        n, w = elements.stencils(points, voxels)
        own = np.full((len(points), 1), count + number, np.int32)
        rest = np.zeros((len(points), 7), np.int32)
        nodes.append(np.concatenate([n, own, rest], axis=1))
        weights.append(np.concatenate([w, -np.ones((len(points), 1)), 0.0 * rest], axis=1))
        wanted.append(-points[:, 2])
        trust.append(np.full(len(points), CONTROL_WEIGHT * control.weight))
    nodes.append(np.empty((0, 16), np.int32))
    weights.append(np.empty((0, 16)))
    wanted.append(np.empty(0))
    trust.append(np.empty(0))
    joined = [np.concatenate(values) for values in (nodes, weights, wanted, trust)]
    return Ties(count, len(constraints), *joined, np.zeros(len(joined[2]), bool))
