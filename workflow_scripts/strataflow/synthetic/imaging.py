"""The seismic image of an earth model, with effects of acquisition and processing.

Random numbers depend on the seed and the position in the survey only, so that blocks of a survey
are consistent.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..volume.raw import Array
from . import artifacts
from .acquisition import Acquisition
from .filters import PATCH, along_axes, gaussian_matrix, smooth_field, widened, within
from .wavelets import ormsby, ricker, shaped, turn_phase, wavelet_matrix

# Power that automatic gain control adds to a mean of 1, to avoid a boost of silent parts.
GAIN_FLOOR = 0.05

# Minimum remaining fraction of the amplitude for visible faults, without noise and at noise of 1.
FAINTEST = 0.2
FAINTEST_IN_NOISE = 0.7


class Recording:
    """Records a survey in blocks of inlines.

    Args:
        seed: Seed of all random numbers.
        acquisition: Acquisition and processing parameters.
        shape: Shape of the survey (n3, n2, n1).
    """

    def __init__(
        self, seed: tuple[int, ...], acquisition: Acquisition, shape: tuple[int, int, int]
    ) -> None:
        self.seed, self.acquisition, self.shape = seed, acquisition, shape
        a, n1 = acquisition, shape[2]
        falling = a.frequency * (1 - a.decay * np.arange(n1) / n1)
        sharper = np.minimum(1.6 * falling, 0.23)
        wavelets = ormsby(falling, a.half, a.corners) if a.ormsby else ricker(falling, a.half)
        if a.minimum_phase or a.whitening:
            wavelets = shaped(wavelets, falling, a.minimum_phase, a.whitening)
        self.wavelet = wavelet_matrix(turn_phase(wavelets, a.phase))
        # Use the phase of the image, which a network cannot determine from the image alone.
        self.clean_wavelet = wavelet_matrix(turn_phase(ricker(sharper, a.half), a.phase))
        self.reflectivity_rms = self.signal_rms = self.clean_rms = np.float32(1)
        self.slice_rms = self.clean_slice_rms = np.ones(n1, np.float32)

    @property
    def margin(self) -> int:
        """Number of impedance samples that are needed above and below the survey."""
        return self.acquisition.half

    def calibrate(self, reflectivity: Array) -> None:
        """Measure the signal on reflectivity traces (lines, n2, n1) from the whole survey."""
        a = self.acquisition
        signal = along_axes(reflectivity, m1=self.wavelet)
        clean = along_axes(reflectivity, m1=self.clean_wavelet)
        self.reflectivity_rms = _rms(reflectivity)
        self.signal_rms, self.clean_rms = _rms(signal), _rms(clean)
        if a.slices_scaled:
            noise = a.power - 1
            signal, clean = signal / self.signal_rms, clean / self.clean_rms
            if a.gain_window:
                # After gain control, signal and noise together have a power of 1.
                signal /= self._gain(signal, 1.0) * np.float32(a.power**0.5)
                noise /= a.power
                clean /= self._gain(clean, 1.0)
            self.slice_rms = _slice_rms(signal, noise)
            self.clean_slice_rms = _slice_rms(clean, 0.0)

    def block(self, inlines: slice) -> slice:
        """Inlines of reflectivity that `record` needs for `inlines`."""
        return self._moved_block(self._smeared_block(inlines))

    def _smeared_block(self, inlines: slice) -> slice:
        """Inlines that the lateral smoothing reads for `inlines`."""
        return widened(inlines, self.acquisition.deepest_smear, self.shape[0])

    def _moved_block(self, inlines: slice) -> slice:
        """Inlines that the residual migration reads for `inlines`."""
        reach = artifacts.RESIDUAL_REACH if self.acquisition.residual else 0
        return slice(max(0, inlines.start - reach), min(self.shape[0], inlines.stop + reach))

    def record(self, reflectivity: Array, inlines: slice) -> tuple[Array, Array]:
        """Record inlines.

        Args:
            reflectivity: Reflectivity of `block(inlines)` with `margin` samples above and below.
                It is defined between samples, so it has one sample less.
            inlines: Inlines to record.

        Returns:
            The recorded image and the clean image of higher resolution, each (inlines, n2, n1) with
            an RMS of about 1 over the survey.
        """
        a = self.acquisition
        clean = along_axes(
            reflectivity[within(inlines, self.block(inlines))], m1=self.clean_wavelet
        )
        clean /= self.clean_rms
        image = self._migrated(reflectivity, inlines)
        image /= self.signal_rms
        self._change_signal(image, inlines)
        if a.statics:
            delay = artifacts.statics(self._rng(7), a.statics, self.shape, inlines)
            image = artifacts.shifted(image, delay)
        self._add_noise(image, inlines)
        self._mute(image, clean, inlines)
        self._balance(image, a.power, self.slice_rms)
        self._balance(clean, 1.0, self.clean_slice_rms)
        self._limit(image, clean)
        if a.gaps or a.dead_traces or a.dead_lines:
            image[artifacts.dead(self._rng(6), a, self.shape, inlines)] = 0
        return image, clean

    def seen(self, inlines: slice) -> NDArray[np.bool_] | None:
        """Mask (inlines, n2, n1) where the signal suffices to see faults; None if everywhere."""
        a, (_, n2, n1) = self.acquisition, self.shape
        if not (a.shadows or a.mute or a.edges or a.low_fold):
            return None
        left = np.ones((len(range(self.shape[0])[inlines]), n2, n1), np.float32)
        if a.shadows:
            left -= np.float32(a.shadow_dimming) * self._shadow(inlines)
        if a.edges or a.low_fold:
            left *= self._amplitude_of_fold(inlines)
        if a.mute:
            factor = artifacts.mute(self._rng(10), a.mute, self.shape, inlines)
            left[..., : factor.shape[-1]] *= factor
        return left > max(FAINTEST, FAINTEST_IN_NOISE * min(a.noise, 1.0))

    def _rng(self, *what: int) -> np.random.Generator:
        return np.random.default_rng((*self.seed, *what))

    def _migrated(self, reflectivity: Array, inlines: slice) -> Array:
        """Noise-free image of `inlines`, from the reflectivity of `block(inlines)`."""
        a, block, rms = self.acquisition, self.block(inlines), self.reflectivity_rms
        if a.diffractions or a.multiple:
            reflectivity = reflectivity.copy()
        if a.multiple:
            artifacts.add_multiples(reflectivity, a, rms, self.shape, block)
        if a.diffractions:
            artifacts.add_diffractions(reflectivity, self._rng(8), a, rms, self.shape, block)
        image = along_axes(reflectivity, m1=self.wavelet)
        smeared = self._smeared_block(inlines)
        if a.residual:
            image = artifacts.residual_moveout(image, a.residual, a.residual_curvature)
            image = image[within(smeared, block)]
        inside = within(inlines, smeared)
        top = self._smeared(image, a.lateral_smear, inside)
        if not a.smear_growth:
            return top
        bottom = self._smeared(image, a.deepest_smear, inside)
        bottom -= top
        bottom *= np.linspace(0, 1, self.shape[2], dtype=np.float32)
        bottom += top
        return bottom

    def _smeared(self, image: Array, sigma: float, inside: slice) -> Array:
        """Smooth `image` laterally with `sigma` voxels, and return the inlines `inside`."""
        smear2 = gaussian_matrix(self.shape[1], sigma, 1)
        return along_axes(image, gaussian_matrix(len(image), sigma, 1, inside), smear2)

    def _change_signal(self, image: Array, inlines: slice) -> None:
        """Apply lateral and vertical variations of the signal amplitude, in place."""
        a = self.acquisition
        if a.fading:
            image *= np.exp(
                np.float32(a.fading) * smooth_field(self._rng(1), self.shape, PATCH, inlines)
            )
        if a.shadows:
            # Gas absorbs high frequencies. This low-pass removes a third of the peak amplitude.
            low = gaussian_matrix(self.shape[2], 0.12 / a.frequency, 1)
            weight = self._shadow(inlines)
            dull = np.float32(1 - a.shadow_dimming) * along_axes(image, m1=low)
            dull -= image
            image += weight * dull
        if a.footprint:
            image *= artifacts.footprint(
                self._rng(5), a.footprint, a.footprint_periods, self.shape, inlines
            )
        if a.line_gain:
            image *= artifacts.line_gain(self._rng(9), a.line_gain, self.shape, inlines)
        if a.edges or a.low_fold:
            image *= self._amplitude_of_fold(inlines)

    def _shadow(self, inlines: slice) -> Array:
        return artifacts.shadow(self._rng(11), self.acquisition, self.shape, inlines)

    def _amplitude_of_fold(self, inlines: slice) -> Array:
        """Signal amplitude (inlines, n2, 1) by fold, relative to constant noise."""
        fold = artifacts.fold(self._rng(12), self.acquisition, self.shape, inlines)
        return np.sqrt(fold)[..., None]

    def _add_noise(self, image: Array, inlines: slice) -> None:
        a = self.acquisition
        if a.noise:
            image += np.float32(a.noise) * self._noise(inlines)
        if a.coherent_noise:
            rngs = [self._rng(3, number) for number in range(a.coherent_directions)]
            image += np.float32(a.coherent_noise) * artifacts.dipping_noise(
                rngs, a, self.shape, inlines
            )
        if a.bursts:
            samples = self.wavelet.shape[1]
            wild = artifacts.bursts(self._rng(4), a.bursts, samples, self.shape, inlines)
            image[wild.inline, wild.crossline] += wild.white @ self.wavelet.T

    def _noise(self, inlines: slice) -> Array:
        """Noise with unit variance in the band of the signal, slightly correlated laterally."""
        n3, n2, _ = self.shape
        sigma = self.acquisition.noise_smear
        block = widened(inlines, sigma, n3)
        white = np.empty((block.stop - block.start, n2, self.wavelet.shape[1]), np.float32)
        for inline, values in enumerate(white, start=block.start):
            self._rng(2, inline).standard_normal(dtype=np.float32, out=values)
        smear3 = gaussian_matrix(len(white), sigma, 2, within(inlines, block))
        return along_axes(white, smear3, gaussian_matrix(n2, sigma, 2), self.wavelet)

    def _mute(self, image: Array, clean: Array, inlines: slice) -> None:
        """Mute the top of both images in place; the recorded image gets noise there."""
        a = self.acquisition
        if not a.mute:
            return
        factor = artifacts.mute(self._rng(10), a.mute, self.shape, inlines)
        rows = factor.shape[-1]
        image[..., :rows] *= factor
        clean[..., :rows] *= factor
        if a.mute_noise:
            for inline, values in enumerate(image[..., :rows], start=inlines.start):
                white = self._rng(13, inline).standard_normal(values.shape, np.float32)
                values += np.float32(a.mute_noise) * (1 - factor[inline - inlines.start]) * white

    def _balance(self, image: Array, power: float, slice_rms: Array) -> None:
        """Balance the amplitudes of `image`, which has a mean square of `power`, in place."""
        a = self.acquisition
        if a.gain_window:
            image /= self._gain(image, power)
            power = 1.0
        if a.slices_scaled:
            image /= slice_rms
            power = 1.0
        if a.traces_scaled:
            square = np.einsum("abc,abc->ab", image, image) / image.shape[-1]
            image /= np.sqrt(square + np.float32(GAIN_FLOOR * power))[..., None]

    def _limit(self, image: Array, clean: Array) -> None:
        """Clip both images and round the recorded one to 8 bits, in place."""
        a = self.acquisition
        balanced = a.gain_window or a.slices_scaled or a.traces_scaled
        rms = 1.0 if balanced else float(np.sqrt(a.power))
        limits = [limit for limit in (a.clip, a.full_scale) if limit]
        if limits:
            np.clip(image, -min(limits) * rms, min(limits) * rms, out=image)
            np.clip(clean, -min(limits), min(limits), out=clean)
        if a.full_scale:
            step = np.float32(a.full_scale * rms / 127)
            image /= step
            np.rint(image, out=image)
            image *= step

    def _gain(self, image: Array, power: float) -> Array:
        """Automatic gain control: RMS of `image`, of mean square `power`, in a sliding window."""
        smooth = gaussian_matrix(image.shape[-1], self.acquisition.gain_window, 1)
        return np.sqrt(along_axes(np.square(image), m1=smooth) + np.float32(GAIN_FLOOR * power))


def _slice_rms(signal: Array, noise: float) -> Array:
    """RMS (n1,) of each time slice of `signal` (lines, n2, n1) plus noise of power `noise`."""
    square = np.square(signal).mean((0, 1)) + np.float32(noise)
    return np.sqrt(square + np.float32(GAIN_FLOOR) * square.mean())


def _rms(values: Array) -> np.float32:
    """RMS of `values`, or 1 if all are 0."""
    rms = np.float32(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
    return rms if rms > 0 else np.float32(1)


def unit_rms(values: Array) -> Array:
    """Divide `values` by their RMS; zeros remain zeros."""
    return values / _rms(values)
