"""Horizons: surfaces of constant RGT that break at faults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label, maximum_filter

from ..volume.attributes import growth_per_sample
from ..volume.raw import Array
from ..volume.sidecar import Sidecar
from .horizon_levels import Level

# Traces and samples from a picked fault surface within which a horizon is undefined.
NEAR_FAULT = 1

# Traces of the smallest piece of a horizon; faults leave smaller ones in their zone.
ISLAND = 16

# Growth of RGT over one sample, in mean growths, from which layers are missing there.
GAP = 6.0


@dataclass(frozen=True)
class PickedHorizon:
    """A horizon on the traces of a survey.

    Attributes:
        name: horizon_01, ...
        level: Its RGT, and the control set that it goes through.
        samples: Its place along n1 in samples (n3, n2), NaN where undefined; float32.
        broken: Traces (n3, n2) on which it is undefined because a fault or a gap is there.
    """

    name: str
    level: Level
    samples: Array
    broken: NDArray[np.bool_]

    def depths(self, sidecar: Sidecar) -> NDArray[np.float64]:
        """Time or depth (n3, n2)."""
        axis = sidecar.axes[2]
        return axis.first + axis.step * self.samples.astype(np.float64)


def follow(
    rgt: Array,
    levels: Sequence[Level],
    names: Sequence[str],
    sidecar: Sidecar,
    faults: Array | None,
) -> list[PickedHorizon]:
    """Follow horizons through RGT.

    A horizon is undefined on dead traces, where the volume does not contain it, within a trace of a
    picked fault, and where RGT jumps over it: in the gap that a normal fault leaves, or where its
    layer is missing.

    Args:
        rgt: RGT (n3, n2, n1).
        levels: Horizons to follow.
        names: Their names.
        sidecar: Geometry of the volume.
        faults: Number of the fault at each voxel (n3, n2, n1), 0 elsewhere; None if unknown.
    """
    shape = (len(levels), *rgt.shape[:2])
    samples, broken = np.full(shape, np.nan, np.float32), np.zeros(shape, bool)
    limit = gap_growth(rgt, sidecar.live)
    for i3, plane in enumerate(rgt):
        values = np.asarray(plane)
        near = _near_fault(faults, i3)
        for number, level in enumerate(levels):
            traces, above, part = crossings(values, level.rgt)
            at_fault = values[traces, above + 1] - values[traces, above] > limit
            if near is not None:
                at_fault |= near[traces, above] | near[traces, above + 1]
            broken[number, i3, traces] = at_fault
            samples[number, i3, traces[~at_fault]] = (above + part)[~at_fault]
    for found, cut in zip(samples, broken, strict=True):
        islands = _islands(np.isfinite(found))
        cut |= islands
        found[islands] = np.nan
    samples[:, ~sidecar.live], broken[:, ~sidecar.live] = np.nan, False
    given = zip(names, levels, samples, broken, strict=True)
    return [PickedHorizon(*one) for one in given]


def gap_growth(rgt: Array, live: NDArray[np.bool_]) -> float:
    """Growth of RGT (n3, n2, n1) over one sample above which layers are missing there."""
    thin = max(rgt.shape[0] // 64, 1)
    some = np.asarray(rgt[::thin])[live[::thin]]
    return GAP * max(growth_per_sample(some) if some.size else 0.0, 1e-12)


def _islands(there: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Traces of pieces of fewer than ISLAND traces, unless there are only such."""
    pieces, _ = label(there)
    size = np.bincount(pieces.ravel())
    size[0] = 0
    small = (size < ISLAND) & (size.max() >= ISLAND)
    small[0] = False
    return np.asarray(small[pieces])


def _near_fault(faults: Array | None, i3: int) -> NDArray[np.bool_] | None:
    """Voxels (n2, n1) of inline `i3` within NEAR_FAULT of a fault; None if there is none."""
    if faults is None:
        return None
    there = (faults[max(i3 - NEAR_FAULT, 0) : i3 + NEAR_FAULT + 1] != 0).any(axis=0)
    return maximum_filter(there, 2 * NEAR_FAULT + 1) if there.any() else None


def crossings(time: Array, level: float) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
    """Find the first sample interval of each trace in which RGT crosses a level.

    Args:
        time: RGT (N, n1).
        level: RGT value; none is crossed if it is NaN.

    Returns:
        Indices of the traces with a crossing, the last sample above it, and the fraction of the
        way to the next sample.
    """
    reached = time >= level
    at = reached.argmax(axis=1)
    traces = np.flatnonzero(reached.any(axis=1) & (at > 0))
    at = at[traces]
    first, second = time[traces, at - 1], time[traces, at]
    return traces, at - 1, (level - first) / np.maximum(second - first, 1e-12)
