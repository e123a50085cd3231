"""Normalisation of amplitudes, shared by training and inference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import StrataflowError
from .raw import Array

# Live samples are clipped at these percentiles, to limit bursts and spikes.
CLIP_PERCENTILES = (0.5, 99.5)


@dataclass(frozen=True)
class AmplitudeStatistics:
    """Clip limits, and mean and standard deviation of the clipped live samples."""

    clip_low: float
    clip_high: float
    mean: float
    std: float

    def normalise(self, values: Array) -> Array:
        """Clip `values`, subtract the mean and divide by the standard deviation; float32."""
        clipped = np.clip(values, np.float32(self.clip_low), np.float32(self.clip_high))
        return ((clipped - np.float32(self.mean)) / np.float32(self.std)).astype(np.float32)


class RunningStatistics:
    """Amplitude statistics accumulated over blocks of traces, with given clip limits."""

    def __init__(self, clip_low: float, clip_high: float) -> None:
        self.clip = (np.float32(clip_low), np.float32(clip_high))
        # Sum about the middle: a mean far from zero would cancel the digits of the deviation.
        self.middle = np.float32(0.5 * clip_low + 0.5 * clip_high)
        # Squares of larger values overflow single precision.
        self.wide = max(abs(clip_low), abs(clip_high)) > 1e15
        self.count, self.bad = 0, 0
        self.total, self.squares = 0.0, 0.0

    def clean(self, traces: Array) -> None:
        """Set NaN and infinite samples of `traces` (N, n1) to 0 in place, and count them."""
        # The sum of a trace is not finite if one of its samples is not, so one pass finds them.
        with np.errstate(over="ignore", invalid="ignore"):
            sums = traces.sum(axis=1)
        if not np.isfinite(sums).all():
            bad = ~np.isfinite(traces)
            self.bad += int(np.count_nonzero(bad))
            traces[bad] = 0

    def add(self, traces: Array) -> None:
        """Add the samples of live `traces` (N, n1) to the statistics."""
        deviation = np.clip(traces, *self.clip)
        if self.wide:
            deviation = deviation.astype(np.float64)
        deviation -= self.middle
        self.count += deviation.size
        self.total += float(deviation.sum(axis=1).sum(dtype=np.float64))
        squares = np.einsum("ij,ij->i", deviation, deviation)
        self.squares += float(squares.sum(dtype=np.float64))

    def result(self) -> AmplitudeStatistics:
        """Statistics of all samples added so far."""
        offset = self.total / self.count
        variance = max(self.squares / self.count - offset**2, 0.0)
        low, high = (float(limit) for limit in self.clip)
        return AmplitudeStatistics(low, high, float(self.middle) + offset, float(np.sqrt(variance)))

    def require_contrast(self, name: str) -> None:
        """Raise StrataflowError, which starts with `name`, if all live samples are the same."""
        if not self.count:
            raise StrataflowError(
                f"{name}: all amplitudes are 0, NaN or infinite; seismic amplitudes are needed"
            )
        _require_contrast(self.result(), name)


def _require_contrast(statistics: AmplitudeStatistics, name: str) -> None:
    largest = max(abs(statistics.clip_low), abs(statistics.clip_high))
    if not statistics.std > 1e-7 * largest:
        raise StrataflowError(
            f"{name}: all amplitudes are the same ({statistics.mean:g}); "
            "seismic amplitudes are needed"
        )


def clip_limits(values: Array) -> tuple[float, float]:
    """Values at CLIP_PERCENTILES of finite live `values` of any shape."""
    low, high = np.percentile(values, CLIP_PERCENTILES)
    return float(low), float(high)


def amplitude_statistics(values: Array, name: str) -> AmplitudeStatistics:
    """Compute the amplitude statistics of finite live samples.

    Args:
        values: Samples of any shape.
        name: File name for the error message.

    Raises:
        StrataflowError: All values are the same.
    """
    low, high = clip_limits(values)
    clipped = np.clip(values, low, high)
    mean, std = float(clipped.mean(dtype=np.float64)), float(clipped.std(dtype=np.float64))
    statistics = AmplitudeStatistics(low, high, mean, std)
    _require_contrast(statistics, name)
    return statistics
