"""Synthetic surveys know their faults one by one: number and throw lie on what fsem labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import segyio
from numpy.typing import NDArray

from conftest import Finished
from strataflow.synthetic.earth import labelled_cube
from strataflow.synthetic.earth_model import EarthModel
from strataflow.synthetic.events import Event, Fault, Fold, Folding, Stretch, Wave
from strataflow.synthetic.geology import Geology, evaluate
from strataflow.synthetic.scenario import Scenario
from strataflow.synthetic.stratigraphy import Layers
from strataflow.volume.raw import Shape

Run = Callable[..., Finished]

LAYERS = Layers(np.arange(-300.0, 600.0, 5.0), np.zeros(179), np.zeros(179))
CUBE = (64, 64, 64)
SIN60 = np.sin(np.radians(60))


def plane(strike: float, dip: float, rake: float = 90.0, slip: float = 10.0) -> Fault:
    """A plane through the middle, so large that its slip is the same everywhere to a per cent."""
    far = 4000.0
    return Fault((32.0, 32.0, 32.0), strike, dip, slip, rake, far, far, reach=far)


def labelled(*events: Event) -> Geology:
    geology = evaluate(EarthModel(events, LAYERS), CUBE)
    np.testing.assert_array_equal(geology.fault_id > 0, geology.fault > 0)
    np.testing.assert_array_equal(geology.throw != 0, geology.fault > 0)
    return geology


def off_plane(fault: Fault, points: NDArray) -> NDArray[np.float64]:
    """Signed distance (N,) of points (N, 3) from the plane of a fault."""
    return (points - np.array(fault.centre)) @ fault.frame()[2].astype(float)


@pytest.mark.parametrize(("rake", "sign"), [(90.0, 1), (-90.0, -1)])
def test_the_throw_of_a_plane_is_its_slip_times_the_sine_of_its_dip(rake: float, sign: int) -> None:
    geology = labelled(plane(20.0, 60.0, rake))
    throw = geology.throw[geology.fault_id == 1]
    assert throw.size > 4000
    np.testing.assert_allclose(throw, sign * 10 * SIN60, rtol=0.01)


def test_a_strike_slip_fault_has_the_throw_of_the_vertical_part_of_its_slip() -> None:
    fault = plane(90.0, 60.0, rake=10.0, slip=30.0)
    throw = labelled(fault).throw
    there = throw[throw != 0]
    np.testing.assert_allclose(there, 30 * np.sin(np.radians(10)) * SIN60, rtol=0.01)
    # On layers that dip along strike it is seen, and may have no throw at all.
    geology = evaluate(
        EarthModel((Folding(tilt=(0.0, 0.5)), replace(fault, rake=0.0)), LAYERS), CUBE
    )
    assert (geology.fault_id == 1).sum() > 4000
    assert np.abs(geology.throw).max() < 1e-3


def test_tilting_a_fault_later_changes_its_throw_by_what_its_heave_rises() -> None:
    # Down dip is (-1/2, 0, sin 60); the heave of 5 inlines is lifted by a fifth of that.
    geology = labelled(plane(90.0, 60.0), Folding(tilt=(0.2, 0.0)))
    throw = geology.throw[geology.fault_id == 1]
    np.testing.assert_allclose(throw, 10 * SIN60 + 1, rtol=0.01)
    # The grid of the survey has no part in it.
    geology = labelled(plane(90.0, 60.0), Folding(tilt=(0.2, 0.0)), Stretch((1.4, 0.8)))
    np.testing.assert_allclose(geology.throw[geology.fault_id > 0], 10 * SIN60 + 1, rtol=0.01)


def test_the_throw_of_a_folded_fault_is_the_shift_of_layers_across_it() -> None:
    fault = replace(plane(90.0, 90.0), centre=(31.5, 32.0, 32.0))
    # Layers stay level from one inline to the next, or the step between them would be in the shift.
    fold = Fold(Wave(0.0, 0.09, 0.4, 8.0), growth=0.012)
    geology = labelled(fault, Folding((fold,), (0.0, 0.2)))
    depth = np.arange(64.0)
    for i2 in range(4, 60, 5):
        # Where a layer on one wall is found on the other: read off the ages, trace by trace.
        one, other = geology.age[31, i2], geology.age[32, i2]
        shift = np.interp(one, other, depth) - depth
        inside = (one > other.min()) & (one < other.max()) & (geology.fault_id[31, i2] == 1)
        throw = geology.throw[31, i2]
        assert inside.sum() > 30
        np.testing.assert_allclose(np.abs(throw[inside]), np.abs(shift[inside]), atol=0.03)


def test_a_crossing_pair_has_the_number_of_the_nearer_fault_on_the_displaced_surface() -> None:
    older, younger = plane(0.0, 70.0), plane(80.0, 60.0, slip=16.0)
    geology = labelled(older, younger)
    points = np.argwhere(geology.fault_id)
    number = geology.fault_id[tuple(points.T)]
    to_younger = off_plane(younger, points)
    # The younger fault has moved each wall by half its slip.
    before = points + 8 * np.sign(to_younger)[:, None] * younger.frame()[1]
    distance = np.abs([off_plane(older, before), to_younger])
    assert distance[number - 1, np.arange(len(points))].max() <= 1.02
    both = (distance <= 0.98).all(axis=0)
    assert both.sum() > 50
    clear = np.abs(distance[0] - distance[1]) > 0.05
    np.testing.assert_array_equal(number[both & clear], 1 + distance.argmin(axis=0)[both & clear])
    expected = np.array([10 * np.sin(np.radians(70)), 16 * SIN60])
    np.testing.assert_allclose(geology.throw[tuple(points.T)], expected[number - 1], rtol=0.02)
    # Strike and dip stay those of the younger fault, which cuts the older one.
    overlap = tuple(points[both].T)
    assert (geology.fault[overlap] == 2).all()
    alone = labelled(younger)
    for name in ("strike", "dip"):
        np.testing.assert_array_equal(
            getattr(geology, name)[overlap], getattr(alone, name)[overlap]
        )


def test_an_abutting_fault_has_its_number_on_its_side_of_the_host_and_no_throw_at_it() -> None:
    host = plane(0.0, 90.0)
    fault = replace(plane(90.0, 60.0), host=host, side=1)
    geology = labelled(host, fault)
    points = np.argwhere(geology.fault_id == 2)
    beside = off_plane(host, points)
    assert len(points) > 1000
    assert beside.min() > 0
    share = np.clip(beside / 10, 0, 1)
    np.testing.assert_allclose(
        geology.throw[tuple(points.T)], share * 10 * SIN60, rtol=0.01, atol=0.01
    )


def test_truth_is_hidden_where_labels_are() -> None:
    hidden = 0
    for seed in range(4):
        cube = labelled_cube((seed,), Shape(48, 48, 48), Scenario(faults=(4, 8), defects=3.0))
        fault_id, throw = cube.truth["fault_id"], cube.truth["fthrow"]
        np.testing.assert_array_equal(fault_id > 0, cube.targets["fsem"] == 1)
        assert not throw[fault_id == 0].any()
        assert set(np.unique(fault_id)) <= set(range(len(cube.faults) + 1))
        hidden += len(cube.faults) - np.unique(fault_id[fault_id > 0]).size
    assert hidden > 0


def volume(folder: Path, name: str) -> NDArray[np.float32]:
    with segyio.open(folder / f"{name}.sgy") as survey:
        values: NDArray[np.float32] = segyio.tools.cube(survey)
        return values


def test_a_survey_has_a_row_for_each_fault_as_its_labels_have_it(
    run_script: Run, tmp_path: Path
) -> None:
    sizes = ("--n1", 40, "--n2", 36, "--n3", 72, "--seed", 6, "--workers", 1)
    done = run_script("synthesize_survey", "--output", tmp_path, *sizes, "--faults", 4, 6)
    assert done.returncode == 0, done.stderr
    fault_id, throw, fsem = (volume(tmp_path, name) for name in ("fault_id", "fthrow", "fsem"))
    np.testing.assert_array_equal(fault_id > 0, fsem == 1)
    table = pd.read_csv(tmp_path / "faults.csv")
    assert table["fault"].tolist() == list(range(1, len(table) + 1))
    assert 4 <= len(table) <= 6
    for row in table.to_dict("records"):
        there = fault_id == row["fault"]
        assert row["visible_voxels"] == there.sum()
        assert row["visible"] == there.any()
        if not there.any():
            assert np.isnan([row["inline"], row["dip"], row["throw"]]).all()
            continue
        i3, i2, i1 = np.argwhere(there).mean(axis=0)
        assert (row["inline"], row["crossline"]) == pytest.approx((1001 + i3, 2001 + i2), abs=0.01)
        assert row["time"] == pytest.approx(800 + 4 * i1, abs=0.01)
        assert abs(row["throw"]) == pytest.approx(np.abs(throw[there]).max(), abs=0.001)
        assert (row["throw"] > 0) == (row["kind"] == "normal") or row["kind"] == "strike-slip"
