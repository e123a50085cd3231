"""Scores of small volumes that are counted by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from conftest import Finished, refused_in_one_line
from strataflow.errors import StrataflowError
from strataflow.interpretation.fault_scores import fault_metrics
from strataflow.interpretation.metrics import evaluate, geologic_time_metrics
from strataflow.volume.raw import Shape

Run = Callable[..., Finished]


@pytest.fixture
def score(run_script: Run, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Metrics of attributes given as (prediction, label) by name."""

    def run(
        image: np.ndarray | None = None,
        probability: float = 0.5,
        **pairs: tuple[np.ndarray, np.ndarray],
    ) -> dict[str, Any]:
        given: list[object] = ["--probability", probability]
        if image is not None:
            image.astype("<f4").tofile(tmp_path / "i.bin")
            given += ["--image", tmp_path / "i.bin"]
        for name, (predicted, label) in pairs.items():
            predicted.astype("<f4").tofile(tmp_path / f"p.{name}")
            label.astype("<f4").tofile(tmp_path / f"t.{name}")
        n3, n2, n1 = next(iter(pairs.values()))[0].shape
        done = run_script(
            "evaluate",
            *("--prediction", tmp_path / "p", "--target", tmp_path / "t"),
            *("--output", tmp_path / "m.json", "--n1", n1, "--n2", n2, "--n3", n3, *given),
        )
        assert done.returncode == 0, done.stderr
        return json.loads((tmp_path / "m.json").read_text())

    return run


def test_faults_one_voxel_off_score_only_with_tolerance(
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


def test_rgt_on_another_scale_shifts_no_layer(
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


def test_predictions_are_faults_from_the_probability_that_is_asked_for(
    score: Callable[..., dict[str, Any]],
) -> None:
    label, predicted = np.zeros((2, 16, 16, 16))
    label[5], predicted[5], predicted[12] = 1, 0.7, 0.4
    # Angles are 0 where the prediction calls nothing a fault.
    upright = np.where(predicted >= 0.6, 0.5, 0)
    pairs = {"fsem": (predicted, label), "fdip": (upright, label / 2), "fstrike": (0 * label,) * 2}
    low, high = (score(probability=p, **pairs) for p in (0.3, 0.6))
    assert (low["fault"]["probability"], high["fault"]["probability"]) == (0.3, 0.6)
    assert (low["fault"]["precision"], high["fault"]["precision"]) == (0.5, 1)
    assert (low["fault"]["surface_distance_p95"], high["fault"]["surface_distance_p95"]) == (7, 0)
    assert high["orientation"]["voxels"] == 256
    assert score(probability=0.8, **pairs)["orientation"]["voxels"] == 0


def test_the_best_threshold_is_found_where_probabilities_are_low(
    score: Callable[..., dict[str, Any]],
) -> None:
    label, predicted = np.zeros((2, 16, 16, 16))
    label[5] = 1
    predicted[5], predicted[9] = 0.3, 0.1
    fault = score(fsem=(predicted, label))["fault"]
    assert fault["recall"] == 0
    assert (fault["best_f1"], fault["best_iou"], fault["average_precision"]) == (1, 1, 1)
    assert 0.1 < fault["best_threshold"] <= 0.3


def test_the_best_threshold_is_that_of_trying_them_one_by_one() -> None:
    rng = np.random.default_rng(1)
    true = rng.random((8, 9, 10)) < 0.3
    # Some of them on a threshold, which counts as reached.
    predicted = (rng.integers(1, 100, true.shape) / 100 * (0.5 + 0.5 * true)).astype(np.float32)
    metrics = fault_metrics(predicted, true.astype(np.float32), np.ones((8, 9), bool))
    best = max(
        2
        * np.count_nonzero((predicted >= t) & true)
        / (np.count_nonzero(predicted >= t) + np.count_nonzero(true))
        for t in np.linspace(0.01, 0.99, 99, dtype=np.float32)
    )
    assert metrics["best_f1"] == pytest.approx(best)


def test_the_distance_of_surfaces_is_in_voxels(score: Callable[..., dict[str, Any]]) -> None:
    label, predicted = np.zeros((2, 24, 16, 16))
    label[5], predicted[9] = 1, 1
    fault = score(fsem=(predicted, label))["fault"]
    assert (fault["surface_distance_mean"], fault["surface_distance_p95"]) == (4, 4)
    # A tenth of what is found lies far away: that moves the percentile, the mean by half of it.
    predicted[:] = label
    predicted[15, :, :2] = 1
    fault = score(fsem=(predicted, label))["fault"]
    assert fault["surface_distance_p95"] == 10
    assert fault["surface_distance_mean"] == pytest.approx(0.5 * 10 * 32 / 288)


def test_geologic_time_is_followed_along_labelled_horizons(
    score: Callable[..., dict[str, Any]],
) -> None:
    i3, _, i1 = np.indices((24, 16, 64))
    label = (i1 + 5 * np.sin(i3 / 4) + 10) / 84
    rgt = score(rgt=(0.3 * label + 0.1, label))["rgt"]
    assert rgt["mean_absolute_error_after_fit"] == pytest.approx(0, abs=1e-4)
    assert rgt["horizon_scatter_samples"] == pytest.approx(0, abs=0.05)
    # A flat prediction wanders by what the layers do: the deviation of 5 sin.
    flat = np.broadcast_to(i1 / 64, label.shape)
    wander = score(rgt=(flat, label))["rgt"]["horizon_scatter_samples"]
    assert wander == pytest.approx(np.std(5 * np.sin(np.arange(24) / 4)), rel=0.1)


def test_the_gain_of_an_image_is_over_the_one_it_was_made_from(
    score: Callable[..., dict[str, Any]],
) -> None:
    rng = np.random.default_rng(1)
    clean = rng.normal(size=(16, 16, 32))
    noisy, better = (clean + a * rng.normal(size=clean.shape) for a in (1.0, 0.1))
    metrics = score(image=noisy, dhr=(better, clean))["dhr"]
    assert metrics["psnr_db_gain"] == pytest.approx(
        10 * np.log10(noise_over_rms(1.0) / noise_over_rms(0.1)), abs=0.7
    )
    assert metrics["structural_similarity_gain"] > 0.1
    assert score(image=noisy, dhr=(noisy, clean))["dhr"]["psnr_db_gain"] == pytest.approx(
        0, abs=0.2
    )


def noise_over_rms(noise: float) -> float:
    """Mean square difference of a unit image and itself with noise, each over its RMS."""
    return 2 - 2 / np.sqrt(1 + noise**2)


@pytest.mark.parametrize("kind", ["<i4", "<f4"])
def test_picked_faults_are_matched_with_true_ones_where_both_are_there(
    tmp_path: Path, kind: str
) -> None:
    label = np.zeros((24, 24, 24))
    label[5:7], label[15:17] = 1, 2
    picked = np.zeros_like(label)
    picked[5], picked[20] = 7, 3

    def written(name: str, values: np.ndarray, kind: str = "<f4") -> None:
        values.astype(kind).tofile(tmp_path / name)

    def faults() -> dict[str, Any]:
        output = tmp_path / "m.json"
        evaluate(tmp_path / "p", tmp_path / "t", output, Shape(24, 24, 24))
        return json.loads(output.read_text()).get("faults", {})

    written("p.fsem", picked > 0)
    written("t.fsem", label > 0)
    # Numbers that come from SEG-Y are float32; picked ones are integers.
    written("t.fault_id", label, kind)
    assert not faults()
    written("p.fault_id", picked, "<i4")
    found = faults()
    assert (found["visible_faults"], found["picked_objects"]) == (2, 2)
    assert (found["found_as_one"], found["missed"], found["false_objects"]) == (0.5, 0.5, 0.5)
    assert found["throw_error_median"] is None
    written("p.fthrow", 4.0 * picked)
    written("t.fthrow", 25.0 * label)
    assert faults()["throw_error_p90"] == 3


def test_volumes_of_different_size_are_refused(run_script: Run, tmp_path: Path) -> None:
    np.zeros((4, 4, 4), "<f4").tofile(tmp_path / "p.fsem")
    np.zeros((4, 4, 5), "<f4").tofile(tmp_path / "t.fsem")
    words = ("--prediction", tmp_path / "p", "--target", tmp_path / "t")
    done = run_script("evaluate", *words, "--output", tmp_path / "m.json", *_sizes())
    refused_in_one_line(done, "t.fsem", "256", "320")
    assert not (tmp_path / "m.json").exists()


def test_a_prediction_without_common_attributes_is_refused(run_script: Run, tmp_path: Path) -> None:
    words = ("--prediction", tmp_path / "p", "--target", tmp_path / "t")
    done = run_script("evaluate", *words, "--output", tmp_path / "m.json")
    refused_in_one_line(done, "no attribute")


def _sizes() -> tuple[object, ...]:
    return ("--n1", 4, "--n2", 4, "--n3", 4)


def test_an_affine_map_of_rgt_is_not_an_error_for_any_number_of_samples() -> None:
    label = np.broadcast_to(np.linspace(0, 1, 256, dtype=np.float32), (64, 64, 256))
    predicted = np.float32(0.3) + np.float32(0.2) * label
    live = np.ones((64, 64), bool)
    metrics = geologic_time_metrics(predicted, label, live)
    assert metrics["mean_absolute_error_after_fit"] == pytest.approx(0, abs=1e-6)


def test_unknown_voxels_and_other_lines_do_not_count(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    label = np.zeros((7, 40, 48), np.float32)
    label[:, 18:20] = 1
    predicted = np.clip(gaussian_filter(label, 2) + 0.1 * rng.random(label.shape), 0, 1)
    sparse = np.full_like(label, np.nan)
    sparse[3] = label[3]
    live = np.ones((7, 40), bool)
    known = np.isfinite(sparse)
    scores = fault_metrics(predicted.astype(np.float32), sparse, known)
    # The line as a volume of its own is the reference.
    alone = fault_metrics(predicted[3:4].astype(np.float32), label[3:4], live[3:4])
    for name in ("precision", "recall", "f1_within_2_voxels", "best_f1", "average_precision"):
        assert scores[name] == pytest.approx(alone[name]), name
    for name, cube in (("p", predicted), ("t", sparse), ("full", label)):
        cube.astype("<f4").tofile(tmp_path / f"{name}.fsem")
    shape = Shape(48, 40, 7)
    evaluate(tmp_path / "p", tmp_path / "t", tmp_path / "sparse.json", shape)
    evaluate(tmp_path / "p", tmp_path / "full", tmp_path / "line.json", shape, lines="inline 4")
    found = [
        json.loads((tmp_path / f"{name}.json").read_text())["fault"] for name in ("sparse", "line")
    ]
    assert found[0]["labelled_voxels"] == found[1]["labelled_voxels"] == 40 * 48
    assert found[0]["f1_within_2_voxels"] == found[1]["f1_within_2_voxels"]
    with pytest.raises(StrataflowError, match="inline 9: not in the survey"):
        evaluate(tmp_path / "p", tmp_path / "full", tmp_path / "x.json", shape, lines="inline 9")
