"""Earth models told in the order of geology and evaluated by mapping backward from today.

A point of today's survey is taken back through the events that shaped it, the youngest first:
faults, folding, erosion. That leaves the place and the depth at which it was deposited, and every
attribute follows from the map, so none has to be picked from the image. Every function here takes
points, so that blocks of a survey fit together whatever their size. Lengths are in voxels, angles
in degrees, ages in samples of deposited thickness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..volume.orientation import normal_from_strike_dip, strike_dip_from_normal
from ..volume.raw import Array

# Points that are mapped at once: their few temporary arrays stay in the cache of a core.
POINTS = 1 << 16

# Layers are averaged over samples from a table of their integral with this many entries a sample.
TABLE_DENSITY = 8

# A sample that spans less age than this (in a fault) is averaged over this much of it.
MIN_THICKNESS = 0.05

# Samples by which layers are displaced at random on the surface of a fault with a damage zone.
CRUSHED = 3.0

# Share of its thickness that is left of a sample where its throw is no longer turned into today's,
# and the vertical part of the normal of a surface, about half a degree, that counts as overturned.
SQUEEZED, OVERTURNED = 0.3, 0.01


class Crossing(NamedTuple):
    """The points that a fault moves, by their places, and their signed distance to it."""

    where: NDArray[np.intp]
    distance: Array


@dataclass(frozen=True)
class Fault:
    """A curved fault surface and its slip, which dies out along an elliptical tip line.

    The frame is (strike, down-dip, normal). The surface bows off its plane: `listric` is the
    curvature that flattens it downward, and `undulation` the height of waves along strike.
    `slip` is that of the hanging wall at the centre, down dip for a `rake` of 90 (normal fault),
    up dip for -90 (reverse), along strike for 0. Slip grows down dip by `growth` of itself over
    half the height, and falls off with the distance from the fault, up to `reach` (the
    displacement field of an isolated fault: Barnett et al., 1987, AAPG Bulletin 71).

    `drag` is the share of the slip that bends layers within `drag_width` of the surface instead of
    breaking them. `damage` is the half width of the zone in which layers are crushed. A fault with
    a `host` abuts on that older fault: it slips on one `side` of it only (1 or -1, the sign of the
    distance to the host).
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
        """normal, reverse or strike-slip."""
        if abs(np.sin(np.radians(self.rake))) < 0.5**0.5:
            return "strike-slip"
        return "normal" if self.rake > 0 else "reverse"

    def frame(self) -> Array:
        """Rows: unit vectors along strike, down dip and normal, each over (n3, n2, n1)."""
        phi, delta = np.radians(self.strike), np.radians(self.dip)
        along = (np.cos(phi), np.sin(phi), 0.0)
        down = (-np.cos(delta) * np.sin(phi), np.cos(delta) * np.cos(phi), np.sin(delta))
        return np.array([along, down, normal_from_strike_dip(self.strike, self.dip)], np.float32)

    def distance(self, x: Array) -> Array:
        """Signed distance (N,) of points `x` (3, N), negative on the hanging wall."""
        return self._distance(self._local(x))[0]

    def undo(self, x: Array, wall: Array | None = None) -> Crossing:
        """Move the points `x` (3, N) back to before the fault, in place.

        Each wall moves by half the slip. `wall` (N,) tells on which side each point is, +1 or -1,
        0 for neither; without it, the sign of the distance tells.
        """
        local = self._local(x)
        ellipse = np.square(local[0] * np.float32(1 / self.half_length))
        ellipse += np.square(local[1] * np.float32(1 / self.half_height))
        bow = self.undulation + 0.5 * abs(self.listric) * self.half_height**2
        index = np.flatnonzero((ellipse < 1) & (np.abs(local[2]) < np.float32(self.reach + bow)))
        # Most large faults move all points of a block, which then need not be gathered.
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
            # Slip keeps to the surface: where that is flatter or steeper than its plane, so is it.
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
        """How far layers are crushed at the points of a `crossing`, which lie at `x` (3, M): 0..1.

        Most on the surface, nothing at the tip line and beyond `damage` from the surface.
        """
        local = self._local(x)
        ellipse = np.square(local[0] / self.half_length) + np.square(local[1] / self.half_height)
        across = 1 - np.abs(crossing.distance) / np.float32(self.damage)
        crushed: Array = np.clip(across, 0, 1) * np.clip(1 - ellipse, 0, 1)
        if self.host is not None:
            crushed *= self._share_beside_host(x)
        return crushed

    def _share_beside_host(self, x: Array) -> Array:
        """Share of the slip (N,) at points `x` (3, N) of a fault that abuts: 0 beyond its host."""
        assert self.host is not None
        # Slip must die out towards the host, or points would be carried through it.
        away = self.side * self.host.distance(x) / np.float32(max(3.0, abs(self.slip)))
        share: Array = np.clip(away, 0, 1)
        return share

    def _local(self, x: Array) -> Array:
        frame = self.frame()
        return frame @ x - (frame @ np.array(self.centre, np.float32))[:, None]

    def _distance(self, local: Array) -> tuple[Array, Array]:
        """Distance and slope down dip of the surface at points in its frame; first order.

        The distance takes the place of the last row of `local`.
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
    """A cosine over (n3, n2): wavenumbers in radians a voxel, height in samples."""

    wave3: float
    wave2: float
    phase: float
    height: float

    def at(self, x3: Array, x2: Array) -> Array:
        """Its height at the places `x3`, `x2`."""
        turn = np.float32(self.wave3) * x3
        turn += np.float32(self.wave2) * x2
        turn += np.float32(self.phase)
        return np.float32(self.height) * np.cos(turn, out=turn)


@dataclass(frozen=True)
class Fold:
    """A wave that lifts layers, grows with depth by `growth` a sample and leans by `shear`."""

    wave: Wave
    growth: float = 0.0
    shear: float = 0.0


@dataclass(frozen=True)
class Folding:
    """Folds, and a regional tilt of slopes along n3 and n2."""

    folds: tuple[Fold, ...] = ()
    tilt: tuple[float, float] = (0.0, 0.0)

    def undo(self, x: Array) -> None:
        """Move the points `x` (3, N) back to before the folding, in place."""
        shift = np.float32(self.tilt[0]) * x[0]
        shift += np.float32(self.tilt[1]) * x[1]
        for fold in self.folds:
            height = fold.wave.at(x[0] + np.float32(fold.shear) * x[2], x[1])
            shift += height * (1 + np.float32(fold.growth) * x[2])
        x[2] += shift


@dataclass(frozen=True)
class Unconformity:
    """An eroded surface: `depth` and relief, filled by flat layers that lap onto it.

    `hiatus` is added to the age of all that lies below, so that it is older than what lies above.
    """

    depth: float
    relief: tuple[Wave, ...]
    hiatus: float = 0.0

    def surface(self, x3: Array, x2: Array) -> Array:
        """Its depth (N,) at the places `x3`, `x2`."""
        depth = np.full(x3.shape, self.depth, np.float32)
        for wave in self.relief:
            depth += wave.at(x3, x2)
        return depth


@dataclass(frozen=True)
class Sag:
    """Layers that hang through between the depths `top` and `bottom`, in a bowl of two `radii`.

    A collapse above a cave, or the apparent sag (`depth` < 0: pull-up) below a slow (fast) body,
    which in a survey in time is a bend of the layers all the same.
    """

    centre: tuple[float, float]
    radii: tuple[float, float]
    depth: float
    top: float
    bottom: float

    def undo(self, x: Array) -> None:
        """Move the points `x` (3, N) back to before the sag, in place."""
        away = np.square((x[0] - np.float32(self.centre[0])) / np.float32(self.radii[0]))
        away += np.square((x[1] - np.float32(self.centre[1])) / np.float32(self.radii[1]))
        inside = np.flatnonzero(away < 1)
        if not inside.size:
            return
        depth = x[2][inside]
        # Ramps of this length keep ages growing downward.
        ramp = np.float32(1 / (3 * abs(self.depth)))
        share = np.clip((depth - np.float32(self.top)) * ramp, 0, 1)
        share *= np.clip((np.float32(self.bottom) - depth) * ramp, 0, 1)
        x[2][inside] -= np.float32(self.depth) * share * np.square(1 - away[inside])


@dataclass(frozen=True)
class Stretch:
    """The survey's grid: how many units of the earth a voxel spans along (n3, n2)."""

    factors: tuple[float, float]

    def undo(self, x: Array) -> None:
        """Turn the places `x` (3, N) of voxels into places in the earth, in place."""
        x[0] *= np.float32(self.factors[0])
        x[1] *= np.float32(self.factors[1])


@dataclass(frozen=True)
class Turbulence:
    """A rough field of about unit variance: the sum of sines of `wavevectors` (K, 3), radians."""

    wavevectors: NDArray[np.float32]
    phases: NDArray[np.float32]

    def at(self, x: Array) -> Array:
        """The field (N,) at points `x` (3, N)."""
        turns = self.wavevectors @ x + self.phases[:, None]
        field: Array = np.sin(turns, out=turns).sum(0) * np.float32((2 / len(turns)) ** 0.5)
        return field


@dataclass(frozen=True)
class Body:
    """A lens between the ages `age` and `age + thickness` whose inside differs from its layers.

    `centre` and `radii` are along (n3, n2), turned by `azimuth` degrees. Inside, layers are taken
    from places up to `roughness` samples away, which makes chaos of them (a mass-transport
    deposit), and `log_impedance` is added (gas, or another lithology with a sharp edge).
    """

    age: float
    thickness: float
    centre: tuple[float, float]
    radii: tuple[float, float]
    azimuth: float
    roughness: float = 0.0
    log_impedance: float = 0.0

    def inside(self, age: Array, x: Array) -> NDArray[np.intp]:
        """Indices of those points of `age` (N,), deposited at `x` (3, N), that lie in it."""
        near = np.flatnonzero((age > self.age) & (age < self.age + self.thickness))
        turn = np.radians(self.azimuth)
        dx3, dx2 = x[0][near] - self.centre[0], x[1][near] - self.centre[1]
        along = np.cos(turn) * dx3 + np.sin(turn) * dx2
        across = np.cos(turn) * dx2 - np.sin(turn) * dx3
        away = np.square(along / self.radii[0]) + np.square(across / self.radii[1])
        # It thins out to its edge.
        share = (age[near] - self.age) / self.thickness
        return near[away + np.square(share) < 1]


@dataclass(frozen=True)
class Clinoforms:
    """Layers that build out along `azimuth` between the ages `age` and `age + thickness`.

    `share` of the thickness is laid down in front of what is there rather than on top of it, over
    `length` voxels about `centre` (n3, n2). They end against both bounding layers (toplap and
    downlap).
    """

    age: float
    thickness: float
    centre: tuple[float, float]
    azimuth: float
    length: float
    share: float

    def lay(self, age: Array, x: Array) -> tuple[NDArray[np.intp], Array, Array]:
        """Points of `age` (N,), deposited at `x` (3, N), that lie in it, as indices.

        And their ages in the clinoforms, and the age whose layer is found there.
        """
        inside = np.flatnonzero((age >= self.age) & (age < self.age + self.thickness))
        turn = np.radians(self.azimuth)
        up = (age[inside] - np.float32(self.age)) / np.float32(self.thickness)
        # Sigmoids: gentle at the bounding layers and steep between them.
        up += np.float32(0.1) * np.sin(np.float32(2 * np.pi) * up)
        front = np.cos(turn) * (x[0][inside] - self.centre[0])
        front += np.sin(turn) * (x[1][inside] - self.centre[1])
        front = np.clip(front / np.float32(self.length) + np.float32(0.5), 0, 1)
        laid = (1 - self.share) * up + self.share * front
        within = np.float32(self.thickness) * laid.astype(np.float32)
        return inside, self.age + within, self.age + within / np.float32(1 - self.share)


@dataclass(frozen=True)
class Channel:
    """A meandering channel cut into the layers that were at the surface at `age`, then filled.

    The centreline runs along `azimuth` (degrees from n3) through `centre` (n3, n2) and swings as
    a sine; the cut is a parabola of `depth` samples and `half_width` voxels.
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
        """Depth of the cut (N,) in samples at the places `x3`, `x2`; at most 0 outside."""
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
    """Layers by age: `boundaries` grow, `log_impedance` has one value a layer.

    `variation` is how much of it changes laterally with `lateral`, waves that add up to 1 at most.
    """

    boundaries: NDArray[np.float64]
    log_impedance: NDArray[np.float64]
    variation: NDArray[np.float64]
    lateral: tuple[Wave, ...] = ()


Event = Fault | Folding | Unconformity | Sag | Stretch


@dataclass(frozen=True)
class EarthModel:
    """What happened, oldest first, to layers, clinoforms, bodies and channels.

    `turbulence` is what mixes the layers in bodies and in the damage zones of faults.
    """

    events: tuple[Event, ...]
    layers: Layers
    channels: tuple[Channel, ...] = ()
    clinoforms: tuple[Clinoforms, ...] = ()
    bodies: tuple[Body, ...] = ()
    turbulence: Turbulence | None = None

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Its faults, oldest first."""
        return tuple(event for event in self.events if isinstance(event, Fault))


@dataclass
class Geology:
    """What an earth model is on a grid; arrays of shape (n3, n2, n1), float32 but for `fault`.

    `age` is in samples, `log_impedance` the mean over each sample. `fault` is the number of the
    fault that is labelled there, counted from 1, the oldest, or 0 (uint8); `strike` and `dip` are
    in degrees, 0 off the faults. Where labels overlap, `fault`, `strike` and `dip` are those of
    the younger fault, `fault_id` (uint8) and `throw` those of the nearer one. `throw` is the
    vertical displacement across the fault in samples of today: positive where the wall above the
    surface went down (normal), negative where it went up (reverse), 0 off the faults.
    """

    age: Array
    log_impedance: Array
    fault: NDArray[np.uint8]
    strike: Array = field(repr=False)
    dip: Array = field(repr=False)
    fault_id: NDArray[np.uint8] = field(repr=False)
    throw: Array = field(repr=False)

    def label_arrays(self) -> dict[str, NDArray]:
        """What is 0 off the faults, by name."""
        names = ("fault", "strike", "dip", "fault_id", "throw")
        return {name: getattr(self, name) for name in names}


@dataclass
class Restored:
    """Where points come from: age (N,), how far faults crushed them (N,), 0..1, and fault zones.

    Each of the `zones` has the place of its fault in the events, the points near it, and their
    signed distance to it, in units of the earth.
    """

    age: Array
    crushed: Array
    zones: list[tuple[int, NDArray[np.intp], Array]] = field(default_factory=list)


def restore(events: Sequence[Event], x: Array, thickness: float = 0.0) -> Restored:
    """Undo `events` (oldest first) at the points `x` (3, N), which move to where they formed.

    The zone of a fault holds the points that lie within half the `thickness` of it.
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
    """Geology of `model` on a grid of `shape` whose first voxel is at `origin` (n3, n2, n1).

    `thickness` is that of the labelled fault surface in voxels, measured along its normal. A
    fault is labelled only where it offsets ages by at least `visible` samples. Where labels
    overlap, the younger fault, which cuts the older one, gives strike and dip, and the nearer one
    number and throw.
    """
    n3, n2, n1 = shape
    age, log_impedance = np.empty(shape, np.float32), np.empty(shape, np.float32)
    zones: dict[int, list[tuple[NDArray[np.intp], Array]]] = {}
    table = _LayerTable(model.layers)
    # In units of the earth a voxel may be longer than one, and so may the labelled zone.
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
    """Labels of faults on a grid of `shape` (n3, n2, n1), filled in from the youngest fault on."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.fault = np.zeros(shape, np.uint8)
        self.normal = np.zeros((3, *shape), np.float32)
        self.fault_id = np.zeros(shape, np.uint8)
        self.throw = np.zeros(shape, np.float32)
        self._distance = np.full(shape, np.inf, np.float32)

    def is_free(self, index: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether no younger fault is labelled at the voxels `index` (N,)."""
        return self.fault.ravel()[index] == 0

    def add(self, number: int, index: NDArray[np.intp], distance: Array, surface: _Surface) -> None:
        """Label fault `number` at the voxels `index` (N,), `distance` voxels from its `surface`."""
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
    """Labels of the faults on the grid of `shape` (n3, n2, n1) that begins at `origin`."""
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
            # The gradient turns units of the earth into voxels of today.
            gradient = np.linalg.norm(surface.normal, axis=0)
            near = np.abs(distance[part]) <= 0.5 * thickness * gradient
            seen = near & (np.abs(surface.offset) >= visible)
            away = np.abs(distance[part][seen]) / gradient[seen]
            fault = number_of_fault[id(model.events[number])]
            labels.add(fault, zone[part][seen], away, surface.at(seen))
    return labels


def _found_layers(model: EarthModel, restored: Restored, x: Array) -> Array:
    """The ages (N,) whose layers are found at points deposited at `x` (3, N).

    They differ from the ages in clinoforms, which also give the points of `restored` ages of
    their own, in bodies of chaos and where a fault has crushed the layers.
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
    """Add what `bodies` add to `log_impedance` (n3, n2, n1), in place; `age` is (N,)."""
    for body in bodies:
        if body.log_impedance:
            inside = body.inside(age, x)
            log_impedance.reshape(-1)[inside] += np.float32(body.log_impedance)


def _grid(shape: tuple[int, ...], origin: tuple[int, ...]) -> Array:
    """Points (3, N) of a grid of `shape` (n3, n2, n1) that begins at `origin`."""
    x = np.empty((3, *shape), np.float32)
    for axis, (n, start) in enumerate(zip(shape, origin, strict=True)):
        line = np.arange(start, start + n, dtype=np.float32)
        x[axis] = line.reshape([-1 if a == axis else 1 for a in range(3)])
    return x.reshape(3, -1)


class _Surface(NamedTuple):
    """A fault at points of today: normal (3, N, any length), offset of age and throw (N,)."""

    normal: Array
    offset: Array
    throw: Array

    def at(self, where: NDArray[np.bool_]) -> _Surface:
        """The same at those of the points that are `where` (N,)."""
        return _Surface(self.normal[:, where], self.offset[where], self.throw[where])


def _surface(events: Sequence[Event], number: int, x: Array) -> _Surface:
    """Fault `number` at today's points `x` (3, N).

    The normal is the gradient of the distance to the fault on today's grid, which turns with what
    younger faults have moved. The offset is the difference of age (N,) between its walls.
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
            # The points around stay on the wall of their centre, or its jump would be in the slope.
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
    """Throw (N,) in samples of today, normal positive, from the `slip` (3, N) when it happened.

    `slip` is how far the wall that `normal` (3, N) points away from has moved past the other one.
    `around` (3, 6 N) are the places, just after the slip, of the points half a voxel of today ahead
    of each point along each axis, then of those behind: their differences are the columns of the
    Jacobian, and the third row of its inverse turns the slip into samples of today (Cramer's rule).
    """
    ahead, behind = around.reshape(3, 2, 3, -1).swapaxes(0, 1)
    along3, along2, along1 = (ahead - behind).swapaxes(0, 1)
    across = np.cross(along3, along2, axis=0)
    volume = (across * along1).sum(axis=0)
    # Beside a younger fault that drags, space is squeezed to nothing, and its inverse is not.
    squeezed = np.abs(volume) < SQUEEZED * np.abs(across[2])
    down = (across * slip).sum(axis=0) / np.where(squeezed, 1, volume)
    down[squeezed] = slip[2, squeezed]
    # The wall above is the other one where younger events have turned the surface over.
    overturned = normal[2] < -OVERTURNED * np.linalg.norm(normal, axis=0)
    throw: Array = np.where(overturned, -down, down)
    return throw


class _LayerTable:
    """Integrals of layers over age, from which the mean over a sample follows exactly.

    Point samples would turn dipping layers into staircases.
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
        # The share of a sample that is fill, so that the banks are no staircases.
        cover = np.clip(cut - below + 0.5, 0, 1) * np.clip(below + 0.5, 0, 1) * (cut > 0)
        flat_age, flat_impedance = age.reshape(-1), log_impedance.reshape(-1)
        flat_impedance[index] += cover * (np.float32(channel.log_impedance) - flat_impedance[index])
        # Fill is as old as the moment that it fills, and still a little older downward.
        filled = (below > 0) & (below < cut)
        flat_age[index[filled]] = channel.age + 0.01 * below[filled]
