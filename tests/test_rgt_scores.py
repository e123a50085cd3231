"""Scores of RGT near a fault, on layers that are counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from strataflow.interpretation.rgt_scores import scores_near_faults
from strataflow.volume.orientation import strike_dip_from_normal

SHAPE = (60, 12, 90)
I3, _, I1 = np.indices(SHAPE, np.float32)
THROW = 8.0
# A fault that dips by 45 degrees along the inlines; its hanging wall is down.
OFF = (I3 - 30) - (I1 - 45)
FAULT = np.abs(OFF) <= 1
LABEL = (I1 - np.where(OFF > 0, THROW, 0)).astype(np.float32)
LIVE = np.ones(SHAPE[:2], bool)


def scores(predicted: np.ndarray) -> dict[str, float | None]:
    strike, dip = strike_dip_from_normal(np.array([[1.0], [0.0], [-1.0]]) / np.sqrt(2))
    angles = tuple(
        np.where(FAULT, float(angle[0]) / 180, 0).astype(np.float32) for angle in (strike, dip)
    )
    throw = np.where(FAULT, THROW, 0).astype(np.float32)
    return scores_near_faults(predicted, LABEL, throw, LIVE, (angles[0], angles[1]))


def test_the_label_itself_has_no_error() -> None:
    found = scores(LABEL * 0.3 + 1)
    assert found["horizon_scatter_samples"] == pytest.approx(0, abs=0.3)
    assert found["jump_error_median"] == pytest.approx(0, abs=1e-3)
    assert found["jump_share_median"] == pytest.approx(1)
    assert found["throw_error_median"] == pytest.approx(0, abs=1e-3)
    assert found["share_of_nodes_on_wrong_side"] == 0


def test_flat_time_has_no_jump() -> None:
    found = scores(I1)
    growth = float((LABEL[..., -1] - LABEL[..., 0]).mean()) / (SHAPE[2] - 1)
    assert found["jump_error_median"] == pytest.approx(THROW / growth)
    assert found["jump_share_median"] == pytest.approx(0)
    assert found["throw_error_median"] == pytest.approx(THROW)
    assert (found["mean_absolute_shift_samples"] or 0) > 2


def test_the_throw_of_time_does_not_depend_on_the_dip_of_layers() -> None:
    # A jump of 5 samples in layers that dip by half a sample per line.
    jumping = I1 + 0.5 * I3 - np.where(OFF > 0, 5, 0)
    assert scores(jumping.astype(np.float32))["throw_error_median"] == pytest.approx(THROW - 5)


def test_horizons_that_pass_through_a_fault_have_nodes_on_its_wrong_side() -> None:
    found = scores((I1 + 0.6 * (I3 - 30)).astype(np.float32))
    assert (found["share_of_nodes_on_wrong_side"] or 0) > 0.05


def test_without_a_clear_fault_there_are_no_scores() -> None:
    assert scores_near_faults(LABEL, LABEL, np.zeros_like(LABEL), LIVE) == {}
