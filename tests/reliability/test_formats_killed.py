"""Conversions from and to other survey formats that are killed on the way."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from conftest import REPOSITORY
from strataflow.formats.opening import Reading, convert_survey
from strataflow.formats.writing import WRITERS
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import plain_sidecar
from strataflow.volume.volume import Volume, write_volume

pytestmark = pytest.mark.reliability

SHAPE = Shape(n1=240, n2=230, n3=220)
PACKAGES = {".mdio": "zarr", ".vds": "openvds"}


def volume_in(folder: Path) -> Volume:
    values = np.random.default_rng(3).random(SHAPE.array, np.float32)
    sidecar = plain_sidecar(SHAPE, "image")
    write_volume(folder / "survey.bin", values, sidecar)
    return Volume(folder / "survey.bin", values, sidecar)


def survey_in(folder: Path, ending: str) -> Path:
    volume, path = volume_in(folder), folder / f"survey{ending}"
    if ending == ".npy":
        np.save(path, volume.values)
    else:
        pytest.importorskip(PACKAGES[ending])
        WRITERS[ending](volume, path, False)
    return path


def killed(words: list[object], begun: Callable[[], bool]) -> None:
    """Start a script and kill it when it has begun to write."""
    script = [sys.executable, str(REPOSITORY / "workflow_scripts" / f"{words[0]}.py")]
    with subprocess.Popen([*script, *map(str, words[1:])], stderr=subprocess.DEVNULL) as process:
        while not begun():
            assert process.poll() is None, "it ended before it was killed"
            time.sleep(0.001)
        process.kill()
        assert process.wait() == -signal.SIGKILL


def left_in(folder: Path) -> list[str]:
    """Names of what is not whole."""
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("ending", [".npy", ".mdio", ".vds"])
def test_a_killed_conversion_leaves_nothing_and_a_rerun_gives_the_same_bytes(
    tmp_path: Path, ending: str
) -> None:
    survey = survey_in(tmp_path, ending)
    convert_survey(survey, tmp_path / "whole" / "x.bin", Reading())
    output = tmp_path / "again" / "x.bin"
    part = output.with_name(".x.bin.part")
    killed(
        ["segy_to_binary", "--input", survey, "--output", output],
        lambda: part.exists() and part.stat().st_size > 0,
    )
    assert not output.exists()
    assert not output.with_suffix(".json").exists()
    convert_survey(survey, output, Reading())
    assert output.read_bytes() == (tmp_path / "whole" / "x.bin").read_bytes()
    assert not left_in(output.parent)


@pytest.mark.parametrize("ending", [".mdio", ".vds"])
def test_a_killed_export_leaves_nothing_and_a_rerun_completes(tmp_path: Path, ending: str) -> None:
    pytest.importorskip(PACKAGES[ending])
    volume = volume_in(tmp_path)
    output = tmp_path / "out" / f"x{ending}"
    output.parent.mkdir()
    killed(
        ["export_survey", "--input", volume.path, "--output", output],
        lambda: bool(left_in(output.parent)),
    )
    assert not output.exists()
    WRITERS[ending](volume, output, False)
    assert not left_in(output.parent)
    convert_survey(output, tmp_path / "back.bin", Reading())
    back = np.fromfile(tmp_path / "back.bin", "<f4").reshape(SHAPE.array)
    assert np.array_equal(back, volume.values)
