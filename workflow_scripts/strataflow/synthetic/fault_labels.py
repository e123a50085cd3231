"""Labels of the faults of an earth model: number, strike, dip and throw near each surface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..volume.raw import Array
from .earth_model import EarthModel, restore
from .events import Event, Fault, Folding, Sag, Stretch

# Minimum vertical strain at which a slip is converted to samples of the survey, and the vertical
# component of the normal, about half a degree, beyond which a surface is overturned.
SQUEEZED, OVERTURNED = 0.3, 0.01


class _Surface(NamedTuple):
    """A fault at N points: normal (3, N) of any length, offset of age and throw (N,) in samples."""

    normal: Array
    offset: Array
    throw: Array

    def at(self, where: NDArray[np.bool_]) -> _Surface:
        """Select points with a mask (N,)."""
        return _Surface(self.normal[:, where], self.offset[where], self.throw[where])


class Labels:
    """Labels of faults on a grid (n3, n2, n1); add the youngest fault first."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.fault = np.zeros(shape, np.uint8)
        self.normal = np.zeros((3, *shape), np.float32)
        self.fault_id = np.zeros(shape, np.uint8)
        self.throw = np.zeros(shape, np.float32)
        self._distance = np.full(shape, np.inf, np.float32)

    def is_free(self, index: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Mask of those voxels (N,) where no younger fault is labelled."""
        return self.fault.ravel()[index] == 0

    def add(self, number: int, index: NDArray[np.intp], distance: Array, surface: _Surface) -> None:
        """Label a fault.

        Args:
            number: Number of the fault, 1 for the oldest.
            index: Voxels (N,) of the flat grid.
            distance: Distance (N,) to the fault in voxels.
            surface: The fault at these voxels.
        """
        free = self.is_free(index)
        self.fault.reshape(-1)[index[free]] = number
        self.normal.reshape(3, -1)[:, index[free]] = surface.normal[:, free]
        nearer = distance < self._distance.ravel()[index]
        self._distance.reshape(-1)[index[nearer]] = distance[nearer]
        self.fault_id.reshape(-1)[index[nearer]] = number
        self.throw.reshape(-1)[index[nearer]] = surface.throw[nearer]


def label_faults(
    model: EarthModel,
    shape: tuple[int, int, int],
    origin: tuple[int, int, int],
    zones: dict[int, list[tuple[NDArray[np.intp], Array]]],
    thickness: float,
    visible: float,
) -> Labels:
    """Label the faults on a grid of `shape` (n3, n2, n1) with the first voxel `origin`."""
    number_of_fault = {id(fault): n for n, fault in enumerate(model.faults, start=1)}
    labels = Labels(shape)
    for number, parts in sorted(zones.items(), reverse=True):
        zone = np.concatenate([index for index, _ in parts])
        distance = np.concatenate([away for _, away in parts])
        free = labels.is_free(zone)
        for part in (free, ~free):
            where = np.unravel_index(zone[part], shape)
            x = np.stack([index + start for index, start in zip(where, origin, strict=True)])
            surface = _surface(model.events, number, x.astype(np.float32))
            # The gradient converts model units to voxels of the survey.
            gradient = np.linalg.norm(surface.normal, axis=0)
            near = np.abs(distance[part]) <= 0.5 * thickness * gradient
            seen = near & (np.abs(surface.offset) >= visible)
            away = np.abs(distance[part][seen]) / gradient[seen]
            fault = number_of_fault[id(model.events[number])]
            labels.add(fault, zone[part][seen], away, surface.at(seen))
    return labels


def _surface(events: Sequence[Event], number: int, x: Array) -> _Surface:
    """Normal, offset of age and throw of a fault at points of the survey.

    The normal is the gradient, on the grid of the survey, of the distance to the fault. It includes
    rotations by younger events.

    Args:
        events: Events, oldest first.
        number: Index of the fault in the events.
        x: Points (3, N).

    Returns:
        The surface at these points; its offset is the difference of age between its walls.
    """
    half = 0.5 * np.eye(3, dtype=np.float32)
    steps = np.concatenate([half, -half], axis=1)
    around = (x[:, None, :] + steps[:, :, None]).reshape(3, -1)
    centre = x.copy()
    for event in reversed(events[number + 1 :]):
        if isinstance(event, (Folding, Sag, Stretch)):
            event.undo(centre)
            event.undo(around)
        elif isinstance(event, Fault):
            # Keep all points on the wall of the centre, or the gradient would include the offset.
            crossing = event.undo(centre)
            wall = np.zeros(x.shape[1], np.float32)
            wall[crossing.where] = np.sign(crossing.distance)
            event.undo(around, np.tile(wall, 6))
    fault = events[number]
    assert isinstance(fault, Fault)
    plus, minus = fault.distance(around).reshape(2, 3, -1)
    other = centre.copy()
    wall = np.sign(fault.distance(centre))
    fault.undo(centre, wall)
    fault.undo(other, -wall)
    throw = _throw(plus - minus, wall * (centre - other), around)
    older = events[:number]
    offset = restore(older, other).age - restore(older, centre).age
    return _Surface(plus - minus, offset, throw)


def _throw(normal: Array, slip: Array, around: Array) -> Array:
    """Throw in samples of the survey.

    Differences of `around` are the columns of the Jacobian of the places at the time of the slip
    with respect to the places in the survey. The third row of its inverse converts the slip
    (Cramer's rule).

    Args:
        normal: Normals (3, N) in the survey, of any length.
        slip: Displacement (3, N), at the time of the slip, of the wall on the negative side of the
            normal relative to the other wall.
        around: Places (3, 6 N), just after the slip, of the points half a voxel of the survey ahead
            of each point along each axis, then of those behind it.

    Returns:
        Throw (N,), normal positive.
    """
    ahead, behind = around.reshape(3, 2, 3, -1).swapaxes(0, 1)
    along3, along2, along1 = (ahead - behind).swapaxes(0, 1)
    across = np.cross(along3, along2, axis=0)
    volume = (across * along1).sum(axis=0)
    # Drag of a younger fault can make the Jacobian singular.
    squeezed = np.abs(volume) < SQUEEZED * np.abs(across[2])
    down = (across * slip).sum(axis=0) / np.where(squeezed, 1, volume)
    down[squeezed] = slip[2, squeezed]
    # If younger events overturned the surface, the other wall is above it.
    overturned = normal[2] < -OVERTURNED * np.linalg.norm(normal, axis=0)
    throw: Array = np.where(overturned, -down, down)
    return throw
