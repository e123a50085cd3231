"""Inputs of the networks: tiles of an image or of attributes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..volume.attributes import (
    PROBABILITY,
    attributes_of,
    encode,
    growth_per_sample,
)
from ..volume.raw import Array, Shape
from ..volume.volume import Volume, attribute_path, open_volume, require_same_shape, statistics_of
from .tiling import Corner, TileGrid


@dataclass(frozen=True)
class Source:
    """Input of a network.

    Attributes:
        volumes: Volumes that are read.
        read: Function of a tile grid and a corner that returns a tile (channels, n3, n2, n1).
    """

    volumes: tuple[Volume, ...]
    read: Callable[[TileGrid, Corner], Array]

    @property
    def volume(self) -> Volume:
        """The volume that defines the size, the geometry and the live traces."""
        return self.volumes[0]


def image_source(volume: Volume) -> Source:
    """Input of the inference network: the normalised image."""
    statistics = statistics_of(volume)
    live = volume.sidecar.live

    def read(grid: TileGrid, corner: Corner) -> Array:
        tile = grid.read(volume.values, corner)
        return (statistics.normalise(tile) * _alive(grid, live, corner))[None]

    return Source((volume,), read)


def attribute_source(
    given: Path,
    tasks: tuple[str, ...],
    shape: Shape | None = None,
    probability: float = PROBABILITY,
) -> Source:
    """Input of the refinement network: the encoded attributes.

    Args:
        given: PREFIX of the attributes.
        tasks: Tasks whose attributes are read.
        shape: Size of the volumes; required without sidecars.
        probability: Minimum fault probability of voxels with an orientation.

    Raises:
        StrataflowError: An attribute is missing, or the sizes differ.
    """
    volumes = {
        name: open_volume(attribute_path(given, name), shape, name, intact=False)
        for name in attributes_of(tasks)
    }
    first = next(iter(volumes.values()))
    for volume in volumes.values():
        require_same_shape(volume, first)

    def read(grid: TileGrid, corner: Corner) -> Array:
        tiles = {name: grid.read(volume.values, corner) for name, volume in volumes.items()}
        if "rgt" in tiles:
            tiles["rgt"] = _continued(tiles["rgt"], grid, first.sidecar.live, corner)
        return encode(tiles, tasks, probability)

    return Source(tuple(volumes.values()), read)


def _continued(rgt: Array, grid: TileGrid, live: NDArray[np.bool_], corner: Corner) -> Array:
    """Extrapolate a tile of RGT below the base of the volume, where reflection would reverse it.

    Dead traces get the mean of the live traces.
    """
    alive = _alive(grid, live, corner)[:, :, 0]
    if alive.any():
        rgt[~alive] = rgt[alive].mean(axis=0)
    inside = grid.axes[2].inside(corner[2])
    beyond = rgt.shape[-1] - inside.stop
    if beyond:
        growth = np.float32(growth_per_sample(rgt[..., inside]))
        last = rgt[..., inside.stop - 1 : inside.stop]
        rgt[..., inside.stop :] = last + growth * np.arange(1, beyond + 1, dtype=np.float32)
    return rgt


def _alive(grid: TileGrid, live: NDArray[np.bool_], corner: Corner) -> NDArray[np.bool_]:
    i3, i2 = (axis.indices(start) for axis, start in zip(grid.axes[:2], corner[:2], strict=True))
    return live[np.ix_(i3, i2)][:, :, None]
