"""Picked surfaces against true ones, on planes of fault numbers that are laid out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from strataflow.errors import StrataflowError
from strataflow.interpretation.matching import BLOCK, FaultVolumes, Matching, match_faults

CUBE = (40, 40, 40)
Ids = NDArray[np.int32]


def empty() -> Ids:
    return np.zeros(CUBE, np.int32)


def true_planes(*inlines: int) -> Ids:
    """Faults 1, 2 ... along n2 and n1, two inlines thick from each of `inlines` on."""
    ids = empty()
    for number, inline in enumerate(inlines, start=1):
        ids[inline : inline + 2] = number
    return ids


def match(true: Ids, picked: Ids) -> Matching:
    return match_faults(FaultVolumes(true), FaultVolumes(picked))


def test_a_perfect_pick_finds_all_as_one() -> None:
    picked = empty()
    picked[5], picked[21] = 2, 1
    scores = match(true_planes(5, 20), picked).scores()
    assert (scores["visible_faults"], scores["picked_objects"]) == (2, 2)
    assert scores["found_as_one"] == 1
    for name in ("split", "merged", "missed", "false_objects", "merged_objects"):
        assert scores[name] == 0
    assert (scores["distance_median"], scores["distance_p90"]) == (0, 0)
    assert scores["picked_voxels_on_faults"] == 1
    assert scores["throw_error_median"] is None


def test_three_pieces_of_which_none_is_half_are_a_split() -> None:
    picked = empty()
    picked[5, :13], picked[5, 13:26], picked[5, 26:] = 1, 2, 3
    matching = match(true_planes(5), picked)
    assert matching.fates() == {1: "split"}
    # With one piece that is more than half, the fault is found as that, and no other is false.
    picked[5, :26] = 1
    matching = match(true_planes(5), picked)
    assert matching.fates() == {1: "found"}
    assert not matching.false_objects()


def test_one_object_on_two_faults_is_merged_and_finds_neither() -> None:
    picked = empty()
    picked[5], picked[20] = 1, 1
    matching = match(true_planes(5, 20), picked)
    assert matching.fates() == {1: "merged", 2: "merged"}
    assert matching.merged_objects() == [1]


def test_one_object_on_many_faults_is_merged_though_none_is_a_fifth_of_it() -> None:
    inlines = (1, 7, 13, 19, 25, 31)
    picked = empty()
    picked[list(inlines)] = 1
    matching = match(true_planes(*inlines), picked)
    assert set(matching.fates().values()) == {"merged"}
    assert (matching.merged_objects(), matching.false_objects()) == ([1], [])


@pytest.mark.parametrize(
    ("columns", "first", "second"),
    [(8, "found", "missed"), (12, "merged", "missed"), (20, "merged", "merged")],
)
def test_a_fault_is_found_by_an_object_of_which_four_fifths_are_its_own(
    columns: int, first: str, second: str
) -> None:
    # A sixth, three thirteenths and a third of the object lie on the second fault.
    picked = empty()
    picked[5], picked[20, :columns] = 1, 1
    matching = match(true_planes(5, 20), picked)
    assert matching.fates() == {1: first, 2: second}
    assert matching.merged_objects() == ([] if columns == 8 else [1])


def test_an_object_off_all_faults_is_false_and_a_fault_off_all_objects_missed() -> None:
    picked = empty()
    picked[30] = 1
    matching = match(true_planes(5), picked)
    assert (matching.fates(), matching.false_objects()) == ({1: "missed"}, [1])
    scores = matching.scores()
    assert (scores["missed"], scores["false_objects"]) == (1, 1)
    assert scores["distance_median"] is None


@pytest.mark.parametrize(("shift", "distance"), [(1, 0), (2, 1), (3, 2)])
def test_a_plane_that_is_moved_within_the_tolerance_is_found(shift: int, distance: int) -> None:
    picked = empty()
    picked[5 + shift] = 1
    matching = match(true_planes(5), picked)
    scores = matching.scores()
    # Of the two labelled voxels on a trace the farther one may be beyond the tolerance.
    assert matching.fates() == {1: "found"}
    assert (scores["distance_median"], scores["distance_p90"]) == (distance, distance)


def test_a_plane_that_is_moved_by_five_voxels_is_missed_and_false() -> None:
    for inline in (0, 11):
        picked = empty()
        picked[inline] = 1
        matching = match(true_planes(5), picked)
        assert (matching.fates(), matching.false_objects()) == ({1: "missed"}, [1])


def test_small_faults_do_not_count_but_what_is_picked_on_them_is_not_false() -> None:
    true, picked = empty(), empty()
    true[5, :10, :39] = 1
    picked[5, :10, :39] = 1
    matching = match(true, picked)
    assert (matching.fates(), matching.false_objects()) == ({}, [])
    assert matching.scores()["found_as_one"] is None
    assert matching.fates(visible=390) == {1: "found"}


def test_errors_of_throw_are_those_where_both_throws_are_known() -> None:
    true, picked = true_planes(5, 20), empty()
    picked[5], picked[20] = 1, 2
    true_throw = np.where(true == 1, 8.0, -3.0).astype(np.float32)
    picked_throw = np.zeros(CUBE, np.float32)
    picked_throw[5, :30], picked_throw[20] = 8.5, 3.0
    scores = match_faults(
        FaultVolumes(true, true_throw), FaultVolumes(picked, picked_throw)
    ).scores()
    # Of 2,800 throws 1,200 are half a sample too large, and 1,600 have the wrong sign.
    assert scores["throws_compared"] == 2800
    assert (scores["throw_error_median"], scores["throw_error_p90"]) == (6, 6)
    picked_throw[20] = 0
    scores = match_faults(
        FaultVolumes(true, true_throw), FaultVolumes(picked, picked_throw)
    ).scores()
    assert (scores["throws_compared"], scores["throw_error_median"]) == (1200, 0.5)


def test_dead_traces_do_not_count() -> None:
    picked = empty()
    picked[5, :19], picked[30, 20:] = 1, 2
    live = np.ones(CUBE[:2], bool)
    live[:, 20:] = False
    matching = match_faults(FaultVolumes(true_planes(5)), FaultVolumes(picked), live)
    assert matching.fates() == {1: "found"}
    assert not matching.false_objects()
    assert matching.true.total() == 2 * 20 * 40


def test_blocks_of_inlines_fit_together_as_a_distance_transform_has_it() -> None:
    rng = np.random.default_rng(1)
    shape = (2 * BLOCK + 5, 12, 14)
    true, picked = (
        rng.integers(1, 4, shape).astype(np.int32) * (rng.random(shape) < share)
        for share in (0.01, 0.02)
    )
    matching = match(true, picked)
    at = np.argwhere(picked)
    labelled = np.argwhere(true)
    squared = ((at[:, None] - labelled[None]) ** 2).sum(-1).min(axis=1)
    near, counts = np.unique(squared[squared <= 4], return_counts=True)
    assert matching.squared_distance == dict(zip(near.tolist(), counts.tolist(), strict=True))
    assert matching.picked.total() == len(at)
    assert matching.on_fault.total() == counts.sum()
    reached = ((labelled[:, None] - at[None]) ** 2).sum(-1).min(axis=1) <= 4
    assert matching.covered.total() == reached.sum()


def test_no_picks_and_no_faults_are_scored_without_an_error() -> None:
    scores = match(true_planes(5), empty()).scores()
    assert (scores["missed"], scores["false_objects"], scores["picked_objects"]) == (1, None, 0)
    scores = match(empty(), true_planes(5)).scores()
    assert (scores["found_as_one"], scores["false_objects"]) == (None, 1)
    assert match(empty(), empty()).scores()["visible_faults"] == 0


def test_volumes_that_are_not_fault_numbers_are_refused() -> None:
    with pytest.raises(StrataflowError, match="expected numbers from 0 on, got -3"):
        match(empty() - 3, empty())
    with pytest.raises(StrataflowError, match="differs"):
        match(empty(), np.zeros((40, 40, 39), np.int32))
