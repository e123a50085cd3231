"""Fault masks of any values and thickness to labels with dip and strike."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from strataflow.errors import StrataflowError
from strataflow.interpretation.fault_masks import as_mask, fault_label
from strataflow.volume.orientation import axial_angle, normal_from_strike_dip

SIDE = 48


def plane(strike: float, dip: float, half: float = 1.0) -> NDArray[np.bool_]:
    """Voxels within `half` voxels of a plane through the middle of a cube."""
    at = np.stack(np.meshgrid(*3 * [np.arange(SIDE)], indexing="ij")) - (SIDE - 1) / 2
    normal = normal_from_strike_dip(strike, dip)
    inside: NDArray[np.bool_] = np.abs(np.einsum("i,i...->...", normal, at)) <= half
    return inside


EVERYWHERE = np.ones(3 * (SIDE,), bool)


@pytest.mark.parametrize(("strike", "dip"), [(30, 60), (110, 80), (0, 45), (75, 120)])
@pytest.mark.parametrize("half", [0.5, 1.0, 3.0])
def test_a_mask_of_any_thickness_becomes_two_voxels_thick_with_its_dip_and_strike(
    strike: float, dip: float, half: float
) -> None:
    label = fault_label(plane(strike, dip, half), EVERYWHERE)
    inner = np.s_[8:-8, 8:-8, 8:-8]
    fault, true = label.fsem[inner] == 1, plane(strike, dip)[inner]
    assert np.count_nonzero(fault & true) > 0.75 * np.count_nonzero(true)
    assert np.count_nonzero(fault) < 1.25 * np.count_nonzero(true)
    angles = [180 * cube[inner][fault] for cube in (label.fstrike, label.fdip)]
    assert np.isfinite(angles[0]).all()
    error = axial_angle(
        normal_from_strike_dip(*angles), normal_from_strike_dip(strike, dip)[:, None]
    )
    assert np.percentile(error, 95) < 1


def test_orientation_is_unknown_where_faults_cross_and_known_away_from_it() -> None:
    crossing = plane(0, 90) | plane(90, 90)
    label = fault_label(crossing, EVERYWHERE)
    fault = label.fsem == 1
    at = np.arange(SIDE) - (SIDE - 1) / 2
    near = (np.abs(at)[:, None, None] < 2) & (np.abs(at)[None, :, None] < 2) & fault
    far = (np.hypot(at[:, None, None], at[None, :, None]) > 10) & fault
    assert np.isnan(label.fdip[near]).mean() > 0.9
    assert np.isfinite(label.fdip[far]).mean() > 0.95


def test_on_a_single_line_the_mask_is_kept_and_its_orientation_is_unknown() -> None:
    known = np.zeros_like(EVERYWHERE)
    known[20] = True
    label = fault_label(plane(60, 70, 3.0) & known, known)
    assert np.isnan(label.fsem[~known]).all()
    assert np.isfinite(label.fsem[known]).all()
    line = label.fsem[20] == 1
    assert np.count_nonzero(line & plane(60, 70, 3.0)[20]) == np.count_nonzero(line)
    assert 1.5 <= line[:, 10:-10].sum(axis=0).mean() <= 4.5
    assert np.isnan(label.fdip[20][line]).all()
    assert (label.fdip[20][~line] == 0).all()


def test_a_range_of_lines_shows_the_orientation() -> None:
    known = np.zeros_like(EVERYWHERE)
    known[18:30] = True
    label = fault_label(plane(60, 70) & known, known)
    middle = label.fsem[24] == 1
    dip, strike = (180 * cube[24][middle] for cube in (label.fdip, label.fstrike))
    assert np.isfinite(dip).mean() > 0.9
    error = axial_angle(
        normal_from_strike_dip(strike, dip), normal_from_strike_dip(60, 70)[:, None]
    )
    assert np.nanpercentile(error, 90) < 5


@pytest.mark.parametrize(
    ("values", "words"),
    [((0, 1), "1 is fault"), ((0, 255), "255 is fault"), ((7, -3), "-3 is fault")],
)
def test_two_values_of_any_kind_are_a_mask_and_the_rarer_one_is_the_fault(
    values: tuple[float, float], words: str
) -> None:
    cube = np.full((4, 4, 4), values[0], np.float32)
    cube[1, 1] = values[1]
    mask, known, what = as_mask(cube, "x.fsem")
    assert words in what
    assert known.all()
    assert (mask == (cube == values[1])).all()


def test_probabilities_count_from_one_half_and_unknown_voxels_do_not() -> None:
    cube = np.zeros((4, 4, 4), np.float32)
    cube[0, 0] = [0.2, 0.49, 0.5, 0.9]
    cube[1] = np.nan
    mask, known, what = as_mask(cube, "x.fsem")
    assert what == "probability"
    assert mask.sum() == 2
    assert not known[1].any()
    scaled, _, what = as_mask(np.rint(255 * cube), "x.fsem")
    assert "255" in what
    assert (scaled == mask).all()


def test_amplitudes_and_other_attributes_are_refused() -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(StrataflowError, match=r"x.fsem: not a fault label: .* different values"):
        as_mask(rng.normal(size=(20, 20, 20)).astype(np.float32), "x.fsem")
    with pytest.raises(StrataflowError, match="of the known voxels would be faults"):
        as_mask(rng.uniform(0.3, 1, size=(20, 20, 20)).astype(np.float32), "x.fsem")
    with pytest.raises(StrataflowError, match="no known value"):
        as_mask(np.full((2, 2, 2), np.nan, np.float32), "x.fsem")
    with pytest.raises(StrataflowError, match="all values are 3"):
        as_mask(np.full((2, 2, 2), 3, np.float32), "x.fsem")
