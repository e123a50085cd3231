"""The contract's commands on the published LANL samples, as a user types them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from conftest import ATTRIBUTES, Finished

SIZE = ("--n1", 64, "--n2", 64, "--n3", 64)

pytestmark = pytest.mark.training


@dataclass(frozen=True)
class Lanl:
    """The published samples and a way to train on them."""

    data: Path
    target: Path
    run: Callable[..., Finished]

    def train(self, script: str, output: Path, *words: object) -> Finished:
        return self.run(
            script,
            *("--dir_data_train", self.data, "--dir_target_train", self.target),
            *("--dir_data_valid", self.data, "--dir_target_valid", self.target),
            *("--dir_output", output, "--batch_train", 1, "--batch_valid", 1),
            *("--ntrain", 1, "--nvalid", 1, "--lr", 1e-3, "--seed", 3, "--preset", "small"),
            *("--gpus_per_node", 1, "--nodes", 1, *SIZE, *words),
        )


@pytest.fixture
def lanl(shared_data: Path, run_script: Callable[..., Finished]) -> Lanl:
    folder = shared_data / "lanl_mtl"
    return Lanl(folder / "data_train", folder / "target_train", run_script)


def read(path: Path) -> np.ndarray:
    return np.fromfile(path, "<f4").reshape(64, 64, 64)


def test_train_resume_extract_and_infer_all_tasks(lanl: Lanl, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = lanl.train("train_infer", out, "--epochs", 2)
    assert first.returncode == 0, first.stderr
    kept = {f"{name}.ckpt" for name in ("epoch=0", "epoch=1", "best-0", "best-1", "last")}
    assert {p.name for p in out.glob("*.ckpt")} == kept
    second = lanl.train("train_infer", out, "--epochs", 3, "--resume", out / "last.ckpt")
    assert second.returncode == 0, second.stderr
    assert "resuming from" in second.stdout
    checkpoint = torch.load(out / "last.ckpt", weights_only=True)
    assert checkpoint["epoch"] == 2
    assert list((out / "tensorboard").glob("events.out.tfevents.*"))
    logged = pd.concat(pd.read_csv(path) for path in out.glob("csv/*/metrics.csv"))
    assert set(logged["epoch"].dropna()) == {0, 1, 2}

    model = tmp_path / "model.pth"
    extracted = lanl.run("extract_weights", "--checkpoint", out / "last.ckpt", "--output", model)
    assert extracted.returncode == 0, extracted.stderr
    assert "optimizer_states" not in torch.load(model, weights_only=True)

    tasks = ("--rgt", "True", "--fault", "True", "--dhr", "True")
    image = lanl.data / "0.bin"
    for source, prefix in ((model, tmp_path / "pth"), (out / "last.ckpt", tmp_path / "ckpt")):
        done = lanl.run(
            "infer", "--input", image, "--model", source, "--output", prefix, *tasks, *SIZE
        )
        assert done.returncode == 0, done.stderr
        cubes = {name: read(Path(f"{prefix}.{name}")) for name in ATTRIBUTES}
        assert all(np.isfinite(cube).all() for cube in cubes.values())
        assert cubes["rgt"].min() == 0
        assert cubes["rgt"].max() == 1
        assert 0 <= cubes["fsem"].min() <= cubes["fsem"].max() <= 1


def test_one_task_is_trained_and_inferred_alone(lanl: Lanl, tmp_path: Path) -> None:
    only_faults = ("--rgt", "False", "--dhr", "False", "--fault", "True")
    trained = lanl.train("train_infer", tmp_path / "run", "--epochs", 1, *only_faults)
    assert trained.returncode == 0, trained.stderr
    model = tmp_path / "run" / "last.ckpt"
    words = ("--input", lanl.data / "0.bin", "--model", model, "--output", tmp_path / "p", *SIZE)
    done = lanl.run("infer", *words, *only_faults)
    assert done.returncode == 0, done.stderr
    made = {p.name for p in tmp_path.glob("p.*") if p.suffix != ".json"}
    assert made == {"p.fsem", "p.fdip", "p.fstrike"}

    asked_too_much = lanl.run(
        "infer", *words[:-6], *SIZE, "--output", tmp_path / "q", "--rgt", True
    )
    assert asked_too_much.returncode != 0
    assert str(model) in asked_too_much.stderr
    assert not list(tmp_path.glob("q*"))


def test_the_refinement_network_trains_and_refines_published_attributes(
    lanl: Lanl, tmp_path: Path
) -> None:
    trained = lanl.train("train_refine", tmp_path / "run", "--epochs", 1)
    assert trained.returncode == 0, trained.stderr
    for name in ATTRIBUTES:
        (tmp_path / f"given.{name}").symlink_to(lanl.data / f"0_{name}.bin")
    done = lanl.run(
        "refine",
        *("--input", tmp_path / "given", "--model", tmp_path / "run" / "last.ckpt"),
        *("--output", tmp_path / "refined", "--iterations", 2, *SIZE),
    )
    assert done.returncode == 0, done.stderr
    assert all(read(tmp_path / f"refined.{name}").size for name in ATTRIBUTES)


def test_published_labels_score_perfectly_against_themselves(lanl: Lanl, tmp_path: Path) -> None:
    for name in ATTRIBUTES:
        (tmp_path / f"p.{name}").symlink_to(lanl.target / f"0_{name}.bin")
    words = ("--prediction", tmp_path / "p", "--target", lanl.target / "0", *SIZE)
    done = lanl.run("evaluate", *words, "--output", tmp_path / "metrics.json")
    assert done.returncode == 0, done.stderr
    metrics = pd.read_json(tmp_path / "metrics.json", typ="series")
    assert metrics["fault"]["f1"] == 1
    assert metrics["orientation"]["p90_degrees"] < 0.1
    assert metrics["rgt"]["mean_absolute_error"] == 0
    assert metrics["dhr"]["correlation"] == pytest.approx(1)


def test_a_checkpoint_of_the_other_network_is_refused(lanl: Lanl, tmp_path: Path) -> None:
    trained = lanl.train("train_infer", tmp_path / "run", "--epochs", 1)
    assert trained.returncode == 0, trained.stderr
    checkpoint = tmp_path / "run" / "last.ckpt"
    resumed = lanl.train("train_refine", tmp_path / "other", "--epochs", 2, "--resume", checkpoint)
    assert resumed.returncode == 1
    assert resumed.stderr.strip().count("\n") == 0
    assert str(checkpoint) in resumed.stderr
    assert not (tmp_path / "other").exists()
    (tmp_path / "given.fsem").symlink_to(lanl.data / "0_fsem.bin")
    refined = lanl.run(
        "refine",
        "--input",
        tmp_path / "given",
        "--model",
        checkpoint,
        "--output",
        tmp_path / "r",
        *SIZE,
    )
    assert refined.returncode == 1
    assert str(checkpoint) in refined.stderr
    assert not list(tmp_path.glob("r.*"))
