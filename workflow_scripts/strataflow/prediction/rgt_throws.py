"""Pairs of points on both sides of faults that belong to one layer, by the throw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..interpretation.surfaces import Surface
from ..interpretation.throw import MIN_FALL, MIN_QUALITY
from ..volume.raw import Array
from .rgt_elements import Elements
from .rgt_ties import Ties

# Cells of a fault surface between pairs, along each axis.
EVERY = 4

# Voxels from a surface, along the axis that it is steepest to, that are surely on one side, and
# those at which the predicted times are compared where the throw is not known.
ASIDE, APART = 2.0, 8.0

# Weight of a pair of the best quality, and of one whose throw is not known.
WEIGHT, PREDICTED_WEIGHT = 4.0, 0.04


@dataclass(frozen=True)
class Pairs:
    """Points (2, N, 3) over (n3, n2, n1), in the footwall and in the hanging wall.

    `voxels` (2, N, 3) lie on their sides of the fault. Where `known`, they belong to one layer with
    a `quality` from 0 to 1; elsewhere they lie across the fault from each other.
    """

    points: Array
    voxels: NDArray[np.int64]
    known: NDArray[np.bool_]
    quality: Array


def throw_pairs(surface: Surface, shape: tuple[int, int, int]) -> Pairs:
    """Pairs of points of a fault, every EVERY cells, in a volume of `shape`."""
    a, b = np.nonzero(surface.inside)
    thin = ((a + surface.first[0]) % EVERY == 0) & ((b + surface.first[1]) % EVERY == 0)
    a, b = a[thin], b[thin]
    points, normals = surface.points(), surface.normals()
    down = np.gradient(points, axis=2) if points.shape[2] > 1 else np.zeros_like(points)
    throw, quality = surface.throw[a, b], surface.quality[a, b]
    fall = down[2, a, b]
    known = np.isfinite(throw) & (quality >= MIN_QUALITY) & (np.abs(fall) >= MIN_FALL)
    # Half of the throw goes up and half of it down the dip, as it was measured.
    half = np.where(known, 0.5 * throw, 0) / np.where(known, fall, 1)
    ends, voxels = [], []
    number = np.arange(a.size)
    for side in (-1, 1):
        at = b + side * half
        inner = np.rint(at.clip(0, points.shape[2] - 1)).astype(np.int64)
        point = points[:, a, inner] + (at - inner) * down[:, a, inner]
        normal = normals[:, a, inner]
        axis = np.abs(normal).argmax(axis=0)
        step = np.zeros_like(point)
        step[axis, number] = side * np.sign(normal[axis, number]) * np.where(known, ASIDE, APART)
        ends.append(np.where(known, point, point + step))
        voxels.append(np.rint(point + step).astype(np.int64))
    points, beside = np.stack(ends), np.stack(voxels)
    inside = ((beside >= 0) & (beside < np.array(shape)[:, None])).all(axis=(0, 1))
    return Pairs(
        points[:, :, inside].swapaxes(1, 2),
        beside[:, :, inside].swapaxes(1, 2),
        known[inside],
        quality[inside],
    )


def throw_ties(surfaces: Sequence[Surface], elements: Elements, time: Array) -> Ties:
    """Equations for pairs of points of faults.

    Args:
        surfaces: faults with throws.
        elements: of the volume.
        time: predicted RGT in samples (n3, n2, n1), for faults without a throw.
    """
    ties = Ties.empty(len(elements.vertex_of))
    for surface in surfaces:
        pairs = throw_pairs(surface, elements.shape)
        foot, hanging = (
            elements.stencils(p, v) for p, v in zip(pairs.points, pairs.voxels, strict=True)
        )
        rise = pairs.points[0, :, 2] - pairs.points[1, :, 2]
        guessed = ~pairs.known
        before = [time[tuple(v[guessed].T)].astype(np.float64) for v in pairs.voxels]
        rise[guessed] += before[1] - before[0]
        ties += Ties(
            ties.count,
            0,
            np.concatenate([foot[0], hanging[0]], axis=1),
            np.concatenate([-foot[1], hanging[1]], axis=1),
            rise,
            np.where(pairs.known, WEIGHT * pairs.quality, PREDICTED_WEIGHT),
            pairs.known,
        )
    return ties
