"""One definition of normalised amplitudes, for training and inference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .errors import StrataflowError

Array = NDArray[np.float32]

# Bursts and spikes beyond these percentiles of the live samples are clipped.
CLIP_PERCENTILES = (0.5, 99.5)


@dataclass(frozen=True)
class AmplitudeStatistics:
    """Clip limits, and mean and standard deviation of the live samples once clipped."""

    clip_low: float
    clip_high: float
    mean: float
    std: float

    def normalise(self, values: Array) -> Array:
        """`values` clipped, mean taken off, over the standard deviation; float32."""
        clipped = np.clip(values, np.float32(self.clip_low), np.float32(self.clip_high))
        return ((clipped - np.float32(self.mean)) / np.float32(self.std)).astype(np.float32)


def clip_limits(values: Array) -> tuple[float, float]:
    """Limits at CLIP_PERCENTILES of finite live `values` of any shape."""
    low, high = np.percentile(values, CLIP_PERCENTILES)
    return float(low), float(high)


def amplitude_statistics(values: Array, name: str) -> AmplitudeStatistics:
    """Statistics of the finite live `values`; StrataflowError naming `name` if all are the same."""
    low, high = clip_limits(values)
    clipped = np.clip(values, low, high)
    mean, std = float(clipped.mean(dtype=np.float64)), float(clipped.std(dtype=np.float64))
    if not std > 1e-9 * max(abs(low), abs(high)):
        raise StrataflowError(f"{name}: all amplitudes are the same ({mean:g})")
    return AmplitudeStatistics(low, high, mean, std)
