"""Single faults of a synthetic survey, as ground truth for picked fault surfaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..volume.orientation import (
    TENSOR_COMPONENTS,
    normal_from_strike_dip,
    orientation_tensor,
    principal_normal,
    strike_dip_from_normal,
)
from ..volume.raw import Array
from ..volume.sidecar import Sidecar
from .events import Fault
from .geology import Geology


def truth_targets(geology: Geology) -> dict[str, Array]:
    """Volumes of TRUTH, float32 (n3, n2, n1), 0 where `fsem` is 0."""
    return {"fault_id": geology.fault_id.astype(np.float32), "fthrow": geology.throw}


class _Sums:
    """Sums over the labelled voxels of each fault."""

    def __init__(self, count: int) -> None:
        self.voxels = np.zeros(count, np.int64)
        self.places = np.zeros((3, count))
        self.tensor = np.zeros((len(TENSOR_COMPONENTS), count))
        self.throw = np.zeros(count)

    def add(self, volumes: Mapping[str, Array], inlines: slice) -> None:
        """Add the labelled voxels of some inlines."""
        fault_id = volumes["fault_id"][inlines]
        at = np.array(np.nonzero(fault_id))
        here = tuple(at)
        fault = fault_id[here].astype(np.int64) - 1
        throw = volumes["fthrow"][inlines][here]
        strike, dip = (180 * volumes[name][inlines][here] for name in ("fstrike", "fdip"))
        at[0] += inlines.start
        self.voxels += np.bincount(fault, minlength=self.voxels.size)
        self.places += self._by_fault(fault, at)
        self.tensor += self._by_fault(
            fault, orientation_tensor(normal_from_strike_dip(strike, dip))
        )
        # Keep the sign of the throw with the largest absolute value.
        for sign in (1, -1):
            largest = np.zeros_like(self.throw)
            np.maximum.at(largest, fault, sign * throw)
            self.throw = np.where(largest > np.abs(self.throw), sign * largest, self.throw)

    def _by_fault(self, fault: NDArray[np.int64], rows: NDArray) -> NDArray[np.float64]:
        return np.stack([np.bincount(fault, row, self.voxels.size) for row in rows])


def fault_table(
    faults: Sequence[Fault], volumes: Mapping[str, Array], sidecar: Sidecar, slab: int
) -> pd.DataFrame:
    """Table of the faults of a survey, from their labels.

    Columns: `fault`, the number in fault_id, 1 for the oldest; `kind`: normal, reverse or
    strike-slip; `inline`, `crossline`, `x`, `y` and `time` or `depth`: mean place of the labelled
    voxels; `strike` and `dip`: their mean orientation in degrees, as in the attributes; `throw`:
    the largest absolute throw in samples, with its sign; `visible_voxels`: number of labelled
    voxels; `visible`: whether there are any. A fault without labels has empty cells.

    Args:
        faults: Faults, oldest first.
        volumes: Volumes (n3, n2, n1) fault_id, fthrow, fstrike and fdip.
        sidecar: Geometry of the volumes.
        slab: Number of inlines that are read together.

    Returns:
        One row per fault, in the order of `faults`.
    """
    sums = _Sums(len(faults))
    for first in range(0, sidecar.shape.n3, slab):
        sums.add(volumes, slice(first, min(first + slab, sidecar.shape.n3)))
    voxels = np.where(sums.voxels, sums.voxels, np.nan)
    places = sidecar.places(sums.places / voxels)
    columns: dict[str, Any] = {
        "fault": np.arange(1, len(faults) + 1),
        "kind": [fault.kind for fault in faults],
        **{name: np.round(values, 2) for name, values in places.items()},
    }
    seen = sums.voxels > 0
    angles = np.full((2, len(faults)), np.nan)
    if seen.any():
        angles[:, seen] = strike_dip_from_normal(principal_normal(sums.tensor[:, seen]))
    columns |= {"strike": np.round(angles[0], 2), "dip": np.round(angles[1], 2)}
    columns |= {"throw": np.round(np.where(seen, sums.throw, np.nan), 3)}
    columns |= {"visible_voxels": sums.voxels, "visible": seen}
    return pd.DataFrame(columns)
