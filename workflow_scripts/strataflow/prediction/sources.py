"""What networks read: tiles of an image, or of attributes."""

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
    """What a network reads: `read(grid, corner)` gives a tile (channels, n3, n2, n1)."""

    volumes: tuple[Volume, ...]
    read: Callable[[TileGrid, Corner], Array]

    @property
    def volume(self) -> Volume:
        """The volume that tells the size, the place and the live traces."""
        return self.volumes[0]


def image_source(volume: Volume) -> Source:
    """The image, normalised, for the inference network."""
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
    """The attributes `given`.<attribute> of `tasks`, encoded, for the refinement network.

    They have an orientation where the fault is as probable as `probability`. `shape` is needed
    without a sidecar. StrataflowError when sizes differ.
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
    """A tile of geologic time that keeps growing beyond the volume's base.

    Reflected it would turn back there. Dead traces get the mean of the live ones.
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
