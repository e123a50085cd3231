"""The quality bench: its measures against brute force, its set, and a whole tiny run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import distance_transform_edt

from conftest import REPOSITORY, refused_in_one_line
from random_network import network, stored

sys.path.insert(0, str(REPOSITORY / "benchmarks" / "quality"))

import independent
from cases import quality_set, read_peer, scenario_cases, scenarios_of
from picture import draw
from report import notes, write_tables
from scores import field_row, joined, labelled_row, pieces_away

import quality
from strataflow.cli.arguments import run
from strataflow.errors import StrataflowError
from strataflow.interpretation.fault_scores import fault_metrics
from strataflow.interpretation.thickness import median_thickness
from strataflow.volume.orientation import normal_from_strike_dip

# A scenario that has no faults, one that has many, and settings of none of them.
SCENARIOS = """
synthetic:
  scenario: {faults: [3, 30], channel: 0}
  scenarios:
    - {name: quiet, faults: [0, 0], channel: 0.5}
    - {throw: [4, 16], weight: 2}
"""


def pieces_by_flood(found: np.ndarray, near: np.ndarray) -> list[int]:
    """Sizes of pieces of `found` without a voxel in `near`, by walking from voxel to voxel."""
    left = set(map(tuple, np.argwhere(found).tolist()))
    sizes = []
    while left:
        piece, front = set(), [left.pop()]
        while front:
            at = front.pop()
            piece.add(at)
            close = {p for p in left if max(abs(a - b) for a, b in zip(p, at, strict=True)) <= 1}
            left -= close
            front += close
        if not any(near[at] for at in piece):
            sizes.append(len(piece))
    return sorted(sizes, reverse=True)


def test_pieces_are_those_of_walking_from_voxel_to_voxel() -> None:
    rng = np.random.default_rng(1)
    found, near = rng.random((12, 13, 14)) < 0.08, rng.random((12, 13, 14)) < 0.02
    pieces = pieces_away(found, near, more_than=2)
    assert [p.voxels for p in pieces] == [n for n in pieces_by_flood(found, near) if n > 2]
    assert len(pieces) > 3


def test_a_piece_is_listed_with_the_box_that_it_is_in() -> None:
    found = np.zeros((16, 16, 16), bool)
    found[2:5, 3:9, 10:12] = True
    (piece,) = pieces_away(found, np.zeros_like(found), more_than=35)
    assert (piece.voxels, piece.first, piece.last) == (36, (2, 3, 10), (4, 8, 11))
    assert pieces_away(found, np.zeros_like(found), more_than=36) == []


def test_cubes_that_are_joined_score_as_their_voxels_together() -> None:
    rng = np.random.default_rng(2)
    truth = [{"fsem": (rng.random((9, 10, 11)) < share).astype("f4")} for share in (0.05, 0.3)]
    predicted = [{"fsem": rng.random((9, 10, 11), np.float32)} for _ in truth]
    row = labelled_row(predicted, truth, negative=False)
    found, true = (np.stack([c["fsem"] for c in cubes]) >= 0.5 for cubes in (predicted, truth))
    assert row["precision"] == pytest.approx((found & true).sum() / found.sum())
    assert row["labelled_share"] == pytest.approx(true.mean())
    assert row["predicted_share"] == pytest.approx(found.mean())
    near = np.stack([distance_transform_edt(~t) <= 2 for t in true])
    assert row["precision_within_2_voxels"] == pytest.approx((found & near).sum() / found.sum())
    assert joined([c["fsem"] for c in truth]).shape == (9 + 8 + 9, 10, 11)


def test_cubes_without_faults_on_purpose_are_scored_by_share_and_pieces_alone() -> None:
    nothing, found = np.zeros((2, 16, 16, 16), np.float32)
    found[4:8, 4:8, 4:8] = 0.9
    row = labelled_row([{"fsem": found}], [{"fsem": nothing}], negative=True)
    assert "f1" not in row
    assert row["predicted_share"] == 64 / 16**3
    assert (row["false_pieces"], row["false_voxels"], row["largest_false_piece"]) == (1, 64, 64)


def test_agreement_with_the_peer_is_counted_both_ways() -> None:
    ours, peer = np.zeros((2, 32, 32, 32), np.float32)
    peer[10], ours[12, :16], ours[26, :12, :30] = 0.7, 0.8, 0.6
    row, pieces = field_row(ours, peer, np.ones((32, 32), bool))
    # Two voxels away straight across is as far as the tolerance reaches.
    assert row["peer_reached"] == pytest.approx(16 / 32)
    assert row["near_peer"] == pytest.approx(16 * 32 / (16 * 32 + 12 * 30))
    assert [piece.voxels for piece in pieces] == [360]


@pytest.mark.parametrize("width", [2, 3, 6])
@pytest.mark.parametrize(("strike", "dip"), [(0, 90), (30, 60), (70, 45), (110, 80), (0, 0)])
def test_the_thickness_of_a_slab_does_not_depend_on_its_dip(
    width: int, strike: float, dip: float
) -> None:
    probability = slab(strike, dip, width).astype(np.float32)
    assert median_thickness(probability) == pytest.approx(width, abs=0.3)


def test_a_slab_that_others_cross_is_as_thick_as_before() -> None:
    crossed = slab(0, 90, 3) | slab(80, 70, 3) | slab(40, 60, 3)
    assert median_thickness(crossed.astype(np.float32)) == pytest.approx(3, abs=0.3)


def test_half_of_the_area_decides_between_thick_and_thin() -> None:
    probability = np.zeros((40, 40, 40), np.float32)
    probability[5:7], probability[20:32, :30] = 1, 1
    assert median_thickness(probability) == pytest.approx(2, abs=0.3)
    assert median_thickness(np.zeros_like(probability)) is None


def test_thickness_is_that_of_the_zones_that_are_asked_for() -> None:
    probability = np.zeros((40, 40, 40), np.float32)
    probability[5:7], probability[20:32, :30] = 1, 1
    where = np.zeros(probability.shape, bool)
    where[30:] = True
    assert median_thickness(probability, where) == pytest.approx(12, abs=0.3)


def slab(strike: float, dip: float, width: float) -> np.ndarray:
    """Voxels no farther than half of `width` from a plane through about the middle of a cube."""
    place = np.indices((40, 40, 40)) - 19.63
    normal = normal_from_strike_dip(np.array(strike), np.array(dip))
    return np.abs(np.tensordot(normal, place, 1)) <= width / 2


def test_the_best_threshold_within_tolerance_is_that_of_trying_them_one_by_one() -> None:
    rng = np.random.default_rng(3)
    true = np.zeros((14, 15, 16), bool)
    true[6:8, :, 3:] = True
    noisy = rng.integers(1, 100, true.shape) / 100
    predicted = np.where(true, noisy**0.5, noisy**4).astype(np.float32)
    live = rng.random((14, 15)) < 0.9
    metrics = fault_metrics(predicted, true.astype(np.float32), live)
    scores = []
    for threshold in np.linspace(0.01, 0.99, 99, dtype=np.float32):
        found, labelled = (mask & live[:, :, None] for mask in (predicted >= threshold, true))
        precision = (distance_transform_edt(~labelled)[found] <= 2).mean()
        recall = (distance_transform_edt(~found)[labelled] <= 2).mean()
        scores.append(2 * precision * recall / (precision + recall))
    assert metrics["best_f1_within_2_voxels"] == pytest.approx(max(scores))
    assert metrics["best_threshold_within_2_voxels"] == pytest.approx(
        0.01 * (1 + int(np.argmax(scores)))
    )


def test_tolerant_iou_counts_right_over_all_within_the_tolerance() -> None:
    label, predicted = np.zeros((2, 24, 16, 16), np.float32)
    label[5], predicted[7], predicted[15] = 1, 0.9, 0.9
    metrics = fault_metrics(predicted, label, np.ones((24, 16), bool))
    # Half of what is found is right, all of the label is reached: F1 of 2/3.
    assert metrics["f1_within_2_voxels"] == pytest.approx(2 / 3)
    assert metrics["iou_within_2_voxels"] == pytest.approx(1 / 2)


def test_calibration_is_the_distance_of_probability_and_share() -> None:
    label, predicted = np.zeros((2, 10, 10, 100), np.float32)
    predicted[:5], predicted[5:] = 0.9, 0.01
    label[:2] = 1
    metrics = fault_metrics(predicted, label, np.ones((10, 10), bool))
    # Two of five of the probable half are faults, none of the others.
    assert metrics["calibration_error"] == pytest.approx((0.5 + 0.01) / 2, abs=1e-6)
    assert metrics["calibration_error_where_probable"] == pytest.approx(0.5, abs=1e-6)


def test_calibration_is_that_of_going_from_bin_to_bin() -> None:
    rng = np.random.default_rng(4)
    predicted = rng.random((9, 10, 11), np.float32)
    true = rng.random(predicted.shape) < predicted**2
    error = 0.0
    for number in range(15):
        inside = (predicted >= number / 15) & (predicted < (number + 1) / 15)
        error += inside.mean() * abs(predicted[inside].mean() - true[inside].mean())
    metrics = fault_metrics(predicted, true.astype(np.float32), np.ones((9, 10), bool))
    assert metrics["calibration_error"] == pytest.approx(error, abs=1e-6)


def test_a_perfect_prediction_is_calibrated() -> None:
    label = (np.random.default_rng(5).random((8, 9, 10)) < 0.3).astype(np.float32)
    metrics = fault_metrics(label, label, np.ones((8, 9), bool))
    assert metrics["calibration_error"] == 0
    assert metrics["calibration_error_where_probable"] == 0


def test_a_fault_of_the_independent_generator_lies_as_its_angles_say() -> None:
    one = independent.Variant(faults=(1, 1), throw=(20, 21), noise=(0.1, 0.1))
    for seed in range(4):
        image, labels = independent.sample(seed, one, side=48)
        at = np.argwhere(labels["fsem"] == 1)
        assert len(at) > 500
        assert image.std() == pytest.approx(1, abs=1e-3)
        # The direction in which a plane has no extent.
        normal = np.linalg.svd(at - at.mean(axis=0), full_matrices=False)[2][2]
        strike, dip = (180 * labels[name][tuple(at[0])] for name in ("fstrike", "fdip"))
        told = normal_from_strike_dip(np.array(strike), np.array(dip))
        assert abs(normal @ told) > np.cos(np.radians(1))
        assert median_thickness(labels["fsem"]) == pytest.approx(2, abs=0.3)


def test_layers_are_older_across_a_fault_of_the_independent_generator_by_its_throw() -> None:
    one = independent.Variant(faults=(1, 1), throw=(10, 10.001), noise=(0.1, 0.1))
    jumps = []
    for seed in range(20):
        labels = independent.sample(seed, one, side=48)[1]
        rgt = labels["rgt"]
        growth = np.median(np.diff(rgt, axis=-1))
        # Both sides of the label, where it is steep, in the middle of the cube.
        for i3, i2, i1 in np.argwhere(labels["fsem"][6:-6, 6:-6, 6:-6] == 1)[::97] + 6:
            jump = max(
                abs(rgt[i3 + 4, i2, i1] - rgt[i3 - 4, i2, i1]),
                abs(rgt[i3, i2 + 4, i1] - rgt[i3, i2 - 4, i1]),
            )
            jumps.append(jump / growth)
    # The throw at the centre is 10 samples and less away from it; layers dip besides.
    assert 3 < np.median(jumps) < 13


def test_the_same_seed_gives_the_same_independent_sample() -> None:
    first, second = (independent.sample(7, independent.VARIANTS["dense"], 32) for _ in range(2))
    assert np.array_equal(first[0], second[0])


def test_scenarios_have_their_names_or_numbers(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(SCENARIOS)
    found = scenarios_of(config)
    assert list(found) == ["quiet", "scenario 2"]
    assert tuple(found["scenario 2"].faults) == (3, 30)
    config.write_text("synthetic: {scenarios: {calm: {faults: [0, 0]}, torn: {reverse: 0.5}}}")
    assert list(scenarios_of(config)) == ["calm", "torn"]
    assert len(scenarios_of(REPOSITORY / "config" / "pretrained.yaml")) >= 1


def test_cubes_are_cached_for_each_scenario(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(SCENARIOS)
    quiet, other = scenario_cases(config, tmp_path / "set", cubes=1, side=16)
    assert (quiet.negative, other.negative) == (True, False)
    made = quiet.images[0].stat().st_mtime_ns
    config.write_text(SCENARIOS.replace("[4, 16]", "[4, 17]"))
    again, changed = scenario_cases(config, tmp_path / "set", cubes=1, side=16)
    assert again.images[0].stat().st_mtime_ns == made
    assert changed.images != other.images
    assert not other.images[0].exists()


def test_cases_without_faults_are_reported() -> None:
    rows = [
        {"case": "quiet", "kind": "scenario", "negative": True, "labelled_share": 0.0},
        {"case": "blurred", "kind": "scenario", "negative": False, "labelled_share": 0.0},
        {"case": "torn", "kind": "scenario", "negative": False, "labelled_share": 0.1},
    ]
    told = notes(pd.DataFrame(rows))
    assert len(told) == 2
    assert "quiet: no faults on purpose" in told[0]
    assert "blurred: no visible fault" in told[1]


def test_weights_are_scored_from_the_set_to_the_picture(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(SCENARIOS)
    networks = {"a": network(), "b": network(tasks=("fault",))}
    given = quality_set(config, tmp_path / "nowhere", tmp_path / "set", None, side=16)
    (tmp_path / "work").mkdir()
    scores = quality.score(given, networks, None, tmp_path / "work")
    table = write_tables(tmp_path / "out", scores.rows, scores.pieces, given.left_out)
    draw(tmp_path / "out" / "picture.png", scores.diagrams, None)
    names = ["quiet", "scenario 2", "independent, clear", "independent, dense"]
    assert table["case"].tolist() == [name for name in names for _ in range(2)]
    assert table["weights"].tolist() == ["a", "b"] * 4
    text = (tmp_path / "out" / "table.md").read_text()
    assert "Left out: field crop" in text
    assert "Left out: LANL sample" in text
    assert {p.name for p in (tmp_path / "out").iterdir()} >= {"table.csv", "picture.png"}


def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, *words: object) -> str:
    """The line that the program ends in, with these words."""
    monkeypatch.setattr(sys, "argv", ["quality.py", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        run(quality.main)
    assert ended.value.code not in (0, None)
    # What is no number is printed when the interpreter ends.
    told = ended.value.code if isinstance(ended.value.code, str) else capsys.readouterr().err
    assert len(told.strip().splitlines()) == 1
    return told


def test_bad_flags_end_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    missing, weights = tmp_path / "missing.pth", stored(network(), tmp_path / "infer.pth")
    for words, expected in (
        (("--weights", missing), "missing.pth: no such file"),
        (("--weights",), "--weights"),
        (("--weights", weights, "--fast"), "--fast"),
        (("--weights", weights, "--refine", missing), "missing.pth: no such file"),
        (("--weights", weights, "--refine", weights), "expected a network of kind 'refine'"),
        (("--weights", weights, "--peer", missing), "missing.pth: no such file"),
    ):
        assert expected in refused(monkeypatch, capsys, *words)


def test_make_quality_without_weights_ends_in_one_line() -> None:
    done = subprocess.run(
        ["make", "quality", "WEIGHTS="],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    refused_in_one_line(done, "WEIGHTS")


def test_a_peer_that_is_not_an_npz_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "peer.npz").write_bytes(b"nothing")
    with pytest.raises(StrataflowError, match="not an npz file"):
        read_peer(tmp_path / "peer.npz")
