"""Which horizons are picked: values of RGT, evenly spaced, given, or those of the control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import StrataflowError
from ..volume.raw import Array
from .control import ControlSet

# Points of a control set that are read at most.
MAX_POINTS = 50_000


@dataclass(frozen=True)
class Level:
    """A horizon to pick: its RGT, and the control set that it goes through, if any.

    `rgt` is NaN for a set without points: the horizon is undefined.
    """

    rgt: float
    control: ControlSet | None = None


def even_levels(rgt: Array, live: NDArray[np.bool_], count: int) -> list[Level]:
    """Levels of RGT at evenly spaced mean depths.

    Args:
        rgt: RGT (n3, n2, n1).
        live: Live traces, bool (n3, n2).
        count: Number of horizons.

    Raises:
        StrataflowError: RGT does not increase downward.
    """
    growing = mean_trace(rgt, live)
    at = np.linspace(0, growing.size - 1, count + 2)[1:-1]
    return [Level(float(value)) for value in np.interp(at, np.arange(growing.size), growing)]


def mean_trace(rgt: Array, live: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean RGT (n1,) of evenly spaced live traces, nowhere decreasing.

    Raises:
        StrataflowError: RGT does not increase downward.
    """
    thin = max(rgt.shape[0] // 64, 1), max(rgt.shape[1] // 64, 1)
    some = rgt[:: thin[0], :: thin[1]][live[:: thin[0], :: thin[1]]]
    mean = some.mean(axis=0, dtype=np.float64) if some.size else np.zeros(rgt.shape[2])
    if mean.size < 2 or mean[-1] <= mean[0]:
        raise StrataflowError("rgt: does not increase downward, so horizons cannot be picked")
    return np.maximum.accumulate(mean)


def control_levels(rgt: Array, sets: Sequence[ControlSet]) -> list[Level]:
    """The level of each control set: the median of RGT at its points.

    Args:
        rgt: RGT (n3, n2, n1).
        sets: Sets whose points lie within the volume.
    """
    return [Level(_at_points(rgt, one.points), one) for one in sets]


def _at_points(rgt: Array, points: Array) -> float:
    """Median of RGT at points (N, 3), linear along n1, at the nearest trace."""
    if not len(points):
        return float("nan")
    some = points[:: -(-len(points) // MAX_POINTS)]
    i3, i2 = np.rint(some[:, :2]).astype(np.int64).T
    above = np.floor(some[:, 2]).astype(np.int64).clip(0, max(rgt.shape[2] - 2, 0))
    part = some[:, 2] - above
    below = np.minimum(above + 1, rgt.shape[2] - 1)
    return float(np.median((1 - part) * rgt[i3, i2, above] + part * rgt[i3, i2, below]))
