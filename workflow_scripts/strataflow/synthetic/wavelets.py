"""Wavelets: shape, phase, and the convolution matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..volume.analytic_signal import analytic_signal
from ..volume.raw import Array


def ricker(frequency: NDArray[np.float64], half: int) -> NDArray[np.float64]:
    """Ricker wavelets (N, 2 * half) with peak `frequency` (N,) in cycles per sample."""
    argument = np.square(np.pi * frequency[:, None] * _times(half))
    return (1 - 2 * argument) * np.exp(-argument)


def ormsby(
    frequency: NDArray[np.float64],
    half: int,
    corners: tuple[float, float, float, float] = (0.35, 0.65, 1.35, 1.9),
) -> NDArray[np.float64]:
    """Tapered Ormsby wavelets (Ryan, 1994, CSEG Recorder 19).

    Args:
        frequency: Frequencies (N,) in cycles per sample.
        half: Half length in samples.
        corners: Corners of the trapezoidal spectrum, relative to the frequency. It rises from the
            first to the second and falls from the third to the fourth.

    Returns:
        Wavelets (N, 2 * half).
    """
    t = _times(half)
    # The last two corners must differ, even if both exceed the Nyquist frequency.
    limits = (0.48, 0.48, 0.46, 0.48)
    edges = [
        np.minimum(corner * frequency, limit)[:, None]
        for corner, limit in zip(corners, limits, strict=True)
    ]
    square = [np.pi * np.square(edge * np.sinc(edge * t)) for edge in edges]
    rise = (square[1] - square[0]) / (edges[1] - edges[0])
    fall = (square[3] - square[2]) / (edges[3] - edges[2])
    wavelets: NDArray[np.float64] = (fall - rise) * np.square(np.cos(0.5 * np.pi * t / half))
    return wavelets


def _times(half: int) -> NDArray[np.float64]:
    """Times of a wavelet: half-integers, because reflections lie between two samples."""
    return np.arange(-half, half, dtype=np.float64) + 0.5


def turn_phase(wavelets: NDArray[np.float64], phase: float) -> NDArray[np.float64]:
    """Rotate the phase of `wavelets` (N, length) by `phase` degrees at all frequencies."""
    turned = analytic_signal(wavelets) * np.exp(1j * np.radians(phase))
    return np.asarray(turned.real, np.float64)


def wavelet_matrix(wavelets: NDArray[np.float64]) -> Array:
    """Matrix (n1, n1 + 2 * half - 1) that convolves reflectivity with `wavelets` (n1, 2 * half).

    The rows have unit norm, so that white noise keeps unit variance.
    """
    n1, length = wavelets.shape
    matrix = np.zeros((n1, n1 + length - 1))
    for i in range(n1):
        matrix[i, i : i + length] = wavelets[i, ::-1]
    return (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)


def shaped(
    wavelets: NDArray[np.float64],
    frequency: NDArray[np.float64],
    minimum_phase: bool,
    whitening: float,
) -> NDArray[np.float64]:
    """Flatten the spectrum of zero-phase wavelets, or apply the minimum phase.

    The minimum phase is the Hilbert transform of the log spectrum (Kolmogorov; Claerbout, 1976,
    Fundamentals of Geophysical Data Processing, ch. 3). Its value and its delay at `frequency` are
    removed, so that the wavelet stays at the time of the reflection. The ends are tapered.

    Args:
        wavelets: Zero-phase wavelets (N, 2 * half).
        frequency: Peak frequencies (N,) in cycles per sample.
        minimum_phase: Whether to apply the minimum phase.
        whitening: Reduction of the spectral exponent, from 0 (none) to 1 (white).
    """
    length = wavelets.shape[1]
    padded = 8 * length
    at = np.fft.rfftfreq(padded)
    amplitude = np.abs(np.fft.rfft(wavelets, padded))
    # Add white noise, as in processing, to avoid a boost outside the band.
    amplitude += 0.02 * amplitude.max(1, keepdims=True)
    if whitening:
        amplitude **= 1 - whitening
    phase = np.zeros_like(amplitude)
    if minimum_phase:
        both = np.concatenate([amplitude, amplitude[:, -2:0:-1]], axis=1)
        phase = -np.imag(analytic_signal(np.log(both)))[:, : at.size]
        rows, peak = np.arange(len(phase)), np.rint(frequency * padded).astype(int)
        delay = (phase[rows, peak + 1] - phase[rows, peak - 1]) / (at[2] - at[0])
        phase -= phase[rows, peak][:, None] + delay[:, None] * (at - frequency[:, None])
    # Remove the floor that the white noise added to the spectrum.
    amplitude -= amplitude.min(1, keepdims=True)
    centre = np.exp(-2j * np.pi * at * (length / 2 - 0.5))
    made = np.fft.irfft(amplitude * np.exp(1j * phase) * centre, padded)[:, :length]
    taper: NDArray[np.float64] = np.square(
        np.cos(0.5 * np.pi * _times(length // 2) / (length // 2))
    )
    return made * np.sqrt(taper)
