"""Prediction from Python gives what the scripts give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import strataflow
from conftest import REPOSITORY, Finished, write_segy

WEIGHTS = REPOSITORY / "data/pretrained/infer.pth"


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    """Dipping reflectors that two faults offset, (n3, n2, n1) = (32, 48, 64)."""
    i3, i2, i1 = np.indices((32, 48, 64))
    depth = i1 + 0.2 * i2 + 6 * (i2 > 20) - 8 * (i3 > 16)
    noise = np.random.default_rng(1).normal(0, 0.05, depth.shape)
    return (np.sin(depth / 3) + np.sin(depth / 1.7 + 1) + noise).astype(np.float32)


def test_an_array_gives_what_the_scripts_give_of_its_file(
    image: np.ndarray, run_script: Callable[..., Finished], tmp_path: Path
) -> None:
    image.tofile(tmp_path / "image.bin")
    words = ("--n1", 64, "--n2", 48, "--n3", 32, "--tile", 32, 32, 32, "--precision", "fp32")
    done = run_script(
        "infer",
        *("--input", tmp_path / "image.bin", "--model", WEIGHTS, "--output", tmp_path / "p"),
        *words,
    )
    assert done.returncode == 0, done.stderr
    # RGT is fitted to the picked faults, as in the workflow.
    given = ("--input", tmp_path / "p", "--image", tmp_path / "image.bin")
    done = run_script("pick_faults", *given, "--output", tmp_path / "picked", *words[:6])
    assert done.returncode == 0, done.stderr
    done = run_script(
        "fit_rgt",
        *("--input", tmp_path / "p.rgt", "--image", tmp_path / "image.bin"),
        *("--fsem", tmp_path / "p.fsem", "--output", tmp_path / "fitted", *words[:6]),
        *("--surfaces", tmp_path / "picked.fault_surfaces.npz"),
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "fitted.rgt").read_bytes() != (tmp_path / "p.rgt").read_bytes()
    (tmp_path / "fitted.rgt").replace(tmp_path / "p.rgt")
    predicted = strataflow.predict(image, tile=(32, 32, 32), precision="fp32")
    assert list(predicted) == ["dhr", "rgt", "fsem", "fdip", "fstrike"]
    for name, values in predicted.items():
        assert values.shape == image.shape
        written = np.fromfile(tmp_path / f"p.{name}", "<f4").reshape(image.shape)
        np.testing.assert_array_equal(values, written)


def test_a_segy_and_a_raw_file_give_what_their_array_gives(
    image: np.ndarray, tmp_path: Path
) -> None:
    expected = strataflow.predict(image, tasks=["fault"])
    assert list(expected) == ["fsem", "fdip", "fstrike"]
    # Line numbers stand where only a look at the file finds them; nothing is passed on.
    segy = write_segy(tmp_path / "image.sgy", image)
    image.tofile(tmp_path / "image.bin")
    raw = strataflow.predict(tmp_path / "image.bin", tasks=["fault"], shape=(32, 48, 64))
    np.testing.assert_array_equal(raw["fsem"], expected["fsem"])
    of_segy = strataflow.predict(str(segy), tasks=["fault"])
    # Statistics of all traces there, of some here.
    np.testing.assert_allclose(of_segy["fsem"], expected["fsem"], atol=0.02)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"tasks": ["faults"]}, "tasks: expected some of"),
        ({"tile": (100, 128, 128)}, "tile: expected three multiples of 16"),
        ({"precision": "int8"}, "precision: expected one of"),
        ({"symmetries": 3}, "symmetries"),
        ({"weights": "gone.pth"}, "gone.pth: no such file"),
    ],
)
def test_wrong_settings_are_refused(
    image: np.ndarray, settings: dict[str, object], said: str
) -> None:
    with pytest.raises(strataflow.StrataflowError, match=said):
        strataflow.predict(image, **settings)  # type: ignore[arg-type]


def test_a_size_that_disagrees_with_the_volume_is_refused(
    image: np.ndarray, tmp_path: Path
) -> None:
    segy, array = write_segy(tmp_path / "image.sgy", image), tmp_path / "image.npy"
    np.save(array, image)
    for path in (segy, array):
        with pytest.raises(
            strataflow.StrataflowError, match=f"{path.name}: size n1=64 n2=48 n3=33 given.* n3=32"
        ):
            strataflow.predict(path, shape=(33, 48, 64))
    with pytest.raises(strataflow.StrataflowError, match=r"\(33, 48, 64\) given, but .*\(32, 48"):
        strataflow.predict(image, shape=(33, 48, 64))


def test_an_array_of_two_axes_is_refused() -> None:
    with pytest.raises(strataflow.StrataflowError, match=r"got one of shape \(4, 4\)"):
        strataflow.predict(np.zeros((4, 4)))


def test_a_wild_sample_changes_nothing_far_from_it(image: np.ndarray) -> None:
    wild = image.copy()
    wild[16, 24, 32] = 1e10
    plain, spoilt = (strataflow.predict(values) for values in (image, wild))
    away = np.hypot(*np.meshgrid(np.arange(32) - 16, np.arange(48) - 24, indexing="ij")) > 12
    for name in ("rgt", "fsem"):
        difference = np.abs(plain[name] - spoilt[name])
        assert difference[away].mean() < 0.005, name
        assert difference[away].max() < 0.1, name
