"""Amplitudes along horizons: at the horizon, in a window around it, and their envelope."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..volume.analytic_signal import analytic_signal
from ..volume.raw import Array
from .horizons import PickedHorizon

# Half length, in samples, of the window of the RMS amplitude.
WINDOW = 4

# Amplitudes of a horizon, in the order of their columns and maps.
AMPLITUDES = ("amplitude", "rms", "envelope")


def amplitudes_along(
    image: Array, horizons: Sequence[PickedHorizon], window: int = WINDOW
) -> list[dict[str, Array]]:
    """Amplitudes along horizons.

    `amplitude` is that at the horizon, by cubic convolution (Keys, 1981, IEEE Trans. ASSP 29).
    `rms` is the root mean square over `window` samples above and below it, and itself. `envelope`
    is the instantaneous amplitude (Taner, Koehler & Sheriff, 1979, Geophysics 44).

    Args:
        image: Amplitudes (n3, n2, n1).
        horizons: Horizons over its traces.
        window: Half length of the window in samples.

    Returns:
        For each horizon, an array (n3, n2) by name, NaN where the horizon is undefined; float32.
    """
    found = [
        {name: np.full(image.shape[:2], np.nan, np.float32) for name in AMPLITUDES}
        for _ in horizons
    ]
    for i3, plane in enumerate(image):
        wanted = [np.flatnonzero(np.isfinite(horizon.samples[i3])) for horizon in horizons]
        if not any(traces.size for traces in wanted):
            continue
        values = np.asarray(plane, np.float64)
        envelope = np.abs(analytic_signal(values))
        # Sums of squares up to the upper edge of each sample.
        energy = np.pad(np.cumsum(np.square(values), axis=1), ((0, 0), (1, 0)))
        for horizon, traces, result in zip(horizons, wanted, found, strict=True):
            at = horizon.samples[i3, traces].astype(np.float64)
            result["amplitude"][i3, traces] = cubic(values, traces, at)
            result["rms"][i3, traces] = _rms(energy, traces, at, window)
            result["envelope"][i3, traces] = cubic(envelope, traces, at)
    return found


def cubic(values: NDArray, traces: NDArray[np.intp], at: NDArray) -> NDArray:
    """Cubic convolution of `values` (n2, n1) at samples `at` of `traces`, both of one shape."""
    first = np.floor(at).astype(np.int64)
    t = at - first
    weights = (
        ((-0.5 * t + 1) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1,
        ((-1.5 * t + 2) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    )
    last = values.shape[1] - 1
    taps = [values[traces, (first + step).clip(0, last)] for step in (-1, 0, 1, 2)]
    return np.asarray(sum(w * tap for w, tap in zip(weights, taps, strict=True)))


def _rms(energy: NDArray, traces: NDArray[np.intp], at: NDArray, window: int) -> NDArray:
    """Root mean square from half a sample beyond `window` above `at` to the same below."""
    n1 = energy.shape[1] - 1
    ends = [(at + 0.5 + side * (window + 0.5)).clip(0, n1) for side in (-1, 1)]
    sums = []
    for end in ends:
        whole = np.floor(end).astype(np.int64).clip(0, n1 - 1)
        upper, lower = energy[traces, whole], energy[traces, whole + 1]
        sums.append(upper + (end - whole) * (lower - upper))
    return np.asarray(np.sqrt((sums[1] - sums[0]).clip(0) / np.maximum(ends[1] - ends[0], 1e-9)))
