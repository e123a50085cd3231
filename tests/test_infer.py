"""Prediction of whole volumes with a network of random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import torch

from conftest import ATTRIBUTES, Finished, refused_in_one_line, write_segy
from random_network import TASKS, network, stored
from strataflow.errors import StrataflowError
from strataflow.network.architecture import Architecture
from strataflow.network.model import MultiTaskNetwork, receptive_field, with_fused_norms
from strataflow.prediction.averaging import Averaging
from strataflow.prediction.copies import TilePredictor
from strataflow.prediction.predict import predict_volume
from strataflow.prediction.sources import image_source
from strataflow.prediction.tiling import TileGrid, Tiling
from strataflow.training.dataset import Crops
from strataflow.training.sources import SampleSource
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import plain_sidecar, read_sidecar
from strataflow.volume.volume import Volume, statistics_of

Run = Callable[..., Finished]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return stored(network(), tmp_path / "model.pth")


@pytest.fixture
def refine_model(tmp_path: Path) -> Path:
    return stored(network("refine"), tmp_path / "refine.pth")


def volume_of(values: np.ndarray) -> Volume:
    shape = Shape(*values.shape[::-1])
    return Volume(Path("x.bin"), values, plain_sidecar(shape, "image"))


def predictor_of(
    made: torch.nn.Module, tiles: np.ndarray, tasks: tuple[str, ...] = TASKS
) -> TilePredictor:
    """A predictor of single tiles of that size."""
    n3, n2, n1 = tiles.shape[2:]
    grid = TileGrid.cover((n3, n2, n1), (n3, n2, n1), 0.25)
    tiling = Tiling((n3, n2, n1), 0.25, "fp32")
    return TilePredictor(made, tasks, grid, tiling, Averaging(), torch.device("cpu"))


def infer_volume(
    made: MultiTaskNetwork, volume: Volume, output: Path, tasks: tuple[str, ...], tiling: Tiling
) -> None:
    """Predict an image."""
    predict_volume(made, image_source(volume), output, tasks, tiling)


def test_tiles_with_enough_overlap_leave_no_seams(tmp_path: Path) -> None:
    values = np.random.default_rng(1).normal(size=(16, 16, 1024)).astype(np.float32)
    results = []
    # Inside of the receptive field of the rim a tile's values are those of the whole volume.
    assert receptive_field() < 384
    for name, n1 in (("whole", 1024), ("tiled", 768)):
        tiling = Tiling((16, 16, n1), 0.5, "fp32")
        infer_volume(network(tasks=("dhr",)), volume_of(values), tmp_path / name, ("dhr",), tiling)
        results.append(np.fromfile(tmp_path / f"{name}.dhr", "<f4"))
    scale = np.abs(results[0]).mean()
    assert np.abs(results[0] - results[1]).max() < 0.05 * scale
    assert np.abs(results[0] - results[1]).mean() < 1e-3 * scale


def test_a_volume_smaller_than_a_tile_in_every_direction_but_one_is_predicted(
    run_script: Run, model: Path, tmp_path: Path
) -> None:
    shape = (3, 5, 40)
    np.random.default_rng(1).normal(size=shape).astype("<f4").tofile(tmp_path / "x.bin")
    done = run_script(
        "infer",
        *("--input", tmp_path / "x.bin", "--model", model, "--output", tmp_path / "p"),
        *("--n1", 40, "--n2", 5, "--n3", 3),
    )
    assert done.returncode == 0, done.stderr
    assert all(
        np.isfinite(np.fromfile(tmp_path / f"p.{name}", "<f4").reshape(shape)).all()
        for name in ("dhr", "rgt", "fsem", "fdip", "fstrike")
    )


def test_dead_traces_stay_dead(run_script: Run, model: Path, tmp_path: Path) -> None:
    values = np.random.default_rng(1).normal(size=(20, 18, 32)).astype(np.float32)
    gone = {(4, 5), (19, 17)}
    segy = write_segy(tmp_path / "x.sgy", values, drop=gone)
    run_script("segy_to_binary", "--input", segy, "--output", tmp_path / "x.bin")
    words = ("--input", tmp_path / "x.bin", "--model", model, "--output", tmp_path / "p")
    done = run_script("infer", *words, "--tile", 32, 32, 32)
    assert done.returncode == 0, done.stderr
    for name in ("dhr", "rgt", "fsem", "fdip", "fstrike"):
        predicted = np.fromfile(tmp_path / f"p.{name}", "<f4").reshape(20, 18, 32)
        assert not any(predicted[trace].any() for trace in gone), name
    denoised = np.fromfile(tmp_path / "p.dhr", "<f4").reshape(20, 18, 32)
    live = np.ones((20, 18), bool)
    live[tuple(np.array([*gone]).T)] = False
    # As the normalised input.
    np.testing.assert_allclose(np.sqrt(np.square(denoised[live]).mean()), 1, rtol=1e-5)
    statistics = read_sidecar(tmp_path / "x.bin").amplitudes
    assert statistics
    assert read_sidecar(tmp_path / "p.fsem").normalisation == statistics


def test_predictions_of_an_image_without_a_sidecar_say_how_it_was_normalised(
    tmp_path: Path,
) -> None:
    volume = volume_of(np.random.default_rng(1).normal(size=(16, 16, 32)).astype(np.float32))
    infer_volume(network(), volume, tmp_path / "p", TASKS, Tiling((16, 16, 32)))
    assert read_sidecar(tmp_path / "p.rgt").normalisation == statistics_of(volume)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_gpu_and_cpu_predictions_agree(tmp_path: Path) -> None:
    volume = volume_of(np.random.default_rng(1).normal(size=(48, 48, 64)).astype(np.float32))
    for name, precision in (("auto", "auto"), ("exact", "fp32")):
        tiling = Tiling((48, 48, 64), 0.25, precision)
        infer_volume(network(), volume, tmp_path / name, TASKS, tiling)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: False)
        infer_volume(network(), volume, tmp_path / "cpu", TASKS, tiling)
    for attribute in ("dhr", "rgt", "fsem"):
        auto, exact, cpu = (
            np.fromfile(tmp_path / f"{name}.{attribute}", "<f4")
            for name in ("auto", "exact", "cpu")
        )
        assert np.abs(exact - cpu).mean() < 0.01 * cpu.std(), attribute
        assert np.abs(auto - cpu).mean() < 0.05 * cpu.std(), attribute


@pytest.mark.parametrize(
    ("script", "averaging"),
    [
        ("infer", ()),
        ("infer", ("--symmetries", 8)),
        ("infer", ("--symmetries", 2, "--scales", 1, "0.75,0.5", "--uncertainty", True)),
        ("refine", ()),
    ],
)
def test_slabs_are_joined_to_the_same_bytes_for_any_number_of_them(
    run_script: Run,
    tmp_path: Path,
    model: Path,
    refine_model: Path,
    script: str,
    averaging: tuple[object, ...],
) -> None:
    shape, size = (70, 40, 64), ("--n1", 64, "--n2", 40, "--n3", 70)
    names = (*ATTRIBUTES, "fuse") if "--uncertainty" in averaging else ATTRIBUTES
    rng = np.random.default_rng(1)
    rng.normal(size=shape).astype("<f4").tofile(tmp_path / "x.bin")
    for name in ATTRIBUTES:
        rng.uniform(size=shape).astype("<f4").tofile(tmp_path / f"x.{name}")
    given = {"infer": (tmp_path / "x.bin", model), "refine": (tmp_path / "x", refine_model)}
    source, weights = given[script]
    reflectors = tmp_path / {"infer": "x.bin", "refine": "x.dhr"}[script]
    tiling = ("--tile", 32, 32, 32, "--overlap", 0.25, "--precision", "fp32")
    words = ("--input", source, "--model", weights, *size, *tiling, *averaging)
    done = run_script(script, *words, "--output", tmp_path / "whole")
    assert done.returncode == 0, done.stderr
    for count in (2, 4):
        slabs = [tmp_path / f"{number}-of-{count}" for number in range(count)]
        for number, slab in enumerate(slabs):
            place = ("--output", slab, "--slab", number, count)
            done = run_script(script, *words, *place)
            assert done.returncode == 0, done.stderr
        flags = ("--input", reflectors, *size, "--slabs", *slabs[::-1])
        done = run_script("join_slabs", *flags, "--output", tmp_path / "joined")
        assert done.returncode == 0, done.stderr
        for name in names:
            joined = (tmp_path / f"joined.{name}").read_bytes()
            assert joined == (tmp_path / f"whole.{name}").read_bytes(), name
    refused_in_one_line(
        run_script("join_slabs", *flags[:-1], "--output", tmp_path / "p"), "slab.json", "count=3"
    )
    (tmp_path / "0-of-4.fsem").write_bytes(b"short")
    refused_in_one_line(
        run_script("join_slabs", *flags, "--output", tmp_path / "p"), "0-of-4.fsem", "5"
    )
    assert not list(tmp_path.glob("p.*"))


def test_the_attributes_of_a_single_slab_are_joined_without_a_copy_where_nothing_changes(
    run_script: Run, tmp_path: Path, model: Path
) -> None:
    shape, size = (33, 32, 40), ("--n1", 40, "--n2", 32, "--n3", 33)
    np.random.default_rng(1).normal(size=shape).astype("<f4").tofile(tmp_path / "x.bin")
    words = ("--input", tmp_path / "x.bin", "--model", model, *size, "--tile", 32, 32, 32)
    done = run_script("infer", *words, "--output", tmp_path / "slab", "--slab", 0, 1)
    assert done.returncode == 0, done.stderr
    slabs = [tmp_path / f"slab.{name}" for name in ("fsem", "fdip", "fstrike")]
    parts = {slab: (slab.stat().st_ino, slab.read_bytes()) for slab in slabs}
    flags = ("--input", tmp_path / "x.bin", *size, "--slabs", tmp_path / "slab")
    done = run_script("join_slabs", *flags, "--output", tmp_path / "joined")
    assert done.returncode == 0, done.stderr
    for slab, part in parts.items():
        joined = tmp_path / f"joined{slab.suffix}"
        assert (joined.stat().st_ino, joined.read_bytes()) == part
        assert not slab.exists()
    # RGT gets one scale, and the denoised image the RMS of its input.
    assert (tmp_path / "slab.rgt").exists()
    assert (tmp_path / "slab.dhr").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_batch_beyond_gpu_memory_is_split(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tiles = np.random.default_rng(1).normal(size=(5, 1, 32, 32, 32)).astype(np.float32)
    predict, corners = predictor_of(network(), tiles), [(0, 0, 0)] * 5
    mean, sizes, most = TilePredictor.mean, [], 2

    def with_little_memory(
        self: TilePredictor, corners: Any, some: np.ndarray, resampled: Any
    ) -> Any:
        sizes.append(len(some))
        if len(some) > most:
            raise torch.OutOfMemoryError
        return mean(self, corners, some, resampled)

    monkeypatch.setattr(TilePredictor, "mean", with_little_memory)
    outputs = list(predict(corners, tiles, []))
    assert sizes == [5, 2, 2, 1]
    for tile, output in zip(tiles, outputs, strict=True):
        alone = mean(predict, corners[:1], tile[None], [])
        for found, expected in zip(output, alone, strict=True):
            assert expected is not None
            assert found == pytest.approx(expected[0], abs=1e-4)
    most = 0
    with pytest.raises(StrataflowError, match=r"tile: .* more memory"):
        list(predict(corners, tiles, []))


def test_fused_norms_and_fewer_tasks_do_not_change_predictions() -> None:
    made = network()
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm3d):
            module.running_mean.normal_(generator=torch.Generator().manual_seed(1))  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 2, generator=torch.Generator().manual_seed(2))  # type: ignore[union-attr]
    folded = with_fused_norms(made)
    assert not any(isinstance(module, torch.nn.BatchNorm3d) for module in folded.modules())
    x = torch.randn(1, 1, 32, 32, 32, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        before, after = made.eval()(x), folded(x)
    for task, values in before.items():
        assert after[task].numpy() == pytest.approx(values.numpy(), abs=1e-4), task
    corners = [(0, 0, 0)]
    both = predictor_of(folded, x.numpy()).mean(corners, x.numpy(), [])
    shift, image = predictor_of(folded, x.numpy(), ("dhr",)).mean(corners, x.numpy(), [])
    assert shift is None
    assert np.array_equal(image, both[1][:, :1])


def test_a_value_that_is_not_a_number_is_refused_with_its_position(
    run_script: Run, tmp_path: Path, model: Path
) -> None:
    values = np.random.default_rng(1).normal(size=(20, 18, 32)).astype("<f4")
    values[3, 4, 5] = np.nan
    values.tofile(tmp_path / "x.bin")
    words = ("--input", tmp_path / "x.bin", "--model", model, "--output", tmp_path / "p")
    done = run_script("infer", *words, "--n1", 32, "--n2", 18, "--n3", 20)
    refused_in_one_line(done, "x.bin", "nan at n1=5 n2=4 n3=3")
    assert not list(tmp_path.glob("p*"))


def test_samples_are_predicted_as_volumes_are_and_train_refinement(
    run_script: Run, model: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(1)
    samples, size = tmp_path / "samples", ("--n1", 32, "--n2", 32, "--n3", 32)
    samples.mkdir()
    for number in range(2):
        rng.normal(size=(32, 32, 32)).astype("<f4").tofile(samples / f"{number}.bin")
    words = ("--input", samples, "--model", model, "--output", tmp_path / "made")
    done = run_script("predict_samples", *words)
    assert done.returncode == 0, done.stderr
    run_script(
        *("infer", "--input", samples / "1.bin", "--model", model),
        *("--output", tmp_path / "1", *size),
    )
    for name in ("dhr", "rgt", "fsem", "fdip", "fstrike"):
        sample = tmp_path / "made" / f"1_{name}.bin"
        assert sample.read_bytes() == (tmp_path / f"1.{name}").read_bytes(), name
    assert len(list((tmp_path / "made").glob("*.bin"))) == 10
    source = SampleSource.open([tmp_path / "made"], [tmp_path / "made"], None, None)
    given, _, name = Crops(source, Architecture("refine", "small", TASKS), None, 1, False)[1]
    assert given.shape == (9, 32, 32, 32)
    assert name.endswith("made/1_dhr.bin")

    (samples / "0.bin").unlink()
    refused_in_one_line(run_script("predict_samples", *words, *size), "0.bin", "missing")


@pytest.fixture
def unusable_models(tmp_path: Path, model: Path) -> None:
    """Model files that are not weights of this network."""
    (tmp_path / "text.pth").write_text("not weights")
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    content = torch.load(model, weights_only=True)
    content["hyper_parameters"]["architecture"]["preset"] = "base"
    torch.save(content, tmp_path / "swapped.pth")
    # A pickle that takes from a stack what was never put there.
    with ZipFile(model) as good, ZipFile(tmp_path / "empty.pth", "w") as bad:
        for name in good.namelist():
            bad.writestr(name, b"\x80\x02e." if name.endswith("data.pkl") else good.read(name))


@pytest.mark.usefixtures("unusable_models")
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ("--input gone.bin", ("gone.bin", "no such file")),
        ("--model gone.pth", ("gone.pth", "no such file")),
        ("--model text.pth", ("text.pth", "not a readable checkpoint")),
        ("--model empty.pth", ("empty.pth", "not a readable checkpoint")),
        ("--model other.pth", ("other.pth", "not a strataflow checkpoint")),
        ("--model swapped.pth", ("swapped.pth", "do not match the network")),
        ("--n3 21", ("x.bin", "n3=21")),
        ("--symmetries 3", ("symmetries", "expected 1, 2, 4, 8 or 16", "got 3")),
        ("--symmetries 0", ("symmetries", "got 0")),
        ("--symmetries -8", ("symmetries", "got -8")),
        ("--scales 1 0", ("scales", "from 0.5 to 2", "got 0")),
        ("--scales 1 10", ("scales", "from 0.5 to 2", "got 10")),
        ("--scales 1 1,2,1", ("scales", "pairs", "got [1.0, 2.0, 1.0]")),
        ("--scales 1 wide", ("scales", "'wide'")),
        ("--scales 0.5", ("scales", "include 1")),
        ("--scales", ("scales", "got []")),
        ("--uncertainty True", ("uncertainty", "at least two copies", "symmetries")),
        ("--scales 1 2 --fault False", ("scales", "faults")),
        ("--probability 0", ("--probability", "above 0", "'0'")),
        ("--overlap 1.5", ("--overlap", "1.5")),
        ("--tile 20 20 20", ("tile", "multiples of 16")),
        ("--slab 2 2", ("--slab", "0 to 1")),
        ("--rgt False --dhr False --fault False", ("--rgt --dhr --fault",)),
    ],
)
def test_bad_input_is_refused_in_one_line_and_leaves_nothing(
    run_script: Run, tmp_path: Path, changed: str, words: tuple[str, ...]
) -> None:
    np.random.default_rng(1).normal(size=(20, 18, 32)).astype("<f4").tofile(tmp_path / "x.bin")
    # Of a flag that is given twice the last one holds.
    good = "--input x.bin --model model.pth --output p --n1 32 --n2 18 --n3 20"
    refused_in_one_line(run_script("infer", *good.split(), *changed.split()), *words)
    assert not list(tmp_path.glob("p*")) + list(tmp_path.glob(".p*"))


def test_a_checkpoint_with_code_is_refused_without_running_it(
    run_script: Run, tmp_path: Path
) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
            return Path.touch, (tmp_path / "ran",)

    torch.save({"hyper_parameters": Bomb(), "state_dict": {}}, tmp_path / "bomb.pth")
    torch.load(tmp_path / "bomb.pth", weights_only=False)
    assert (tmp_path / "ran").exists(), "the test's own bomb is dud"
    (tmp_path / "ran").unlink()
    words = ("--checkpoint", tmp_path / "bomb.pth", "--output", tmp_path / "model.pth")
    refused_in_one_line(run_script("extract_weights", *words), "bomb.pth")
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "model.pth").exists()
