"""The description of samples: tables that add up, pictures that show something."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from conftest import Finished, folder_flags, refused_in_one_line
from strataflow.synthetic.statistics import local_dip, look
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import plain_sidecar
from strataflow.volume.volume import write_volume

Run = Callable[..., Finished]
SIZES = ("--n1", 48, "--n2", 40, "--n3", 32)


def dipping_planes(dip: float, wavelength: float = 10.0) -> np.ndarray:
    """A plane wave that dips by `dip` degrees along n3, `wavelength` samples across the layers."""
    i3, _, i1 = np.indices((48, 40, 64), np.float32)
    turn = np.cos(np.radians(dip)) * i1 - np.sin(np.radians(dip)) * i3
    return np.cos(2 * np.pi * turn / wavelength).astype(np.float32)


@pytest.mark.parametrize("dip", [0, 10, 35, 60])
def test_local_dip_is_that_of_dipping_planes(dip: float) -> None:
    assert np.median(local_dip(dipping_planes(dip))) == pytest.approx(dip, abs=1.5)


def test_numbers_of_an_image_are_those_it_was_made_with() -> None:
    rng = np.random.default_rng(0)
    wave = dipping_planes(0, 8.0)
    assert look(wave).numbers["mean_frequency"] == pytest.approx(1 / 8, abs=0.005)
    assert look(wave).numbers["trace_correlation"] == pytest.approx(1, abs=1e-4)
    noise = rng.standard_normal(wave.shape).astype(np.float32)
    assert look(noise).numbers["amplitude_kurtosis"] == pytest.approx(0, abs=0.4)
    assert look(noise).numbers["trace_correlation"] == pytest.approx(0, abs=0.05)
    # Signal and noise of equal power: half of the power is the same in the next trace.
    mixed = wave / wave.std() + noise
    assert look(mixed).numbers["trace_correlation"] == pytest.approx(0.5, abs=0.03)


def test_samples_are_described_and_compared_with_a_survey(run_script: Run, tmp_path: Path) -> None:
    made = run_script("synthesize", *folder_flags(tmp_path), "--ntrain", 3, "--nvalid", 0, *SIZES)
    assert made.returncode == 0, made.stderr
    survey = tmp_path / "north.bin"
    write_volume(survey, dipping_planes(20), plain_sidecar(Shape(64, 40, 48), "image"))
    folders = ("--dir_data", tmp_path / "data_train", "--dir_target", tmp_path / "target_train")
    output = tmp_path / "description"
    done = run_script("describe_samples", *folders, "--survey", survey, "--output", output, *SIZES)
    assert done.returncode == 0, done.stderr
    pictures = ("statistics.png", "sheet.png", "comparison.png")
    assert {p.name for p in output.iterdir()} == {"statistics.csv", "comparison.csv", *pictures}
    for name in pictures:
        assert matplotlib.image.imread(output / name)[..., :3].std() > 0.05
    summary = pd.read_csv(output / "statistics.csv").set_index("quantity")
    samples = pd.read_csv(tmp_path / "statistics_train.csv")
    assert summary.loc["signal to noise (dB)", "median"] == pytest.approx(
        samples["signal_to_noise_db"].median(), abs=0.01
    )
    compared = pd.read_csv(output / "comparison.csv")
    assert set(compared["volume"]) == {"synthetic", "north"}
    north = compared[compared["volume"] == "north"].set_index("quantity")
    assert north.loc["dip_median", "median"] == pytest.approx(20, abs=1.5)


def test_samples_without_their_tables_are_refused(run_script: Run, tmp_path: Path) -> None:
    (tmp_path / "data_train").mkdir()
    done = run_script(
        *("describe_samples", "--dir_data", tmp_path / "data_train"),
        *("--dir_target", tmp_path / "target_train", "--output", tmp_path / "x"),
    )
    refused_in_one_line(done, "statistics_train.csv")
    assert not (tmp_path / "x").exists()
