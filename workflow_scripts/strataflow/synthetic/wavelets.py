"""Wavelets: their shape, their phase, and the matrix that convolves traces with them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import hilbert

from ..volume.raw import Array


def ricker(frequency: NDArray[np.float64], half: int) -> NDArray[np.float64]:
    """Ricker wavelets (N, 2 half) of peak `frequency` (N,) in cycles a sample."""
    argument = np.square(np.pi * frequency[:, None] * _times(half))
    return (1 - 2 * argument) * np.exp(-argument)


def ormsby(
    frequency: NDArray[np.float64],
    half: int,
    corners: tuple[float, float, float, float] = (0.35, 0.65, 1.35, 1.9),
) -> NDArray[np.float64]:
    """Ormsby wavelets (N, 2 half) around `frequency` (N,) in cycles a sample, tapered to the ends.

    The trapezoid rises from the first to the second of the `corners`, times the frequency, and
    falls from the third to the fourth (Ryan, 1994, CSEG Recorder 19, gives the form).
    """
    t = _times(half)
    # The last two stay apart where both would lie beyond what the sampling holds.
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
    """Times of a wavelet: a reflection lies between two samples, so they are odd halves."""
    return np.arange(-half, half, dtype=np.float64) + 0.5


def turn_phase(wavelets: NDArray[np.float64], phase: float) -> NDArray[np.float64]:
    """`wavelets` (N, length) turned by `phase` degrees at all frequencies."""
    turned = hilbert(wavelets) * np.exp(1j * np.radians(phase))
    return np.asarray(turned.real, np.float64)


def wavelet_matrix(wavelets: NDArray[np.float64]) -> Array:
    """Matrix (n1, n1 + 2 half - 1) that convolves reflections with the `wavelets` (n1, 2 half).

    Its rows have unit length, so that white noise comes out with unit variance.
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
    """`wavelets` (N, 2 half) of zero phase with a flatter spectrum or with that of minimum phase.

    `whitening` is the exponent that the spectrum loses. The phase of minimum phase is the Hilbert
    transform of the logarithm of the spectrum (Kolmogorov; Claerbout, 1976, Fundamentals of
    Geophysical Data Processing, ch. 3). It stays zero at `frequency` (N,), with no delay there, so
    that the wavelet lies where its reflection does. The ends are tapered.
    """
    length = wavelets.shape[1]
    padded = 8 * length
    at = np.fft.rfftfreq(padded)
    amplitude = np.abs(np.fft.rfft(wavelets, padded))
    # Processing adds white noise so that it does not lift what is outside the band.
    amplitude += 0.02 * amplitude.max(1, keepdims=True)
    if whitening:
        amplitude **= 1 - whitening
    phase = np.zeros_like(amplitude)
    if minimum_phase:
        both = np.concatenate([amplitude, amplitude[:, -2:0:-1]], axis=1)
        phase = -np.imag(hilbert(np.log(both), axis=1))[:, : at.size]
        rows, peak = np.arange(len(phase)), np.rint(frequency * padded).astype(int)
        delay = (phase[rows, peak + 1] - phase[rows, peak - 1]) / (at[2] - at[0])
        phase -= phase[rows, peak][:, None] + delay[:, None] * (at - frequency[:, None])
    # What the padding of the spectrum added to silence is not part of the wavelet.
    amplitude -= amplitude.min(1, keepdims=True)
    centre = np.exp(-2j * np.pi * at * (length / 2 - 0.5))
    made = np.fft.irfft(amplitude * np.exp(1j * phase) * centre, padded)[:, :length]
    taper: NDArray[np.float64] = np.square(
        np.cos(0.5 * np.pi * _times(length // 2) / (length // 2))
    )
    return made * np.sqrt(taper)
