"""Picked fault surfaces against true ones: found as one, split, merged, missed and false.

Both come as volumes of fault numbers. A picked voxel lies on the true fault of the nearest labelled
voxel, a labelled voxel is covered by the picked object of the nearest picked voxel, in both cases
within TOLERANCE voxels; of two that are equally near the first in the order of the axes counts.

A true fault counts when at least VISIBLE_VOXELS of its voxels are labelled. It is

- found as one, when one picked object covers COVERED of it and has ALONE of its own voxels on it;
- merged, when one picked object covers COVERED of it, but has fewer of its own voxels on it;
- split, when all objects together cover COVERED of it, but none of them does;
- missed otherwise.

A picked object is

- false, when fewer than ON_FAULTS of its voxels lie on true faults, whatever their size;
- merged, when it has SHARED of its voxels on other true faults than the one it lies on most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..errors import StrataflowError
from ..volume.raw import Array

# Voxels by which a fault pick may miss the label where a tolerance is granted.
TOLERANCE = 2

# Labelled voxels of the smallest true fault that counts.
VISIBLE_VOXELS = 400

# Shares of a fault's labelled voxels and of an object's own voxels, see above.
COVERED, ALONE, ON_FAULTS, SHARED = 0.5, 0.8, 0.5, 0.2

# Inlines that are looked at together.
BLOCK = 32

Ids = NDArray[np.int32]
Scores = dict[str, int | float | None]


@dataclass(frozen=True)
class FaultVolumes:
    """Fault numbers `ids` int32 (n3, n2, n1), 0 for none, and `throw` in samples, 0 for unknown."""

    ids: Ids
    throw: Array | None = None


@dataclass
class Matching:
    """How many voxels of picked objects and true faults lie on each other.

    `true` and `picked` count the voxels of each fault and object by its number. `on_fault` counts
    the voxels of an object that lie on a fault, `covered` those of a fault that an object covers,
    both by (object, fault). `squared_distance` counts picked voxels on faults by the square of the
    distance to the nearest labelled voxel. `throw_errors` are picked less true throws in samples.
    """

    true: Counter[int] = field(default_factory=Counter)
    picked: Counter[int] = field(default_factory=Counter)
    on_fault: Counter[tuple[int, int]] = field(default_factory=Counter)
    covered: Counter[tuple[int, int]] = field(default_factory=Counter)
    squared_distance: Counter[int] = field(default_factory=Counter)
    throw_errors: list[Array] = field(default_factory=list)

    def fates(self, visible: int = VISIBLE_VOXELS) -> dict[int, str]:
        """What became of each true fault of at least `visible` voxels (see the module)."""
        covering: dict[int, dict[int, int]] = {}
        for (object_, fault), voxels in self.covered.items():
            covering.setdefault(fault, {})[object_] = voxels
        return {
            fault: self._fate(fault, covering.get(fault, {}))
            for fault, voxels in sorted(self.true.items())
            if voxels >= visible
        }

    def _fate(self, fault: int, covering: dict[int, int]) -> str:
        """Of a fault of which each of the objects `covering` it covers so many voxels."""
        enough = COVERED * self.true[fault]
        large = [object_ for object_, voxels in covering.items() if voxels >= enough]
        if any(self.on_fault[o, fault] >= ALONE * self.picked[o] for o in large):
            return "found"
        if large:
            return "merged"
        return "split" if sum(covering.values()) >= enough else "missed"

    def false_objects(self) -> list[int]:
        """Picked objects that mostly lie on no fault."""
        on_any, _ = self._on_faults()
        return [o for o, n in sorted(self.picked.items()) if on_any[o] < ON_FAULTS * n]

    def _on_faults(self) -> tuple[Counter[int], Counter[int]]:
        """Voxels of each object on any fault, and on the one that it lies on most."""
        on_any: Counter[int] = Counter()
        on_most: Counter[int] = Counter()
        for (object_, _), voxels in self.on_fault.items():
            on_any[object_] += voxels
            on_most[object_] = max(on_most[object_], voxels)
        return on_any, on_most

    def merged_objects(self) -> list[int]:
        """Picked objects that lie on two faults or more."""
        on_any, on_most = self._on_faults()
        return [o for o, n in sorted(self.picked.items()) if on_any[o] - on_most[o] >= SHARED * n]

    def scores(self, visible: int = VISIBLE_VOXELS) -> Scores:
        """Counts, shares of true faults and of picked objects, and errors; None where undefined."""
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
    """Count what picked objects and true faults have in common, within `tolerance` voxels.

    Only live traces count, `live` bool (n3, n2). Memory is that of BLOCK inlines, and a throw for
    each picked voxel on a fault. Throws are compared where both are known, with the throw of the
    nearest labelled voxel.

    Raises:
        StrataflowError: the volumes differ in shape, or hold negative numbers.
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
    """Add what is on `inlines`."""
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
    """Fault numbers of some inlines with `margin` voxels around them, in a row.

    `shape` is that with the margin, `first` the inline of the volume that its first one is.
    """

    flat: Ids
    shape: tuple[int, ...]
    first: int
    margin: int

    @classmethod
    def of(cls, ids: Ids, live: NDArray[np.bool_] | None, inlines: slice, margin: int) -> _Block:
        """The numbers on the live traces of `inlines`; beyond the sides of the volume 0."""
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
        """Indices (N,) of the voxels of faults, and their numbers; no margin of inlines."""
        plane = self.shape[1] * self.shape[2]
        inside = self.flat[self.margin * plane : self.flat.size - self.margin * plane]
        at = np.flatnonzero(inside)
        return at + self.margin * plane, inside[at]

    def nearest(self, at: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Index (N,) of the voxel of a fault that is nearest to each of `at`, and distance squared.

        -1 where none lies within the margin.
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
        """Steps in the row to all voxels within the margin, and their lengths squared, in order."""
        reach = np.arange(-self.margin, self.margin + 1)
        offsets = np.stack(np.meshgrid(reach, reach, reach, indexing="ij"), axis=-1).reshape(-1, 3)
        square = (offsets**2).sum(axis=1)
        weights = (self.shape[1] * self.shape[2], self.shape[2], 1)
        for number in np.argsort(square, kind="stable"):
            if square[number] <= self.margin**2:
                yield int(offsets[number] @ weights), int(square[number])

    def index_in_volume(self, at: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
        """Indices over (n3, n2, n1) of the voxels `at` (N,)."""
        i3, i2, i1 = np.unravel_index(at, self.shape)
        return i3 + self.first, i2 - self.margin, i1 - self.margin


def _count(counter: Counter[int], numbers: NDArray) -> None:
    """Add how often each of `numbers` (N,) is there."""
    found, counts = np.unique(numbers, return_counts=True)
    for number, count in zip(found.tolist(), counts.tolist(), strict=True):
        counter[number] += count


def _count_pairs(counter: Counter[tuple[int, int]], one: NDArray, other: NDArray) -> None:
    """Add how often each pair of numbers of `one` and `other` (N,) is there."""
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
