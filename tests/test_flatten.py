"""Flattened volumes of a layered model with a fault."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from conftest import Finished, refused_in_one_line
from strataflow.errors import StrataflowError
from strataflow.interpretation.flattening import flatten_by_time, flatten_on_horizon
from strataflow.volume.raw import Shape
from strataflow.volume.volume import open_volume, write_volume
from turned_survey import turned_survey

Run = Callable[..., Finished]
SHAPE = Shape(n1=81, n2=20, n3=6)
I3, I2, I1 = np.indices(SHAPE.array)
# A fault with a throw of 10 samples at crossline 10; layers rise along the inlines.
AGE = I1 + 0.5 * I3 - 10 * (I2 >= 10)
SIDECAR = turned_survey(SHAPE)


def of_age(age: np.ndarray) -> np.ndarray:
    return np.cos(age / 3)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    write_volume(tmp_path / "a.bin", of_age(AGE).astype(np.float32), SIDECAR)
    # RGT from 0 to 1 over ages of -10 to 82.5.
    time = ((AGE + 10) / 92.5).astype(np.float32)
    write_volume(tmp_path / "a.rgt", time, SIDECAR.of_attribute("rgt"))
    return tmp_path / "a"


def test_over_geologic_time_layers_are_flat_and_missing_ones_empty(
    run_script: Run, model: Path
) -> None:
    words = ("--input", f"{model}.bin", "--rgt", f"{model}.rgt", "--output", f"{model}.flat")
    done = run_script("flatten", *words)
    assert done.returncode == 0, done.stderr
    flat = open_volume(Path(f"{model}.flat"))
    assert flat.sidecar.attribute == "flat"
    assert flat.sidecar.source["flattened"] == "sample k has the geologic time k / 80"
    age = np.linspace(-10, 82.5, SHAPE.n1)
    for i3, i2 in np.ndindex(6, 20):
        inside = (age >= AGE[i3, i2, 0]) & (age <= AGE[i3, i2, -1])
        trace = flat.values[i3, i2]
        np.testing.assert_allclose(trace[inside][2:-2], of_age(age[inside])[2:-2], atol=0.02)
        assert (trace[~inside] == 0).all()
    assert Path(f"{model}.flat.png").is_file()


def test_time_that_is_missing_within_a_trace_is_empty(model: Path) -> None:
    age = AGE + 20 * (I1 > 40)
    time = ((age + 10) / 112.5).astype(np.float32)
    write_volume(Path(f"{model}.rgt"), time, SIDECAR.of_attribute("rgt"))
    image, rgt, flat = (Path(f"{model}.{name}") for name in ("bin", "rgt", "flat"))
    flatten_by_time(open_volume(image), open_volume(rgt), flat)
    levels = np.linspace(-10, 102.5, SHAPE.n1)
    missing = (levels > age[0, 0, 40] + 0.1) & (levels < age[0, 0, 41] - 0.1)
    assert missing.sum() > 10
    assert (np.array(open_volume(Path(f"{model}.flat")).values[0, 0])[missing] == 0).all()


def test_on_a_horizon_it_is_at_one_sample_everywhere(run_script: Run, model: Path) -> None:
    samples = 40 - 0.5 * I3[..., 0] + 10 * (I2[..., 0] >= 10)
    lines = [
        f"{100 + 2 * i3},{500 + i2},{'' if 9 <= i2 <= 10 else 400 + 4 * samples[i3, i2]}"
        for i3, i2 in np.ndindex(6, 20)
    ]
    Path(f"{model}.horizons.csv").write_text("\n".join(["inline,crossline,horizon_02", *lines]))
    words = ("--input", f"{model}.bin", "--horizons", f"{model}.horizons.csv", "--number", 2)
    done = run_script("flatten", *words, "--output", f"{model}.flat_02")
    assert done.returncode == 0, done.stderr
    flat = open_volume(Path(f"{model}.flat_02"))
    known = samples[:, [*range(9), *range(11, 20)]]
    age = 40 + I1[0, 0] - known.mean()
    inner = slice(15, 65)
    for i3, i2 in np.ndindex(6, 20):
        np.testing.assert_allclose(flat.values[i3, i2, inner], of_age(age[inner]), atol=0.02)


def test_what_cannot_be_flattened_is_told(run_script: Run, model: Path) -> None:
    table, image = Path(f"{model}.horizons.csv"), open_volume(Path(f"{model}.bin"))
    for text, number, reason in (
        ("100,500,", 1, "undefined everywhere"),
        ("100,500,", 2, "column horizon_02 is missing"),
        ("900,500,600", 1, "traces outside of the survey"),
        ("100,500,abc", 1, "not a table .*abc"),
        ("100,500,\udcff", 1, "not a table .*decode"),
    ):
        rows = f"inline,crossline,horizon_01\n{text}\n"
        table.write_bytes(rows.encode("utf-8", "surrogateescape"))
        with pytest.raises(StrataflowError, match=rf"a\.horizons\.csv: .*{reason}"):
            flatten_on_horizon(image, table, number, Path(f"{model}.flat_01"))
    words = ("--input", f"{model}.bin", "--output", f"{model}.flat_01", "--horizons", table)
    refused_in_one_line(run_script("flatten", *words), "give --rgt, or --horizons and --number")
    assert not Path(f"{model}.flat_01").exists()
