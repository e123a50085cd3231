"""What may happen in a synthetic survey, and random earth models and acquisitions drawn from it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import StrataflowError
from .geology import (
    Channel,
    EarthModel,
    Event,
    Fault,
    Fold,
    Folding,
    Layers,
    Unconformity,
    Wave,
    restore,
)

Range = tuple[float, float]


def _limits(least: float, most: float, what: str) -> dict[str, Any]:
    return {"least": least, "most": most, "what": what}


@dataclass(frozen=True)
class Scenario:
    """Ranges and probabilities that random surveys are drawn from.

    Raises StrataflowError, which names the setting, for ranges that are turned over and for
    values out of their limits.
    """

    faults: Range = field(default=(0, 15), metadata=_limits(0, 60, "number of faults"))
    fault_dip: Range = field(
        default=(30, 89), metadata=_limits(1, 90, "dip of the faults in degrees")
    )
    throw: Range = field(
        default=(0.5, 40),
        metadata=_limits(
            0, 200, "throw at the centre of faults in samples; of strike-slip, the slip"
        ),
    )
    reverse: float = field(
        default=0.2,
        metadata=_limits(0, 1, "share of faults that are reverse; those of no kind are normal"),
    )
    strike_slip: float = field(
        default=0.1, metadata=_limits(0, 1, "share of faults that slip along strike")
    )
    rigid: float = field(
        default=0.0,
        metadata=_limits(
            0, 1, "share of faults along which blocks move as one, without tips or drag"
        ),
    )
    layer_dip: Range = field(
        default=(0, 60), metadata=_limits(0, 70, "steepest dip of the layers in degrees")
    )
    tilt: Range = field(
        default=(0, 0.6),
        metadata=_limits(0, 1, "share of that dip that is the same everywhere, not of folds"),
    )
    layer_thickness: Range = field(
        default=(1.5, 9),
        metadata=_limits(1, 50, "mean thickness of the layers of a package in samples"),
    )
    package: Range = field(
        default=(20, 100),
        metadata=_limits(5, 10000, "thickness of packages of like layers in samples"),
    )
    unconformity: float = field(
        default=0.35, metadata=_limits(0, 1, "probability of an unconformity")
    )
    channel: float = field(default=0.3, metadata=_limits(0, 1, "probability of channels"))
    frequency: Range = field(
        default=(0.05, 0.2),
        metadata=_limits(0.02, 0.25, "peak frequency in cycles a sample; 0.12 is 30 Hz at 4 ms"),
    )
    noise: Range = field(
        default=(0.03, 1.0), metadata=_limits(0, 10, "RMS of the noise over that of the signal")
    )
    lateral_smear: Range = field(
        default=(0.2, 3),
        metadata=_limits(0.01, 20, "loss of lateral resolution, sigma of a Gaussian in voxels"),
    )
    fault_thickness: float = field(
        default=2.0, metadata=_limits(1, 10, "thickness of labelled faults in voxels")
    )
    defects: float = field(
        default=1.0,
        metadata=_limits(
            0, 3, "factor on the probability of each defect of acquisition and processing"
        ),
    )

    def __post_init__(self) -> None:
        for setting in fields(self):
            value, limits = getattr(self, setting.name), setting.metadata
            values = (value,) if isinstance(value, (int, float)) else tuple(value)
            if list(values) != sorted(values):
                raise StrataflowError(
                    f"{setting.name}: {value[0]} to {value[1]}: the smaller number comes first"
                )
            for number in values:
                if not limits["least"] <= number <= limits["most"]:
                    raise StrataflowError(
                        f"{setting.name}: {number} is not in {limits['least']} to {limits['most']}"
                    )
        if self.reverse + self.strike_slip > 1:
            raise StrataflowError(
                f"reverse and strike_slip: {self.reverse} + {self.strike_slip} is more than 1"
            )


# What happens where nothing else is asked for.
ANYTHING = Scenario()


def random_model(
    rng: np.random.Generator, shape: tuple[int, int, int], scenario: Scenario
) -> EarthModel:
    """A random earth model for a survey of `shape` (n3, n2, n1).

    Four in ten models fold gently, a third moderately and the rest up to the steepest: networks
    that never saw steep layers report false faults along them.
    """
    low, high = scenario.layer_dip
    part = _pick(rng, ((0.4, 0.0, 0.25), (0.35, 0.25, 0.6), (0.25, 0.6, 1.0)))
    steepest = np.tan(np.radians(low + part * (high - low)))
    count = int(rng.integers(int(scenario.faults[0]), int(scenario.faults[1]) + 1))
    faults = _random_faults(rng, shape, count, scenario)
    gaps = int(rng.random() < scenario.unconformity)
    gaps += int(gaps and rng.random() < 0.25)
    # What is older than an unconformity is folded by itself, and by all that comes after.
    shares = rng.dirichlet(np.ones(gaps + 1)) if gaps else np.ones(1)
    depths = np.sort(rng.uniform(0.15, 0.7, gaps))[::-1] * shape[2]
    cuts = np.sort(rng.integers(0, count + 1, gaps))
    groups = np.split(np.arange(count), cuts)
    events: list[Event] = []
    for number, (share, group) in enumerate(zip(shares, groups, strict=True)):
        if number:
            events.append(_random_unconformity(rng, shape, depths[number - 1], events))
        events.append(_random_folding(rng, share * steepest, max(shape), scenario))
        events += [faults[i] for i in group]
    layers = _random_layers(rng, *_span_of_ages(events, shape), scenario)
    crossed = rng.random() < scenario.channel
    channels = _random_channels(rng, shape, events) if crossed else ()
    return EarthModel(tuple(events), layers, channels)


def _pick(rng: np.random.Generator, classes: tuple[tuple[float, float, float], ...]) -> float:
    """A uniform number from one of the classes (share, low, high)."""
    chosen = rng.choice(len(classes), p=[share for share, _, _ in classes])
    return float(rng.uniform(*classes[chosen][1:]))


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _random_wave(rng: np.random.Generator, shortest: float, longest: float, height: float) -> Wave:
    wavenumber = 2 * np.pi / rng.uniform(shortest, longest)
    azimuth, phase = rng.uniform(0, 2 * np.pi, 2)
    return Wave(
        float(wavenumber * np.cos(azimuth)),
        float(wavenumber * np.sin(azimuth)),
        float(phase),
        height,
    )


def _random_folding(
    rng: np.random.Generator, slope: float, extent: int, scenario: Scenario
) -> Folding:
    """A tilt and one to four folds whose slopes add up to at most `slope`."""
    tilt_share, azimuth = rng.uniform(*scenario.tilt), rng.uniform(0, 2 * np.pi)
    tilt = float(tilt_share * slope * np.cos(azimuth)), float(tilt_share * slope * np.sin(azimuth))
    folds = []
    for share in rng.dirichlet(np.ones(int(rng.integers(1, 5)))):
        wave = _random_wave(rng, 50, 250, 1.0)
        steepness = (1 - tilt_share) * share * slope
        height = steepness / np.hypot(wave.wave3, wave.wave2)
        # Growth with depth and shear are kept small enough that age grows downward.
        growth = float(rng.uniform(-0.4, 0.4) / extent)
        shear = float(rng.uniform(-0.3, 0.3) / max(1.0, 2 * steepness))
        folds.append(Fold(Wave(wave.wave3, wave.wave2, wave.phase, float(height)), growth, shear))
    return Folding(tuple(folds), tilt)


def _random_unconformity(
    rng: np.random.Generator, shape: tuple[int, int, int], depth: float, older: list[Event]
) -> Unconformity:
    """A surface at about `depth`, with the hiatus that makes all below it older than all above."""
    height = _log_uniform(rng, 1, 0.15 * shape[2])
    relief = tuple(
        _random_wave(rng, 60, 300, float(height * share)) for share in rng.dirichlet(np.ones(3))
    )
    flat = Unconformity(float(depth), relief)
    x = _sparse_points(shape)
    x[2] = flat.surface(x[0], x[1])
    youngest_below = float(restore(older, x.copy())[0].min())
    return Unconformity(float(depth), relief, float(x[2].max()) - youngest_below + 2.0)


def _sparse_points(shape: tuple[int, int, int], depths: int = 1) -> NDArray[np.float32]:
    """Points (3, N) spread over a survey of `shape` and a little beyond its sides."""
    lines = [np.linspace(-0.1 * n, 1.1 * n, 40) for n in shape[:2]]
    grid = np.meshgrid(*lines, np.linspace(0, shape[2], depths), indexing="ij")
    return np.stack(grid).reshape(3, -1).astype(np.float32)


def _span_of_ages(events: list[Event], shape: tuple[int, int, int]) -> Range:
    """Youngest and oldest age in and around the survey, with what a wavelet adds."""
    x = _sparse_points(shape, 24)
    x[2] = 1.6 * x[2] - 0.3 * shape[2]
    age = restore(events, x)[0]
    return float(age.min()) - 100, float(age.max()) + 100


def _random_faults(
    rng: np.random.Generator, shape: tuple[int, int, int], count: int, scenario: Scenario
) -> list[Fault]:
    """`count` faults, by half in one set of conjugates and by half at random; oldest first.

    Those along strike slip by what the others throw.
    """
    faults = []
    main_strike, main_dip = rng.uniform(0, 360), rng.uniform(*scenario.fault_dip)
    largest = 3.0 * max(shape)
    for _ in range(count):
        in_set = rng.random() < 0.5
        conjugate = main_strike + rng.normal(0, 10) + 180 * rng.integers(2)
        strike = conjugate if in_set else rng.uniform(0, 360)
        dip = main_dip + rng.normal(0, 6) if in_set else rng.uniform(*scenario.fault_dip)
        dip = float(np.clip(dip, *scenario.fault_dip))
        kind = rng.random()
        low, high = scenario.throw
        slip = _log_uniform(rng, max(low, 1e-3), max(high, 1e-3))
        if kind < scenario.strike_slip:
            rake = float(rng.choice([0.0, 180.0]))
        else:
            rake = -90.0 if kind < scenario.strike_slip + scenario.reverse else 90.0
            slip /= np.sin(np.radians(dip))
        # Faults are ten to some hundreds of times as long as they slip (Kim & Sanderson, 2005,
        # Earth-Sci. Rev. 68).
        half_length = float(np.clip(slip / (2 * _log_uniform(rng, 0.003, 0.1)), 16, largest))
        half_height = float(half_length * rng.uniform(0.5, 1.0))
        wavelength = float(rng.uniform(60, 200))
        fault = Fault(
            centre=tuple(float(rng.uniform(0.05, 0.95) * n) for n in shape),  # type: ignore[arg-type]
            strike=float(strike % 360),
            dip=dip,
            slip=float(slip),
            rake=rake + float(rng.normal(0, 10)),
            half_length=half_length,
            half_height=half_height,
            listric=_random_listric(rng, dip, half_height),
            undulation=float(rng.uniform(0, 0.03) * wavelength) if rng.random() < 0.5 else 0.0,
            wavelength=wavelength,
            phase=float(rng.uniform(0, 2 * np.pi)),
            growth=float(rng.uniform(0, 0.9)) if rng.random() < 0.3 else 0.0,
            reach=float(rng.uniform(0.8, 4.0) * half_height),
        )
        if scenario.rigid and rng.random() < scenario.rigid:
            far = 30.0 * largest
            fault = replace(fault, half_length=far, half_height=far, reach=far, growth=0.0)
        faults.append(fault)
    return faults


def _random_listric(rng: np.random.Generator, dip: float, half_height: float) -> float:
    """Curvature of three faults in ten: up to 40 degrees within the height, or 128 voxels.

    The top does not turn over.
    """
    turn = min(rng.uniform(5, 40), 88 - dip)
    if rng.random() > 0.3 or turn <= 0:
        return 0.0
    return float(np.tan(np.radians(turn)) / min(half_height, 128.0))


def _random_layers(
    rng: np.random.Generator, shallowest: float, deepest: float, scenario: Scenario
) -> Layers:
    """Packages of thin or thick, weak or strong layers, some of which change laterally."""
    boundaries = [shallowest]
    contrasts: list[float] = []
    while boundaries[-1] < deepest:
        mean_thickness = _log_uniform(rng, *scenario.layer_thickness)
        strength = _log_uniform(rng, 0.06, 0.2)
        package = boundaries[-1] + rng.uniform(*scenario.package)
        while boundaries[-1] < min(package, deepest):
            boundaries.append(boundaries[-1] + 0.8 + rng.gamma(2.0, mean_thickness / 2))
            contrasts.append(float(rng.normal(0, strength)))
    # Impedance wanders but returns to its mean, as well logs do.
    log_impedance = np.zeros(len(contrasts))
    for layer in range(1, len(contrasts)):
        log_impedance[layer] = 0.8 * log_impedance[layer - 1] + contrasts[layer]
    lateral: tuple[Wave, ...] = ()
    if rng.random() < 0.6:
        lateral = tuple(_random_wave(rng, 80, 400, 0.5) for _ in range(2))
    variation = rng.uniform(0, 1, log_impedance.size) * (rng.random(log_impedance.size) < 0.4)
    return Layers(np.array(boundaries), log_impedance, variation, lateral)


def _random_channels(
    rng: np.random.Generator, shape: tuple[int, int, int], events: list[Event]
) -> tuple[Channel, ...]:
    """One to three channels that cross the survey at ages that are seen in it."""
    ages = restore(events, _sparse_points(shape, 24))[0]
    channels = []
    for _ in range(int(rng.integers(1, 4))):
        wavelength = float(rng.uniform(80, 250))
        half_width = float(rng.uniform(5, 25))
        channels.append(
            Channel(
                age=float(rng.choice(ages)),
                centre=(
                    float(rng.uniform(0.2, 0.8) * shape[0]),
                    float(rng.uniform(0.2, 0.8) * shape[1]),
                ),
                azimuth=float(rng.uniform(0, 180)),
                swing=float(rng.uniform(0.03, 0.16) * wavelength),
                wavelength=wavelength,
                half_width=half_width,
                depth=float(np.clip(rng.uniform(0.2, 0.6) * half_width, 3, 12)),
                log_impedance=float(rng.choice([-1, 1]) * rng.uniform(0.15, 0.5)),
            )
        )
    return tuple(channels)
