"""The seismic image of an earth model: wavelets, and what acquisition and processing add.

Filters along an axis are matrices: exact at the edges, free to change along the axis (a wavelet
whose frequency falls with depth), and as fast as the processor multiplies. Random numbers follow
from the seed and from the place in the survey, so that blocks of a survey fit together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import hilbert

Array = NDArray[np.float32]

# Scale of the lateral changes of gain and of coherent noise, in voxels.
PATCH = 24.0

# Power that automatic gain control adds, so that it does not lift silence, of a mean of 1.
GAIN_FLOOR = 0.05

# Wavelets beyond this many samples have died out at the lowest frequency, and are cut there.
LONGEST_HALF = 64


@dataclass(frozen=True)
class Acquisition:
    """How a survey sees the earth.

    `frequency` is the peak in cycles a sample at the top, and falls by the share `decay` down to
    the bottom; `phase` in degrees; `noise` and `coherent_noise` are RMS over that of the signal,
    smears are in voxels, `coherent_slope` is samples a voxel and azimuth in radians, `footprint`
    the relative amplitude of stripes with `footprint_periods` along (n3, n2), `fading` the
    logarithmic change of gain, `gaps` a number of holes. `balanced` applies gain control.
    """

    frequency: float
    decay: float = 0.0
    phase: float = 0.0
    ormsby: bool = False
    noise: float = 0.0
    noise_smear: float = 0.0
    coherent_noise: float = 0.0
    coherent_slope: tuple[float, float] = (1.0, 0.0)
    footprint: float = 0.0
    footprint_periods: tuple[float, float] = (8.0, 8.0)
    lateral_smear: float = 0.0
    fading: float = 0.0
    gaps: int = 0
    balanced: bool = False

    @property
    def half(self) -> int:
        """Half length of the wavelets in samples."""
        lowest = self.frequency * (1 - self.decay)
        return min(LONGEST_HALF, int(np.ceil((1.3 if self.ormsby else 1.0) / lowest)))

    @property
    def signal_to_noise(self) -> float:
        """In dB."""
        return float(-20 * np.log10(max(np.hypot(self.noise, self.coherent_noise), 1e-6)))

    @property
    def visible_offset(self) -> float:
        """Least offset of layers in samples that can be seen: a tenth of the period, more in noise.

        A throw shows as a change of phase before it separates the events, which takes a quarter
        of the period.
        """
        return max(1.0, 0.1 / self.frequency) * (1 + self.noise)


def ricker(frequency: NDArray[np.float64], half: int) -> NDArray[np.float64]:
    """Ricker wavelets (N, 2 half) of peak `frequency` (N,) in cycles a sample."""
    argument = np.square(np.pi * frequency[:, None] * _times(half))
    return (1 - 2 * argument) * np.exp(-argument)


def ormsby(frequency: NDArray[np.float64], half: int) -> NDArray[np.float64]:
    """Ormsby wavelets (N, 2 half) around `frequency` (N,) in cycles a sample, tapered to the ends.

    The trapezoid rises over 0.35 to 0.65 and falls over 1.35 to 1.9 of the frequency (Ryan, 1994,
    CSEG Recorder 19, gives the form).
    """
    t = _times(half)
    corners = [np.minimum(factor * frequency, 0.48)[:, None] for factor in (0.35, 0.65, 1.35, 1.9)]
    square = [np.pi * np.square(corner * np.sinc(corner * t)) for corner in corners]
    rise = (square[1] - square[0]) / (corners[1] - corners[0])
    fall = (square[3] - square[2]) / (corners[3] - corners[2])
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


def gaussian_matrix(n: int, sigma: float, norm: int, inside: slice = slice(None)) -> Array:
    """Matrix (rows of `inside`, n) that smooths `n` values; its rows have `norm` (1 or 2) one."""
    i = np.arange(n)
    weight = np.exp(-0.5 * np.square((i[inside, None] - i) / max(sigma, 1e-3)))
    weight[weight < 1e-4] = 0
    return (weight / np.linalg.norm(weight, norm, axis=1, keepdims=True)).astype(np.float32)


def along_axes(
    values: Array, m3: Array | None = None, m2: Array | None = None, m1: Array | None = None
) -> Array:
    """`values` (n3, n2, n1) with matrices (out, in) applied along their axes; None leaves one."""
    if m1 is not None:
        values = values @ m1.T
    if m2 is not None:
        values = np.matmul(m2, values)
    if m3 is not None:
        values = (m3 @ values.reshape(values.shape[0], -1)).reshape(-1, *values.shape[1:])
    return values


def smooth_field(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    scale: float,
    inlines: slice = slice(None),
) -> Array:
    """Random field of about unit variance over `shape` (n3, n2, n1), smooth over `scale` voxels.

    `inlines` picks the part of it that is returned; the field is the same whatever the part.
    """
    coarse = rng.standard_normal([int(np.ceil(n / scale)) + 3 for n in shape], dtype=np.float32)
    matrices = []
    for n, knots in zip(shape, coarse.shape, strict=True):
        at = np.arange(n) / scale + 1
        low = at.astype(int)
        part = at - low
        weight = part * part * (3 - 2 * part)
        matrix = np.zeros((n, knots), np.float32)
        matrix[np.arange(n), low] = 1 - weight
        matrix[np.arange(n), low + 1] = weight
        # 26/35 is the mean of the two squared weights, which is what they leave of the variance.
        matrices.append(matrix * np.float32((26 / 35) ** -0.5))
    return along_axes(coarse, matrices[0][inlines], *matrices[1:])


def widened(inlines: slice, sigma: float, n3: int) -> slice:
    """`inlines` of `n3` and as many on either side as `gaussian_matrix` reaches with `sigma`."""
    # Its weights fall below 1e-4 at 4.3 times sigma.
    halo = int(np.ceil(4.3 * sigma))
    return slice(max(0, inlines.start - halo), min(n3, inlines.stop + halo))


def within(inlines: slice, block: slice) -> slice:
    """Where `inlines` lie in the `block` that holds them."""
    return slice(inlines.start - block.start, inlines.stop - block.start)


class Recording:
    """A survey of `shape` (n3, n2, n1) as `acquisition` records it, in blocks of inlines.

    Everything random follows from `seed` and the place in the survey.
    """

    def __init__(
        self, seed: tuple[int, ...], acquisition: Acquisition, shape: tuple[int, int, int]
    ) -> None:
        self.seed, self.acquisition, self.shape = seed, acquisition, shape
        a, n1 = acquisition, shape[2]
        falling = a.frequency * (1 - a.decay * np.arange(n1) / n1)
        sharper = np.minimum(1.6 * falling, 0.23)
        make = ormsby if a.ormsby else ricker
        self.wavelet = wavelet_matrix(turn_phase(make(falling, a.half), a.phase))
        # Of the phase of the image: what that is, a network cannot tell from the image alone.
        self.clean_wavelet = wavelet_matrix(turn_phase(ricker(sharper, a.half), a.phase))
        self.signal_rms = self.clean_rms = np.float32(1)

    @property
    def margin(self) -> int:
        """Samples of impedance that are needed above and below the survey."""
        return self.acquisition.half

    def calibrate(self, reflectivity: Array) -> None:
        """Measure the signal on traces from all over the survey, as those that `record` takes."""
        self.signal_rms = _rms(along_axes(reflectivity, m1=self.wavelet))
        self.clean_rms = _rms(along_axes(reflectivity, m1=self.clean_wavelet))

    def block(self, inlines: slice) -> slice:
        """The inlines of reflectivity that `record` needs for `inlines`."""
        return widened(inlines, self.acquisition.lateral_smear, self.shape[0])

    def record(self, reflectivity: Array, inlines: slice) -> tuple[Array, Array]:
        """The recorded image and the clean one of higher resolution, each (inlines, n2, n1).

        `reflectivity` covers `block(inlines)` and `margin` samples above and below; it lies
        between samples, so there is one less. The RMS of both images is about 1 over the survey.
        """
        a, n2 = self.acquisition, self.shape[1]
        inside = within(inlines, self.block(inlines))
        clean = along_axes(reflectivity[inside], m1=self.clean_wavelet)
        clean /= self.clean_rms
        smear3 = gaussian_matrix(len(reflectivity), a.lateral_smear, 1, inside)
        smear2 = gaussian_matrix(n2, a.lateral_smear, 1)
        image = along_axes(reflectivity, smear3, smear2, self.wavelet)
        image /= self.signal_rms
        if a.fading:
            image *= np.exp(np.float32(a.fading) * self._field(1, inlines))
        if a.footprint:
            image *= self._footprint(inlines)
        if a.noise:
            image += np.float32(a.noise) * self._noise(inlines)
        if a.coherent_noise:
            image += np.float32(a.coherent_noise) * self._dipping_noise(inlines)
        if a.balanced:
            image /= _gain(image, 1 + a.noise**2 + a.coherent_noise**2)
            clean /= _gain(clean, 1.0)
        for hole in self._gaps():
            image[max(0, hole[0].start - inlines.start) : max(0, hole[0].stop - inlines.start)][
                :, hole[1]
            ] = 0
        return image, clean

    def _rng(self, *what: int) -> np.random.Generator:
        return np.random.default_rng((*self.seed, *what))

    def _field(self, what: int, inlines: slice) -> Array:
        return smooth_field(self._rng(what), self.shape, PATCH, inlines)

    def _noise(self, inlines: slice) -> Array:
        """Noise of unit variance in the band of the signal, a little smooth from trace to trace."""
        n3, n2, _ = self.shape
        sigma = self.acquisition.noise_smear
        block = widened(inlines, sigma, n3)
        white = np.empty((block.stop - block.start, n2, self.wavelet.shape[1]), np.float32)
        for inline, values in enumerate(white, start=block.start):
            self._rng(2, inline).standard_normal(dtype=np.float32, out=values)
        smear3 = gaussian_matrix(len(white), sigma, 2, within(inlines, block))
        return along_axes(white, smear3, gaussian_matrix(n2, sigma, 2), self.wavelet)

    def _dipping_noise(self, inlines: slice) -> Array:
        """Plane waves that cross the layers in patches, of about unit variance."""
        slope, azimuth = self.acquisition.coherent_slope
        trace = self._rng(3).standard_normal(4096)
        spectrum = np.fft.rfft(trace)
        frequency = np.fft.rfftfreq(trace.size) / self.acquisition.frequency
        spectrum *= np.square(frequency) * np.exp(-np.square(frequency))
        trace = np.fft.irfft(spectrum, trace.size)
        trace /= trace.std()
        n3, n2, n1 = self.shape
        i3 = np.arange(n3)[inlines]
        moveout = slope * (np.cos(azimuth) * i3[:, None] + np.sin(azimuth) * np.arange(n2))
        when = (np.arange(n1) - moveout[..., None]) % (trace.size - 1)
        wave = np.interp(when, np.arange(trace.size), trace).astype(np.float32)
        # Half of a normal distribution has a mean square of one half.
        return wave * np.clip(self._field(4, inlines), 0, None) * np.float32(2**0.5)

    def _footprint(self, inlines: slice) -> Array:
        """Stripes along the lines of the survey, which fade with depth: a factor."""
        n3, n2, n1 = self.shape
        period3, period2 = self.acquisition.footprint_periods
        phase3, phase2 = self._rng(5).uniform(0, 2 * np.pi, 2)
        stripes3 = np.cos(2 * np.pi * np.arange(n3)[inlines] / period3 + phase3)
        stripes2 = np.cos(2 * np.pi * np.arange(n2) / period2 + phase2)
        stripes = self.acquisition.footprint * (stripes3[:, None] + stripes2)
        fading = np.exp(-2.0 * np.arange(n1) / n1)
        return (1 + stripes[..., None] * fading).astype(np.float32)

    def _gaps(self) -> list[tuple[slice, slice]]:
        """Short holes in the coverage, as inlines and crosslines."""
        n3, n2, _ = self.shape
        rng, holes = self._rng(6), []
        for _ in range(self.acquisition.gaps):
            i3, i2 = int(rng.integers(n3)), int(rng.integers(n2))
            narrow, length = int(rng.integers(1, 3)), int(rng.integers(3, 14))
            size = (narrow, length) if rng.random() < 0.5 else (length, narrow)
            holes.append((slice(i3, i3 + size[0]), slice(i2, i2 + size[1])))
        return holes


def _gain(image: Array, power: float) -> Array:
    """RMS over about 50 samples of `image`, of mean square `power`: automatic gain control."""
    smooth = gaussian_matrix(image.shape[-1], 20.0, 1)
    return np.sqrt(along_axes(np.square(image), m1=smooth) + np.float32(GAIN_FLOOR * power))


def _rms(values: Array) -> np.float32:
    """RMS of `values`, or 1 where all are 0."""
    rms = np.float32(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
    return rms if rms > 0 else np.float32(1)


def unit_rms(values: Array) -> Array:
    """`values` over their RMS; zeros stay zeros."""
    return values / _rms(values)
