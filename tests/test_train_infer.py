"""Training: correct targets, exact resume, and errors for samples that cannot be used."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped] # it has no stubs
    EventAccumulator,
)

from conftest import ATTRIBUTES, Finished, folders_below, refused_in_one_line
from strataflow.errors import StrataflowError
from strataflow.network.architecture import DESIGNS, Architecture
from strataflow.network.extraction import write_weights
from strataflow.network.initial import load_initial_weights
from strataflow.network.losses import LOSSES, dissimilarity
from strataflow.network.model import (
    MultiTaskNetwork,
    cells_to_channels,
    channels_to_cells,
    receptive_field,
)
from strataflow.network.weights import load_network, read_checkpoint
from strataflow.samples.files import CHECKSUMS, UNFINISHED, Folders, sample_path, write_checksums
from strataflow.synthetic.earth_model import EarthModel
from strataflow.synthetic.events import Fault
from strataflow.synthetic.generate import synthesize_samples
from strataflow.synthetic.geology import evaluate
from strataflow.synthetic.scenario import Scenario
from strataflow.synthetic.stratigraphy import Layers
from strataflow.training.dataset import Crops, stretched
from strataflow.training.lightning import TrainingSettings
from strataflow.training.module import TrainingModule, average
from strataflow.training.overview import write_metrics_table
from strataflow.training.schedule import Length
from strataflow.training.sources import SampleSource
from strataflow.training.trainer import train
from strataflow.volume.orientation import axial_angle, normal_from_strike_dip
from strataflow.volume.raw import Shape

pytestmark = pytest.mark.training

Run = Callable[..., Finished]

NETWORK = Architecture("infer", "small", ("dhr", "rgt", "fault"))
SETTINGS = TrainingSettings(1, 2, 2, 1e-3, 3, (16, 16, 16))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """Four samples for training and one for validation, 32 x 32 x 32."""
    folder = tmp_path_factory.mktemp("samples")
    folders = folders_below(folder)
    scenario = Scenario(faults=(2, 6), throw=(4, 10))
    synthesize_samples(folders, {"train": 4, "valid": 1}, Shape(32, 32, 32), 1, 1, [scenario])
    return folders


@pytest.fixture
def samples(made: Folders, tmp_path: Path) -> Folders:
    """A copy of the samples that a test may corrupt."""
    copies = folders_below(tmp_path)
    for name, folder in vars(copies).items():
        shutil.copytree(getattr(made, name), folder)
    return copies


def sources(folders: Folders) -> tuple[SampleSource, SampleSource]:
    train_source, valid_source = (
        SampleSource.open([folders.data(split)], [folders.target(split)], None, Shape(32, 32, 32))
        for split in ("train", "valid")
    )
    return train_source, valid_source


# Steps per epoch: 4 samples of 8 crops in batches of 2.
STEPS = 16


def trained(
    folders: Folders,
    output: Path,
    resume: str | None = None,
    network: Architecture = NETWORK,
    init: Path | None = None,
    **more: object,
) -> Path:
    settings = replace(SETTINGS, **more)  # type: ignore[arg-type]
    checkpoint = train(network, settings, *sources(folders), output, resume, init)
    assert checkpoint
    return checkpoint


def same_weights(one: Path, other: Path) -> bool:
    """Whether two checkpoints have bit-identical weights, the same step and the same metrics."""
    a, b = read_checkpoint(one), read_checkpoint(other)
    return (
        a["metrics"] == b["metrics"]
        and a["global_step"] == b["global_step"]
        and a["state_dict"].keys() == b["state_dict"].keys()
        and all(
            torch.equal(a["state_dict"][name], b["state_dict"][name]) for name in a["state_dict"]
        )
    )


def corrupt(path: Path, value: float, count: int | None = None) -> None:
    """Overwrite the first `count` values of a sample, or all, and remove its checksum."""
    cube = np.fromfile(path, "<f4")
    cube[:count] = value
    cube.tofile(path)
    (path.parent / CHECKSUMS).unlink(missing_ok=True)


def test_stretched_labels_match_the_stretched_geology() -> None:
    layers = Layers(np.arange(-300.0, 600.0, 5.0), np.zeros(179), np.zeros(179))
    fault = Fault((24.0, 24.0, 32.0), 70.0, 50.0, 12.0, 90.0, 400.0, 400.0)
    earth = evaluate(EarthModel((fault,), layers), (48, 48, 65))
    cubes = {
        "fsem": (earth.fault > 0).astype(np.float32),
        "fdip": earth.dip / np.float32(180),
        "fstrike": earth.strike / np.float32(180),
        "rgt": earth.age / np.float32(100),
    }
    out = stretched(cubes, 97)
    assert {cube.shape for cube in out.values()} == {(48, 48, 97)}
    assert set(np.unique(out["fsem"])) == {0, 1}
    voxels = np.argwhere(out["fsem"] > 0)
    centred = voxels - voxels.mean(0)
    fitted = np.linalg.eigh(centred.T @ centred)[1][:, :1]
    where = out["fsem"] > 0
    labelled = normal_from_strike_dip(180 * out["fstrike"][where], 180 * out["fdip"][where])
    assert np.median(axial_angle(labelled, fitted)) < 1.5
    # Stretching by 1.5 multiplies the tangent of the dip of 50 degrees by 1.5.
    dip = np.degrees(np.arctan(1.5 * np.tan(np.radians(50))))
    np.testing.assert_allclose(180 * np.median(out["fdip"][where]), dip, atol=1)
    np.testing.assert_allclose(out["rgt"][..., ::3], cubes["rgt"][..., ::2], atol=1e-5)


def test_a_crop_is_reproducible_and_differs_in_the_next_epoch(made: Folders) -> None:
    crops = Crops(sources(made)[0], NETWORK, (16, 16, 16), 3, augment=True)
    again = Crops(sources(made)[0], NETWORK, (16, 16, 16), 3, augment=True)
    assert torch.equal(crops[5][0], again[5][0])
    assert not torch.equal(crops[5][0], crops[5 + len(crops)][0])
    for index in range(2 * len(crops)):
        given, targets, source = crops[index]
        assert given.shape == (1, 16, 16, 16)
        assert {cube.shape[1:] for cube in targets.values()} == {(16, 16, 16)}
        assert set(torch.unique(targets["fault"][0]).tolist()) <= {0, 1}
        assert Path(source).is_file()


def test_the_learning_rate_warms_up_stays_constant_and_falls_to_zero_in_the_last_fifth() -> None:
    schedule = Length(epochs=10, steps_per_epoch=400).schedule()
    factors = [schedule.factor(step) for step in range(4001)]
    assert factors[0] == 1 / 40
    assert factors[39:3201] == [1.0] * 3162
    np.testing.assert_allclose(np.diff(factors[3200:]), -1 / 800)
    assert factors[4000] == 0
    # A longer run begins with the same steps. A warm-up takes at most 200 steps.
    assert Length(20, 400).schedule().shares(schedule, 3200)
    assert not Length(20, 400).schedule().shares(schedule, 3201)
    assert Length(1, 5000).schedule().warm_up == 200


def test_a_run_with_more_epochs_resumes_before_its_cool_down_and_equals_an_uninterrupted_run(
    made: Folders,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    last = trained(made, whole, epochs=3)
    # The cool-down of a run of one epoch begins within it, and of two within the second.
    trained(made, parts, "auto", epochs=1)
    trained(made, parts, "auto", epochs=2)
    assert (
        f"constant.ckpt at step {STEPS - STEPS // 5} of {2 * STEPS}"
        in capsys.readouterr().out + caplog.text
    )
    assert same_weights(last, trained(made, parts, "auto", epochs=3))
    for folder in (whole, parts):
        best = {path.name for path in folder.glob("best-*.ckpt")}
        assert best == {"best-0.ckpt", "best-1.ckpt", "best-2.ckpt"}
        write_metrics_table(folder, folder.with_suffix(".csv"))
    assert whole.with_suffix(".csv").read_bytes() == parts.with_suffix(".csv").read_bytes()


def test_a_run_with_fewer_epochs_cools_down_and_equals_an_uninterrupted_run(
    made: Folders,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    trained(made, tmp_path / "long", "auto", epochs=7)
    capsys.readouterr()
    caplog.clear()
    short = trained(made, tmp_path / "long", "auto", epochs=5)
    # The cool-down of five epochs is the fifth epoch.
    assert (
        f"epoch=3.ckpt at step {4 * STEPS} of {5 * STEPS}" in capsys.readouterr().out + caplog.text
    )
    assert same_weights(short, trained(made, tmp_path / "short", epochs=5))
    write_metrics_table(tmp_path / "long", tmp_path / "table.csv")
    assert list(pd.read_csv(tmp_path / "table.csv")["epoch"]) == [0, 1, 2, 3, 4]
    # The cool-down of one epoch begins before the first checkpoint of the longer run.
    once = trained(made, tmp_path / "long", "auto", epochs=1)
    assert "starting afresh" in capsys.readouterr().out + caplog.text
    assert same_weights(once, trained(made, tmp_path / "once", epochs=1))


def test_a_run_with_other_settings_gets_its_own_folder_and_removes_nothing(
    made: Folders,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = tmp_path / "run"
    first = trained(made, run, "auto")
    before = {path.name: path.read_bytes() for path in first.parent.glob("*.ckpt")}
    capsys.readouterr()
    caplog.clear()
    other = trained(made, run, "auto", learning_rate=1e-4)
    said = capsys.readouterr().out + caplog.text
    assert "learning_rate 0.001 -> 0.0001: starting afresh in" in said
    assert f"kept in {first.parent.name}" in said
    assert other.parent != first.parent
    assert run.resolve() == other.parent
    assert {path.name: path.read_bytes() for path in first.parent.glob("*.ckpt")} == before
    # With the settings of the first run, training is already complete.
    assert trained(made, run, "auto") == first
    assert "is complete after 16 steps" in capsys.readouterr().out + caplog.text
    assert run.resolve() == first.parent


def test_the_folder_of_another_training_is_renamed_and_kept(
    made: Folders,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = tmp_path / "run"
    kept = trained(made, run).read_bytes()
    assert run.is_dir()
    assert not run.is_symlink()
    other = trained(made, run, "auto", seed=4)
    assert "seed 3 -> 4" in capsys.readouterr().out + caplog.text
    folders = [path for path in tmp_path.glob("run-*") if path != other.parent]
    assert [(path / "epoch=0.ckpt").read_bytes() for path in folders] == [kept]


def test_without_resume_existing_checkpoints_are_not_overwritten(
    made: Folders, tmp_path: Path
) -> None:
    checkpoint = trained(made, tmp_path / "run")
    before = checkpoint.read_bytes()
    with pytest.raises(StrataflowError, match="--resume auto"):
        trained(made, tmp_path / "run", learning_rate=1e-4)
    with pytest.raises(StrataflowError, match=r"learning_rate 0.001 -> 0.0001.*--dir_output"):
        trained(made, tmp_path / "run", str(checkpoint), learning_rate=1e-4, epochs=2)
    assert checkpoint.read_bytes() == before


def stop_at(monkeypatch: pytest.MonkeyPatch, step: int, number: signal.Signals) -> None:
    """Send a signal once, in the training step after `step` steps."""
    original = TrainingModule.training_step

    def stopped_once(module: TrainingModule, *batch: Any) -> torch.Tensor:
        if module.global_step == step:
            monkeypatch.setattr(TrainingModule, "training_step", original)
            os.kill(os.getpid(), number)
        return original(module, *batch)

    monkeypatch.setattr(TrainingModule, "training_step", stopped_once)


def test_a_run_stopped_in_its_cool_down_finishes_it_or_resumes_before_it_if_epochs_are_raised(
    made: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_at(monkeypatch, STEPS - 2, signal.SIGTERM)
    with pytest.raises(StrataflowError, match="stopped by SIGTERM"):
        trained(made, tmp_path / "run", "auto")
    shutil.copytree(tmp_path / "run", tmp_path / "raised")
    assert same_weights(trained(made, tmp_path / "run", "auto"), trained(made, tmp_path / "once"))
    raised = trained(made, tmp_path / "raised", "auto", epochs=2)
    assert same_weights(raised, trained(made, tmp_path / "twice", epochs=2))


def test_a_time_limit_saves_a_checkpoint_and_a_cool_down_finishes_the_run_from_it(
    made: Folders,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = tmp_path / "run"
    settings = replace(SETTINGS, epochs=1000, minutes=0.0)
    assert train(NETWORK, settings, *sources(made), run, "auto") is None
    said = capsys.readouterr().out + caplog.text
    assert f"at step 1 of {1000 * STEPS}" in said
    assert {path.name for path in run.glob("*.ckpt")} == {"within_epoch.ckpt"}
    cooled = trained(made, run, "auto", epochs=1000, cool_down=20)
    content = read_checkpoint(cooled)
    assert (cooled.name, content["global_step"]) == ("epoch=1.ckpt", 21)
    assert content["optimizer_states"][0]["param_groups"][0]["lr"] == 0
    assert content["metrics"]["valid/loss"] > 0
    # The cool-down is complete, and the long run still resumes before it.
    assert trained(made, run, "auto", epochs=1000, cool_down=20) == cooled
    capsys.readouterr()
    caplog.clear()
    assert train(NETWORK, settings, *sources(made), run, "auto") is None
    assert "at step 2 of" in capsys.readouterr().out + caplog.text
    with pytest.raises(StrataflowError, match=r"has fallen since step 1; .* constant\.ckpt"):
        trained(made, tmp_path / "more", str(cooled), epochs=1000)


def test_a_cool_down_needs_a_checkpoint(run_script: Run, made: Folders, tmp_path: Path) -> None:
    words = (*flags_of(made, tmp_path / "run"), "--cool_down", 5)
    assert "--resume" in run_script("train_infer", *words).stderr
    refused_in_one_line(run_script("train_infer", *words, "--resume", "auto"), "no checkpoint")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_stopped_run_saves_a_checkpoint_and_resumes_exactly(
    made: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    whole = read_checkpoint(trained(made, tmp_path / "whole", epochs=2))
    step = whole["global_step"] // 2 + 2
    stop_at(monkeypatch, step, number)
    parts = tmp_path / "parts"
    with pytest.raises(StrataflowError, match=f"stopped by {number.name} at step {step + 1};"):
        trained(made, parts, "auto", epochs=2)
    assert (parts / "within_epoch.ckpt").is_file()
    resumed = read_checkpoint(trained(made, parts, "auto", epochs=2))
    assert not (parts / "within_epoch.ckpt").exists()
    assert resumed["global_step"] == whole["global_step"]
    assert resumed["metrics"] == whole["metrics"]
    for name, values in whole["state_dict"].items():
        assert torch.equal(values, resumed["state_dict"][name]), name
    for folder in ("whole", "parts"):
        write_metrics_table(tmp_path / folder, tmp_path / f"{folder}.csv")
    assert (tmp_path / "whole.csv").read_bytes() == (tmp_path / "parts.csv").read_bytes()


def test_precision_depends_on_the_actual_crop_and_not_on_the_requested_one(
    made: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inlines: list[int] = []

    def recorded(number: int) -> str:
        inlines.append(number)
        return "32-true"

    monkeypatch.setattr("strataflow.training.lightning.precision_of_training", recorded)
    trained(made, tmp_path, crop=(64, 64, 64))
    assert inlines == [32]


def test_a_truncated_checkpoint_is_skipped(
    made: Folders,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    trained(made, tmp_path, "auto", epochs=2)
    broken = tmp_path / "epoch=1.ckpt"
    broken.write_bytes(broken.read_bytes()[:-1000])
    trained(made, tmp_path, "auto", epochs=2)
    assert "trying an earlier checkpoint" in capsys.readouterr().out + caplog.text
    assert read_checkpoint(broken)["epoch"] == 1


def test_a_short_run_keeps_the_batch_norm_statistics_of_the_initial_weights(
    made: Folders, tmp_path: Path
) -> None:
    without_rgt = Architecture("infer", "small", ("dhr", "fault"))
    first = trained(made, tmp_path / "first", network=without_rgt, epochs=2)
    write_weights(first, tmp_path / "init.pth")
    init = tmp_path / "init.pth"
    for resume, epochs in ((None, 1), ("auto", 2)):
        last = trained(made, tmp_path / "again", resume, init=init, epochs=epochs)
    given, kept = read_checkpoint(init)["state_dict"], read_checkpoint(last)["state_dict"]
    fresh = MultiTaskNetwork(NETWORK).state_dict()
    for name in (name for name in kept if name.endswith("running_mean")):
        if name in given:
            assert torch.equal(given[name].float(), kept[name]), name
        else:
            assert ".rgt." in name
            assert not torch.equal(fresh[name.removeprefix("network.")], kept[name]), name
    moved = [name for name in given if name.endswith("weight") and name in kept]
    assert any(not torch.equal(given[name].float(), kept[name]) for name in moved)


def test_the_decay_of_averaged_weights_grows_to_a_thousand_steps() -> None:
    rng = np.random.default_rng(0)
    steps = rng.normal(size=(3000, 4))
    averaged, counter = torch.zeros(4, dtype=torch.float64), torch.tensor(0)
    expected = np.zeros(4)
    for count, values in enumerate(steps):
        decay = min(0.999, (1 + count) / (10 + count))
        expected = decay * expected + (1 - decay) * values
        average([averaged], [torch.from_numpy(values)], torch.tensor(count))
        average([counter], [torch.tensor(count + 1)], torch.tensor(count))
    np.testing.assert_allclose(averaged, expected, atol=1e-12)
    assert counter == 3000


def test_batch_norm_statistics_of_initial_weights_stay_unless_they_are_to_be_updated(
    made: Folders, tmp_path: Path
) -> None:
    init, name = tmp_path / "init.pth", "network.encoder.0.0.1.running_mean"
    write_weights(trained(made, tmp_path / "first"), init)
    kept = trained(made, tmp_path / "kept", init=init)
    updated = trained(made, tmp_path / "updated", init=init, norm_statistics="update")
    given, same, moved = (
        read_checkpoint(path)["state_dict"][name].float() for path in (init, kept, updated)
    )
    assert torch.equal(given, same)
    assert not torch.equal(given, moved)


def test_more_epochs_from_initial_weights_continue_however_long_the_run_becomes(
    made: Folders,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    init = tmp_path / "init.pth"
    write_weights(trained(made, tmp_path / "first"), init)
    # More than a thousand steps, of which the cool-down is not run.
    trained(made, tmp_path / "run", "auto", init=init)
    capsys.readouterr()
    caplog.clear()
    assert not train(
        NETWORK,
        replace(SETTINGS, epochs=70, minutes=1e-9),
        *sources(made),
        tmp_path / "run",
        "auto",
        init,
    )
    said = capsys.readouterr().out + caplog.text
    assert "starting afresh" not in said
    assert "resuming from" in said


@pytest.mark.parametrize("table", [True, False])
def test_training_starts_afresh_if_a_label_has_changed_in_its_last_voxel(
    samples: Folders, tmp_path: Path, table: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    first = trained(samples, tmp_path / "run", "auto")
    label = sample_path(samples.target("train"), 3, "rgt")
    values = np.fromfile(label, "<f4")
    values[-1] += 0.01
    values.tofile(label)
    if table:
        write_checksums(label.parent)
    else:
        (label.parent / CHECKSUMS).unlink()
    assert trained(samples, tmp_path / "run", "auto").parent != first.parent
    assert "training data changed: starting afresh" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--lr", "-1"), "--lr: expected a number above 0, got '-1'"),
        (("--lr", "nan"), "--lr: expected a number above 0, got 'nan'"),
        (("--seed", "-1"), "--seed"),
        (("--curves", "x.png"), "--curves needs --metrics"),
    ],
)
def test_wrong_flags_are_refused(
    run_script: Run, tmp_path: Path, words: tuple[str, str], reason: str
) -> None:
    refused_in_one_line(run_script("train_infer", "--dir_output", tmp_path, *words), reason)


def test_a_missing_validation_set_is_told() -> None:
    with pytest.raises(StrataflowError, match=r"validation: no samples; .* larger share"):
        SampleSource.open([], [], None, None, split="validation")


def test_samples_that_are_being_replaced_are_refused(samples: Folders) -> None:
    (samples.data("train") / UNFINISHED).touch()
    with pytest.raises(StrataflowError, match=r"data_train: incomplete.*run it again"):
        sources(samples)


def test_training_ends_early_without_progress_and_returns_the_best_epoch(
    made: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for task in NETWORK.tasks:
        monkeypatch.setitem(LOSSES, task, lambda a, b: 0 * (a - b).sum() + 1)
    chosen = trained(made, tmp_path, epochs=9, patience=2)
    assert {path.name for path in tmp_path.glob("epoch=*.ckpt")} == {
        f"epoch={epoch}.ckpt" for epoch in range(3)
    }
    assert chosen.name.startswith("best-")
    assert read_checkpoint(chosen)["metrics"]["valid/loss"] == 3


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (None, np.nan, ("0.bin", "NaN or infinite")),
        ("rgt", np.inf, ("0_rgt.bin", "NaN or infinite")),
        ("fsem", 1.5, ("0_fsem.bin", "0 to 1", "1.5")),
        ("fdip", -0.5, ("0_fdip.bin", "-0.5")),
    ],
)
def test_a_sample_with_invalid_values_is_named(
    samples: Folders, tmp_path: Path, name: str | None, value: float, words: tuple[str, ...]
) -> None:
    folder = samples.data_train if name is None else samples.target_train
    corrupt(sample_path(folder, 0, name), value)
    with pytest.raises(StrataflowError) as refusal:
        trained(samples, tmp_path / "run", epochs=2)
    assert "\n" not in str(refusal.value)
    for word in words:
        assert word in str(refusal.value)


def test_a_sample_with_a_checksum_mismatch_is_named(samples: Folders, tmp_path: Path) -> None:
    path = sample_path(samples.target_train, 2, "rgt")
    content = bytearray(path.read_bytes())
    content[7777] ^= 1
    path.write_bytes(content)
    with pytest.raises(StrataflowError, match=f"{path}: checksum mismatch"):
        trained(samples, tmp_path / "run")


def test_a_training_set_without_faults_is_refused(samples: Folders, tmp_path: Path) -> None:
    for path in samples.target_train.glob("*_fsem.bin"):
        corrupt(path, 0)
    with pytest.raises(StrataflowError, match="no fault"):
        trained(samples, tmp_path / "run")


def test_a_missing_sample_and_a_wrong_size_are_refused_in_one_line(
    run_script: Run, samples: Folders, tmp_path: Path
) -> None:
    words = [
        *("--dir_data_train", samples.data_train, "--dir_target_train", samples.target_train),
        *("--dir_data_valid", samples.data_valid, "--dir_target_valid", samples.target_valid),
        *("--dir_output", tmp_path / "run", "--n1", 32, "--n2", 32, "--n3", 32, "--epochs", 1),
    ]
    sample_path(samples.target_train, 2, "rgt").write_bytes(b"1234")
    refused_in_one_line(run_script("train_infer", *words), "2_rgt.bin", "131072", "4")
    sample_path(samples.data_train, 1).unlink()
    refused_in_one_line(run_script("train_infer", *words), "1.bin", "missing")
    assert not list(tmp_path.glob("run/*.ckpt"))


def test_a_nan_loss_stops_training_names_the_files_and_keeps_the_last_checkpoint(
    made: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(made, tmp_path, epochs=1)
    kept = (tmp_path / "epoch=0.ckpt").read_bytes()
    monkeypatch.setitem(LOSSES, "rgt", lambda a, b: (a - b).sum() * float("nan"))
    with pytest.raises(StrataflowError, match=r"nan at step .*data_train/\d\.bin"):
        trained(made, tmp_path, "auto", epochs=2)
    assert (tmp_path / "epoch=0.ckpt").read_bytes() == kept


def flags_of(folders: Folders, output: Path) -> tuple[object, ...]:
    """Flags of a training command that trains on `folders`."""
    return (
        *("--dir_data_train", folders.data_train, "--dir_target_train", folders.target_train),
        *("--dir_data_valid", folders.data_valid, "--dir_target_valid", folders.target_valid),
        *("--dir_output", output, "--n1", 32, "--n2", 32, "--n3", 32),
        *("--epochs", 2, "--preset", "small", "--crop", 16, 16, 16),
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="each process would need its own GPU")
def test_two_processes_share_an_epoch_and_one_process_does_not_resume_their_run(
    run_script: Run, made: Folders, tmp_path: Path
) -> None:
    words = (*flags_of(made, tmp_path / "run"), "--final", tmp_path / "final.ckpt")
    for resume in ((), ("--resume", "auto")):
        done = run_script("train_infer", *words, "--gpus_per_node", 2, *resume)
        assert done.returncode == 0, done.stderr
    crops = len(Crops(sources(made)[0], NETWORK, (16, 16, 16), 3, augment=True))
    content = read_checkpoint(tmp_path / "final.ckpt")
    assert content["global_step"] == 2 * crops // (2 * SETTINGS.batch_train)
    # One process has other batches, so it is another training.
    alone = run_script("train_infer", *words, "--resume", "auto")
    assert alone.returncode == 0, alone.stderr
    assert "processes 2 -> 1: starting afresh" in alone.stdout
    assert read_checkpoint(tmp_path / "final.ckpt")["global_step"] == 2 * content["global_step"]
    runs = {path.resolve() for path in tmp_path.glob("run*")}
    assert len(runs) == 2
    for run in runs:
        assert {path.name for path in run.glob("epoch=*")} == {"epoch=0.ckpt", "epoch=1.ckpt"}


def test_the_command_writes_the_loss_table_learning_curves_and_tensorboard_logs(
    run_script: Run, made: Folders, tmp_path: Path
) -> None:
    tables = ("--metrics", tmp_path / "m.csv", "--curves", tmp_path / "curves.png")
    done = run_script("train_infer", *flags_of(made, tmp_path / "run"), *tables)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "m.csv")
    assert list(table["epoch"]) == [0, 1]
    assert {f"valid/{task}" for task in NETWORK.tasks} <= set(table.columns)
    assert matplotlib.image.imread(tmp_path / "curves.png")[..., :3].std() > 0.05
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    assert events.Tags()["images"] == ["validation sample"]
    assert {"valid/loss", "train/fault", "lr-AdamW"} <= set(events.Tags()["scalars"])


def test_weights_contain_metadata_and_the_moving_average(made: Folders, tmp_path: Path) -> None:
    checkpoint = trained(made, tmp_path, epochs=1)
    write_weights(checkpoint, tmp_path / "infer.pth")
    content = torch.load(tmp_path / "infer.pth", weights_only=True)
    stored = torch.load(checkpoint, weights_only=True)
    assert content["receptive_field"] == receptive_field()
    assert content["metrics"]["valid/loss"] > 0
    assert content["hyper_parameters"]["training"]["crop"] == [16, 16, 16]
    assert len(content["hyper_parameters"]["training"]["data"]) == 64
    weight = "network.encoder.0.0.0.weight"
    averaged, last = stored["state_dict"][weight], stored["current_model_state"][weight]
    assert torch.equal(content["state_dict"][weight], averaged.half())
    assert not torch.equal(averaged, last)
    load_network(tmp_path / "infer.pth", "infer", NETWORK.tasks)


def test_weights_may_be_the_mean_of_the_trained_and_the_initial_ones(
    made: Folders, tmp_path: Path
) -> None:
    without_rgt = Architecture("infer", "small", ("dhr", "fault"))
    init, whole, mean = (tmp_path / f"{name}.pth" for name in ("init", "whole", "mean"))
    write_weights(trained(made, tmp_path / "first", network=without_rgt), init)
    checkpoint = trained(made, tmp_path / "second", init=init)
    write_weights(checkpoint, whole, init)
    write_weights(checkpoint, mean, init, share=0.25)
    before, after, between = (read_checkpoint(path)["state_dict"] for path in (init, whole, mean))
    changed = 0
    for name, weights in between.items():
        if name not in before:
            assert ".rgt." in name
            assert torch.equal(weights, after[name])
        elif weights.is_floating_point():
            expected = 0.75 * before[name].float() + 0.25 * after[name].float()
            torch.testing.assert_close(weights.float(), expected, atol=2e-3, rtol=2e-3)
            changed += not torch.equal(before[name], after[name])
    assert changed > 10
    assert read_checkpoint(mean)["hyper_parameters"]["training"]["trained_share"] == 0.25


@pytest.mark.parametrize(
    ("alone", "missing"), [(("--share", 0.5), "--initial"), (("--initial", "c.pth"), "--share")]
)
def test_a_mean_of_weights_needs_the_initial_ones_and_a_share(
    run_script: Run, tmp_path: Path, alone: tuple[object, ...], missing: str
) -> None:
    words = ("--checkpoint", tmp_path / "a.ckpt", "--output", tmp_path / "b.pth", *alone)
    refused_in_one_line(run_script("extract_weights", *words), f"needs {missing}")


def test_cells_to_channels_is_reversible() -> None:
    cube = torch.arange(2 * 3 * 4 * 6 * 8.0).reshape(2, 3, 4, 6, 8)
    cells = cells_to_channels(cube)
    assert cells.shape == (2, 24, 2, 3, 4)
    assert set(cells[1, :8, 1, 2, 3].tolist()) == set(cube[1, 0, 2:, 4:, 6:].flatten().tolist())
    assert torch.equal(channels_to_cells(cells), cube)


def test_an_untrained_refinement_network_returns_its_input() -> None:
    network = MultiTaskNetwork(Architecture("refine", "small", NETWORK.tasks)).eval()
    given = torch.rand(1, 9, 16, 16, 32)
    outputs = network(given)
    for task, channels in network.architecture.inputs.items():
        if task != "fault":
            assert torch.equal(outputs[task], given[:, channels])
    probability = outputs["fault"][:, 0].sigmoid()
    assert torch.allclose(probability, given[:, 2].clamp(0.02, 0.98), atol=1e-5)
    assert torch.equal(outputs["fault"][:, 1:], given[:, 3:])


def test_dissimilarity_grows_with_noise_and_equals_the_published_formula() -> None:
    torch.manual_seed(0)
    image = torch.randn(2, 1, 16, 24, 32)
    noise = torch.randn_like(image)
    measured = [float(dissimilarity(image + x * noise, image, 6.0)) for x in (0.0, 0.5, 2.0)]
    assert measured[0] == pytest.approx(0, abs=1e-5)
    assert 0.05 < measured[1] < measured[2] < 1
    # A single window gives the published formula of structural similarity.
    a, b = image[:1, :, :8, :8, :8] + 3, noise[:1, :, :8, :8, :8]
    covariance = ((a - a.mean()) * (b - b.mean())).mean()
    c1, c2 = 0.06**2, 0.18**2
    expected = (2 * a.mean() * b.mean() + c1) / (a.mean() ** 2 + b.mean() ** 2 + c1)
    expected *= (2 * covariance + c2) / (a.var(correction=0) + b.var(correction=0) + c2)
    assert float(dissimilarity(a, b, 6.0)) == pytest.approx(1 - float(expected), abs=1e-4)


@pytest.mark.parametrize("design", DESIGNS)
def test_outputs_depend_only_on_the_receptive_field(design: int) -> None:
    torch.manual_seed(0)
    network = MultiTaskNetwork(Architecture("infer", "small", ("fault",), design)).eval()
    for norm in (m for m in network.modules() if isinstance(m, torch.nn.BatchNorm3d)):
        # Residual blocks start at zero, and would hide their receptive field.
        torch.nn.init.ones_(norm.weight)
    line = torch.randn(1, 1, 16, 16, 704, requires_grad=True)
    middle = network(line)["fault"][0, 0, 8, 8, 353]
    middle.backward()
    assert line.grad is not None
    seen = torch.nonzero(line.grad[0, 0].abs().sum((0, 1)))[:, 0]
    reach = max(353 - int(seen.min()), int(seen.max()) - 353)
    assert reach <= receptive_field(design) // 2
    # It must not be much smaller, or tiles would overlap more than needed.
    assert reach > 0.75 * (receptive_field(design) // 2)


@pytest.mark.parametrize("kind", ["infer", "refine"])
def test_a_network_initialised_from_weights_of_the_first_design_predicts_the_same(
    kind: str, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    given = MultiTaskNetwork(Architecture(kind, "small", NETWORK.tasks, 1)).eval()
    with torch.no_grad():
        for parameter in given.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    stored = {"kind": kind, "preset": "small", "tasks": list(NETWORK.tasks)}
    state = {f"network.{name}": value for name, value in given.state_dict().items()}
    torch.save(
        {"hyper_parameters": {"architecture": stored}, "state_dict": state}, tmp_path / "old.pth"
    )
    larger = MultiTaskNetwork(Architecture(kind, "small", NETWORK.tasks))
    load_initial_weights(larger, tmp_path / "old.pth")
    image = torch.rand(1, 1 if kind == "infer" else 9, 32, 32, 32)
    with torch.inference_mode():
        expected, outputs = given(image), larger.eval()(image)
    assert sum(p.numel() for p in larger.parameters()) > 3 * sum(
        p.numel() for p in given.parameters()
    )
    for task in NETWORK.tasks:
        assert torch.allclose(outputs[task], expected[task], rtol=1e-4, atol=1e-3)


def test_initial_weights_of_some_tasks_keep_their_input_channels(
    tmp_path: Path,
) -> None:
    torch.manual_seed(0)
    given = MultiTaskNetwork(Architecture("refine", "small", ("dhr", "fault")))
    stored = {"kind": "refine", "preset": "small", "tasks": ["dhr", "fault"], "design": 2}
    state = {f"network.{name}": value for name, value in given.state_dict().items()}
    torch.save(
        {"hyper_parameters": {"architecture": stored}, "state_dict": state}, tmp_path / "some.pth"
    )
    wanted = MultiTaskNetwork(Architecture("refine", "small", NETWORK.tasks))
    load_initial_weights(wanted, tmp_path / "some.pth")
    first, other = (n.state_dict()["encoder.0.0.0.weight"] for n in (given, wanted))
    # 8 channels (cells of 2 x 2 x 2 voxels) for each input: dhr, rgt (missing here), 7 of faults.
    assert torch.equal(other[:, :8], first[:, :8])
    assert torch.equal(other[:, 16:], first[:, 8:])


def test_labels_of_disabled_tasks_are_not_required(samples: Folders, tmp_path: Path) -> None:
    for name in set(ATTRIBUTES) - {"rgt"}:
        for folder in (samples.target_train, samples.target_valid):
            for path in folder.glob(f"*_{name}.bin"):
                path.unlink()
    only_rgt = Architecture("infer", "small", ("rgt",))
    assert trained(samples, tmp_path / "run", network=only_rgt).is_file()
