"""Surveys to numbered samples."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from conftest import Finished, folder_flags, refused_in_one_line
from strataflow.errors import StrataflowError
from strataflow.samples.files import count_samples, deliver_samples, sample_path

Run = Callable[..., Finished]
SIZES = ("--n1", 48, "--n2", 40, "--n3", 64)


def survey(folder: Path) -> tuple[np.ndarray, tuple[object, ...]]:
    """An image, a fault label, and the flags that name them."""
    image = np.random.default_rng(1).normal(size=(64, 40, 48)).astype("<f4")
    image.tofile(folder / "x.bin")
    fault = np.zeros_like(image)
    fault[20:22] = 1
    fault.tofile(folder / "x.fsem")
    (0.5 * fault).tofile(folder / "x.fdip")
    (0.5 * fault).tofile(folder / "x.fstrike")
    labels = [
        word for name in ("fsem", "fdip", "fstrike") for word in (f"--{name}", folder / f"x.{name}")
    ]
    return image, ("--input", folder / "x.bin", *labels)


def test_patches_are_cut_where_the_manifest_says(run_script: Run, tmp_path: Path) -> None:
    _, words = survey(tmp_path)
    out = tmp_path / "out"
    done = run_script(
        "make_patches",
        *words,
        *folder_flags(out),
        *SIZES,
        "--patch",
        32,
        32,
        32,
        "--valid_share",
        0.3,
    )
    assert done.returncode == 0, done.stderr
    label = np.fromfile(tmp_path / "x.fsem", "<f4").reshape(64, 40, 48)
    seen = np.zeros(label.shape, int)
    for split in ("train", "valid"):
        table = pd.read_csv(out / f"manifest_{split}.csv")
        assert list(table["sample"]) == list(range(len(table)))
        assert len(table) > 0
        corners = table[["i3", "i2", "i1"]].to_numpy(int)
        for number, corner in enumerate(corners):
            window = tuple(slice(i, i + 32) for i in corner)
            patch = np.fromfile(out / f"target_{split}" / f"{number}_fsem.bin", "<f4")
            assert (patch.reshape(32, 32, 32) == label[window]).all()
            assert table["fault_fraction"][number] == label[window].mean(dtype=float)
            seen[window] |= 1 if split == "train" else 2
    assert set(np.unique(seen)) <= {0, 1, 2}, "validation voxels were trained on"


def test_amplitudes_are_those_of_the_survey_normalised_once(
    run_script: Run, tmp_path: Path
) -> None:
    image, words = survey(tmp_path)
    out = tmp_path / "out"
    done = run_script("make_patches", *words, *folder_flags(out), *SIZES, "--patch", 32, 32, 32)
    assert done.returncode == 0, done.stderr
    corner = pd.read_csv(out / "manifest_train.csv")[["i3", "i2", "i1"]].to_numpy(int)[0]
    window = tuple(slice(i, i + 32) for i in corner)
    patch = np.fromfile(out / "data_train" / "0.bin", "<f4").reshape(32, 32, 32)
    low, high = np.percentile(image, (0.5, 99.5))
    clipped = np.clip(image, low, high)
    expected = (clipped[window] - clipped.mean()) / clipped.std()
    assert np.abs(patch - expected).max() < 1e-3


def test_a_patch_larger_than_the_survey_is_refused(run_script: Run, tmp_path: Path) -> None:
    _, words = survey(tmp_path)
    out = tmp_path / "out"
    done = run_script("make_patches", *words, *folder_flags(out), *SIZES, "--patch", 64, 64, 64)
    refused_in_one_line(done, "x.bin", "n1=48", "64")
    assert not out.exists()


def test_patches_of_an_earlier_run_are_removed(run_script: Run, tmp_path: Path) -> None:
    _, words = survey(tmp_path)
    out = tmp_path / "out"
    counts = []
    for side in (16, 32):
        done = run_script(
            "make_patches", *words, *folder_flags(out), *SIZES, "--patch", *[side] * 3
        )
        assert done.returncode == 0, done.stderr
        counts.append(len(pd.read_csv(out / "manifest_train.csv")))
        assert count_samples(out / "data_train") == counts[-1]
        sizes = {path.stat().st_size for path in out.rglob("*.bin")}
        assert sizes == {4 * side**3}
    assert counts[0] > counts[1]
    assert not list(out.glob(".*"))


def test_a_run_that_stops_keeps_the_patches_that_were_there(
    run_script: Run, tmp_path: Path
) -> None:
    _, words = survey(tmp_path)
    out = tmp_path / "out"
    patch = ("--patch", 32, 32, 32)
    done = run_script("make_patches", *words, *folder_flags(out), *SIZES, *patch)
    assert done.returncode == 0, done.stderr
    before = {path.relative_to(out): path.read_bytes() for path in out.rglob("*.*")}
    share = ("--valid_share", 0.99)
    done = run_script("make_patches", *words, *folder_flags(out), *SIZES, *patch, *share)
    refused_in_one_line(done, "x.bin", "validation share (0.99)")
    assert {path.relative_to(out): path.read_bytes() for path in out.rglob("*.*")} == before


def test_samples_that_a_killed_run_has_half_replaced_are_refused_until_a_rerun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, made = tmp_path / "data", tmp_path / "made"
    for place, count in ((folder, 3), (made, 2)):
        place.mkdir()
        for number in range(count):
            np.full(8, number, "<f4").tofile(sample_path(place, number))
    real = os.replace

    def killed(source: Path, final: Path) -> None:
        if source.name == "1.bin":
            raise KeyboardInterrupt
        real(source, final)

    files = sorted(made.glob("*.bin"))
    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        deliver_samples({folder: files})
    monkeypatch.undo()
    with pytest.raises(StrataflowError, match="data: incomplete"):
        count_samples(folder)
    np.zeros(8, "<f4").tofile(made / "0.bin")
    deliver_samples({folder: files})
    assert count_samples(folder) == 2


def test_a_label_of_another_size_is_refused(run_script: Run, tmp_path: Path) -> None:
    _, words = survey(tmp_path)
    np.zeros(7, "<f4").tofile(tmp_path / "x.fsem")
    done = run_script("make_patches", *words, *folder_flags(tmp_path / "out"), *SIZES)
    refused_in_one_line(done, "x.fsem", "28")


def test_a_fault_label_without_its_angles_is_refused(run_script: Run, tmp_path: Path) -> None:
    _, words = survey(tmp_path)
    done = run_script("make_patches", *words[:4], *folder_flags(tmp_path / "out"), *SIZES)
    refused_in_one_line(done, "fsem fdip fstrike must be given together", "got fsem")
    assert not (tmp_path / "out").exists()
