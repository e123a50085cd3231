"""Inputs of the refinement network: corrupted like the output of an inference network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from conftest import ATTRIBUTES
from strataflow.synthetic.corruption import degrade
from strataflow.synthetic.earth import labelled_cube
from strataflow.synthetic.scenario import Scenario
from strataflow.volume.orientation import axial_angle, normal_from_strike_dip
from strataflow.volume.raw import Shape

Cubes = dict[str, NDArray[np.float32]]


def pairs(count: int = 8) -> list[tuple[Cubes, Cubes]]:
    scenario = Scenario(faults=(4, 8), throw=(5, 30))
    made = []
    for seed in range(count):
        cube = labelled_cube((seed, 0, 0), Shape(64, 64, 64), scenario)
        corrupted = degrade(np.random.default_rng(seed), cube.image, cube.targets)
        made.append((cube.targets, corrupted))
    return made


@pytest.fixture(scope="module")
def corrupted() -> list[tuple[Cubes, Cubes]]:
    return pairs()


def measures(target: Cubes, corrupted: Cubes) -> dict[str, float]:
    fault, found = target["fsem"] > 0.5, corrupted["fsem"] > 0.5
    both = fault & found
    normals = (
        normal_from_strike_dip(180 * cubes["fstrike"][both], 180 * cubes["fdip"][both])
        for cubes in (target, corrupted)
    )
    per_sample = (target["rgt"][..., -1] - target["rgt"][..., 0]).mean() / target["rgt"].shape[-1]
    return {
        "recall": both.sum() / fault.sum(),
        "precision": both.sum() / max(found.sum(), 1),
        "angle": float(np.median(axial_angle(*normals))) if both.any() else 0.0,
        "rgt_error": float(np.std(corrupted["rgt"] - target["rgt"]) / per_sample),
        "dhr_correlation": float(
            np.corrcoef(target["dhr"].ravel(), corrupted["dhr"].ravel())[0, 1]
        ),
    }


def test_faults_lose_pieces_and_get_false_ones(corrupted: list[tuple[Cubes, Cubes]]) -> None:
    found = [measures(*pair) for pair in corrupted]
    recall, precision = ([m[name] for m in found] for name in ("recall", "precision"))
    assert 0.3 < np.mean(recall) < 0.95
    assert 0.6 < np.mean(precision) < 0.999
    assert min(precision) < 0.99


def test_angles_time_and_image_are_a_little_wrong(corrupted: list[tuple[Cubes, Cubes]]) -> None:
    found = [measures(*pair) for pair in corrupted]
    assert 1 < np.mean([m["angle"] for m in found]) < 15
    assert 0.5 < np.mean([m["rgt_error"] for m in found]) < 6
    assert 0.6 < np.mean([m["dhr_correlation"] for m in found]) < 0.98


def test_corrupted_attributes_keep_type_and_range(corrupted: list[tuple[Cubes, Cubes]]) -> None:
    for target, cubes in corrupted:
        assert set(cubes) == set(ATTRIBUTES)
        for name in ATTRIBUTES:
            assert cubes[name].dtype == np.float32
            assert cubes[name].shape == target[name].shape
        for name in ("rgt", "fsem", "fdip", "fstrike"):
            assert 0 <= cubes[name].min() <= cubes[name].max() <= 1
        assert np.sqrt(np.mean(cubes["dhr"] ** 2)) == pytest.approx(1, rel=1e-3)


def test_the_published_degraded_sample_lies_within_ours(shared_data: Path) -> None:
    folder = shared_data / "lanl_mtl"
    target, published = (
        {
            name: np.fromfile(folder / split / f"0_{name}.bin", "<f4").reshape(64, 64, 64)
            for name in ATTRIBUTES
        }
        for split in ("target_train", "data_train")
    )
    theirs, ours = measures(target, published), [measures(*pair) for pair in pairs(30)]
    for name in ("recall", "precision", "rgt_error", "dhr_correlation"):
        low, high = (f([m[name] for m in ours]) for f in (min, max))
        assert low <= theirs[name] <= high, (name, low, theirs[name], high)
