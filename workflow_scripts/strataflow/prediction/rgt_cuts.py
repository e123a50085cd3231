"""Where fault surfaces cut the links between neighbouring voxels, and which points they join."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, uniform_filter

from ..interpretation.fault_voxels import crossed_voxels
from ..interpretation.surfaces import Surface, gradient
from ..interpretation.throw_quality import LIKELY

Keys = NDArray[np.int64]

# Cells by which a surface is carried on, so that it reaches the ends of the volume and the faults
# that it ends at.
CARRIED = 4

# Further cells for each sample of the throw at the rim, their largest number, and the side in cells
# of the window in which this throw is averaged.
FADE, MOST_CARRIED, RIM = 1.0, 48, 9

# Voxels on each side of a fault, along the axis that it is steepest to, whose amplitudes and fault
# probabilities do not count.
DISTURBED = 4


@dataclass(frozen=True)
class Cuts:
    """Links between voxels that faults cut; voxels are places in the raw file, sorted.

    `links` has for each axis the voxels whose link to the next one is cut, `ends` the voxels of all
    these links, `near` those within DISTURBED voxels of a fault, `repeats` those of links along n1
    that reverse faults cut.
    """

    links: tuple[Keys, Keys, Keys]
    ends: Keys
    near: Keys
    repeats: Keys


def find_cuts(surfaces: Sequence[Surface], shape: tuple[int, int, int]) -> Cuts:
    """The links that `surfaces` cut in a volume of `shape` (n3, n2, n1)."""
    links: list[list[Keys]] = [[], [], []]
    near, repeats = [_none()], [_none()]
    for surface in surfaces:
        found, close, reverse = _cuts_of(_carried_on(surface), shape)
        for axis in range(3):
            links[axis].append(found[axis])
        near.append(close)
        repeats.append(reverse)
    joined = [distinct(np.concatenate([_none(), *keys])) for keys in links]
    strides = (shape[1] * shape[2], shape[2], 1)
    both = [
        keys + step for keys, stride in zip(joined, strides, strict=True) for step in (0, stride)
    ]
    ends = distinct(np.concatenate(both))
    a, b, c = joined
    return Cuts((a, b, c), ends, distinct(np.concatenate(near)), distinct(np.concatenate(repeats)))


def distinct(keys: Keys) -> Keys:
    """The sorted values of `keys`; for many alike ones, np.unique takes several times as long."""
    keys = np.sort(keys)
    first = np.ones(keys.size, bool)
    first[1:] = keys[1:] != keys[:-1]
    return keys[first]


def _none() -> Keys:
    return np.empty(0, np.int64)


def _carried_on(surface: Surface) -> Surface:
    """The surface with more cells around it, in the plane of the nearest ones.

    Throws fall to zero gradually. A surface is therefore longer by CARRIED cells at its rim, and by
    FADE further ones for each sample of the throw there.
    """
    inside = surface.inside
    sure = inside & (surface.quality >= LIKELY) & np.isfinite(surface.throw)
    throw = np.abs(np.where(sure, surface.throw, 0)).astype(np.float32)
    weight = uniform_filter(sure.astype(np.float32), RIM, mode="constant")
    rim = uniform_filter(throw, RIM, mode="constant") / np.maximum(weight, 1e-3)
    reach = CARRIED + np.minimum(FADE * rim, MOST_CARRIED)
    most = int(np.ceil(reach[inside].max(initial=CARRIED)))
    padded = np.pad(inside, most)
    off, nearest = distance_transform_edt(~padded, return_indices=True)
    at = tuple((n - most).clip(0, size - 1) for n, size in zip(nearest, inside.shape, strict=True))
    slopes = [slope[at] for slope in gradient(surface.height)]
    steps = np.indices(padded.shape) - nearest
    rise = slopes[0] * steps[0] + slopes[1] * steps[1]
    return Surface(
        surface.frame,
        (surface.first[0] - most, surface.first[1] - most),
        np.asarray(off <= reach[at], bool),
        (surface.height[at] + rise).astype(np.float32),
        surface.probability[at],
        surface.throw[at],
        surface.quality[at],
    )


def _cuts_of(surface: Surface, shape: tuple[int, int, int]) -> tuple[list[Keys], Keys, Keys]:
    """Cut links of one surface along each axis, voxels near it, and links with repeated layers."""
    key, cell = crossed_voxels(surface, shape)
    voxel = np.stack(np.unravel_index(key, shape))
    point = surface.points().reshape(3, -1)[:, cell]
    normal = surface.normals().reshape(3, -1)[:, cell]
    off = ((voxel - point) * normal).sum(axis=0)
    above = off >= 0
    sure = surface.quality.ravel()[cell] >= LIKELY
    # The throw counts to the side of the surface's frame, which may be below it here.
    repeated = sure & (surface.throw.ravel()[cell] * normal[2] > 0)
    strides = (shape[1] * shape[2], shape[2], 1)
    links, reverse = [], _none()
    for axis, stride in enumerate(strides):
        found = []
        for step in (-1, 1):
            other = key + step * stride
            inside = (voxel[axis] + step >= 0) & (voxel[axis] + step < shape[axis])
            at = np.searchsorted(key, other).clip(max=max(key.size - 1, 0))
            # The next voxel has a side of its own if the surface passes through it too.
            side = np.where(key[at] == other, above[at], off + step * normal[axis] >= 0)
            cut = inside & (side != above)
            found.append(np.minimum(key, other)[cut])
            if axis == 2:
                reverse = np.concatenate([reverse, np.minimum(key, other)[cut & repeated]])
        links.append(np.concatenate(found))
    steepest = np.abs(normal).argmax(axis=0) if key.size else _none()
    close = [key]
    for step in range(-DISTURBED, DISTURBED + 1):
        moved = voxel.copy()
        np.add.at(moved, (steepest, np.arange(key.size)), step)
        inside = (moved >= 0).all(axis=0) & (moved < np.array(shape)[:, None]).all(axis=0)
        close.append(np.ravel_multi_index(tuple(moved[:, inside]), shape))
    return links, np.concatenate(close), reverse
