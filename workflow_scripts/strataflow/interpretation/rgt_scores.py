"""Scores of RGT along labelled horizons and near labelled faults."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from ..volume.attributes import SHIFT_UNIT, growth_per_sample, layer_shift
from ..volume.orientation import normal_from_strike_dip
from ..volume.raw import Array
from .horizons import crossings

Scores = dict[str, float | None]
Places = tuple[NDArray[np.int64], ...]

# Levels of labelled RGT, scaled to 0..1, whose horizons are compared.
HORIZONS = np.linspace(0.05, 0.95, 19)

# Minimum throw in samples of a fault that RGT must jump across, and the distance from it in voxels
# that is near.
CLEAR_THROW, NEAR = 3.0, 20.0

# Voxels from a fault, horizontally, at which the jump is measured, and the labelled voxels that are
# looked at.
BESIDE, LOOKED_AT = 5.0, 50_000

# That at which RGT tells how layers dip on one side, to carry it on to the fault.
FAR_BESIDE = 9.0

# Minimum horizontal part of the normal of a fault whose jump is measured.
STEEP = 0.3


def horizon_scatter(
    predicted: Array, label: Array, counted: NDArray[np.bool_] | None = None
) -> float | None:
    """Scatter of predicted RGT along labelled horizons, in samples.

    It is the standard deviation of the prediction along each of HORIZONS, divided by the mean
    increase of RGT per sample and averaged over the horizons.

    Args:
        predicted: Predicted RGT (N, n1).
        label: Labelled RGT (N, n1).
        counted: Voxels (N, n1) that count; None for all.

    Returns:
        Scatter in samples; None if no horizon crosses the traces.
    """
    growth = growth_per_sample(predicted)
    scatter, weights = [], []
    for level in _levels(label):
        traces, above, part = crossings(label, level)
        if counted is not None:
            here = counted[traces, above]
            traces, above, part = traces[here], above[here], part[here]
        if traces.size < 2 or growth <= 0:
            continue
        there = (1 - part) * predicted[traces, above] + part * predicted[traces, above + 1]
        scatter.append(float(there.std()) / growth)
        weights.append(traces.size)
    return float(np.average(scatter, weights=weights)) if scatter else None


def _levels(label: Array) -> NDArray[np.float64]:
    low, high = float(label.min()), float(label.max())
    return low + HORIZONS * (high - low)


def scores_near_faults(
    predicted: Array,
    label: Array,
    throw: Array,
    live: NDArray[np.bool_],
    angles: tuple[Array, Array] | None = None,
) -> Scores:
    """Score RGT within NEAR voxels of faults with a throw above CLEAR_THROW samples.

    Args:
        predicted: Predicted RGT (n3, n2, n1).
        label: Labelled RGT (n3, n2, n1).
        throw: Labelled throw in samples (n3, n2, n1), 0 off the faults.
        live: Live traces, bool (n3, n2).
        angles: Labelled strike and dip over 180 degrees, (n3, n2, n1), for the jumps.

    Returns:
        Scatter and shift of the layers as for the whole volume; the error of the jump of RGT
        across faults in samples, median and mean, and the median share of the true jump; the
        median error in samples of the throw that RGT has, against the labelled one; the share of
        horizon nodes that lie on the wrong side of a fault. None where undefined.
    """
    fault = (np.abs(throw) > CLEAR_THROW) & live[:, :, None]
    if not fault.any():
        return {}
    near = distance_transform_edt(~fault)[live] <= NEAR
    a, b = predicted[live], label[live]
    shift = SHIFT_UNIT * (layer_shift(a) - layer_shift(b))
    scores: Scores = {
        "horizon_scatter_samples": horizon_scatter(a, b, near),
        "mean_absolute_shift_samples": float(np.abs(shift[near]).mean()),
        "share_of_nodes_on_wrong_side": _wrong_side(a, b, fault[live], near),
    }
    if angles is not None:
        scores |= _jumps(predicted, label, throw, fault, live, angles)
    return scores


def _wrong_side(
    predicted: Array, label: Array, fault: NDArray[np.bool_], near: NDArray[np.bool_]
) -> float | None:
    """Share of the nodes of labelled horizons whose predicted depth is beyond a fault.

    All arrays (N, n1). A predicted horizon has the median prediction along the labelled one.
    """
    entered = np.cumsum(np.diff(fault, axis=1, prepend=False) & fault, axis=1, dtype=np.int16)
    wrong = total = 0
    for level in _levels(label):
        traces, above, part = crossings(label, level)
        if not traces.size:
            continue
        there = (1 - part) * predicted[traces, above] + part * predicted[traces, above + 1]
        found, at, _ = crossings(predicted[traces], float(np.median(there)))
        traces, above = traces[found], above[found]
        ends = np.stack([above, at])
        counted = near[traces, above] & ~fault[traces, ends].any(axis=0)
        between = entered[traces, ends.max(axis=0)] - entered[traces, ends.min(axis=0)]
        wrong += int(np.count_nonzero(between[counted]))
        total += int(np.count_nonzero(counted))
    return wrong / total if total else None


def _jumps(
    predicted: Array,
    label: Array,
    throw: Array,
    fault: NDArray[np.bool_],
    live: NDArray[np.bool_],
    angles: tuple[Array, Array],
) -> Scores:
    """Jumps of predicted RGT between both sides of faults against those of the label."""
    walls = _walls(fault, live, angles)
    growth = [max(growth_per_sample(rgt[live]), 1e-9) for rgt in (predicted, label)]
    jumps = [
        (rgt[walls.beside[0]].astype(np.float64) - rgt[walls.beside[1]]) / grown
        for rgt, grown in zip((predicted, label), growth, strict=True)
    ]
    clear = np.abs(jumps[1]) > CLEAR_THROW
    if not clear.any():
        names = ("jump_error_median", "jump_error_mean", "jump_share_median", "throw_error_median")
        return dict.fromkeys(names)
    error = np.abs(jumps[0] - jumps[1])[clear]
    return {
        "jump_error_median": float(np.median(error)),
        "jump_error_mean": float(error.mean()),
        "jump_share_median": float(np.median(jumps[0][clear] / jumps[1][clear])),
        "throw_error_median": float(np.median(np.abs(_throws(predicted, walls) - throw[walls.at]))),
    }


@dataclass(frozen=True)
class _Walls:
    """Places (3, N) `at` faults, `beside` them and `far` from them, in the footwall and then in the
    hanging wall: lines beside each other, at one depth."""

    at: Places
    beside: tuple[Places, Places]
    far: tuple[Places, Places]


def _walls(
    fault: NDArray[np.bool_], live: NDArray[np.bool_], angles: tuple[Array, Array]
) -> _Walls:
    """Places on both sides of the voxels of a `fault` (n3, n2, n1), on `live` traces."""
    at = np.flatnonzero(fault)
    at = np.stack(np.unravel_index(at[:: max(at.size // LOOKED_AT, 1)], fault.shape))
    strike, dip = (180 * values[tuple(at)] for values in angles)
    normal = normal_from_strike_dip(strike, dip)
    # Downward, to the footwall.
    normal *= np.where(normal[2] < 0, -1, 1)
    across = np.hypot(normal[0], normal[1])
    steep = across >= STEEP
    at, step = at[:, steep], (normal[:2] / np.maximum(across, STEEP))[:, steep]
    lines = [
        np.rint(at[:2] + distance * step).astype(np.int64)
        for distance in (BESIDE, -BESIDE, FAR_BESIDE, -FAR_BESIDE)
    ]
    last = np.array(live.shape)[:, None] - 1
    inside = np.all([((line >= 0) & (line <= last)).all(axis=0) for line in lines], axis=0)
    lines = [line.clip(0, last) for line in lines]
    inside &= np.all([live[tuple(line)] for line in lines], axis=0)
    foot, hanging, far_foot, far_hanging = (
        (line[0][inside], line[1][inside], at[2, inside]) for line in lines
    )
    return _Walls(tuple(at[:, inside]), (foot, hanging), (far_foot, far_hanging))


def _throws(predicted: Array, walls: _Walls) -> NDArray[np.float64]:
    """Throws in samples (N,) of predicted RGT: its jump at the fault over its growth downward.

    RGT of each wall is carried on to the fault, as it changes along a line away from it.
    """
    times, growths = [], []
    # Growth is measured away from the fault: downward in the footwall.
    for near, far, steps in zip(walls.beside, walls.far, ((0, 8), (-8, 0)), strict=True):
        here = predicted[near].astype(np.float64)
        slope = (here - predicted[far]) / (FAR_BESIDE - BESIDE)
        times.append(here + BESIDE * slope)
        above, below = (
            (*near[:2], (near[2] + step).clip(0, predicted.shape[2] - 1)) for step in steps
        )
        length = np.maximum(below[2] - above[2], 1)
        growths.append((predicted[below].astype(np.float64) - predicted[above]) / length)
    return (times[0] - times[1]) / np.maximum(np.mean(growths, axis=0), 1e-9)
