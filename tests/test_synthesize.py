"""Synthetic samples: exact labels, reproducible whoever makes them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from conftest import ATTRIBUTES, SCRIPTS, Finished, folder_flags, folders_below, refused_in_one_line
from strataflow.synthetic.generate import synthesize_samples
from strataflow.volume.raw import Shape

Run = Callable[..., Finished]


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
    names.add("checksums.csv")
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


def test_a_size_below_the_minimum_is_refused(run_script: Run, tmp_path: Path) -> None:
    done = run_script("synthesize", *folder_flags(tmp_path / "x"), "--n1", 8)
    refused_in_one_line(done, "n1=8", "16")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--faults", 15, 0), ("faults", "minimum and maximum, got 15")),
        (("--layer_dip", 0, 80), ("layer_dip", "80", "70")),
        (("--unconformity", 1.5), ("unconformity", "1.5")),
        (("--channel", -0.1), ("channel", "-0.1")),
        (("--reverse", 0.7, "--strike_slip", 0.7), ("reverse", "strike_slip")),
        (("--noise", "nan", 1), ("noise", "nan")),
        (("--frequency", 0.1), ("frequency",)),
        (("--fault_thickness", 0), ("fault_thickness",)),
        (("--scenarios", "{}", '{"throw": [5, 1]}'), ("throw", "minimum and maximum")),
        (("--scenarios", '{"thrown": 1}'), ("scenarios", "thrown")),
        (("--scenarios", "throw"), ("scenarios", "throw")),
        (("--scenarios", "[1]"), ("scenarios", "[1]")),
    ],
)
def test_a_wrong_setting_is_refused_by_its_name(
    run_script: Run, tmp_path: Path, words: tuple[object, ...], said: tuple[str, ...]
) -> None:
    done = run_script("synthesize", *folder_flags(tmp_path / "x"), *words)
    refused_in_one_line(done, *said)
    assert not (tmp_path / "x").exists()


def synthesize(folder: Path, count: int, seed: int = 3) -> None:
    """Two processes make `count` samples of 24 x 24 x 24."""
    synthesize_samples(
        folders_below(folder),
        {"train": count, "valid": 0},
        Shape(24, 24, 24),
        seed=seed,
        workers=2,
    )


def everything(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_run_that_was_stopped_goes_on_at_the_missing_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synthesize(tmp_path / "whole", 4)
    monkeypatch.setattr("strataflow.synthetic.generate._deliver", stop)
    with pytest.raises(KeyboardInterrupt):
        synthesize(tmp_path / "stopped", 4)
    assert not (tmp_path / "stopped" / "data_train").exists()
    (waiting,) = (tmp_path / "stopped").glob(".data_train.*.unfinished")
    (waiting / "2.json").unlink()
    (waiting / "3_rgt.bin").unlink()
    kept = {number: (waiting / f"{number}.bin").stat().st_mtime_ns for number in range(4)}
    with pytest.raises(KeyboardInterrupt):
        synthesize(tmp_path / "stopped", 4)
    again = {n for n in range(4) if (waiting / f"{n}.bin").stat().st_mtime_ns != kept[n]}
    assert again == {2, 3}
    monkeypatch.undo()
    synthesize(tmp_path / "stopped", 4)
    assert everything(tmp_path / "stopped") == everything(tmp_path / "whole")


def stop(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_killed_run_leaves_nothing_that_looks_good_and_goes_on(
    run_script: Run, tmp_path: Path
) -> None:
    sizes = ("--n1", 40, "--n2", 40, "--n3", 40, "--ntrain", 5, "--nvalid", 1, "--workers", 2)
    folder = tmp_path / "killed"
    words = [str(SCRIPTS / "synthesize.py"), *map(str, (*folder_flags(folder), *sizes))]
    process = subprocess.Popen(
        [sys.executable, *words], stderr=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while not list(folder.glob(".data_train.*.unfinished/*.json")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert {path.name[0] for path in folder.iterdir()} == {"."}
    done = run_script("synthesize", *folder_flags(folder), *sizes)
    assert done.returncode == 0, done.stderr
    whole = run_script("synthesize", *folder_flags(tmp_path / "whole"), *sizes)
    assert whole.returncode == 0, whole.stderr
    assert everything(folder) == everything(tmp_path / "whole")


def test_samples_of_another_seed_are_not_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synthesize(tmp_path / "alone", 2, seed=4)
    monkeypatch.setattr("strataflow.synthetic.generate._deliver", stop)
    with pytest.raises(KeyboardInterrupt):
        synthesize(tmp_path / "after", 2, seed=3)
    monkeypatch.undo()
    synthesize(tmp_path / "after", 2, seed=4)
    assert everything(tmp_path / "after") == everything(tmp_path / "alone")


def test_fewer_samples_leave_none_of_an_earlier_run_and_nothing_else_is_touched(
    tmp_path: Path,
) -> None:
    synthesize(tmp_path / "x", 3)
    (tmp_path / "x" / "data_train" / "notes.txt").write_text("mine")
    synthesize(tmp_path / "x", 1)
    names = {path.name for path in (tmp_path / "x" / "data_train").iterdir()}
    named = {"0.bin", *(f"0_{name}.bin" for name in ATTRIBUTES)}
    assert names == named | {"checksums.csv", "notes.txt"}


def test_samples_take_several_scenarios_in_turn(run_script: Run, tmp_path: Path) -> None:
    words = ("--ntrain", 5, "--nvalid", 0, "--n1", 24, "--n2", 24, "--n3", 24, "--channel", 1)
    others = ('{"faults": [0, 0]}', '{"faults": [3, 3], "channel": 0}')
    done = run_script("synthesize", *folder_flags(tmp_path), *words, "--scenarios", *others)
    assert done.returncode == 0, done.stderr
    samples = pd.read_csv(tmp_path / "statistics_train.csv")
    assert samples["faults"].tolist() == [0, 3, 0, 3, 0]
    assert (samples["channels"] > 0).tolist() == [True, False, True, False, True]


def test_tables_match_the_samples(run_script: Run, tmp_path: Path) -> None:
    sizes = ("--n1", 48, "--n2", 48, "--n3", 48)
    scenario = ("--faults", 4, 6, "--noise", 0.5, 0.5, "--fault_dip", 50, 70, "--throw", 5, 9)
    run_script(
        "synthesize", *folder_flags(tmp_path), "--ntrain", 4, "--nvalid", 0, *sizes, *scenario
    )
    samples = pd.read_csv(tmp_path / "statistics_train.csv")
    faults = pd.read_csv(tmp_path / "faults_train.csv")
    assert samples["faults"].between(4, 6).all()
    assert (samples["signal_to_noise_db"] <= 6.03).all()
    assert faults["dip"].between(50, 70).all()
    dip_slip = faults[faults["kind"] != "strike-slip"]
    assert dip_slip["throw"].between(4, 9.01).all()
    for number in range(4):
        fsem = np.fromfile(tmp_path / "target_train" / f"{number}_fsem.bin", "<f4")
        assert samples["fault_fraction"][number] == pytest.approx(fsem.mean(), abs=1e-6)
        assert faults.loc[faults["sample"] == number, "labelled_voxels"].sum() == fsem.sum()
    empty = pd.read_csv(tmp_path / "faults_valid.csv")
    assert list(empty.columns) == list(faults.columns)
    assert empty.empty
