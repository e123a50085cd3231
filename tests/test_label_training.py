"""Training on partly known labels: losses, crops, splits, tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from conftest import folders_below
from strataflow.errors import StrataflowError
from strataflow.interpretation.control import ControlSet, write_control
from strataflow.network.architecture import Architecture
from strataflow.network.losses import LOSSES, MASKED_LOSSES, horizon_loss, task_loss
from strataflow.samples.files import sample_path
from strataflow.training.dataset import Crops
from strataflow.training.horizon_targets import horizon_target, numbered
from strataflow.training.lightning import TrainingSettings
from strataflow.training.overview import training_table
from strataflow.training.sources import SampleSource
from strataflow.training.surveys import Survey, open_surveys
from strataflow.training.trainer import train
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import plain_sidecar
from strataflow.volume.volume import write_volume

TASKS = ("dhr", "rgt", "fault")
NETWORK = Architecture("infer", "small", TASKS)
FAULTS = Architecture("infer", "small", ("fault",))
NAN = float("nan")


def batch(task: str, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Predictions and targets (2, channels, 16, 16, 16) of a task."""
    random = torch.Generator().manual_seed(seed)
    channels = {"dhr": 1, "rgt": 1, "fault": 7}[task]
    predicted, target = torch.randn(2, 2, channels, 16, 16, 16, generator=random)
    if task == "fault":
        target[:, 0] = (target[:, 0] > 1).float()
    return predicted, target


@pytest.mark.parametrize("task", TASKS)
def test_a_masked_loss_equals_the_plain_loss_where_all_is_known(task: str) -> None:
    predicted, target = batch(task)
    masked = MASKED_LOSSES[task](predicted[:1], target[:1])
    torch.testing.assert_close(masked, LOSSES[task](predicted[:1], target[:1]))
    found = task_loss(task, predicted, target)
    assert found is not None
    assert torch.equal(found, LOSSES[task](predicted, target))


@pytest.mark.parametrize("task", TASKS)
def test_unknown_voxels_have_no_gradient_and_no_influence(task: str) -> None:
    predicted, target = batch(task)
    target[0, :, 5:] = NAN
    target[1] = NAN
    predicted.requires_grad_()
    loss = task_loss(task, predicted, target)
    assert loss is not None
    loss.backward()  # type: ignore[no-untyped-call] # torch leaves it out of its stubs
    gradient = predicted.grad
    assert gradient is not None
    assert torch.isfinite(gradient).all()
    assert (gradient[0, :, 5:] == 0).all()
    assert (gradient[1] == 0).all()
    assert gradient[0, 0, :5].abs().max() > 0
    changed = predicted.detach().clone()
    changed[0, :, 5:] += 100
    again = task_loss(task, changed, target)
    assert again is not None
    torch.testing.assert_close(again, loss.detach())


def test_the_loss_of_a_line_is_that_of_a_volume_of_this_line_alone() -> None:
    predicted, target = batch("fault")
    target[0, :, :7] = NAN
    target[0, :, 8:] = NAN
    target[1] = NAN
    loss = task_loss("fault", predicted, target)
    line = (predicted[:1, :, 7:8], target[:1, :, 7:8])
    assert loss is not None
    torch.testing.assert_close(loss, LOSSES["fault"](*line))


def test_faults_of_unknown_orientation_teach_probability_alone() -> None:
    predicted, target = batch("fault")
    known = target.clone()
    target[:, 1:] = NAN
    predicted.requires_grad_()
    loss = task_loss("fault", predicted, target)
    assert loss is not None
    loss.backward()  # type: ignore[no-untyped-call] # torch leaves it out of its stubs
    assert predicted.grad is not None
    assert (predicted.grad[:, 1:] == 0).all()
    assert (predicted.grad[:, 0] != 0).all()
    assert not torch.equal(loss, LOSSES["fault"](predicted, known))


def test_a_batch_without_labels_of_a_task_has_no_loss() -> None:
    predicted, target = batch("rgt")
    assert task_loss("rgt", predicted, torch.full_like(target, NAN)) is None


SHAPE = Shape(40, 56, 50)


def survey(folder: Path, lines: tuple[int, ...] = (4, 20, 45)) -> tuple[Path, Path]:
    """A survey of an odd size with faults known on some inlines, as image and PREFIX of labels."""
    folder.mkdir(parents=True, exist_ok=True)
    sidecar = plain_sidecar(SHAPE, "image")
    noise = np.random.default_rng(1).normal(size=SHAPE.array).astype(np.float32)
    write_volume(folder / "x.bin", 100 * noise, sidecar)
    fault = np.full(SHAPE.array, np.nan, np.float32)
    fault[list(lines)] = 0
    fault[list(lines), 25:27] = 1
    write_volume(folder / "x.fsem", fault, sidecar.of_attribute("fsem"))
    return folder / "x.bin", folder / "x"


def test_crops_are_drawn_where_labels_are_and_padded_beyond_small_surveys(tmp_path: Path) -> None:
    one = Survey.open(*survey(tmp_path), TASKS)
    assert list(one.known) == ["fault"]
    crops = Crops(SampleSource((), SHAPE, (one,)), NETWORK, (64, 32, 64), 1, augment=True)
    assert crops.crop == (64, 32, 48)
    for index in range(12):
        given, targets, _ = crops[index]
        assert given.shape == (1, 64, 32, 48)
        assert torch.isfinite(given).all()
        assert given.std() < 2, "amplitudes are not normalised"
        fault = targets["fault"]
        assert torch.isfinite(fault[0]).any(), "a crop without labels"
        assert torch.isnan(targets["rgt"]).all()
        assert torch.isnan(targets["dhr"]).all()
        # Beyond the 50 inlines and 40 samples, labels are unknown, in any orientation.
        assert torch.isfinite(fault[0]).sum() <= 3 * 32 * 48
    assert torch.equal(crops[3][0], crops[3][0])


def test_held_out_lines_and_validation_lines_are_not_trained_on(tmp_path: Path) -> None:
    image, prefix = survey(tmp_path)
    train_part, valid_part = open_surveys([image], [prefix], ("fault",), ["inline 21"], 0.5)
    assert len(train_part) == len(valid_part) == 1
    # Inlines count from 1: of 5, 21 and 46, inline 21 is held out, and the last one validates.
    found = [set((s.known["fault"] // SHAPE.n2).tolist()) for s in (train_part[0], valid_part[0])]
    assert found == [{4}, {45}]
    labels = train_part[0].read_labels((0, 0, 0), SHAPE.array, ("fault",))["fsem"]
    assert np.isfinite(labels[4]).all()
    assert np.isnan(np.delete(labels, 4, axis=0)).all()
    with pytest.raises(StrataflowError, match="inline 99: not in the survey"):
        open_surveys([image], [prefix], ("fault",), ["inline 99"])
    with pytest.raises(StrataflowError, match="no known label"):
        open_surveys([image], [prefix], ("fault",), ["all"])
    with pytest.raises(StrataflowError, match=r"no label of the tasks to train: expected \.rgt"):
        open_surveys([image], [prefix], ("rgt",))


def synthetic(folder: Path, tasks: tuple[str, ...]) -> SampleSource:
    """Two samples of 32 cubed with the targets of `tasks`."""
    folders = folders_below(folder)
    rng = np.random.default_rng(2)
    names = {"dhr": ("dhr",), "rgt": ("rgt",), "fault": ("fsem", "fdip", "fstrike")}
    for number in range(2):
        cubes: dict[str | None, np.ndarray] = {None: rng.normal(size=(32, 32, 32))}
        cubes |= {name: rng.random((32, 32, 32)) for task in tasks for name in names[task]}
        for name, cube in cubes.items():
            place = folders.target_train if name else folders.data_train
            place.mkdir(parents=True, exist_ok=True)
            cube.astype("<f4").tofile(sample_path(place, number, name))
    return SampleSource.open([folders.data_train], [folders.target_train], None, None)


def test_the_share_of_surveys_is_that_of_the_crops_of_an_epoch(tmp_path: Path) -> None:
    one = Survey.open(*survey(tmp_path / "survey"), TASKS)
    source = replace(synthetic(tmp_path, TASKS), surveys=(one,), share=0.75)
    crops = Crops(source, NETWORK, (16, 16, 16), 1, augment=True)
    assert (crops.of_samples, crops.of_surveys, len(crops)) == (16, 48, 64)
    assert "x.bin" in crops[16][2]
    assert "x.bin" not in crops[15][2]
    # The next epoch begins with samples again.
    assert "x.bin" not in crops[64][2]


def test_samples_without_the_targets_of_a_task_teach_the_others(tmp_path: Path) -> None:
    source = synthetic(tmp_path, ("rgt",))
    crops = Crops(source, NETWORK, None, 1, augment=False)
    _, targets, _ = crops[0]
    assert torch.isfinite(targets["rgt"]).all()
    assert torch.isnan(targets["fault"][0]).all()
    with pytest.raises(StrataflowError, match="no label of dhr in any sample or survey"):
        source.require_tasks(NETWORK)
    with pytest.raises(StrataflowError, match="no targets of fsem fdip fstrike"):
        source.targets_in(source.samples[0][1], FAULTS)


def test_the_table_says_what_joins_for_which_tasks_with_how_many_voxels(tmp_path: Path) -> None:
    one = Survey.open(*survey(tmp_path / "survey"), TASKS)
    source = replace(synthetic(tmp_path, ("rgt", "dhr")), surveys=(one,), share=0.5)
    table = training_table({"train": Crops(source, NETWORK, (16, 16, 16), 1, True)}, NETWORK)
    assert table["crops"].tolist() == [16, 16]
    assert table["rgt_voxels"].tolist() == [2 * 32**3, "-"]
    assert table["fault_voxels"].tolist() == ["-", 3 * 56 * 40]
    assert table["faults_voxels"].tolist() == ["-", 3 * 2 * 40]


@pytest.mark.training
def test_training_on_a_mixed_set_changes_all_tasks_and_resumes_exactly(tmp_path: Path) -> None:
    one = Survey.open(*survey(tmp_path / "survey"), TASKS)
    source = replace(synthetic(tmp_path, ("rgt", "dhr")), surveys=(one,), share=0.5)
    settings = TrainingSettings(2, 2, 2, 1e-3, 3, (16, 16, 16))
    said: list[str] = []
    words = (NETWORK, settings, source, source)
    whole = train(*words, tmp_path / "whole", notify=said.append, table=tmp_path / "table.csv")
    assert whole is not None
    assert "survey/x.bin" in (tmp_path / "table.csv").read_text()
    assert any("voxels with a label" in line for line in said)
    once = (NETWORK, replace(settings, epochs=1), source, source)
    train(*once, tmp_path / "parts", "auto", notify=said.append)
    resumed = train(*words, tmp_path / "parts", "auto", notify=said.append)
    assert resumed is not None
    first, second = (torch.load(path, weights_only=True)["state_dict"] for path in (whole, resumed))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(torch.isfinite(values).all() for values in first.values())


def test_horizons_teach_one_value_along_each_and_their_order() -> None:
    """RGT that is the depth below a dipping plane is right, whatever lies between the horizons."""
    dip = np.add.outer(np.arange(16), np.arange(16)).astype(np.float32) / 8
    i3, i2 = np.indices((16, 16)).reshape(2, -1)
    sets = [
        ControlSet(name, np.stack([i3, i2, top + dip[i3, i2]], axis=1).astype(np.float32), order)
        for name, top, order in (("base", 10.3, 1.0), ("top", 2.6, 0.0))
    ]
    target = torch.from_numpy(horizon_target(numbered(sets), (0, 0, 0), (16, 16, 16), 16))[None]
    assert set(torch.unique(target[0, 0]).tolist()) == {0, 1, 2}
    assert target[0, 1].abs().max() <= 0.5
    flat = torch.zeros(1, 1, 16, 16, 16)
    right = flat - torch.from_numpy(dip)[None, None, :, :, None] / 16
    assert float(horizon_loss(right, target)) < 1e-6  # type: ignore[arg-type] # there are horizons
    wrong = horizon_loss(flat, target)
    assert wrong is not None
    expected = np.abs(dip - dip.mean()).mean() / 16
    torch.testing.assert_close(float(wrong), float(expected), atol=1e-3, rtol=0)
    # Reversed time puts the base above the top.
    depth = torch.arange(16.0).expand(1, 1, 16, 16, 16) / 16
    reverse = horizon_loss(-2 * depth, target)
    assert reverse is not None
    assert float(reverse) > (10.3 - 2.6) / 16
    assert horizon_loss(right, torch.zeros_like(target)) is None


def test_a_survey_with_horizons_alone_joins_training_of_rgt(tmp_path: Path) -> None:
    survey(tmp_path)
    i3, i2 = np.indices((50, 56)).reshape(2, -1)
    points = np.stack([i3, i2, np.full(i3.size, 20.25)], axis=1).astype(np.float32)
    write_control(tmp_path / "x.npz", [ControlSet("top", points, 0.0)])
    one = Survey.open(tmp_path / "x.bin", tmp_path / "gone", TASKS, "", tmp_path / "x.npz")
    assert list(one.known) == ["rgt"]
    assert one.label_counts() == {"rgt": 50 * 56}
    crops = Crops(SampleSource((), SHAPE, (one,)), NETWORK, (16, 16, 48), 1, augment=True)
    crossed = 0
    for index in range(8):
        _, targets, _ = crops[index]
        horizons = targets["horizons"]
        crossed += int((horizons[0] != 0).sum())
        assert horizons.shape == (2, 16, 16, 48)
        assert torch.isnan(targets["fault"][0]).all()
    assert crossed == 8 * 16 * 16


def test_surveys_alone_are_enough_and_a_set_without_anything_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    folders = [tmp_path / "empty"]
    one = Survey.open(*survey(tmp_path / "survey"), ("fault",))
    source = SampleSource.open(folders, folders, None, None, (one,), 0.5)
    crops = Crops(source, FAULTS, (16, 16, 16), 1, augment=True)
    assert len(crops) == len(crops.tiles) > 0
    with pytest.raises(StrataflowError, match="contains no samples"):
        SampleSource.open(folders, folders, None, None)
    with pytest.raises(StrataflowError, match="training: no samples"):
        SampleSource.open([], [], None, None)
