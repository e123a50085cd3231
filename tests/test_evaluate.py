"""Scores of small volumes that are counted by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import Finished, refused_in_one_line

Run = Callable[..., Finished]


@pytest.fixture
def score(run_script: Run, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Metrics of attributes given as (prediction, label) by name."""

    def run(**pairs: tuple[np.ndarray, np.ndarray]) -> dict[str, Any]:
        for name, (predicted, label) in pairs.items():
            predicted.astype("<f4").tofile(tmp_path / f"p.{name}")
            label.astype("<f4").tofile(tmp_path / f"t.{name}")
        n3, n2, n1 = next(iter(pairs.values()))[0].shape
        done = run_script(
            "evaluate",
            *("--prediction", tmp_path / "p", "--target", tmp_path / "t"),
            *("--output", tmp_path / "m.json", "--n1", n1, "--n2", n2, "--n3", n3),
        )
        assert done.returncode == 0, done.stderr
        return json.loads((tmp_path / "m.json").read_text())

    return run


def test_faults_a_voxel_aside_score_nothing_strictly_and_all_within_tolerance(
    score: Callable[..., dict[str, Any]],
) -> None:
    label, predicted = np.zeros((2, 16, 16, 16))
    label[5], predicted[7] = 1, 0.9
    fault = score(fsem=(predicted, label))["fault"]
    assert (fault["precision"], fault["recall"], fault["f1"], fault["iou"]) == (0, 0, 0, 0)
    assert fault["f1_within_2_voxels"] == 1
    predicted[:] = 0
    predicted[8] = 0.9
    assert score(fsem=(predicted, label))["fault"]["f1_within_2_voxels"] == 0


def test_half_of_a_fault_has_full_precision_and_half_the_recall(
    score: Callable[..., dict[str, Any]],
) -> None:
    label, predicted = np.zeros((2, 16, 16, 16))
    label[5] = 1
    predicted[5, :8] = 1
    fault = score(fsem=(predicted, label))["fault"]
    assert (fault["precision"], fault["recall"]) == (1, 0.5)
    assert fault["f1"] == pytest.approx(2 / 3)
    assert fault["iou"] == 0.5


def test_strikes_of_179_and_1_degrees_differ_by_2(score: Callable[..., dict[str, Any]]) -> None:
    fault = np.ones((8, 8, 8))
    upright = np.full((8, 8, 8), 0.5)
    metrics = score(
        fsem=(fault, fault),
        fdip=(upright, upright),
        fstrike=(fault * 179 / 180, fault * 1 / 180),
    )
    assert metrics["orientation"]["mean_degrees"] == pytest.approx(2, abs=0.05)


def test_a_geologic_time_on_another_scale_misplaces_no_layer(
    score: Callable[..., dict[str, Any]],
) -> None:
    label = np.broadcast_to(np.linspace(0, 1, 16), (8, 8, 16)).copy()
    rgt = score(rgt=(0.5 * label + 0.2, label))["rgt"]
    assert rgt["mean_absolute_shift_samples"] == pytest.approx(0, abs=1e-4)
    assert rgt["mean_absolute_error"] > 0.05
    assert rgt["share_growing_downward"] == 1


def test_an_image_of_another_gain_correlates_fully(score: Callable[..., dict[str, Any]]) -> None:
    image = np.random.default_rng(1).normal(size=(16, 16, 16))
    metrics = score(dhr=(3 * image, image))["dhr"]
    assert metrics["correlation"] == pytest.approx(1)
    assert metrics["rms_error_over_rms"] == pytest.approx(0, abs=1e-5)


def test_volumes_of_different_size_are_refused(run_script: Run, tmp_path: Path) -> None:
    np.zeros((4, 4, 4), "<f4").tofile(tmp_path / "p.fsem")
    np.zeros((4, 4, 5), "<f4").tofile(tmp_path / "t.fsem")
    words = ("--prediction", tmp_path / "p", "--target", tmp_path / "t")
    done = run_script("evaluate", *words, "--output", tmp_path / "m.json", *_sizes())
    refused_in_one_line(done, "t.fsem", "256", "320")
    assert not (tmp_path / "m.json").exists()


def test_nothing_in_common_is_refused(run_script: Run, tmp_path: Path) -> None:
    words = ("--prediction", tmp_path / "p", "--target", tmp_path / "t")
    done = run_script("evaluate", *words, "--output", tmp_path / "m.json")
    refused_in_one_line(done, "no attribute")


def _sizes() -> tuple[object, ...]:
    return ("--n1", 4, "--n2", 4, "--n3", 4)
