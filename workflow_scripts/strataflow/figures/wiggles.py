"""Traces of a section as wiggles, with their positive half filled (variable area)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# How sections draw amplitudes: as colours, as wiggles, or as wiggles over colours.
DENSITY, WIGGLE, BOTH = STYLES = ("density", "wiggle", "both")

# Maximum number of traces of a section; more would run into each other.
TRACES = 150

# Maximum deflection in distances between traces.
LONGEST = 1.5

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Wiggles:
    """Wiggles of a section, as curves (x, y) with NaN after each trace.

    Attributes:
        line: The traces.
        area: Outlines of their positive halves, to be filled.
    """

    line: Curve
    area: Curve


def wiggles_of(
    values: NDArray, across: NDArray[np.float64], down: NDArray[np.float64], limit: float
) -> Wiggles:
    """Draw the traces of a section as wiggles, at most TRACES of them, evenly spaced.

    Args:
        values: Amplitudes (rows, columns).
        across: Number of each column on the horizontal axis, NaN at dead traces.
        down: Number of each row on the vertical axis.
        limit: Amplitude that is deflected as far as the next trace.

    Returns:
        The wiggles; positive amplitudes are deflected towards larger numbers.
    """
    step = -(-len(across) // TRACES)
    base = across[::step]
    live = np.flatnonzero(np.isfinite(base))
    distance = abs(np.ptp(base[live]) / np.ptp(live)) if live.size > 1 else 1.0
    traces = np.nan_to_num(values.T[::step][live].astype(np.float64)) / limit
    traces = np.clip(traces, -LONGEST, LONGEST) * distance
    base = base[live, None]
    end = np.full_like(base, np.nan)
    line = (
        np.concatenate([base + traces, end], axis=1).ravel(),
        np.concatenate([np.broadcast_to(down, traces.shape), end], axis=1).ravel(),
    )
    return Wiggles(line, _positive(traces, base, down))


def _positive(
    traces: NDArray[np.float64], base: NDArray[np.float64], down: NDArray[np.float64]
) -> Curve:
    """Outlines of the positive halves of traces (N, rows), each closed along its base (N, 1)."""
    before, after = traces[:, :-1], traces[:, 1:]
    crossed = (before < 0) != (after < 0)
    part = np.divide(before, before - after, out=np.zeros_like(before), where=crossed)
    n, rows = traces.shape
    # For each trace: a place on its base, samples each followed by where the trace crosses the
    # base, a last place on the base and NaN. What is not part of the outline is left out.
    x, y = np.zeros((2, n, 2 * rows + 2))
    kept = np.ones((n, 2 * rows + 2), bool)
    x[:, 1:-2:2], y[:, 1:-2:2], kept[:, 1:-2:2] = traces, down, traces >= 0
    y[:, 2:-2:2], kept[:, 2:-2:2] = down[:-1] + part * np.diff(down), crossed
    y[:, 0], y[:, -2] = down[0], down[-1]
    x[:, -1] = y[:, -1] = np.nan
    return (x + base)[kept], y[kept]
