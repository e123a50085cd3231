"""Fault surfaces back in the volume: the voxels that they pass through, one thick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..volume.attributes import PICKED
from ..volume.raw import Array
from ..volume.sidecar import Sidecar, write_sidecar
from .surfaces import Surface, gradient
from .throw_quality import MIN_QUALITY


@dataclass(frozen=True)
class PickedVoxels:
    """Voxels of fault surfaces, in the order of the raw file.

    `key` is the place in that file, (N,); `fault` the number of the surface, from 1; `cell` the
    place in the surface's flat arrays. Where surfaces cross, the larger one has the voxel.
    """

    key: NDArray[np.int64]
    fault: NDArray[np.int32]
    cell: NDArray[np.int32]

    @cached_property
    def _order(self) -> NDArray[np.intp]:
        return np.argsort(self.fault, kind="stable")

    @cached_property
    def _sorted(self) -> NDArray[np.int32]:
        return self.fault[self._order]

    def rows(self, fault: int) -> NDArray[np.intp]:
        """Which are of one surface."""
        first, last = np.searchsorted(self._sorted, [fault, fault + 1])
        return self._order[first:last]

    def of(self, fault: int) -> PickedVoxels:
        """Those of one surface."""
        mine = self.rows(fault)
        return PickedVoxels(self.key[mine], self.fault[mine], self.cell[mine])


def picked_voxels(surfaces: Sequence[Surface], shape: tuple[int, int, int]) -> PickedVoxels:
    """The voxels of `surfaces`, numbered from 1 in their order, in a volume (n3, n2, n1)."""
    none = no_voxels(0)
    keys, faults, cells = [none.key], [none.fault], [none.cell]
    for number, surface in enumerate(surfaces, start=1):
        key, cell = crossed_voxels(surface, shape)
        keys.append(key)
        cells.append(cell)
        faults.append(np.full(key.size, number, np.int32))
    # Sorting is stable: of a voxel with several faults the first, the largest one, is kept.
    unique, first = np.unique(np.concatenate(keys), return_index=True)
    return PickedVoxels(unique, np.concatenate(faults)[first], np.concatenate(cells)[first])


def no_voxels(count: int) -> PickedVoxels:
    """Placeholders: `count` entries for the first voxel that belong to no fault."""
    return PickedVoxels(
        np.zeros(count, np.int64), np.zeros(count, np.int32), np.zeros(count, np.int32)
    )


def crossed_voxels(
    surface: Surface, shape: tuple[int, int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Places of the voxels that a surface passes through, and its cells there.

    A voxel counts when the surface is within half a voxel of its centre along the axis that it is
    steepest to: a naive digital plane, one voxel in each column (Reveilles, 1991).
    """
    inside = np.flatnonzero(surface.inside)
    points = surface.points().reshape(3, -1)[:, inside].astype(np.float64)
    normals = surface.normals().reshape(3, -1)[:, inside]
    slopes = [slope.ravel()[inside] for slope in gradient(surface.height)]
    frame = surface.frame
    along = [
        axis[:, None] + slope * frame.normal[:, None]
        for axis, slope in zip((frame.u, frame.v), slopes, strict=True)
    ]
    steepest = np.abs(normals).max(axis=0)
    # Closer than half a voxel even where the surface is steep in its frame.
    parts = int(np.ceil(2 * np.percentile(np.hypot(1, np.hypot(*slopes)), 95))) + 1
    offsets = (np.arange(parts) + 0.5) / parts - 0.5
    axis = np.abs(normals).argmax(axis=0)
    column = np.arange(inside.size)
    keys, cells = [], []
    for a, b in product(offsets, offsets):
        at = points + a * along[0] + b * along[1]
        voxel = np.rint(at).astype(np.int64)
        beyond = voxel.copy()
        # The surface may pass the middle of its column in the next voxel.
        beyond[axis, column] += np.where(at[axis, column] >= voxel[axis, column], 1, -1)
        for there in (voxel, beyond):
            off = np.abs(((there - at) * normals).sum(axis=0))
            good = (off <= 0.5 * steepest) & (there >= 0).all(axis=0)
            good &= (there < np.array(shape)[:, None]).all(axis=0)
            keys.append(np.ravel_multi_index(tuple(there[:, good]), shape))
            cells.append(inside[good].astype(np.int32))
    key, first = np.unique(np.concatenate(keys), return_index=True)
    return key, np.concatenate(cells)[first]


def values_at(surfaces: Sequence[Surface], voxels: PickedVoxels, name: str) -> Array:
    """What `name`, an array of the surfaces, is at each of `voxels`, (N,)."""
    values = np.empty(voxels.key.size, np.float32)
    for number, surface in enumerate(surfaces, start=1):
        mine = voxels.rows(number)
        values[mine] = getattr(surface, name).ravel()[voxels.cell[mine]]
    return values


def write_picked(
    finals: dict[str, tuple[Path, Path]],
    surfaces: Sequence[Surface],
    voxels: PickedVoxels,
    sidecar: Sidecar,
) -> None:
    """Write the volumes fthin, fthrow and fault_id, inline by inline, and their sidecars.

    Throws of a quality below MIN_QUALITY are left out.

    Args:
        finals: the raw file and the sidecar to write, by attribute.
        surfaces: numbered from 1 in their order.
        voxels: theirs.
        sidecar: of the survey.
    """
    throw = values_at(surfaces, voxels, "throw")
    sure = values_at(surfaces, voxels, "quality") >= MIN_QUALITY
    values = {
        "fthin": values_at(surfaces, voxels, "probability"),
        "fthrow": np.nan_to_num(np.where(sure, throw, 0)),
        "fault_id": voxels.fault,
    }
    shape = sidecar.shape
    size = shape.n2 * shape.n1
    ends = np.searchsorted(voxels.key, size * np.arange(shape.n3 + 1, dtype=np.int64))
    for name in PICKED:
        raw, beside = finals[name]
        described = sidecar.of_attribute(name)
        with open(raw, "wb") as stream:
            for i3 in range(shape.n3):
                part = slice(ends[i3], ends[i3 + 1])
                plane = np.zeros(size, described.dtype)
                plane[voxels.key[part] - size * i3] = values[name][part]
                stream.write(plane.data)
        write_sidecar(beside, described, raw)
