"""The mean over mirrored, turned and resampled copies of a volume, and their spread."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from random_network import TASKS, network
from strataflow.hardware import single_threaded
from strataflow.network.architecture import NEWEST_DESIGN
from strataflow.network.model import receptive_field
from strataflow.prediction.averaging import ORIGINAL, SYMMETRIES, Averaging, Scale, Symmetry
from strataflow.prediction.copies import TilePredictor, tensor_at_original_scale, turned
from strataflow.prediction.predict import predict_volume
from strataflow.prediction.resampling import ResampledAxis
from strataflow.prediction.sources import Source, image_source
from strataflow.prediction.tiling import TileAxis, TileGrid, Tiling
from strataflow.training.dataset import _turn
from strataflow.volume.orientation import (
    axial_angle,
    normal_from_strike_dip,
    orientation_tensor,
    principal_normal,
)
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import plain_sidecar
from strataflow.volume.volume import Volume

QUARTER_TURN = Symmetry((0,), True)
PREDICTED = ("dhr", "rgt", "fsem", "fdip", "fstrike")


@pytest.fixture(autouse=True)
def one_core() -> Iterator[None]:
    """Tests run side by side: threads of PyTorch that wait for others would take their cores."""
    with single_threaded():
        yield


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def predicted(
    folder: Path,
    values: np.ndarray,
    averaging: Averaging,
    tile: tuple[int, int, int] | None = None,
    design: int = NEWEST_DESIGN,
) -> dict[str, np.ndarray]:
    """Attributes of an image by a network of random weights, from one tile or such tiles."""
    volume = Volume(Path("x"), values, plain_sidecar(Shape(*values.shape[::-1]), "image"))
    n3, n2, n1 = values.shape
    tiling = Tiling(tile or (n3, n2, n1), 0.25, "fp32")
    source = image_source(volume)
    # A network of random weights is sure of nothing: angles everywhere.
    made = network(design=design)
    predict_volume(made, source, folder / "p", TASKS, tiling, False, averaging, 0.01)
    names = (*PREDICTED, "fuse") if averaging.uncertainty else PREDICTED
    return {n: np.fromfile(folder / f"p.{n}", "<f4").reshape(values.shape) for n in names}


def turned_cubes(cubes: dict[str, np.ndarray], symmetry: Symmetry) -> dict[str, np.ndarray]:
    """Attributes in another frame: voxels move, and the normals of faults with them."""

    def moved(cube: np.ndarray) -> np.ndarray:
        cube = np.flip(cube, symmetry.mirrored)
        return cube.swapaxes(0, 1) if symmetry.swapped else cube

    normal = normal_from_strike_dip(180 * cubes["fstrike"], 180 * cubes["fdip"])
    for axis in symmetry.mirrored:
        normal[axis] *= -1
    normal = normal[[1, 0, 2]] if symmetry.swapped else normal
    out = {name: moved(cube) for name, cube in cubes.items() if name not in ("fdip", "fstrike")}
    return out | {"normal": np.stack([moved(component) for component in normal])}


@pytest.mark.parametrize("scales", [(ORIGINAL,), (ORIGINAL, Scale(1.5, 0.5))])
@pytest.mark.parametrize(
    ("symmetries", "symmetry"),
    [(2, Symmetry((0, 1))), (4, Symmetry((1,))), (8, QUARTER_TURN), (8, Symmetry((), True))],
)
def test_the_mean_over_copies_turns_with_its_input_angles_included(
    tmp_path: Path, symmetries: int, symmetry: Symmetry, scales: tuple[Scale, ...]
) -> None:
    values = noise(32, 64, 32)
    averaging = Averaging(symmetries, scales, uncertainty=True)
    there = turned_cubes(predicted(tmp_path, values, averaging), symmetry)
    copy = np.flip(values, symmetry.mirrored)
    copy = np.ascontiguousarray(copy.swapaxes(0, 1) if symmetry.swapped else copy)
    again = turned_cubes(predicted(tmp_path, copy, averaging), Symmetry())
    for name in ("dhr", "fsem", "fuse"):
        assert np.abs(again[name] - there[name]).max() < 1e-4, name
    assert np.abs(again["rgt"] - there["rgt"]).max() < 1e-4
    assert np.percentile(axial_angle(again["normal"], there["normal"]), 99) < 0.5


def test_without_copies_the_prediction_does_not_turn_with_its_input(tmp_path: Path) -> None:
    values = noise(32, 32, 32)
    there = predicted(tmp_path, values, Averaging())["fsem"][::-1]
    again = predicted(tmp_path, np.ascontiguousarray(values[::-1]), Averaging())["fsem"]
    assert np.abs(again - there).max() > 1e-2


def test_sixteen_symmetries_do_not_know_the_polarity(tmp_path: Path) -> None:
    values = noise(32, 32, 32)
    there, again = (predicted(tmp_path, v, Averaging(16)) for v in (values, -values))
    # Amplitudes are clipped at percentiles, which differ a little.
    assert np.abs(again["fsem"] - there["fsem"]).max() < 1e-3
    assert np.abs(again["dhr"] + there["dhr"]).max() < 1e-3


@pytest.mark.parametrize("symmetry", SYMMETRIES[:8])
@pytest.mark.parametrize("task", ["image", "dhr", "rgt", "fault"])
def test_a_transformed_copy_agrees_with_training_and_is_inverted_exactly(
    task: str, symmetry: Symmetry
) -> None:
    cube = noise(7 if task == "fault" else 1, 4, 6, 8)
    copy = turned(task, torch.from_numpy(cube[None]), symmetry)
    expected = _turn(cube, task, list(symmetry.mirrored), symmetry.swapped)
    assert np.array_equal(copy[0].numpy(), expected)
    assert np.array_equal(turned(task, copy, symmetry.inverse)[0].numpy(), cube)


def test_a_set_of_symmetries_is_a_group() -> None:
    cube = torch.from_numpy(noise(1, 7, 4, 4, 4))
    for number in (1, 2, 4, 8):
        for first in SYMMETRIES[:number]:
            for second in SYMMETRIES[:number]:
                both = turned("fault", turned("fault", cube, first), second)
                one = [turned("fault", cube, symmetry) for symmetry in SYMMETRIES[:number]]
                assert sum(torch.equal(both, other) for other in one) == 1


@pytest.mark.parametrize("factors", [(1.0, 1.0), (1.0, 0.5), (0.5, 1.0), (1.5, 0.8), (2.0, 2.0)])
def test_the_tensor_of_a_resampled_plane_becomes_that_of_the_plane(
    factors: tuple[float, float],
) -> None:
    rng = np.random.default_rng(1)
    normal = rng.normal(size=(3, 500))
    normal /= np.linalg.norm(normal, axis=0)
    scale = Scale(*factors)
    # Points of a plane are multiplied, so its normal is divided.
    copy = normal / np.array(scale.factors)[:, None]
    copy /= np.linalg.norm(copy, axis=0)
    weight = rng.uniform(0.1, 1, 500).astype(np.float32)
    tensor = torch.from_numpy(weight * orientation_tensor(copy))
    back = tensor_at_original_scale(tensor, scale).numpy()
    assert back == pytest.approx(weight * orientation_tensor(normal), abs=1e-4)


def test_copies_that_see_a_plane_near_strike_0_from_both_sides_average_to_it() -> None:
    # 178 and 2 degrees: plain numbers would average to 90.
    planes = normal_from_strike_dip(np.array([178.0, 2.0]), np.array([88.0, 92.0]))
    mean = orientation_tensor(planes).mean(axis=1, keepdims=True)
    angle = axial_angle(principal_normal(mean), normal_from_strike_dip([0.0], [90.0]))
    assert angle[0] < 3


class Gradient(nn.Module):
    """Stands in for a network: the normal is the image's gradient, each fault as probable."""

    def __init__(self) -> None:
        super().__init__()
        self.decoders = nn.ModuleDict({"fault": nn.Identity()})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        gradient = torch.stack(torch.gradient(x[:, 0], dim=(1, 2, 3)))
        gradient = gradient / gradient.norm(dim=0).clamp(min=1e-9)
        pairs = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
        tensor = torch.stack([gradient[i] * gradient[j] for i, j in pairs], dim=1)
        return {"fault": torch.cat([torch.ones_like(x), tensor], dim=1)}


@pytest.mark.parametrize(("strike", "dip"), [(30, 60), (120, 45), (75, 110)])
@pytest.mark.parametrize("scale", [Scale(1.0, 0.5), Scale(0.5, 1.0), Scale(1.5, 0.75)])
def test_a_plane_fault_keeps_its_dip_and_strike_under_an_anisotropic_scale(
    tmp_path: Path, strike: float, dip: float, scale: Scale
) -> None:
    shape = (64, 48, 64)
    normal = normal_from_strike_dip(strike, dip)
    places = np.indices(shape, np.float32)
    ramp = np.tensordot(normal, places, 1).astype(np.float32)
    volume = Volume(Path("x"), ramp, plain_sidecar(Shape(*shape[::-1]), "image"))
    source = Source((volume,), lambda grid, corner: grid.read(ramp, corner)[None])
    averaging = Averaging(1, (ORIGINAL, scale))
    made: nn.Module = Gradient()
    tiling = Tiling((32, 48, 32), 0.5, "fp32")
    predict_volume(made, source, tmp_path / "p", ("fault",), tiling, False, averaging)  # type: ignore[arg-type] # it stands in for one
    core = np.s_[8:-8, 8:-8, 8:-8]
    found = [np.fromfile(tmp_path / f"p.{n}", "<f4").reshape(shape) for n in ("fstrike", "fdip")]
    assert 180 * found[0][core] == pytest.approx(strike, abs=0.5)
    assert 180 * found[1][core] == pytest.approx(dip, abs=0.5)


@pytest.mark.parametrize("factor", [0.5, 0.75, 1.0, 1.3, 2.0])
def test_a_copy_shows_a_line_as_a_line_and_gives_it_back(factor: float) -> None:
    axis = TileAxis.cover(100, 48, 0.25)
    resampled = ResampledAxis(axis, factor)
    line = np.arange(100.0)
    for number, start in enumerate(axis.starts):
        read = resampled.read
        window = resampled.weights(number) @ line[read.indices(read.starts[number])]
        before, part = resampled.back(number)
        again = (1 - part) * window[before] + part * window[before + 1]
        inside = [i for i in range(axis.size) if 8 <= start + i < 92]
        assert again[inside] == pytest.approx(line[[start + i for i in inside]], abs=0.02)
        assert resampled.starts[number] % 16 == 0
        assert resampled.size % 16 == 0


def test_a_copy_at_the_original_scale_is_the_tile_itself() -> None:
    axis = TileAxis.cover(100, 48, 0.25)
    resampled = ResampledAxis(axis, 1.0)
    assert (resampled.starts, resampled.size) == (axis.starts, axis.size)
    values = noise(100)
    for number, start in enumerate(axis.starts):
        read = resampled.read
        window = resampled.weights(number) @ values[read.indices(read.starts[number])]
        assert window == pytest.approx(values[axis.indices(start)], abs=1e-6)


@pytest.mark.parametrize("scale", [Scale(0.5, 1.0), Scale(1.5, 1.0), Scale(2.0, 1.0)])
def test_resampled_copies_cause_no_tile_artifacts(tmp_path: Path, scale: Scale) -> None:
    values = noise(16, 16, 512)
    # Inside of the receptive field of the rim a tile's values are those of the whole volume.
    assert receptive_field(design=1) < 192
    results = []
    for tile, name in (((16, 16, 1024), "whole"), ((16, 16, 384), "tiled")):
        folder = tmp_path / name
        folder.mkdir()
        whole = predicted(folder, values, Averaging(1, (ORIGINAL, scale)), tile, design=1)
        results.append(whole["fsem"])
    difference = np.abs(results[0] - results[1])
    assert difference.max() < 0.05
    assert difference.mean() < 1e-3


@pytest.mark.parametrize("scales", [(ORIGINAL,), (ORIGINAL, Scale(0.5, 1.0))])
def test_the_spread_is_the_standard_deviation_over_the_copies(scales: tuple[Scale, ...]) -> None:
    made, shape, cpu = network(), (16, 32, 16), torch.device("cpu")
    grid, tiling = TileGrid.cover(shape, shape, 0.25), Tiling(shape, 0.25, "fp32")
    values, corners = noise(*shape), [(0, 0, 0)]

    def predictor(averaging: Averaging) -> TilePredictor:
        return TilePredictor(made, ("fault",), grid, tiling, averaging, cpu)

    def given(predict: TilePredictor, image: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        read = [
            copies.read.read(image, copies.corner_read((0, 0, 0))) for copies in predict.resampled
        ]
        return image[None, None], [cube[None, None] for cube in read]

    averaged = predictor(Averaging(8, scales, uncertainty=True))
    _, blended = averaged.mean(corners, *given(averaged, values))
    copies = []
    for symmetry in SYMMETRIES[:8]:
        image = turned("image", torch.from_numpy(values[None, None]), symmetry)[0, 0].numpy()
        n3, n2, n1 = image.shape
        alone = TilePredictor(
            *(made, ("fault",), TileGrid.cover((n3, n2, n1), (n3, n2, n1), 0.25)),
            *(Tiling((n3, n2, n1), 0.25, "fp32"), Averaging(), cpu),
        )
        _, one = alone.mean(corners, *given(alone, image))
        found = [one[:, :1]]
        if len(scales) > 1:
            both = TilePredictor(
                *(made, ("fault",), alone.grid, alone.tiling, Averaging(1, scales), cpu)
            )
            _, mean = both.mean(corners, *given(both, image))
            found.append(2 * mean[:, :1] - one[:, :1])
        copies += [turned("rgt", torch.from_numpy(c), symmetry.inverse)[0, 0] for c in found]
    probability = np.stack([copy.numpy() for copy in copies])
    assert len(probability) == averaged.averaging.copies
    assert blended[0, 0] == pytest.approx(probability.mean(axis=0), abs=1e-4)
    assert blended[0, -1] == pytest.approx(probability.std(axis=0), abs=1e-4)
    assert blended[0, -1].max() > 0.01


@pytest.mark.parametrize("probability", [0.3, 0.7])
def test_dip_and_strike_are_defined_from_the_minimum_probability(
    tmp_path: Path, probability: float
) -> None:
    values = noise(32, 32, 32)
    volume = Volume(Path("x"), values, plain_sidecar(Shape(32, 32, 32), "image"))
    tiling = Tiling((32, 32, 32))
    source = image_source(volume)
    predict_volume(
        *(network(), source, tmp_path / "p", ("fault",), tiling, False), probability=probability
    )
    fsem, fdip = (np.fromfile(tmp_path / f"p.{name}", "<f4") for name in ("fsem", "fdip"))
    assert ((fdip > 0) == (fsem >= probability)).all()
