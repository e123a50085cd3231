"""Acquisition and processing parameters of a survey, and random ones from clean to poor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .scenario import Scenario

# Maximum half length of wavelets in samples; they have decayed there at the minimum frequency.
MAX_HALF_LENGTH = 64

# Sigma times frequency of the lateral smoothing that makes a Ricker wavelet isotropic. The lateral
# part of its spectrum, exp(-(f3^2 + f2^2) / f^2), is that of a Gaussian with this sigma.
NORMAL_SMEAR = 1 / (np.sqrt(2) * np.pi)

Corners = tuple[float, float, float, float]


@dataclass(frozen=True)
class Acquisition:
    """Acquisition and processing parameters of a survey; 0 switches an effect off.

    Vertical lengths are in samples and lateral ones in voxels. Strengths are RMS values relative to
    the RMS of the signal.

    Wavelet: `frequency` is the peak in cycles per sample at the top. It decreases by the fraction
    `decay` towards the bottom. `phase` is in degrees. `corners` of the Ormsby wavelet are relative
    to the frequency. `minimum_phase` applies the minimum phase, and `whitening` flattens the
    spectrum.

    Resolution: `lateral_smear` is the sigma of a Gaussian, which increases by the fraction
    `smear_growth` towards the bottom.

    Migration: `diffractions` is the amplitude of residual diffractions and smiles, and
    `diffractors` is their number per million voxels. `residual` is the fraction of the image with a
    wrong migration velocity, whose moveout has `residual_curvature` samples per squared voxel.

    Multiples: `multiple` is the amplitude. The period `multiple_period` changes by `multiple_slope`
    samples per voxel along (n3, n2). Only reflections above `multiple_threshold` times the RMS have
    multiples.

    Noise: `noise` has the band of the signal and is smoothed over `noise_smear`. `coherent_noise`
    consists of `coherent_directions` waves with `coherent_slope` (samples per voxel, azimuth in
    radians), whose moveout varies by `coherent_bend` samples. `low_fold` is the fraction of fold
    that is missing in stripes, `edges` is the width of noisy and dim edges, and `bursts` is the
    fraction of noisy traces.

    Lines: `footprint` is the relative amplitude of stripes with `footprint_periods` along (n3, n2).
    `line_gain` is the logarithmic change of gain from line to line, and `statics` is the RMS of
    their time shifts.

    Amplitudes: `fading` is the logarithmic variation of gain. `shadows` is the number of dim
    columns per 128 x 128 traces, which lose the fraction `shadow_dimming`. `gain_window` is the
    sigma of the window of automatic gain control. `traces_scaled` and `slices_scaled` scale each
    trace or time slice to the same RMS. `clip` and `full_scale` are in units of the RMS;
    `full_scale` is level 127 of 8 bits.

    Gaps: `mute` is the mean depth of the mute at the top, and `mute_noise` is the noise in it.
    `gaps` and `dead_lines` are numbers, and `dead_traces` is a fraction.
    """

    frequency: float
    decay: float = 0.0
    phase: float = 0.0
    ormsby: bool = False
    corners: Corners = (0.35, 0.65, 1.35, 1.9)
    minimum_phase: bool = False
    whitening: float = 0.0
    lateral_smear: float = 0.0
    smear_growth: float = 0.0
    diffractions: float = 0.0
    diffractors: float = 10.0
    residual: float = 0.0
    residual_curvature: float = 0.1
    multiple: float = 0.0
    multiple_period: float = 50.0
    multiple_slope: tuple[float, float] = (0.0, 0.0)
    multiple_threshold: float = 0.0
    noise: float = 0.0
    noise_smear: float = 0.0
    coherent_noise: float = 0.0
    coherent_slope: tuple[float, float] = (1.0, 0.0)
    coherent_directions: int = 1
    coherent_bend: float = 0.0
    low_fold: float = 0.0
    edges: float = 0.0
    bursts: float = 0.0
    footprint: float = 0.0
    footprint_periods: tuple[float, float] = (8.0, 8.0)
    line_gain: float = 0.0
    statics: float = 0.0
    fading: float = 0.0
    shadows: int = 0
    shadow_dimming: float = 0.6
    gain_window: float = 0.0
    traces_scaled: bool = False
    slices_scaled: bool = False
    clip: float = 0.0
    full_scale: float = 0.0
    mute: float = 0.0
    mute_noise: float = 0.0
    gaps: int = 0
    dead_traces: float = 0.0
    dead_lines: int = 0

    @property
    def half(self) -> int:
        """Half length of the wavelets in samples."""
        lowest = self.frequency * (1 - self.decay)
        long = self.ormsby or self.minimum_phase or self.whitening
        return min(MAX_HALF_LENGTH, int(np.ceil((1.3 if long else 1.0) / lowest)))

    @property
    def wavelet(self) -> str:
        """Name of the wavelet."""
        name = "ormsby" if self.ormsby else "ricker"
        return f"{name}, minimum phase" if self.minimum_phase else name

    @property
    def deepest_smear(self) -> float:
        """Sigma of the lateral smoothing at the bottom."""
        return self.lateral_smear * (1 + self.smear_growth)

    @property
    def power(self) -> float:
        """Mean square of signal and noise, relative to the signal."""
        return 1 + self.noise**2 + self.coherent_noise**2

    @property
    def signal_to_noise(self) -> float:
        """Signal-to-noise ratio in dB."""
        return float(-20 * np.log10(max(np.hypot(self.noise, self.coherent_noise), 1e-6)))

    @property
    def visible_offset(self) -> float:
        """Minimum visible offset of layers in samples.

        A throw of a quarter of the period separates two events, but a smaller one already changes
        the phase. The minimum is a tenth of the period at mid-depth. It increases with noise, with
        the lateral smoothing that turns an offset into a flexure, and with statics.
        """
        period = 1 / (self.frequency * (1 - 0.5 * self.decay))
        smear = self.lateral_smear * (1 + 0.5 * self.smear_growth)
        noise = np.hypot(self.noise, 0.7 * self.coherent_noise)
        clean = max(1.0, 0.1 * period) * (1 + noise) * (1 + 0.1 * smear)
        return float(np.hypot(clean, 2 * self.statics))


class _Draw:
    """Random draws for one survey: the occurrence of each defect, and its strength."""

    def __init__(self, rng: np.random.Generator, defects: float) -> None:
        self.rng = rng
        quality = rng.random()
        # 15 % of surveys are very clean and 15 % poor.
        self.clean, self.poor = quality < 0.15, quality > 0.85
        self.odds = defects * (0.1 if self.clean else 2.2 if self.poor else 1.0)

    def happens(self, probability: float) -> bool:
        """Whether a defect occurs that a typical survey has with `probability`."""
        return bool(self.rng.random() < probability * self.odds)

    def strength(self, low: float, high: float) -> float:
        """Log-uniform in the lower three quarters of the range; in the upper for poor surveys."""
        low = max(low, 1e-3)
        part = self.rng.random() * (0.3 if self.clean else 0.75) + (0.25 if self.poor else 0.0)
        return float(low * (max(high, low) / low) ** part)

    def defect(self, probability: float, low: float, high: float) -> float:
        """Strength of a defect, or 0 if it does not occur."""
        strength = self.strength(low, high)
        return strength if self.happens(probability) else 0.0

    def number(self, low: float, high: float) -> float:
        """Uniform number."""
        return float(self.rng.uniform(low, high))

    def log_uniform(self, low: float, high: float) -> float:
        """Log-uniform number, independent of the quality of the survey."""
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def sign(self) -> float:
        """1 or -1."""
        return float(self.rng.choice([-1.0, 1.0]))


def random_acquisition(rng: np.random.Generator, scenario: Scenario) -> Acquisition:
    """Draw a random acquisition, from clean to poor, within the ranges of `scenario`.

    A typical survey has two or three defects of moderate strength.
    """
    draw = _Draw(rng, scenario.defects)
    frequency = draw.log_uniform(*scenario.frequency)
    noise = draw.strength(*scenario.noise)
    return Acquisition(
        frequency=frequency,
        phase=float(rng.choice([0.0, draw.number(-90, 90)])),
        decay=draw.number(0, 0.4),
        noise=noise,
        noise_smear=draw.number(0.4, 3),
        fading=draw.number(0, 0.5),
        gain_window=draw.log_uniform(6, 60) if rng.random() < 0.5 else 0.0,
        full_scale=draw.log_uniform(2.5, 7) if rng.random() < 0.3 else 0.0,
        traces_scaled=draw.happens(0.08),
        slices_scaled=draw.happens(0.1),
        clip=draw.number(2, 4) if draw.happens(0.15) else 0.0,
        **_random_wavelet(draw),
        **_random_resolution(draw, scenario, frequency),
        **_random_migration(draw),
        **_random_noise(draw, noise),
        **_random_lines(draw),
        **_random_holes(draw),
    )


def _random_wavelet(draw: _Draw) -> dict[str, Any]:
    ormsby = bool(draw.rng.random() < 0.4)
    corners = (0.35, 0.65, 1.35, 1.9)
    if ormsby and draw.rng.random() < 0.7:
        low, high = draw.number(0.2, 0.6), draw.number(1.2, 1.7)
        corners = (low, low + draw.number(0.1, 0.35), high, high + draw.number(0.3, 0.8))
    return {
        "ormsby": ormsby,
        "corners": corners,
        "minimum_phase": bool(draw.rng.random() < 0.2),
        "whitening": draw.number(0.1, 0.5) if draw.rng.random() < 0.2 else 0.0,
    }


def _random_resolution(draw: _Draw, scenario: Scenario, frequency: float) -> dict[str, Any]:
    """Lateral smoothing; in half of the surveys, at least that of an isotropic wavelet.

    In these surveys a voxel is one to four times as wide as it is high.
    """
    low, high = scenario.lateral_smear
    smear = draw.log_uniform(low, high)
    normal = NORMAL_SMEAR / frequency / draw.log_uniform(1, 4)
    if draw.rng.random() < 0.5:
        smear = min(max(smear, normal), high)
    growth = draw.number(0.3, 1.5) if draw.rng.random() < 0.4 else 0.0
    return {"lateral_smear": smear, "smear_growth": min(growth, max(0.0, 1.5 * high / smear - 1))}


def _random_migration(draw: _Draw) -> dict[str, Any]:
    slope, azimuth = draw.number(0, 0.25), draw.number(0, 2 * np.pi)
    return {
        "diffractions": draw.defect(0.2, 1, 8),
        "diffractors": draw.log_uniform(4, 60),
        "residual": draw.defect(0.15, 0.2, 0.9),
        "residual_curvature": draw.sign() * draw.log_uniform(0.04, 0.25),
        "multiple": draw.defect(0.15, 0.08, 0.5),
        "multiple_period": draw.log_uniform(30, 150),
        "multiple_slope": (float(slope * np.cos(azimuth)), float(slope * np.sin(azimuth))),
        "multiple_threshold": float(draw.rng.choice([0.0, 2.0])),
    }


def _random_noise(draw: _Draw, noise: float) -> dict[str, Any]:
    crossed = draw.rng.random() < 0.5
    return {
        "coherent_noise": draw.defect(0.3, 0.1, 0.6) * noise**0.5,
        "coherent_slope": (draw.number(0.5, 3), draw.number(0, 2 * np.pi)),
        "coherent_directions": int(draw.rng.integers(2, 6)) if crossed else 1,
        "coherent_bend": draw.log_uniform(1, 8),
        "low_fold": draw.defect(0.1, 0.3, 0.9),
        "edges": draw.defect(0.06, 3, 20),
        "bursts": draw.defect(0.06, 3e-4, 5e-3),
    }


def _random_lines(draw: _Draw) -> dict[str, Any]:
    return {
        "footprint": draw.defect(0.2, 0.05, 0.3),
        "footprint_periods": (draw.number(4, 16), draw.number(4, 16)),
        "line_gain": draw.defect(0.15, 0.03, 0.3),
        "statics": draw.defect(0.2, 0.05, 0.5),
    }


def _random_holes(draw: _Draw) -> dict[str, Any]:
    mute = draw.defect(0.06, 3, 20)
    return {
        "shadows": int(draw.rng.integers(1, 4)) if draw.happens(0.12) else 0,
        "shadow_dimming": draw.number(0.3, 0.85),
        "mute": mute,
        "mute_noise": draw.log_uniform(0.02, 0.5) if draw.rng.random() < 0.5 else 0.0,
        "gaps": int(draw.rng.integers(1, 4)) if draw.happens(0.1) else 0,
        "dead_traces": draw.defect(0.06, 3e-4, 5e-3),
        "dead_lines": int(draw.rng.integers(1, 3)) if draw.happens(0.06) else 0,
    }
