"""Exact control of geologic time: every point of a set gets the time of its set.

The least squares of `rgt_flattening` follow control as far as their elements bend. What remains at
the points, mostly less than a sample, is removed here by a monotonic change of time on each trace.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ..interpretation.control import ControlSet
from ..volume.raw import Array

# Traces over which corrections fade out beyond the points of a set.
REACH = 6.0

# Share of points near a trace at which it takes half of their correction.
HALF = 0.02

# Samples of time over which corrections fade out above the first and below the last set, at least
# and in sizes of the correction.
FADE, FADES = 24.0, 4.0

# Minimum difference in samples of time between two sets that lie above each other.
APART = 0.05


@dataclass(frozen=True)
class _Target:
    """The time of a set, and what its traces lack to have it: `lacking` (n3, n2)."""

    time: float
    lacking: Array


def honour_control(time: Array, sets: Sequence[ControlSet]) -> None:
    """Change `time` in place so that all points of a set have one time.

    Time stays monotonic on each trace, and changes nowhere by more than at the points.

    Args:
        time: RGT in samples (n3, n2, n1), writable; may be a memory map.
        sets: Control sets. Those of a higher order are older where they have one.
    """
    sets = [one for one in sets if len(one.points) > 1]
    if not sets:
        return
    at_points = [_times_at(time, one.points) for one in sets]
    wanted = _in_order([float(np.median(times)) for times in at_points], sets)
    targets = [
        _target(one.points, times, value, time.shape[:2])
        for one, times, value in zip(sets, at_points, wanted, strict=True)
    ]
    targets.sort(key=lambda target: target.time)
    times = np.array([target.time for target in targets])
    for i3 in range(time.shape[0]):
        lacking = np.stack([target.lacking[i3] for target in targets], axis=1)
        traces = np.flatnonzero((lacking != 0).any(axis=1))
        if traces.size:
            plane = np.asarray(time[i3])
            plane[traces] = _warped(plane[traces], times, lacking[traces])
            time[i3] = plane


def _times_at(time: Array, points: Array) -> NDArray[np.float64]:
    """Time at points (N, 3), linear along n1, on the nearest trace."""
    i3, i2 = np.rint(points[:, :2]).astype(np.int64).T
    above = np.floor(points[:, 2]).astype(np.int64).clip(0, time.shape[2] - 2)
    part = points[:, 2].astype(np.float64) - above
    result = np.empty(len(points))
    # Inline by inline, since a memory map is slow at scattered places.
    order = np.argsort(i3, kind="stable")
    for mine in np.split(order, np.flatnonzero(np.diff(i3[order])) + 1):
        plane = np.asarray(time[i3[mine[0]]], np.float64)
        upper, lower = (plane[i2[mine], above[mine] + step] for step in (0, 1))
        result[mine] = upper + part[mine] * (lower - upper)
    return result


def _in_order(times: list[float], sets: Sequence[ControlSet]) -> list[float]:
    """Times of sets, raised where an older set would be younger than one above it."""
    ordered = [i for i, one in enumerate(sets) if one.order is not None]
    ordered.sort(key=lambda i: sets[i].order or 0.0)
    last = -np.inf
    for i in ordered:
        times[i] = last = max(times[i], last + APART)
    return times


def _target(
    points: Array, times: NDArray[np.float64], wanted: float, shape: tuple[int, ...]
) -> _Target:
    """What the traces around the points of a set lack, fading out beyond them."""
    i3, i2 = np.rint(points[:, :2]).astype(np.int64).T
    key = np.ravel_multi_index((i3, i2), shape)
    total = np.bincount(key, wanted - times, int(np.prod(shape)))
    count = np.bincount(key, minlength=int(np.prod(shape)))
    there = (count > 0).reshape(shape)
    lacking = (total / np.maximum(count, 1)).reshape(shape)
    near = gaussian_filter(there.astype(np.float64), REACH, truncate=3)
    around = gaussian_filter(lacking * there, REACH, truncate=3)
    # A mean of the points around, less where there are few.
    spread = around / (near + HALF * near.max())
    return _Target(wanted, np.where(there, lacking, spread).astype(np.float32))


def _warped(time: Array, wanted: NDArray[np.float64], lacking: Array) -> Array:
    """Change of time (N, n1) that brings `wanted` (K,) minus `lacking` (N, K) to `wanted`.

    It is linear in time between the sets, and fades out above and below them.
    """
    result = np.empty_like(time)
    fade = np.maximum(FADE, FADES * np.abs(lacking).max(axis=1))
    for trace, given, lack, reach in zip(
        result, time, lacking.astype(np.float64), fade, strict=True
    ):
        before = wanted - lack
        # Sets that are known here keep their order; guesses between them must not break it.
        before = np.maximum.accumulate(before)
        knots = np.concatenate([[before[0] - reach], before, [before[-1] + reach]])
        moved = np.concatenate([[0.0], wanted - before, [0.0]])
        trace[:] = given + np.interp(given, knots, moved)
    return result
