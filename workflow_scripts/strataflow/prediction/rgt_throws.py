"""Pairs of points on both sides of faults that belong to one layer, by the throw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..interpretation.surfaces import Surface
from ..interpretation.throw import MIN_FALL
from ..interpretation.throw_quality import LIKELY
from ..volume.raw import Array
from .rgt_elements import Elements, Values
from .rgt_ties import Ties

# Cells of a fault surface between pairs, along each axis.
EVERY = 4

# Voxels from a surface, along the axis that it is steepest to, that are surely on one side, and
# those at which the predicted times are compared where the throw is not known.
ASIDE, APART = 2.0, 8.0

# Weight of a pair of the best quality, and of one of a fault whose throw is nowhere known. A
# reflector has weight 1. Where a fault has a throw elsewhere, reflectors carry it on.
WEIGHT, PREDICTED_WEIGHT = 16.0, 0.04


@dataclass(frozen=True)
class Pairs:
    """Points (2, N, 3) over (n3, n2, n1), in the footwall and in the hanging wall.

    `points` belong to one layer where `known`, with a `quality` from 0 to 1; elsewhere they lie
    across the fault from each other. `middles` lie on the surface between them, or are the same
    points. The voxels lie on their sides of the fault.
    """

    points: Values
    voxels: NDArray[np.int64]
    middles: Values
    middle_voxels: NDArray[np.int64]
    known: NDArray[np.bool_]
    quality: Array


def throw_pairs(surface: Surface, shape: tuple[int, int, int]) -> Pairs:
    """Pairs of points of a fault, every EVERY cells, in a volume of `shape`."""
    a, b = np.nonzero(surface.inside)
    thin = ((a + surface.first[0]) % EVERY == 0) & ((b + surface.first[1]) % EVERY == 0)
    a, b = a[thin], b[thin]
    points = surface.points()
    down = np.gradient(points, axis=2) if points.shape[2] > 1 else np.zeros_like(points)
    throw, quality = surface.throw[a, b], surface.quality[a, b]
    fall = down[2, a, b]
    known = np.isfinite(throw) & (quality >= LIKELY) & (np.abs(fall) >= MIN_FALL)
    # Half of the throw goes up and half of it down the dip, as it was measured.
    half = np.where(known, 0.5 * throw, 0) / np.where(known, fall, 1)
    parts = []
    for side in (-1, 1):
        at = b + side * half
        inner = np.rint(at.clip(0, points.shape[2] - 1)).astype(np.int64)
        end = points[:, a, inner] + (at - inner) * down[:, a, inner]
        away = np.where(known, ASIDE, APART)
        steps = [side * away * _across(surface, a, cells) for cells in (inner, b)]
        beside = [
            np.rint(at + step) for at, step in zip((end, points[:, a, b]), steps, strict=True)
        ]
        ends = [
            np.where(known, at, voxel)
            for at, voxel in zip((end, points[:, a, b]), beside, strict=True)
        ]
        parts.append([*ends, *(voxel.astype(np.int64) for voxel in beside)])
    end, middle, end_voxel, middle_voxel = (
        np.stack(both).swapaxes(1, 2) for both in zip(*parts, strict=True)
    )
    voxels = np.stack([end_voxel, middle_voxel])
    inside = ((voxels >= 0) & (voxels < np.array(shape))).all(axis=(0, 1, 3))
    return Pairs(
        end[:, inside],
        end_voxel[:, inside],
        middle[:, inside],
        middle_voxel[:, inside],
        known[inside],
        quality[inside],
    )


def _across(surface: Surface, a: NDArray[np.intp], b: NDArray[np.intp]) -> Array:
    """Steps (3, N) of a voxel to the hanging wall, along the axis that cells are steepest to."""
    normal = surface.normals()[:, a, b]
    axis, number = np.abs(normal).argmax(axis=0), np.arange(a.size)
    step = np.zeros_like(normal)
    step[axis, number] = np.sign(normal[axis, number])
    return step


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
        (foot, foot_weights), (hanging, hanging_weights) = (
            elements.stencils(p, v) for p, v in zip(pairs.middles, pairs.middle_voxels, strict=True)
        )
        (foot_end, foot_end_weights), (hanging_end, hanging_end_weights) = (
            elements.stencils(p, v) for p, v in zip(pairs.points, pairs.voxels, strict=True)
        )
        rise = pairs.points[0, :, 2] - pairs.points[1, :, 2]
        guessed = ~pairs.known
        guess = 0.0 if pairs.known.any() else PREDICTED_WEIGHT
        before = [time[tuple(v[guessed].T)].astype(np.float64) for v in pairs.voxels]
        rise[guessed] += before[1] - before[0]
        ties += Ties(
            ties.count,
            0,
            np.concatenate([foot, hanging], axis=1),
            np.concatenate([-foot_weights, hanging_weights], axis=1),
            rise,
            np.where(pairs.known, WEIGHT * pairs.quality, guess),
            pairs.known,
            late_nodes=np.concatenate([foot_end, hanging_end, foot, hanging], axis=1),
            late_weights=np.concatenate(
                [-foot_end_weights, hanging_end_weights, foot_weights, -hanging_weights], axis=1
            ),
        )
    return ties
