"""Analytic signals of traces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fft, ifft


def analytic_signal(values: NDArray[np.floating]) -> NDArray[np.complexfloating]:
    """Analytic signal along the last axis, as scipy.signal.hilbert gives it.

    The import of scipy.signal takes longer than most jobs of the workflow.

    Args:
        values: Real values (..., n).
    """
    count = values.shape[-1]
    spectrum = fft(values, axis=-1)
    # Negative frequencies vanish; positive ones double, but for that of Nyquist.
    weights = np.zeros(count, spectrum.real.dtype)
    weights[: (count + 1) // 2] = 2
    weights[0] = 1
    if count % 2 == 0:
        weights[count // 2] = 1
    return ifft(spectrum * weights, axis=-1)
