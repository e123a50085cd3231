"""Random earth models, drawn from a scenario."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..volume.raw import Array
from .earth_model import EarthModel, restore
from .events import Event, Fold, Folding, Sag, Stretch, Unconformity, Wave
from .fault_systems import log_uniform, random_count, random_faults
from .scenario import Range, Scenario
from .stratigraphy import Body, Channel, Clinoforms, Layers, Turbulence

# Extent of a survey (n3, n2, n1) in model units.
Extent = tuple[float, float, float]


def random_model(
    rng: np.random.Generator, shape: tuple[int, int, int], scenario: Scenario
) -> EarthModel:
    """Draw a random earth model.

    40 % of the models have gentle folds, 35 % moderate ones, and 25 % folds up to the maximum dip.
    Networks trained without steep layers predict false faults along them.

    Args:
        rng: Random generator.
        shape: Shape of the survey (n3, n2, n1).
        scenario: Ranges of the random parameters.
    """
    bins = [log_uniform(rng, *scenario.bins) for _ in range(2)]
    # The extent in model units scales with the bin size.
    extent = (bins[0] * shape[0], bins[1] * shape[1], float(shape[2]))
    low, high = scenario.layer_dip
    part = _pick(rng, ((0.4, 0.0, 0.25), (0.35, 0.25, 0.6), (0.25, 0.6, 1.0)))
    steepest = float(np.tan(np.radians(low + part * (high - low)))) / max(bins)
    count = random_count(rng, int(scenario.faults[0]), int(scenario.faults[1]))
    faults = random_faults(rng, extent, count, scenario)
    gaps = int(rng.random() < scenario.unconformity)
    gaps += int(gaps and rng.random() < 0.25)
    # Each interval between unconformities has folds of its own, in addition to the younger ones.
    shares = rng.dirichlet(np.ones(gaps + 1)) if gaps else np.ones(1)
    depths = np.sort(rng.uniform(0.15, 0.7, gaps))[::-1] * shape[2]
    cuts = np.sort(rng.integers(0, count + 1, gaps))
    groups = np.split(np.arange(count), cuts)
    events: list[Event] = []
    for number, (share, group) in enumerate(zip(shares, groups, strict=True)):
        if number:
            events.append(_random_unconformity(rng, extent, depths[number - 1], events))
        events.append(_random_folding(rng, share * steepest, max(extent), scenario))
        events += [faults[i] for i in group]
    events += _random_sags(rng, extent, scenario)
    youngest, oldest = _span_of_ages(events, extent)
    channels = _random_channels(rng, extent, events) if rng.random() < scenario.channel else ()
    clinoforms, bodies = _random_units(rng, extent, events, scenario)
    # Layers of clinoforms are looked up at older ages than those of the points.
    deepest = oldest + max([unit.thickness / (1 - unit.share) for unit in clinoforms], default=0)
    layers = _random_layers(rng, youngest, deepest, scenario)
    turbulence = _random_turbulence(rng)
    events.append(Stretch((bins[0], bins[1])))
    return EarthModel(tuple(events), layers, channels, clinoforms, bodies, turbulence)


def _pick(rng: np.random.Generator, classes: tuple[tuple[float, float, float], ...]) -> float:
    """Uniform random number from one of `classes` (probability, low, high)."""
    chosen = rng.choice(len(classes), p=[share for share, _, _ in classes])
    return float(rng.uniform(*classes[chosen][1:]))


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
    rng: np.random.Generator, slope: float, extent: float, scenario: Scenario
) -> Folding:
    """A tilt and one to four folds with a total slope of at most `slope`."""
    tilt_share, azimuth = rng.uniform(*scenario.tilt), rng.uniform(0, 2 * np.pi)
    tilt = float(tilt_share * slope * np.cos(azimuth)), float(tilt_share * slope * np.sin(azimuth))
    folds = []
    for share in rng.dirichlet(np.ones(int(rng.integers(1, 5)))):
        wave = _random_wave(rng, 50, 250, 1.0)
        steepness = (1 - tilt_share) * share * slope
        height = steepness / np.hypot(wave.wave3, wave.wave2)
        # Growth and shear are small enough that age increases downward.
        growth = float(rng.uniform(-0.4, 0.4) / extent)
        shear = float(rng.uniform(-0.3, 0.3) / max(1.0, 2 * steepness))
        folds.append(Fold(Wave(wave.wave3, wave.wave2, wave.phase, float(height)), growth, shear))
    return Folding(tuple(folds), tilt)


def _random_unconformity(
    rng: np.random.Generator, shape: Extent, depth: float, older: list[Event]
) -> Unconformity:
    """An unconformity at about `depth`, with a hiatus so that all layers below are older."""
    height = log_uniform(rng, 1, 0.15 * shape[2])
    relief = tuple(
        _random_wave(rng, 60, 300, float(height * share)) for share in rng.dirichlet(np.ones(3))
    )
    flat = Unconformity(float(depth), relief)
    x = _sparse_points(shape)
    x[2] = flat.surface(x[0], x[1])
    youngest_below = float(restore(older, x.copy()).age.min())
    return Unconformity(float(depth), relief, float(x[2].max()) - youngest_below + 2.0)


def _sparse_points(shape: Extent, depths: int = 1) -> NDArray[np.float32]:
    """Points (3, N) on a coarse grid over a survey of `shape` and slightly beyond its sides."""
    lines = [np.linspace(-0.1 * n, 1.1 * n, 40) for n in shape[:2]]
    grid = np.meshgrid(*lines, np.linspace(0, shape[2], depths), indexing="ij")
    return np.stack(grid).reshape(3, -1).astype(np.float32)


def _span_of_ages(events: list[Event], shape: Extent) -> Range:
    """Minimum and maximum age in and around the survey, with a margin for the wavelet."""
    x = _sparse_points(shape, 24)
    x[2] = 1.6 * x[2] - 0.3 * shape[2]
    age = restore(events, x).age
    return float(age.min()) - 100, float(age.max()) + 100


def _random_layers(
    rng: np.random.Generator, shallowest: float, deepest: float, scenario: Scenario
) -> Layers:
    """Packages of layers with different thickness and contrast, some with lateral variation."""
    boundaries = [shallowest]
    contrasts: list[float] = []
    while boundaries[-1] < deepest:
        mean_thickness = log_uniform(rng, *scenario.layer_thickness)
        strength = log_uniform(rng, 0.06, 0.2)
        package = boundaries[-1] + rng.uniform(*scenario.package)
        while boundaries[-1] < min(package, deepest):
            boundaries.append(boundaries[-1] + 0.8 + rng.gamma(2.0, mean_thickness / 2))
            contrasts.append(float(rng.normal(0, strength)))
    # Impedance is a mean-reverting random walk, like well logs.
    log_impedance = np.zeros(len(contrasts))
    for layer in range(1, len(contrasts)):
        log_impedance[layer] = 0.8 * log_impedance[layer - 1] + contrasts[layer]
    lateral: tuple[Wave, ...] = ()
    if rng.random() < 0.6:
        lateral = tuple(_random_wave(rng, 80, 400, 0.5) for _ in range(2))
    variation = rng.uniform(0, 1, log_impedance.size) * (rng.random(log_impedance.size) < 0.4)
    return Layers(np.array(boundaries), log_impedance, variation, lateral)


def _random_sags(rng: np.random.Generator, shape: Extent, scenario: Scenario) -> list[Sag]:
    """Collapses, which are narrow and limited in depth, and sags or pull-ups down to the base."""
    sags = []
    if rng.random() < scenario.collapse:
        # All caves of a survey lie at the same level.
        base = float(rng.uniform(0.3, 1.0) * shape[2])
        for _ in range(int(rng.integers(1, 9))):
            radius = log_uniform(rng, 4, 20)
            depth = float(rng.uniform(0.1, 0.35) * radius)
            top = base - float(rng.uniform(3, 12) * radius)
            sags.append(_sag(rng, shape, (radius, float(rng.uniform(0.6, 1.6) * radius)), depth))
            sags[-1] = replace(sags[-1], top=top, bottom=base)
    if rng.random() < scenario.sag:
        for _ in range(int(rng.integers(1, 3))):
            radii = (float(rng.uniform(12, 60)), float(rng.uniform(12, 60)))
            depth = float(rng.choice([-1, 1], p=[0.3, 0.7]) * rng.uniform(1, 6))
            sag = _sag(rng, shape, radii, depth)
            sags.append(replace(sag, top=float(rng.uniform(-0.2, 0.7) * shape[2])))
    return sags


def _sag(rng: np.random.Generator, shape: Extent, radii: tuple[float, float], depth: float) -> Sag:
    centre = (float(rng.uniform(0, shape[0])), float(rng.uniform(0, shape[1])))
    return Sag(centre, radii, depth, -1e6, 1e6)


def _random_units(
    rng: np.random.Generator, shape: Extent, events: list[Event], scenario: Scenario
) -> tuple[tuple[Clinoforms, ...], tuple[Body, ...]]:
    """Clinoforms, chaotic bodies, and bright or dim bodies, at ages that occur in the survey."""
    ages = restore(events, _sparse_points(shape, 24)).age
    extent = max(shape[:2])
    clinoforms, bodies = [], []
    if rng.random() < scenario.clinoform:
        thickness, share = float(rng.uniform(20, 70)), float(rng.uniform(0.3, 0.75))
        # The maximum dip is 10 to 35 degrees.
        dip = np.tan(np.radians(rng.uniform(10, 35)))
        length = float(thickness * share / (1 - share) / (0.4 * dip))
        clinoforms.append(
            Clinoforms(
                age=float(rng.choice(ages)) - 0.5 * thickness,
                thickness=thickness,
                centre=(0.5 * shape[0], 0.5 * shape[1]),
                azimuth=float(rng.uniform(0, 360)),
                length=max(length, 0.5 * extent),
                share=share,
            )
        )
    if rng.random() < scenario.chaotic:
        for _ in range(int(rng.integers(1, 3))):
            body = _body(rng, shape, ages, (10, 50), (0.2 * extent, 1.5 * extent))
            bodies.append(replace(body, roughness=log_uniform(rng, 1.0, 8.0)))
    if rng.random() < scenario.bright:
        for _ in range(int(rng.integers(1, 5))):
            body = _body(rng, shape, ages, (2, 10), (8, 0.6 * extent))
            impedance = float(rng.choice([-1, 1]) * rng.uniform(0.1, 0.5))
            bodies.append(replace(body, log_impedance=impedance))
    return tuple(clinoforms), tuple(bodies)


def _body(
    rng: np.random.Generator, shape: Extent, ages: Array, thickness: Range, radius: Range
) -> Body:
    """A lens with random thickness and radii in the given ranges, without other properties."""
    return Body(
        age=float(rng.choice(ages)) - 0.5 * thickness[1],
        thickness=float(rng.uniform(*thickness)),
        centre=(float(rng.uniform(0, shape[0])), float(rng.uniform(0, shape[1]))),
        radii=(log_uniform(rng, *radius), log_uniform(rng, *radius)),
        azimuth=float(rng.uniform(0, 180)),
    )


def _random_turbulence(rng: np.random.Generator) -> Turbulence:
    """Six sines in random directions with wavelengths of 6 to 25 voxels."""
    waves = 6
    directions = rng.standard_normal((waves, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    wavenumbers = 2 * np.pi / np.exp(rng.uniform(np.log(6), np.log(25), (waves, 1)))
    wavevectors = (wavenumbers * directions).astype(np.float32)
    return Turbulence(wavevectors, rng.uniform(0, 2 * np.pi, waves).astype(np.float32))


def _random_channels(
    rng: np.random.Generator, shape: Extent, events: list[Event]
) -> tuple[Channel, ...]:
    """One to three channels that cross the survey at ages that occur in it."""
    ages = restore(events, _sparse_points(shape, 24)).age
    channels = []
    for _ in range(int(rng.integers(1, 4))):
        wavelength = float(rng.uniform(80, 250))
        half_width = log_uniform(rng, 2.5, 30)
        channels.append(
            Channel(
                age=float(rng.choice(ages)),
                centre=(
                    float(rng.uniform(0.2, 0.8) * shape[0]),
                    float(rng.uniform(0.2, 0.8) * shape[1]),
                ),
                azimuth=float(rng.uniform(0, 180)),
                swing=float(rng.uniform(0.0, 0.16) * wavelength),
                wavelength=wavelength,
                half_width=half_width,
                depth=float(np.clip(rng.uniform(0.2, 0.6) * half_width, 2, 12)),
                log_impedance=float(rng.choice([-1, 1]) * rng.uniform(0.15, 0.5)),
            )
        )
    return tuple(channels)
