"""Geologic events: faults, folds, erosion, sags, and how each is undone at points of the survey.

Lengths are in voxels, angles in degrees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..volume.orientation import normal_from_strike_dip
from ..volume.raw import Array


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


Event = Fault | Folding | Unconformity | Sag | Stretch
