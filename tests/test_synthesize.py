"""Synthetic samples: exact labels, reproducible whoever makes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from conftest import ATTRIBUTES, Finished, folder_flags, refused_in_one_line
from strataflow.angles import axial_angle, normal_from_strike_dip
from strataflow.geology import EarthModel, Fault, evaluate

Run = Callable[..., Finished]


def flat_earth(*faults: Fault) -> EarthModel:
    boundaries = np.arange(-200.0, 300.0, 5.0)
    return EarthModel(faults, (), (0.0, 0.0), boundaries, np.zeros(boundaries.size - 1))


def plane(strike: float, dip: float, rake: float = 90.0) -> Fault:
    return Fault((32.0, 32.0, 32.0), strike, dip, 10.0, rake, 400.0, 400.0)


@pytest.mark.parametrize(("strike", "dip"), [(20, 60), (110, 45), (200, 75), (300, 85)])
def test_labels_of_a_plane_lie_on_it_and_have_its_orientation(strike: float, dip: float) -> None:
    geology = evaluate(flat_earth(plane(strike, dip)), (64, 64, 64))
    normal = normal_from_strike_dip(strike, dip)
    there = np.argwhere(geology.fault)
    assert len(there) > 1000
    assert np.abs((there - 32) @ normal).max() <= 1.0 + 1e-3
    found = normal_from_strike_dip(geology.strike[geology.fault], geology.dip[geology.fault])
    assert axial_angle(found, normal[:, None]).max() < 1.0
    assert not geology.strike[~geology.fault].any()
    assert not geology.dip[~geology.fault].any()


def test_the_throw_across_a_fault_is_slip_times_the_sine_of_the_dip() -> None:
    geology = evaluate(flat_earth(plane(90.0, 60.0)), (64, 64, 64))
    depth = np.arange(64)
    shift = geology.age[:, 32, :] - depth
    throw = shift[:, 32].max() - shift[:, 32].min()
    assert throw == pytest.approx(10 * np.sin(np.radians(60)), rel=0.15)


def test_a_normal_fault_lowers_its_hanging_wall_and_a_reverse_fault_lifts_it() -> None:
    fault_normal = normal_from_strike_dip(90.0, 60.0)
    i3 = np.arange(64)
    for rake, sign in ((90.0, 1), (-90.0, -1)):
        age = evaluate(flat_earth(plane(90.0, 60.0, rake)), (64, 64, 64)).age[:, 32, 32]
        # The hanging wall lies above the surface: on the side where the plane is deeper.
        hanging = age[(i3 - 32) * fault_normal[0] < -2].mean()
        foot = age[(i3 - 32) * fault_normal[0] > 2].mean()
        assert np.sign(foot - hanging) == sign


def test_a_fault_that_shifts_nothing_visible_has_no_label() -> None:
    sideways = evaluate(flat_earth(plane(90.0, 60.0, rake=0.0)), (48, 48, 48))
    assert not sideways.fault.any()


def test_samples_do_not_depend_on_the_number_of_workers(run_script: Run, tmp_path: Path) -> None:
    for workers in (1, 2):
        done = run_script(
            "synthesize",
            *folder_flags(tmp_path / str(workers)),
            *("--ntrain", 2, "--nvalid", 1, "--n1", 32, "--n2", 24, "--n3", 16, "--seed", 7),
            *("--workers", workers),
        )
        assert done.returncode == 0, done.stderr
    files = sorted(p.relative_to(tmp_path / "1") for p in (tmp_path / "1").rglob("*.*"))
    names = {f"{number}_{name}.bin" for number in (0, 1) for name in ATTRIBUTES}
    assert {p.name for p in files if p.parent.name == "target_train"} == names
    assert {p.name for p in files if p.parent.name == "data_train"} == names | {"0.bin", "1.bin"}
    for name in files:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()
    first = np.fromfile(tmp_path / "1" / "data_train" / "0.bin", "<f4")
    assert not np.array_equal(first, np.fromfile(tmp_path / "1" / "data_train" / "1.bin", "<f4"))
    manifest = pd.read_csv(tmp_path / "1" / "manifest_train.csv")
    assert list(manifest["sample"]) == [0, 1]
    assert set(manifest[["n1", "n2", "n3"]].itertuples(index=False, name=None)) == {(32, 24, 16)}


def test_targets_are_what_the_contract_says(run_script: Run, tmp_path: Path) -> None:
    sizes = ("--n1", 64, "--n2", 48, "--n3", 32)
    run_script("synthesize", *folder_flags(tmp_path), "--ntrain", 3, "--nvalid", 0, *sizes)
    for number in range(3):
        cubes = {
            name: np.fromfile(tmp_path / "target_train" / f"{number}_{name}.bin", "<f4")
            for name in ATTRIBUTES
        }
        assert set(np.unique(cubes["fsem"])) <= {0, 1}
        assert (cubes["rgt"].min(), cubes["rgt"].max()) == (0, 1)
        for name in ("fdip", "fstrike"):
            assert 0 <= cubes[name].min() <= cubes[name].max() < 1
            assert not cubes[name][cubes["fsem"] == 0].any()


def test_a_size_below_the_least_is_refused(run_script: Run, tmp_path: Path) -> None:
    done = run_script("synthesize", *folder_flags(tmp_path / "x"), "--n1", 8)
    refused_in_one_line(done, "n1=8", "16")
    assert not (tmp_path / "x").exists()
