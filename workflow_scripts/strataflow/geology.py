"""Earth models made in the order of geology, evaluated by mapping backward from today.

A point of today's survey is taken back in time: the youngest fault is undone first, then the
older ones, then the folds and the tilt, which leaves the depth at which it was deposited. Every
attribute follows from that map, so none has to be picked from the image. The displacement of a
fault is elliptical and dies out at a tip line (Walsh & Watterson, 1989, J. Struct. Geol. 11).
Lengths are in voxels and angles in degrees throughout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .angles import normal_from_strike_dip, strike_dip_from_normal

Array = NDArray[np.float32]

# A fault is labelled only where it offsets the layers by at least this many samples: less is not
# seen at the frequencies of a survey, and slip along the layers offsets nothing.
VISIBLE_OFFSET = 1.5


@dataclass(frozen=True)
class Fault:
    """A curved fault surface and its slip.

    The frame is (strike, down-dip, normal); the surface bows off its plane by a listric term
    along dip and an undulation along strike. `slip` is that of the hanging wall at the centre,
    down dip for a positive `rake` of 90 (normal fault), up dip for -90 (reverse), along strike
    for 0.
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
    reach: float = 1000.0

    def frame(self) -> NDArray[np.float32]:
        """Rows: unit vectors along strike, down dip and normal, each over (n3, n2, n1)."""
        phi, delta = np.radians(self.strike), np.radians(self.dip)
        along = (np.cos(phi), np.sin(phi), 0.0)
        down = (-np.cos(delta) * np.sin(phi), np.cos(delta) * np.cos(phi), np.sin(delta))
        normal = normal_from_strike_dip(self.strike, self.dip)
        return np.array([along, down, normal], np.float32)


@dataclass(frozen=True)
class Fold:
    """A cosine fold: vertical shift `amplitude` that grows with depth by `growth` per voxel."""

    wave3: float
    wave2: float
    phase: float
    amplitude: float
    growth: float
    shear: float


@dataclass(frozen=True)
class EarthModel:
    """Faults (oldest first), folds, tilt (slopes along n3 and n2) and layers.

    `boundaries` are depths of deposition, growing; `log_impedance` has one value a layer.
    """

    faults: tuple[Fault, ...]
    folds: tuple[Fold, ...]
    tilt: tuple[float, float]
    boundaries: NDArray[np.float64]
    log_impedance: NDArray[np.float64]


@dataclass
class Geology:
    """What an earth model is on a grid; arrays of shape (n3, n2, n1).

    `age` is the depth of deposition in samples; `fault` bool; `strike`, `dip` in degrees, 0 off
    the faults.
    """

    age: Array
    fault: NDArray[np.bool_]
    strike: Array = field(repr=False)
    dip: Array = field(repr=False)


def evaluate(
    model: EarthModel, shape: tuple[int, int, int], top: int = 0, thickness: float = 2.0
) -> Geology:
    """Geology of `model` on a grid of `shape` (n3, n2, n1) whose first sample is at depth `top`.

    `thickness` is that of the labelled fault zone in voxels, measured along the normal. Where
    labels overlap, the younger fault, which cuts the older one, gives strike and dip.
    """
    n3, n2, n1 = shape
    x = [
        np.broadcast_to(np.arange(n3, dtype=np.float32)[:, None, None], shape).copy(),
        np.broadcast_to(np.arange(n2, dtype=np.float32)[None, :, None], shape).copy(),
        np.broadcast_to(np.arange(top, top + n1, dtype=np.float32)[None, None, :], shape).copy(),
    ]
    zones = []
    for fault in reversed(model.faults):
        distance, slip = _undo(fault, x)
        zone = np.nonzero((np.abs(distance) <= thickness / 2) & (np.linalg.norm(slip, axis=0) > 0))
        # The gradient of the distance on today's grid turns with what younger faults have moved.
        zones.append(
            (zone, _gradient_at(distance, zone), np.stack([component[zone] for component in slip]))
        )
    age = _age_before_faulting(model, x)
    labelled = np.zeros(shape, bool)
    normal = np.zeros((3, *shape), np.float32)
    for zone, gradient, slip in zones:
        deposited = np.stack([coordinate[zone] for coordinate in x])
        offset = _age_before_faulting(model, deposited + slip) - age[zone]
        fresh = (np.abs(offset) >= VISIBLE_OFFSET) & ~labelled[zone]
        zone = tuple(index[fresh] for index in zone)
        for component, values in zip(normal, gradient[:, fresh], strict=True):
            component[zone] = values
        labelled[zone] = True
    strike, dip = strike_dip_from_normal(normal)
    return Geology(
        age=age,
        fault=labelled,
        strike=np.where(labelled, strike, 0),
        dip=np.where(labelled, dip, 0),
    )


def _age_before_faulting(model: EarthModel, x: Sequence[Array] | Array) -> Array:
    """Depth of deposition at points `x` (n3, n2, n1 coordinates) that faults no longer shift."""
    age = x[2] + model.tilt[0] * x[0] + model.tilt[1] * x[1]
    for fold in model.folds:
        sheared = x[0] + fold.shear * x[2]
        wave = np.cos(fold.wave3 * sheared + fold.wave2 * x[1] + fold.phase)
        age += fold.amplitude * (1 + fold.growth * x[2]) * wave
    return age


def _undo(fault: Fault, x: list[Array]) -> tuple[Array, Array]:
    """Move the points `x` back to before `fault`, in place.

    Returns the distance to the fault, shape of x[0], and the slip across it, shape (3, ...).
    """
    along, down, normal = fault.frame()
    local = [x[i] - np.float32(fault.centre[i]) for i in range(3)]
    a, b, c = (sum(local[i] * axis[i] for i in range(3)) for axis in (along, down, normal))
    wavenumber = 2 * np.pi / fault.wavelength
    bow = 0.5 * fault.listric * b * np.abs(b) + fault.undulation * np.sin(
        wavenumber * a + fault.phase
    )
    slope_b = fault.listric * np.abs(b)
    slope_a = fault.undulation * wavenumber * np.cos(wavenumber * a + fault.phase)
    distance = (c - bow) / np.sqrt(1 + slope_a**2 + slope_b**2)
    ellipse = (a / fault.half_length) ** 2 + (b / fault.half_height) ** 2
    slip = fault.slip * np.clip(1 - ellipse, 0, None)
    rake = np.radians(fault.rake)
    steepening = np.sqrt(1 + slope_b**2)
    vector = np.empty((3, *slip.shape), np.float32)
    # Either wall moves by half; the hanging wall is where the distance is negative.
    share = 0.5 * np.sign(distance) * np.exp(-((distance / fault.reach) ** 2))
    for i in range(3):
        down_dip = (down[i] + slope_b * normal[i]) / steepening
        vector[i] = slip * (np.cos(rake) * along[i] + np.sin(rake) * down_dip)
        x[i] += share * vector[i]
    return distance, vector


def _gradient_at(values: Array, where: tuple[NDArray[np.intp], ...]) -> Array:
    """Differences (3, N) of `values` (n3, n2, n1) at N voxels: central, one-sided at the edges."""
    gradient = np.empty((3, where[0].size), np.float32)
    for axis in range(3):
        before, after = list(where), list(where)
        before[axis] = np.maximum(where[axis] - 1, 0)
        after[axis] = np.minimum(where[axis] + 1, values.shape[axis] - 1)
        span = np.maximum(after[axis] - before[axis], 1)
        gradient[axis] = (values[tuple(after)] - values[tuple(before)]) / span
    return gradient


def random_model(rng: np.random.Generator, shape: tuple[int, int, int]) -> EarthModel:
    """A random earth model for a survey of `shape` (n3, n2, n1).

    Half the models fold gently, a third moderately and the rest up to 60 degrees: networks that
    never saw steep layers report false faults along them.
    """
    n3, n2, n1 = shape
    steepest = np.tan(np.radians(_pick(rng, ((0.5, 2, 15), (0.3, 15, 35), (0.2, 35, 60)))))
    tilt_share = rng.uniform(0.0, 0.6)
    azimuth = rng.uniform(0, 2 * np.pi)
    tilt = (
        float(tilt_share * steepest * np.cos(azimuth)),
        float(tilt_share * steepest * np.sin(azimuth)),
    )
    folds = _random_folds(rng, (1 - tilt_share) * steepest, max(shape))
    count = int(rng.integers(0, 9))
    reach = 1.5 * (max(shape) + steepest * (n3 + n2))
    boundaries, log_impedance = _random_layers(rng, -reach, n1 + reach)
    return EarthModel(_random_faults(rng, shape, count), folds, tilt, boundaries, log_impedance)


def _pick(rng: np.random.Generator, classes: tuple[tuple[float, float, float], ...]) -> float:
    """A uniform number from one of the classes (share, low, high)."""
    chosen = rng.choice(len(classes), p=[share for share, _, _ in classes])
    return float(rng.uniform(*classes[chosen][1:]))


def _random_folds(rng: np.random.Generator, slope: float, extent: int) -> tuple[Fold, ...]:
    """One to four folds whose slopes add up to at most `slope`."""
    folds = []
    shares = rng.dirichlet(np.ones(int(rng.integers(1, 5))))
    for share in shares:
        wavenumber = 2 * np.pi / rng.uniform(50, 250)
        azimuth = rng.uniform(0, 2 * np.pi)
        # Growth of a fold with depth and its shear are kept small enough that age grows downward.
        growth = float(rng.uniform(-0.4, 0.4) / extent)
        amplitude = share * slope / wavenumber / 1.4
        steepness = amplitude * wavenumber
        shear = float(rng.uniform(-0.3, 0.3) / max(1.0, 2 * steepness))
        folds.append(
            Fold(
                wavenumber * np.cos(azimuth),
                wavenumber * np.sin(azimuth),
                float(rng.uniform(0, 2 * np.pi)),
                float(amplitude),
                growth,
                shear,
            )
        )
    return tuple(folds)


def _random_faults(
    rng: np.random.Generator, shape: tuple[int, int, int], count: int
) -> tuple[Fault, ...]:
    """`count` faults, by half in one set of conjugates and by half at random; oldest first."""
    faults = []
    main_strike = rng.uniform(0, 360)
    for _ in range(count):
        in_set = rng.random() < 0.5
        strike = (
            main_strike + rng.normal(0, 10) + 180 * rng.integers(2)
            if in_set
            else rng.uniform(0, 360)
        )
        kind = rng.random()
        rake = 90.0 if kind < 0.7 else -90.0 if kind < 0.88 else float(rng.choice([0.0, 180.0]))
        slip = float(np.exp(rng.uniform(np.log(2), np.log(40))))
        # Faults are tens of times as long as they slip (Cowie & Scholz, 1992), within the survey.
        half_length = max(rng.uniform(0.25, 1.2) * max(shape), 2.5 * slip)
        half_height = half_length * rng.uniform(0.5, 1.0)
        wavelength = rng.uniform(60, 200)
        faults.append(
            Fault(
                centre=tuple(float(rng.uniform(0.05, 0.95) * n) for n in shape),  # type: ignore[arg-type]
                strike=float(strike % 360),
                dip=float(rng.uniform(30, 89)),
                slip=slip,
                rake=rake + float(rng.normal(0, 10)),
                half_length=half_length,
                half_height=half_height,
                listric=float(rng.uniform(0, 1.5) / half_height) if rng.random() < 0.3 else 0.0,
                undulation=float(rng.uniform(0, 0.03) * wavelength) if rng.random() < 0.5 else 0.0,
                wavelength=float(wavelength),
                phase=float(rng.uniform(0, 2 * np.pi)),
                reach=float(rng.uniform(0.4, 4.0) * half_length),
            )
        )
    return tuple(faults)


def _random_layers(
    rng: np.random.Generator, shallowest: float, deepest: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Boundaries and log impedances: packages of thin or thick, weak or strong layers."""
    boundaries = [shallowest]
    contrasts: list[float] = []
    while boundaries[-1] < deepest:
        mean_thickness = np.exp(rng.uniform(np.log(2.5), np.log(14)))
        strength = np.exp(rng.uniform(np.log(0.06), np.log(0.2)))
        package = boundaries[-1] + rng.uniform(20, 100)
        while boundaries[-1] < min(package, deepest):
            boundaries.append(boundaries[-1] + 0.8 + rng.gamma(2.0, mean_thickness / 2))
            contrasts.append(float(rng.normal(0, strength)))
    # Impedance wanders but returns to its mean, as well logs do.
    log_impedance = np.zeros(len(contrasts))
    for layer in range(1, len(contrasts)):
        log_impedance[layer] = 0.8 * log_impedance[layer - 1] + contrasts[layer]
    return np.array(boundaries), log_impedance
