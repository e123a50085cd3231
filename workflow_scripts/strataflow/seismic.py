"""The seismic image of an earth model: reflectivity, wavelet, and what acquisition adds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d
from scipy.signal import fftconvolve

from .geology import EarthModel

Array = NDArray[np.float32]

# Half length of the wavelets in samples: a Ricker of 0.03 cycles a sample has died out there.
WAVELET_HALF = 32


@dataclass(frozen=True)
class Acquisition:
    """How a survey sees the earth; frequencies in cycles a sample, smears in voxels."""

    frequency: float
    phase: float
    noise: float
    noise_smear: float
    coherent_noise: float
    lateral_smear: float
    fading: float
    balanced: bool


def random_acquisition(rng: np.random.Generator) -> Acquisition:
    """Clean to bad: noise from 3 to 100 per cent of the signal's RMS, some of it coherent."""
    return Acquisition(
        frequency=float(np.exp(rng.uniform(np.log(0.035), np.log(0.17)))),
        phase=float(rng.choice([0.0, rng.uniform(-90, 90)])),
        noise=float(np.exp(rng.uniform(np.log(0.03), np.log(1.0)))),
        noise_smear=float(rng.uniform(0, 1.5)),
        coherent_noise=float(rng.uniform(0, 0.4) * (rng.random() < 0.4)),
        lateral_smear=float(rng.uniform(0.2, 1.2)),
        fading=float(rng.uniform(0, 0.5)),
        balanced=bool(rng.random() < 0.5),
    )


def reflectivity(model: EarthModel, age: Array) -> Array:
    """Reflection coefficients (n3, n2, n1 - 1) between the samples of `age` (n3, n2, n1).

    The impedance of a sample is its mean over the sample's thickness, exactly, from the integral
    of the layers: point samples would turn dipping layers into staircases.
    """
    integral = np.concatenate([[0.0], np.cumsum(model.log_impedance * np.diff(model.boundaries))])
    edges = 0.5 * (age[..., 1:] + age[..., :-1])
    edges = np.concatenate(
        [2 * edges[..., :1] - edges[..., 1:2], edges, 2 * edges[..., -1:] - edges[..., -2:-1]], -1
    )
    thickness = np.diff(edges, axis=-1)
    # Across a fault a sample can span no age at all, or run backward; keep its sign and bound it.
    thickness = np.where(np.abs(thickness) < 1e-3, np.float32(1e-3), thickness)
    summed = np.interp(edges, model.boundaries, integral)
    return (0.5 * np.diff(np.diff(summed, axis=-1) / thickness, axis=-1)).astype(np.float32)


def ricker(frequency: float, phase: float = 0.0) -> Array:
    """Ricker wavelet of 2 * WAVELET_HALF + 1 samples, peak `frequency`, turned by `phase` degrees.

    The constant-phase rotation follows Arya & Holden (1978) through the analytic signal.
    """
    t = np.arange(-WAVELET_HALF, WAVELET_HALF + 1)
    argument = (np.pi * frequency * t) ** 2
    wavelet = (1 - 2 * argument) * np.exp(-argument)
    if phase:
        spectrum = np.fft.rfft(np.fft.ifftshift(wavelet))
        spectrum[1:] *= np.exp(1j * np.radians(phase))
        wavelet = np.fft.fftshift(np.fft.irfft(spectrum, t.size))
    return wavelet.astype(np.float32)


def convolve(reflection: Array, wavelet: Array) -> Array:
    """`reflection` (n3, n2, n1) convolved along n1, cut to where the wavelet lies inside."""
    return fftconvolve(reflection, wavelet[None, None, :], mode="valid", axes=-1).astype(np.float32)


def observe(
    rng: np.random.Generator, reflection: Array, acquisition: Acquisition
) -> tuple[Array, Array]:
    """The image as recorded and the clean one of higher resolution (`dhr`), both with RMS 1.

    `reflection` (n3, n2, n1 + 2 * WAVELET_HALF) gives images of shape (n3, n2, n1).
    """
    clean = convolve(reflection, ricker(min(1.6 * acquisition.frequency, 0.23), 0.0))
    wavelet = ricker(acquisition.frequency, acquisition.phase)
    image = _unit(convolve(reflection, wavelet))
    smear = acquisition.lateral_smear
    image = gaussian_filter(image, (smear, smear, 0))
    gain = smooth_field(rng, image.shape, 24.0)
    image = _unit(image) * np.exp(acquisition.fading * gain)
    noise = rng.standard_normal(reflection.shape, dtype=np.float32)
    noise = gaussian_filter(convolve(noise, wavelet), (acquisition.noise_smear,) * 2 + (0,))
    image += acquisition.noise * _unit(noise)
    if acquisition.coherent_noise:
        image += acquisition.coherent_noise * _dipping_noise(
            rng, image.shape, acquisition.frequency
        )
    if acquisition.balanced:
        image, clean = _balance(image), _balance(clean)
    return _unit(image), _unit(clean)


def _balance(image: Array) -> Array:
    """Automatic gain control: divide by the RMS of about 50 samples, as most surveys come."""
    power = gaussian_filter1d(image**2, 20.0, axis=-1)
    return image / np.sqrt(power + 0.02 * power.mean() + 1e-12)


def _dipping_noise(rng: np.random.Generator, shape: tuple[int, ...], frequency: float) -> Array:
    """Plane waves that cross the layers, RMS 1."""
    i3, i2, i1 = np.ogrid[: shape[0], : shape[1], : shape[2]]
    slope, azimuth = rng.uniform(0.5, 3), rng.uniform(0, 2 * np.pi)
    moveout = slope * (i3 * np.cos(azimuth) + i2 * np.sin(azimuth))
    trace = gaussian_filter1d(rng.standard_normal(4096), 0.16 / frequency)
    trace = np.gradient(np.gradient(trace))
    when = (i1 - moveout) % (trace.size - 1)
    wave = np.interp(when, np.arange(trace.size), trace).astype(np.float32)
    return _unit(wave * np.clip(smooth_field(rng, shape, 24.0), 0, None))


def smooth_field(rng: np.random.Generator, shape: tuple[int, ...], scale: float) -> Array:
    """Gaussian random field of unit variance, correlated over about `scale` voxels."""
    coarse = [int(np.ceil(n / scale)) + 3 for n in shape]
    field = rng.standard_normal(coarse, dtype=np.float32)
    for axis, n in enumerate(shape):
        at = np.arange(n) / scale + 1
        low = at.astype(int)
        weight = (at - low).astype(np.float32)
        weight = weight * weight * (3 - 2 * weight)
        weight = weight.reshape([-1 if a == axis else 1 for a in range(3)])
        field = field.take(low, axis) * (1 - weight) + field.take(low + 1, axis) * weight
    return field / (field.std() + 1e-9)


def _unit(values: Array) -> Array:
    """`values` over their RMS; zeros stay zeros."""
    rms = float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
    return values / np.float32(rms) if rms > 0 else values
