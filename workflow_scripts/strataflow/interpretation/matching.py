"""Match picked fault surfaces with true faults.

Both are volumes of fault numbers. A picked voxel lies on the true fault of the nearest labelled
voxel within TOLERANCE voxels. A labelled voxel is covered by the picked object of the nearest
picked voxel within TOLERANCE voxels. Of equally near voxels the first along the axes counts.

A true fault counts if it has at least VISIBLE_VOXELS labelled voxels. It is

- found, if one object covers at least COVERED of it and has at least ALONE of its own voxels on it;
- merged, if one object covers at least COVERED of it, but has fewer of its own voxels on it;
- split, if only several objects together cover at least COVERED of it;
- missed otherwise.

A picked object is

- false, if fewer than ON_FAULTS of its voxels lie on true faults of any size;
- merged, if at least SHARED of its voxels lie on other true faults than the one it lies on most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..errors import StrataflowError
from ..volume.raw import Array

# Tolerance in voxels between a predicted and a labelled fault.
TOLERANCE = 2

# Minimum number of labelled voxels of a true fault that counts.
VISIBLE_VOXELS = 400

# Minimum fractions of labelled voxels of a fault, or of voxels of an object, as defined above.
COVERED, ALONE, ON_FAULTS, SHARED = 0.5, 0.8, 0.5, 0.2

# Number of inlines that are matched together.
BLOCK = 32

Ids = NDArray[np.int32]
Scores = dict[str, int | float | None]


@dataclass(frozen=True)
class FaultVolumes:
    """Single faults on a grid.

    Attributes:
        ids: Fault numbers (n3, n2, n1), 0 for none.
        throw: Vertical throw (n3, n2, n1) in samples, 0 for unknown.
    """

    ids: Ids
    throw: Array | None = None


@dataclass
class Matching:
    """Counts of voxels that picked objects and true faults have in common.

    Attributes:
        true: Labelled voxels by fault.
        picked: Picked voxels by object.
        on_fault: Picked voxels by (object, fault that they lie on).
        covered: Labelled voxels by (object that covers them, fault).
        squared_distance: Picked voxels on faults by squared distance to the nearest labelled voxel.
        throw_errors: Picked minus true throws in samples, in parts.
    """

    true: Counter[int] = field(default_factory=Counter)
    picked: Counter[int] = field(default_factory=Counter)
    on_fault: Counter[tuple[int, int]] = field(default_factory=Counter)
    covered: Counter[tuple[int, int]] = field(default_factory=Counter)
    squared_distance: Counter[int] = field(default_factory=Counter)
    throw_errors: list[Array] = field(default_factory=list)

    def fates(self, visible: int = VISIBLE_VOXELS) -> dict[int, str]:
        """Found, merged, split or missed, for each true fault of at least `visible` voxels."""
        covering: dict[int, dict[int, int]] = {}
        for (object_, fault), voxels in self.covered.items():
            covering.setdefault(fault, {})[object_] = voxels
        return {
            fault: self._fate(fault, covering.get(fault, {}))
            for fault, voxels in sorted(self.true.items())
            if voxels >= visible
        }

    def _fate(self, fault: int, covering: dict[int, int]) -> str:
        """Fate of a fault, given the number of its voxels that each object covers."""
        enough = COVERED * self.true[fault]
        large = [object_ for object_, voxels in covering.items() if voxels >= enough]
        if any(self.on_fault[o, fault] >= ALONE * self.picked[o] for o in large):
            return "found"
        if large:
            return "merged"
        return "split" if sum(covering.values()) >= enough else "missed"

    def false_objects(self) -> list[int]:
        """Numbers of picked objects that mostly lie off faults."""
        on_any, _ = self._on_faults()
        return [o for o, n in sorted(self.picked.items()) if on_any[o] < ON_FAULTS * n]

    def _on_faults(self) -> tuple[Counter[int], Counter[int]]:
        """Voxels of each object on any fault, and on the fault that it lies on most."""
        on_any: Counter[int] = Counter()
        on_most: Counter[int] = Counter()
        for (object_, _), voxels in self.on_fault.items():
            on_any[object_] += voxels
            on_most[object_] = max(on_most[object_], voxels)
        return on_any, on_most

    def merged_objects(self) -> list[int]:
        """Numbers of picked objects that lie on several faults."""
        on_any, on_most = self._on_faults()
        return [o for o, n in sorted(self.picked.items()) if on_any[o] - on_most[o] >= SHARED * n]

    def scores(self, visible: int = VISIBLE_VOXELS) -> Scores:
        """Counts, fractions of true faults and of picked objects, and errors; None if undefined."""
        fates = Counter(self.fates(visible).values())
        objects, voxels = len(self.picked), self.picked.total()
        distance = np.sqrt(np.repeat(*_columns(self.squared_distance)))
        error = np.abs(np.concatenate([np.empty(0, np.float32), *self.throw_errors]))
        return {
            "visible_faults": fates.total(),
            "found_as_one": _share(fates["found"], fates.total()),
            "merged": _share(fates["merged"], fates.total()),
            "split": _share(fates["split"], fates.total()),
            "missed": _share(fates["missed"], fates.total()),
            "picked_objects": objects,
            "false_objects": _share(len(self.false_objects()), objects),
            "merged_objects": _share(len(self.merged_objects()), objects),
            "picked_voxels_on_faults": _share(self.on_fault.total(), voxels),
            **_percentiles("distance", distance),
            "throws_compared": error.size,
            **_percentiles("throw_error", error),
        }


def match_faults(
    true: FaultVolumes,
    picked: FaultVolumes,
    live: NDArray[np.bool_] | None = None,
    tolerance: int = TOLERANCE,
) -> Matching:
    """Count the voxels that picked objects and true faults have in common.

    Memory is that of BLOCK inlines, plus one throw per picked voxel on a fault. A picked throw is
    compared with the true throw at the nearest labelled voxel, if both are known.

    Args:
        true: Labelled faults.
        picked: Picked objects.
        live: Live traces (n3, n2); voxels of dead traces are ignored.
        tolerance: Maximum distance in voxels between a picked and a labelled voxel.

    Returns:
        The counts.

    Raises:
        StrataflowError: The volumes differ in shape, or contain negative numbers.
    """
    for name, ids in (("true", true.ids), ("picked", picked.ids)):
        if ids.shape != true.ids.shape:
            raise StrataflowError(f"fault_id: {name} {ids.shape} differs from {true.ids.shape}")
    matching = Matching()
    for first in range(0, true.ids.shape[0], BLOCK):
        inlines = slice(first, min(first + BLOCK, true.ids.shape[0]))
        _match_block(matching, true, picked, live, inlines, tolerance)
    return matching


def _match_block(
    matching: Matching,
    true: FaultVolumes,
    picked: FaultVolumes,
    live: NDArray[np.bool_] | None,
    inlines: slice,
    tolerance: int,
) -> None:
    """Add the voxels of some inlines."""
    truth = _Block.of(true.ids, live, inlines, tolerance)
    picks = _Block.of(picked.ids, live, inlines, tolerance)
    at, numbers = picks.voxels()
    nearest, squared = truth.nearest(at)
    hit = squared >= 0
    on = truth.flat[nearest[hit]]
    _count(matching.picked, numbers)
    _count_pairs(matching.on_fault, numbers[hit], on)
    _count(matching.squared_distance, squared[hit])
    if true.throw is not None and picked.throw is not None:
        found = np.asarray(picked.throw[picks.index_in_volume(at[hit])], np.float32)
        known = np.asarray(true.throw[truth.index_in_volume(nearest[hit])], np.float32)
        both = (found != 0) & (known != 0)
        matching.throw_errors.append(found[both] - known[both])
    at, numbers = truth.voxels()
    nearest, squared = picks.nearest(at)
    hit = squared >= 0
    _count(matching.true, numbers)
    _count_pairs(matching.covered, picks.flat[nearest[hit]], numbers[hit])


@dataclass(frozen=True)
class _Block:
    """Fault numbers of some inlines with a margin on all sides.

    Attributes:
        flat: Fault numbers of the block with its margin, flattened.
        shape: Shape of the block with its margin.
        first: Index in the volume of the first inline of the margin.
        margin: Width of the margin in voxels.
    """

    flat: Ids
    shape: tuple[int, ...]
    first: int
    margin: int

    @classmethod
    def of(cls, ids: Ids, live: NDArray[np.bool_] | None, inlines: slice, margin: int) -> _Block:
        """Cut a block; dead traces and voxels outside the volume are 0."""
        low, high = max(inlines.start - margin, 0), min(inlines.stop + margin, ids.shape[0])
        block = np.array(ids[low:high])
        if block.min(initial=0) < 0:
            raise StrataflowError(f"fault_id: expected numbers from 0 on, got {block.min()}")
        if live is not None:
            block *= live[low:high, :, None]
        beyond = (low - inlines.start + margin, inlines.stop + margin - high)
        padded = np.pad(block, (beyond, (margin, margin), (margin, margin)))
        return cls(padded.ravel(), padded.shape, inlines.start - margin, margin)

    def voxels(self) -> tuple[NDArray[np.int64], Ids]:
        """Flat indices (N,) of voxels of faults on the inlines, and their fault numbers."""
        plane = self.shape[1] * self.shape[2]
        inside = self.flat[self.margin * plane : self.flat.size - self.margin * plane]
        at = np.flatnonzero(inside)
        return at + self.margin * plane, inside[at]

    def nearest(self, at: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Find the nearest voxel of a fault within the margin.

        Args:
            at: Flat indices (N,).

        Returns:
            Flat indices (N,) of the nearest voxels, and squared distances; -1 if there is none.
        """
        nearest = np.full(at.size, -1)
        squared = np.full(at.size, -1)
        rest = np.arange(at.size)
        for step, square in self._steps():
            there = at[rest] + step
            hit = self.flat[there] > 0
            nearest[rest[hit]], squared[rest[hit]] = there[hit], square
            rest = rest[~hit]
        return nearest, squared

    def _steps(self) -> Iterator[tuple[int, int]]:
        """Flat offsets to all voxels within the margin, and their squared lengths, in order."""
        reach = np.arange(-self.margin, self.margin + 1)
        offsets = np.stack(np.meshgrid(reach, reach, reach, indexing="ij"), axis=-1).reshape(-1, 3)
        square = (offsets**2).sum(axis=1)
        weights = (self.shape[1] * self.shape[2], self.shape[2], 1)
        for number in np.argsort(square, kind="stable"):
            if square[number] <= self.margin**2:
                yield int(offsets[number] @ weights), int(square[number])

    def index_in_volume(self, at: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
        """Indices along (n3, n2, n1) in the volume of the flat indices `at` (N,)."""
        i3, i2, i1 = np.unravel_index(at, self.shape)
        return i3 + self.first, i2 - self.margin, i1 - self.margin


def _count(counter: Counter[int], numbers: NDArray) -> None:
    """Add the number of occurrences of each of `numbers` (N,)."""
    found, counts = np.unique(numbers, return_counts=True)
    for number, count in zip(found.tolist(), counts.tolist(), strict=True):
        counter[number] += count


def _count_pairs(counter: Counter[tuple[int, int]], one: NDArray, other: NDArray) -> None:
    """Add the number of occurrences of each pair of `one` and `other` (N,)."""
    width = int(other.max(initial=0)) + 1
    found, counts = np.unique(one.astype(np.int64) * width + other, return_counts=True)
    for pair, count in zip(found.tolist(), counts.tolist(), strict=True):
        counter[divmod(pair, width)] += count


def _columns(counter: Counter[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.array(list(counter), np.int64), np.array(list(counter.values()), np.int64)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _percentiles(name: str, values: NDArray) -> Scores:
    """Median and 90th percentile of `values` (N,)."""
    if not values.size:
        return {f"{name}_median": None, f"{name}_p90": None}
    return {
        f"{name}_median": float(np.median(values)),
        f"{name}_p90": float(np.percentile(values, 90)),
    }
