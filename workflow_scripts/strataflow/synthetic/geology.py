"""Earth models: geologic events in order of time, evaluated by restoration of the present state.

Each point of the survey is mapped backward through the events, youngest first: faults, folding,
erosion. The result is the position at which it was deposited, and all attributes follow exactly
from this map. The functions work on points, so that blocks of a survey are consistent whatever
their size. Lengths are in voxels, angles in degrees, and ages in samples of deposited thickness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..volume.orientation import normal_from_strike_dip, strike_dip_from_normal
from ..volume.raw import Array

# Number of points in a block whose temporary arrays fit into the cache of a core.
POINTS = 1 << 16

# Entries per sample of the table of integrated layers.
TABLE_DENSITY = 8

# Minimum age interval over which layers are averaged; samples in a fault may span less.
MIN_THICKNESS = 0.05

# Random displacement of layers in samples at the surface of a fault with a damage zone.
CRUSHED = 3.0

# Minimum vertical strain at which a slip is converted to samples of the survey, and the vertical
# component of the normal, about half a degree, beyond which a surface is overturned.
SQUEEZED, OVERTURNED = 0.3, 0.01


class Crossing(NamedTuple):
    """Points that a fault moves: their indices, and their signed distance to the fault."""

    where: NDArray[np.intp]
    distance: Array


@dataclass(frozen=True)
class Fault:
    """A curved fault surface with slip that decreases to an elliptical tip line.

    Slip also decreases with the distance from the fault, as in the displacement field of an
    isolated fault (Barnett et al., 1987, AAPG Bulletin 71).

    Attributes:
        centre: Centre (n3, n2, n1).
        strike: Strike in degrees.
        dip: Dip in degrees.
        slip: Slip of the hanging wall at the centre, in samples.
        rake: Direction of slip: 90 down dip (normal), -90 up dip (reverse), 0 along strike.
        half_length: Half length of the tip ellipse along strike.
        half_height: Half height of the tip ellipse down dip.
        listric: Curvature that reduces the dip downward.
        undulation: Amplitude of undulations along strike.
        wavelength: Wavelength of the undulations.
        phase: Phase of the undulations in radians.
        growth: Relative increase of slip down dip over half the height.
        reach: Distance from the fault at which slip vanishes.
        drag: Fraction of the slip that bends the layers near the fault.
        drag_width: Distance from the fault over which the drag decays.
        damage: Half width of the damage zone, in which layers are crushed.
        host: Older fault against which this one abuts.
        side: Side of the host on which this fault slips, 1 or -1, the sign of the distance.
    """

    centre: tuple[float, float, float]
    strike: float
    dip: float
    slip: float
    rake: float
    half_length: float
    half_height: float
    listric: float = 0.0
    undulation: float = 0.0
    wavelength: float = 100.0
    phase: float = 0.0
    growth: float = 0.0
    reach: float = 2000.0
    drag: float = 0.0
    drag_width: float = 8.0
    damage: float = 0.0
    host: Fault | None = None
    side: int = 0

    @property
    def throw(self) -> float:
        """Vertical component of the slip at the centre, in samples."""
        return abs(self.slip * np.sin(np.radians(self.rake)) * np.sin(np.radians(self.dip)))

    @property
    def kind(self) -> str:
        """Kind of fault: normal, reverse or strike-slip."""
        if abs(np.sin(np.radians(self.rake))) < 0.5**0.5:
            return "strike-slip"
        return "normal" if self.rake > 0 else "reverse"

    def frame(self) -> Array:
        """Unit vectors along strike, down dip and normal as rows, with components (n3, n2, n1)."""
        phi, delta = np.radians(self.strike), np.radians(self.dip)
        along = (np.cos(phi), np.sin(phi), 0.0)
        down = (-np.cos(delta) * np.sin(phi), np.cos(delta) * np.cos(phi), np.sin(delta))
        return np.array([along, down, normal_from_strike_dip(self.strike, self.dip)], np.float32)

    def distance(self, x: Array) -> Array:
        """Signed distance (N,) of points `x` (3, N), negative on the hanging wall."""
        return self._distance(self._local(x))[0]

    def undo(self, x: Array, wall: Array | None = None) -> Crossing:
        """Restore points to their positions before the fault, in place.

        Each wall moves by half the slip.

        Args:
            x: Points (3, N).
            wall: Wall of each point (N,), 1 or -1, or 0 for neither. By default, the sign of the
                distance.
        """
        local = self._local(x)
        ellipse = np.square(local[0] * np.float32(1 / self.half_length))
        ellipse += np.square(local[1] * np.float32(1 / self.half_height))
        bow = self.undulation + 0.5 * abs(self.listric) * self.half_height**2
        index = np.flatnonzero((ellipse < 1) & (np.abs(local[2]) < np.float32(self.reach + bow)))
        # Large faults often move all points of a block; then no gather is needed.
        moved: NDArray[np.intp] | slice = slice(None)
        if index.size < ellipse.size:
            moved, local, ellipse = index, local.take(index, axis=1), ellipse.take(index)
        distance, slope_b = self._distance(local)
        away = np.square(distance * np.float32(1 / self.reach))
        np.subtract(1, np.minimum(away, 1, out=away), out=away)
        amount = np.square(away, out=away)
        amount *= np.subtract(1, ellipse, out=ellipse)
        amount *= np.sign(distance) if wall is None else wall[moved]
        if self.drag:
            bent = np.exp(np.abs(distance) * np.float32(-1 / self.drag_width))
            amount *= 1 - np.float32(self.drag) * bent
        if self.host is not None:
            amount *= self._share_beside_host(x[:, moved])
        amount *= np.float32(0.5 * self.slip)
        if self.growth:
            amount *= 1 + np.float32(self.growth / self.half_height) * local[1]
        along, down, normal = self.frame()
        rake = np.radians(self.rake)
        direction = np.cos(rake) * along + np.sin(rake) * down
        if self.listric:
            # Slip follows the curved surface, not the plane through its centre.
            stretch = np.sqrt(1 + np.square(slope_b))
            along_slip = np.float32(np.cos(rake)) * amount
            amount *= np.float32(np.sin(rake)) / stretch
            for i in range(3):
                x[i][moved] += along[i] * along_slip + (down[i] + normal[i] * slope_b) * amount
        else:
            for i in range(3):
                x[i][moved] += np.float32(direction[i]) * amount
        return Crossing(index, distance)

    def crushed(self, crossing: Crossing, x: Array) -> Array:
        """Degree of crushing, 0 to 1: maximum on the surface, 0 at the tip line and outside.

        Args:
            crossing: Points near the fault.
            x: Their positions (3, M).
        """
        local = self._local(x)
        ellipse = np.square(local[0] / self.half_length) + np.square(local[1] / self.half_height)
        across = 1 - np.abs(crossing.distance) / np.float32(self.damage)
        crushed: Array = np.clip(across, 0, 1) * np.clip(1 - ellipse, 0, 1)
        if self.host is not None:
            crushed *= self._share_beside_host(x)
        return crushed

    def _share_beside_host(self, x: Array) -> Array:
        """Fraction of the slip (N,) of an abutting fault at points (3, N): 0 beyond its host."""
        assert self.host is not None
        # Slip must vanish towards the host, or points would move through it.
        away = self.side * self.host.distance(x) / np.float32(max(3.0, abs(self.slip)))
        share: Array = np.clip(away, 0, 1)
        return share

    def _local(self, x: Array) -> Array:
        frame = self.frame()
        return frame @ x - (frame @ np.array(self.centre, np.float32))[:, None]

    def _distance(self, local: Array) -> tuple[Array, Array]:
        """First-order distance to the surface, and its slope down dip, at points in its frame.

        The distance overwrites the last row of `local`.
        """
        a, b, distance = local
        stretch, slope_b = np.float32(1), np.zeros((), np.float32)
        if self.listric:
            slope_b = np.float32(-self.listric) * b
            distance -= np.float32(0.5) * slope_b * b
            stretch = stretch + np.square(slope_b)
        if self.undulation:
            turn = np.float32(2 * np.pi / self.wavelength) * a + np.float32(self.phase)
            distance -= np.float32(self.undulation) * np.sin(turn)
            slope_a = np.float32(self.undulation * 2 * np.pi / self.wavelength) * np.cos(turn)
            stretch = stretch + np.square(slope_a)
        distance /= np.sqrt(stretch)
        return distance, slope_b


@dataclass(frozen=True)
class Wave:
    """A cosine over (n3, n2): wavenumbers in radians per voxel, height in samples."""

    wave3: float
    wave2: float
    phase: float
    height: float

    def at(self, x3: Array, x2: Array) -> Array:
        """Height at the positions `x3`, `x2`."""
        turn = np.float32(self.wave3) * x3
        turn += np.float32(self.wave2) * x2
        turn += np.float32(self.phase)
        return np.float32(self.height) * np.cos(turn, out=turn)


@dataclass(frozen=True)
class Fold:
    """A wave of the layers that increases by `growth` per sample of depth and leans by `shear`."""

    wave: Wave
    growth: float = 0.0
    shear: float = 0.0


@dataclass(frozen=True)
class Folding:
    """Folds, and a regional `tilt` as slopes along n3 and n2."""

    folds: tuple[Fold, ...] = ()
    tilt: tuple[float, float] = (0.0, 0.0)

    def undo(self, x: Array) -> None:
        """Restore the points `x` (3, N) to their positions before the folding, in place."""
        shift = np.float32(self.tilt[0]) * x[0]
        shift += np.float32(self.tilt[1]) * x[1]
        for fold in self.folds:
            height = fold.wave.at(x[0] + np.float32(fold.shear) * x[2], x[1])
            shift += height * (1 + np.float32(fold.growth) * x[2])
        x[2] += shift


@dataclass(frozen=True)
class Unconformity:
    """An erosion surface that is covered by flat, onlapping layers.

    Attributes:
        depth: Mean depth of the surface.
        relief: Waves of the surface.
        hiatus: Age that is added below, so that all layers there are older than those above.
    """

    depth: float
    relief: tuple[Wave, ...]
    hiatus: float = 0.0

    def surface(self, x3: Array, x2: Array) -> Array:
        """Depth of the surface (N,) at the positions `x3`, `x2`."""
        depth = np.full(x3.shape, self.depth, np.float32)
        for wave in self.relief:
            depth += wave.at(x3, x2)
        return depth


@dataclass(frozen=True)
class Sag:
    """A sag of the layers in an elliptical bowl between the depths `top` and `bottom`.

    It models a collapse above a cave, or an apparent sag below a slow body in time. A negative
    `depth` models a pull-up below a fast body.
    """

    centre: tuple[float, float]
    radii: tuple[float, float]
    depth: float
    top: float
    bottom: float

    def undo(self, x: Array) -> None:
        """Restore the points `x` (3, N) to their positions before the sag, in place."""
        away = np.square((x[0] - np.float32(self.centre[0])) / np.float32(self.radii[0]))
        away += np.square((x[1] - np.float32(self.centre[1])) / np.float32(self.radii[1]))
        inside = np.flatnonzero(away < 1)
        if not inside.size:
            return
        depth = x[2][inside]
        # Ramps of this length ensure that age increases downward.
        ramp = np.float32(1 / (3 * abs(self.depth)))
        share = np.clip((depth - np.float32(self.top)) * ramp, 0, 1)
        share *= np.clip((np.float32(self.bottom) - depth) * ramp, 0, 1)
        x[2][inside] -= np.float32(self.depth) * share * np.square(1 - away[inside])


@dataclass(frozen=True)
class Stretch:
    """The survey grid: `factors` are the model units per voxel along (n3, n2)."""

    factors: tuple[float, float]

    def undo(self, x: Array) -> None:
        """Convert voxel positions `x` (3, N) to model coordinates, in place."""
        x[0] *= np.float32(self.factors[0])
        x[1] *= np.float32(self.factors[1])


@dataclass(frozen=True)
class Turbulence:
    """A rough field with about unit variance: sines with `wavevectors` (K, 3) in radians."""

    wavevectors: NDArray[np.float32]
    phases: NDArray[np.float32]

    def at(self, x: Array) -> Array:
        """Value of the field (N,) at points `x` (3, N)."""
        turns = self.wavevectors @ x + self.phases[:, None]
        field: Array = np.sin(turns, out=turns).sum(0) * np.float32((2 / len(turns)) ** 0.5)
        return field


@dataclass(frozen=True)
class Body:
    """A lens between the ages `age` and `age + thickness` with a different interior.

    Attributes:
        age: Youngest age of the lens.
        thickness: Range of ages.
        centre: Centre (n3, n2).
        radii: Radii along its two axes.
        azimuth: Rotation of the axes in degrees.
        roughness: Random displacement of the layers inside, in samples; it makes them chaotic,
            like a mass-transport deposit.
        log_impedance: Added to the log impedance inside, for gas or another lithology.
    """

    age: float
    thickness: float
    centre: tuple[float, float]
    radii: tuple[float, float]
    azimuth: float
    roughness: float = 0.0
    log_impedance: float = 0.0

    def inside(self, age: Array, x: Array) -> NDArray[np.intp]:
        """Indices of the points of `age` (N,), deposited at `x` (3, N), that lie in the lens."""
        near = np.flatnonzero((age > self.age) & (age < self.age + self.thickness))
        turn = np.radians(self.azimuth)
        dx3, dx2 = x[0][near] - self.centre[0], x[1][near] - self.centre[1]
        along = np.cos(turn) * dx3 + np.sin(turn) * dx2
        across = np.cos(turn) * dx2 - np.sin(turn) * dx3
        away = np.square(along / self.radii[0]) + np.square(across / self.radii[1])
        # The lens thins towards its edge.
        share = (age[near] - self.age) / self.thickness
        return near[away + np.square(share) < 1]


@dataclass(frozen=True)
class Clinoforms:
    """Layers that prograde along `azimuth` between the ages `age` and `age + thickness`.

    A fraction `share` of the thickness is deposited by progradation, over `length` voxels about
    `centre` (n3, n2), and the rest by aggradation. The layers end at both bounding layers by toplap
    and downlap.
    """

    age: float
    thickness: float
    centre: tuple[float, float]
    azimuth: float
    length: float
    share: float

    def lay(self, age: Array, x: Array) -> tuple[NDArray[np.intp], Array, Array]:
        """Find the points in the clinoforms and their ages.

        Args:
            age: Ages (N,).
            x: Positions of deposition (3, N).

        Returns:
            Indices of the points inside, their ages in the clinoforms, and the ages at which their
            layers are looked up.
        """
        inside = np.flatnonzero((age >= self.age) & (age < self.age + self.thickness))
        turn = np.radians(self.azimuth)
        up = (age[inside] - np.float32(self.age)) / np.float32(self.thickness)
        # Sigmoids: low dips at the bounding layers and higher ones between them.
        up += np.float32(0.1) * np.sin(np.float32(2 * np.pi) * up)
        front = np.cos(turn) * (x[0][inside] - self.centre[0])
        front += np.sin(turn) * (x[1][inside] - self.centre[1])
        front = np.clip(front / np.float32(self.length) + np.float32(0.5), 0, 1)
        laid = (1 - self.share) * up + self.share * front
        within = np.float32(self.thickness) * laid.astype(np.float32)
        return inside, self.age + within, self.age + within / np.float32(1 - self.share)


@dataclass(frozen=True)
class Channel:
    """A meandering channel that was cut into the surface at `age` and then filled.

    The centreline is a sine along `azimuth` (degrees from n3) through `centre` (n3, n2), with
    amplitude `swing`. The cross-section is a parabola of `depth` samples and `half_width` voxels.
    """

    age: float
    centre: tuple[float, float]
    azimuth: float
    swing: float
    wavelength: float
    half_width: float
    depth: float
    log_impedance: float

    def cut(self, x3: Array, x2: Array) -> Array:
        """Depth of the cut (N,) in samples at the positions `x3`, `x2`; at most 0 outside."""
        turn = np.radians(self.azimuth)
        dx3, dx2 = x3 - np.float32(self.centre[0]), x2 - np.float32(self.centre[1])
        along = np.float32(np.cos(turn)) * dx3 + np.float32(np.sin(turn)) * dx2
        across = np.float32(np.cos(turn)) * dx2 - np.float32(np.sin(turn)) * dx3
        wavenumber = np.float32(2 * np.pi / self.wavelength)
        slope = self.swing * wavenumber * np.cos(wavenumber * along)
        off = (across - self.swing * np.sin(wavenumber * along)) / np.sqrt(1 + slope**2)
        return np.float32(self.depth) * (1 - np.square(off / np.float32(self.half_width)))


@dataclass(frozen=True)
class Layers:
    """Layers by age.

    Attributes:
        boundaries: Increasing ages of the layer boundaries.
        log_impedance: Log impedance of each layer.
        variation: Relative lateral variation of the log impedance of each layer.
        lateral: Waves of the lateral variation, with a sum of at most 1.
    """

    boundaries: NDArray[np.float64]
    log_impedance: NDArray[np.float64]
    variation: NDArray[np.float64]
    lateral: tuple[Wave, ...] = ()


Event = Fault | Folding | Unconformity | Sag | Stretch


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
    table = _LayerTable(model.layers)
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
        _fill_bodies(model.bodies, restored.age, log_impedance[part], x)
        _fill_channels(model.channels, age[part], log_impedance[part], x)
    labels = _label(model, shape, origin, zones, thickness, visible)
    strike, dip = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    labelled = labels.fault > 0
    strike[labelled], dip[labelled] = strike_dip_from_normal(labels.normal[:, labelled])
    return Geology(age, log_impedance, labels.fault, strike, dip, labels.fault_id, labels.throw)


class _Labels:
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


def _label(
    model: EarthModel,
    shape: tuple[int, int, int],
    origin: tuple[int, int, int],
    zones: dict[int, list[tuple[NDArray[np.intp], Array]]],
    thickness: float,
    visible: float,
) -> _Labels:
    """Label the faults on a grid of `shape` (n3, n2, n1) with the first voxel `origin`."""
    number_of_fault = {id(fault): n for n, fault in enumerate(model.faults, start=1)}
    labels = _Labels(shape)
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


def _fill_bodies(bodies: Sequence[Body], age: Array, log_impedance: Array, x: Array) -> None:
    """Add the impedance of `bodies` to `log_impedance` (n3, n2, n1), in place; `age` is (N,)."""
    for body in bodies:
        if body.log_impedance:
            inside = body.inside(age, x)
            log_impedance.reshape(-1)[inside] += np.float32(body.log_impedance)


def _grid(shape: tuple[int, ...], origin: tuple[int, ...]) -> Array:
    """Points (3, N) of a grid of `shape` (n3, n2, n1) that starts at `origin`."""
    x = np.empty((3, *shape), np.float32)
    for axis, (n, start) in enumerate(zip(shape, origin, strict=True)):
        line = np.arange(start, start + n, dtype=np.float32)
        x[axis] = line.reshape([-1 if a == axis else 1 for a in range(3)])
    return x.reshape(3, -1)


class _Surface(NamedTuple):
    """A fault at N points: normal (3, N) of any length, offset of age and throw (N,) in samples."""

    normal: Array
    offset: Array
    throw: Array

    def at(self, where: NDArray[np.bool_]) -> _Surface:
        """Select points with a mask (N,)."""
        return _Surface(self.normal[:, where], self.offset[where], self.throw[where])


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


class _LayerTable:
    """Integrals of layers over age, which give exact means over samples.

    Point values would alias dipping layers into steps.
    """

    def __init__(self, layers: Layers) -> None:
        bounds = layers.boundaries
        self.start = np.float32(bounds[0])
        self.lateral = layers.lateral
        ages = np.arange(bounds[0], bounds[-1], 1 / TABLE_DENSITY)
        self.tables = []
        for values in (layers.log_impedance, layers.log_impedance * layers.variation):
            integral = np.concatenate([[0.0], np.cumsum(values * np.diff(bounds))])
            table = np.interp(ages, bounds, integral)
            self.tables.append((table.astype(np.float32), np.diff(table).astype(np.float32)))

    def mean(self, age: Array, x: Array) -> Array:
        """Mean log impedance over the samples of `age` (n3, n2, n1) that formed at `x` (3, N)."""
        edges = np.empty((*age.shape[:2], age.shape[2] + 1), np.float32)
        edges[..., 1:-1] = 0.5 * (age[..., 1:] + age[..., :-1])
        edges[..., 0] = 2 * edges[..., 1] - edges[..., 2]
        edges[..., -1] = 2 * edges[..., -2] - edges[..., -3]
        thickness = np.diff(edges, axis=-1)
        thin = np.abs(thickness) < MIN_THICKNESS
        if thin.any():
            thickness[thin] = MIN_THICKNESS
        place = (edges - self.start) * np.float32(TABLE_DENSITY)
        np.clip(place, 0, len(self.tables[0][1]) - 1, out=place)
        low = place.astype(np.int32)
        place -= low
        mean = self._average(0, low, place, thickness)
        if self.lateral:
            x3, x2 = x[0].reshape(age.shape), x[1].reshape(age.shape)
            share = sum(wave.at(x3, x2) for wave in self.lateral)
            mean += share * self._average(1, low, place, thickness)
        return mean

    def _average(self, which: int, low: NDArray[np.int32], part: Array, thickness: Array) -> Array:
        table, step = self.tables[which]
        summed = table[low] + part * step[low]
        return np.diff(summed, axis=-1) / thickness


def _fill_channels(channels: Sequence[Channel], age: Array, log_impedance: Array, x: Array) -> None:
    """Cut channels into `age` and `log_impedance` (n3, n2, n1), in place; youngest first."""
    for channel in sorted(channels, key=lambda channel: channel.age):
        below = age.ravel() - np.float32(channel.age)
        index = np.flatnonzero((below > -1) & (below < channel.depth + 1))
        below = below[index]
        cut = channel.cut(x[0][index], x[1][index])
        # Fraction of each sample that is fill, for smooth channel banks.
        cover = np.clip(cut - below + 0.5, 0, 1) * np.clip(below + 0.5, 0, 1) * (cut > 0)
        flat_age, flat_impedance = age.reshape(-1), log_impedance.reshape(-1)
        flat_impedance[index] += cover * (np.float32(channel.log_impedance) - flat_impedance[index])
        # All fill has about the same age, which increases slightly downward.
        filled = (below > 0) & (below < cut)
        flat_age[index[filled]] = channel.age + 0.01 * below[filled]
