"""Scores of RGT along labelled horizons and near labelled faults."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from ..volume.attributes import SHIFT_UNIT, growth_per_sample, layer_shift
from ..volume.orientation import normal_from_strike_dip
from ..volume.raw import Array
from .horizons import crossings

Scores = dict[str, float | None]

# Levels of labelled RGT, scaled to 0..1, whose horizons are compared.
HORIZONS = np.linspace(0.05, 0.95, 19)

# Minimum throw in samples of a fault that RGT must jump across, and the distance from it in voxels
# that is near.
CLEAR_THROW, NEAR = 3.0, 20.0

# Voxels from a fault, horizontally, at which the jump is measured, and the labelled voxels that are
# looked at.
BESIDE, LOOKED_AT = 5.0, 50_000

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
        across faults in samples, median and mean, and the median share of the true jump; the share
        of horizon nodes that lie on the wrong side of a fault. None where undefined.
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
        scores |= _jumps(predicted, label, fault, live, angles)
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
    fault: NDArray[np.bool_],
    live: NDArray[np.bool_],
    angles: tuple[Array, Array],
) -> Scores:
    """Jumps of predicted RGT between both sides of faults against those of the label."""
    at = np.flatnonzero(fault)
    at = np.stack(np.unravel_index(at[:: max(at.size // LOOKED_AT, 1)], fault.shape))
    strike, dip = (180 * values[tuple(at)] for values in angles)
    normal = normal_from_strike_dip(strike, dip)
    across = np.hypot(normal[0], normal[1])
    steep = across >= STEEP
    at, step = at[:, steep], (BESIDE * normal[:2] / np.maximum(across, STEEP))[:, steep]
    sides = []
    inside: NDArray[np.bool_] = np.ones(int(steep.sum()), np.bool_)
    for side in (-1, 1):
        lines = np.rint(at[:2] + side * step).astype(np.int64)
        inside &= ((lines >= 0) & (lines < np.array(live.shape)[:, None])).all(axis=0)
        sides.append(lines.clip(0, np.array(live.shape)[:, None] - 1))
    inside &= live[tuple(sides[0])] & live[tuple(sides[1])]
    first, second = ((*lines[:, inside], at[2, inside]) for lines in sides)
    jumps = [
        (rgt[first].astype(np.float64) - rgt[second]) / max(growth_per_sample(rgt[live]), 1e-9)
        for rgt in (predicted, label)
    ]
    clear = np.abs(jumps[1]) > CLEAR_THROW
    if not clear.any():
        return dict.fromkeys(("jump_error_median", "jump_error_mean", "jump_share_median"))
    error = np.abs(jumps[0] - jumps[1])[clear]
    return {
        "jump_error_median": float(np.median(error)),
        "jump_error_mean": float(error.mean()),
        "jump_share_median": float(np.median(jumps[0][clear] / jumps[1][clear])),
    }
