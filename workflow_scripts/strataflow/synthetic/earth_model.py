"""Earth models: geologic events in order of time, layers, and the restoration of points.

Each point is mapped backward through the events, youngest first: faults, folding, erosion. The
result is the position at which it was deposited.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..volume.raw import Array
from .events import Crossing, Event, Fault, Unconformity
from .stratigraphy import Body, Channel, Clinoforms, Layers, Turbulence


@dataclass(frozen=True)
class EarthModel:
    """An earth model.

    Attributes:
        events: Events, oldest first.
        layers: Layers by age.
        channels: Channels cut into the layers.
        clinoforms: Prograding units.
        bodies: Chaotic bodies, and bodies with another impedance.
        turbulence: Field that displaces the layers in chaotic bodies and damage zones.
    """

    events: tuple[Event, ...]
    layers: Layers
    channels: tuple[Channel, ...] = ()
    clinoforms: tuple[Clinoforms, ...] = ()
    bodies: tuple[Body, ...] = ()
    turbulence: Turbulence | None = None

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Faults of the model, oldest first."""
        return tuple(event for event in self.events if isinstance(event, Fault))


@dataclass
class Restored:
    """Restored points.

    Attributes:
        age: Ages (N,).
        crushed: Degree of crushing by faults (N,), 0 to 1.
        zones: Fault zones, each with the index of the fault in the events, the indices of the
            points in its zone, and their signed distance to the fault in model units.
    """

    age: Array
    crushed: Array
    zones: list[tuple[int, NDArray[np.intp], Array]] = field(default_factory=list)


def restore(events: Sequence[Event], x: Array, thickness: float = 0.0) -> Restored:
    """Restore points through all events to their positions of deposition, in place.

    Args:
        events: Events, oldest first.
        x: Points (3, N).
        thickness: Thickness of the fault zones; 0 switches damage off as well.
    """
    n = x.shape[1]
    restored = Restored(np.empty(n, np.float32), np.zeros(n, np.float32))
    age = restored.age
    below, current, hiatus = np.arange(n), x, 0.0
    for number in range(len(events) - 1, -1, -1):
        event = events[number]
        if isinstance(event, Fault):
            before = current.copy() if event.damage and thickness else current
            crossing = event.undo(current)
            index, distance = crossing
            near = np.abs(distance) <= thickness / 2
            restored.zones.append((number, below[index[near]], distance[near]))
            if event.damage and thickness:
                near = np.abs(distance) < event.damage
                crossing = Crossing(index[near], distance[near])
                crushed = event.crushed(crossing, before[:, crossing.where])
                at = below[crossing.where]
                restored.crushed[at] = np.maximum(restored.crushed[at], crushed)
        elif isinstance(event, Unconformity):
            above = current[2] < event.surface(current[0], current[1])
            age[below[above]] = current[2][above] + np.float32(hiatus)
            x[:, below[above]] = current[:, above]
            below, current = below[~above], current.compress(~above, axis=1)
            hiatus += event.hiatus
        else:
            event.undo(current)
    age[below] = current[2] + np.float32(hiatus)
    if current is not x:
        x[:, below] = current
    return restored
