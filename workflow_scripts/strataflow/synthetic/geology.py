"""Earth models on a grid: age, impedance and fault labels of each voxel.

All attributes follow exactly from the restoration of the points. The result does not depend on the
blocks into which a survey is divided. Lengths are in voxels, angles in degrees, and ages in samples
of deposited thickness.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..volume.orientation import strike_dip_from_normal
from ..volume.raw import Array
from .earth_model import EarthModel, Restored, restore
from .events import Stretch
from .fault_labels import label_faults
from .stratigraphy import LayerTable, fill_bodies, fill_channels

# Number of points in a block whose temporary arrays fit into the cache of a core.
POINTS = 1 << 16

# Random displacement of layers in samples at the surface of a fault with a damage zone.
CRUSHED = 3.0


@dataclass
class Geology:
    """An earth model on a grid; arrays (n3, n2, n1).

    Where labels overlap, `fault`, `strike` and `dip` are those of the younger fault, `fault_id` and
    `throw` those of the nearer one.

    Attributes:
        age: Age in samples, float32.
        log_impedance: Mean over each sample, float32.
        fault: Number of the labelled fault, 1 for the oldest, 0 for none; uint8.
        strike: Strike in degrees, 0 away from faults, float32.
        dip: Dip in degrees, 0 away from faults, float32.
        fault_id: Number of the nearest labelled fault, 0 for none; uint8.
        throw: Vertical displacement across the fault in samples of the survey, positive if the wall
            above the surface moved down (normal), negative if up (reverse), 0 away from faults.
    """

    age: Array
    log_impedance: Array
    fault: NDArray[np.uint8]
    strike: Array = field(repr=False)
    dip: Array = field(repr=False)
    fault_id: NDArray[np.uint8] = field(repr=False)
    throw: Array = field(repr=False)

    def label_arrays(self) -> dict[str, NDArray]:
        """Arrays that are 0 away from faults, by name."""
        names = ("fault", "strike", "dip", "fault_id", "throw")
        return {name: getattr(self, name) for name in names}


def evaluate(
    model: EarthModel,
    shape: tuple[int, int, int],
    origin: tuple[int, int, int] = (0, 0, 0),
    thickness: float = 2.0,
    visible: float = 1.5,
) -> Geology:
    """Evaluate an earth model on a grid.

    Where labels overlap, the younger fault, which cuts the older one, determines strike and dip,
    and the nearer fault determines number and throw.

    Args:
        model: Earth model.
        shape: Shape of the grid (n3, n2, n1).
        origin: First voxel of the grid (n3, n2, n1).
        thickness: Thickness of fault labels in voxels along the normal.
        visible: Minimum offset of ages in samples at which a fault is labelled.
    """
    n3, n2, n1 = shape
    age, log_impedance = np.empty(shape, np.float32), np.empty(shape, np.float32)
    zones: dict[int, list[tuple[NDArray[np.intp], Array]]] = {}
    table = LayerTable(model.layers)
    # A voxel may span more than one model unit, so widen the zone accordingly.
    longest = max([1.0, *(max(e.factors) for e in model.events if isinstance(e, Stretch))])
    lines = max(1, POINTS // (n2 * n1))
    for first in range(0, n3, lines):
        part = np.s_[first : first + lines]
        block = age[part].shape
        x = _grid(block, (origin[0] + first, *origin[1:]))
        restored = restore(model.events, x, thickness * longest)
        for number, index, distance in restored.zones:
            zones.setdefault(number, []).append((index + first * n2 * n1, distance))
        found = _found_layers(model, restored, x)
        age[part] = restored.age.reshape(block)
        log_impedance[part] = table.mean(found.reshape(block), x)
        fill_bodies(model.bodies, restored.age, log_impedance[part], x)
        fill_channels(model.channels, age[part], log_impedance[part], x)
    labels = label_faults(model, shape, origin, zones, thickness, visible)
    strike, dip = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    labelled = labels.fault > 0
    strike[labelled], dip[labelled] = strike_dip_from_normal(labels.normal[:, labelled])
    return Geology(age, log_impedance, labels.fault, strike, dip, labels.fault_id, labels.throw)


def _found_layers(model: EarthModel, restored: Restored, x: Array) -> Array:
    """Ages (N,) at which the layers of points deposited at `x` (3, N) are looked up.

    They differ from the ages of the points in clinoforms, in chaotic bodies and in damage zones.
    Clinoforms also change the ages of `restored`, in place.
    """
    age = restored.age
    found = age.copy()
    for unit in model.clinoforms:
        inside, laid, layer = unit.lay(age, x)
        age[inside], found[inside] = laid, layer
    if model.turbulence is None:
        return found
    for body in model.bodies:
        if body.roughness:
            inside = body.inside(age, x)
            rough = model.turbulence.at(x[:, inside])
            found[inside] += np.float32(body.roughness) * rough
    crushed = np.flatnonzero(restored.crushed)
    if crushed.size:
        rough = model.turbulence.at(x[:, crushed])
        found[crushed] += np.float32(CRUSHED) * restored.crushed[crushed] * rough
    return found


def _grid(shape: tuple[int, ...], origin: tuple[int, ...]) -> Array:
    """Points (3, N) of a grid of `shape` (n3, n2, n1) that starts at `origin`."""
    x = np.empty((3, *shape), np.float32)
    for axis, (n, start) in enumerate(zip(shape, origin, strict=True)):
        line = np.arange(start, start + n, dtype=np.float32)
        x[axis] = line.reshape([-1 if a == axis else 1 for a in range(3)])
    return x.reshape(3, -1)
