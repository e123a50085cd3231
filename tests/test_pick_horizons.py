"""Horizons through a geologic time that is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from conftest import Finished, refused_in_one_line
from strataflow.interpretation.horizon_levels import Level
from strataflow.interpretation.horizon_writers import horizon_table
from strataflow.interpretation.horizons import PickedHorizon
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import Axis, Sidecar, plain_sidecar
from strataflow.volume.volume import write_volume

Run = Callable[..., Finished]
SHAPE = Shape(n1=50, n2=12, n3=9)


def survey(left_handed: bool) -> Sidecar:
    """Crosslines 20 m apart to the north-east, inlines 30 m to its left or to its right."""
    side = np.array([-0.6, 0.8]) if left_handed else np.array([0.6, -0.8])
    step2, step3 = 20 * np.array([0.8, 0.6]), 30 * side
    origin, last2, last3 = np.array([500.0, 700.0]), 11 * step2, 8 * step3
    corners = (origin, origin + last2, origin + last3, origin + last2 + last3)
    plain = plain_sidecar(SHAPE, "rgt")
    axes = (*plain.axes[:2], replace(plain.axes[2], first=100.0, step=4.0))
    return replace(plain, axes=axes, corners=tuple((float(x), float(y)) for x, y in corners))


def write_time(path: Path, sidecar: Sidecar) -> np.ndarray:
    """Geologic time that is flat but for a tilt; returns the rise (n3, n2) of its layers."""
    i3, i2, i1 = np.indices(SHAPE.array)
    rise = 0.5 * i3 - 0.25 * i2
    write_volume(path, ((i1 + rise + 3) / 60).astype(np.float32), sidecar)
    return rise[:, :, 0]


def test_horizons_follow_time(run_script: Run, tmp_path: Path) -> None:
    live = np.ones((9, 12), bool)
    live[2, 3] = False
    rise = write_time(tmp_path / "a.rgt", replace(survey(True), live=live))
    words = ("--input", tmp_path / "a.rgt", "--output", tmp_path / "out" / "a", "--count", 4)
    done = run_script("pick_horizons", *words)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "out" / "a.horizons.csv")
    assert len(table) == 9 * 12 - 1
    i3, i2 = (table["inline"].to_numpy(int) - 1, table["crossline"].to_numpy(int) - 1)
    for number in range(1, 5):
        depth = (table[f"horizon_{number:02d}"] - 100) / 4 + rise[i3, i2]
        assert depth.std() < 1e-3, number
    middle = table[[f"horizon_{number:02d}" for number in range(1, 5)]].mean()
    assert np.diff(middle) == pytest.approx(np.diff(middle).mean(), rel=0.1)


@pytest.mark.parametrize("left_handed", [True, False])
def test_irap_grids_put_each_node_where_its_trace_is(
    run_script: Run, tmp_path: Path, left_handed: bool
) -> None:
    sidecar = survey(left_handed)
    write_time(tmp_path / "a.rgt", sidecar)
    words = ("--input", tmp_path / "a.rgt", "--output", tmp_path / "a", "--count", 2)
    assert run_script("pick_horizons", *words).returncode == 0
    numbers = [float(n) for n in (tmp_path / "a.horizon_02.irap").read_text().split()]
    magic, rows, dx, dy, x0, _, y0, _, columns, rotation, *_ = numbers[:19]
    values = np.array(numbers[19:]).reshape(int(rows), int(columns))
    assert magic == -996
    turn = np.radians(rotation)
    table = pd.read_csv(tmp_path / "a.horizons.csv")
    found = {}
    for row, column in np.ndindex(*values.shape):
        right, up = column * dx, row * dy
        x = x0 + right * np.cos(turn) - up * np.sin(turn)
        y = y0 + right * np.sin(turn) + up * np.cos(turn)
        found[round(x, 1) + 0.0, round(y, 1) + 0.0] = values[row, column]
    assert len(found) == len(table)
    for x, y, depth in table[["x", "y", "horizon_02"]].itertuples(index=False):
        assert found[round(x, 1) + 0.0, round(y, 1) + 0.0] == pytest.approx(depth, abs=0.01)


def test_time_that_does_not_grow_is_refused(run_script: Run, tmp_path: Path) -> None:
    write_volume(tmp_path / "a.rgt", np.zeros(SHAPE.array, np.float32), survey(True))
    words = ("--input", tmp_path / "a.rgt", "--output", tmp_path / "a")
    refused_in_one_line(run_script("pick_horizons", *words), "does not increase downward")
    assert not list(tmp_path.glob("a.h*"))


def test_long_line_numbers_and_coordinates_are_written_in_full() -> None:
    plain = plain_sidecar(Shape(n1=8, n2=2, n3=2), "rgt")
    axes = (
        Axis("inline", 123_456_789, 1, 25.0, "m"),
        Axis("crossline", 1_234_567, 1, 25.0, "m"),
        plain.axes[2],
    )
    corners = ((10_500_000.25, 7e6), (10_500_025.25, 7e6), (10_500_000.25, 7e6 + 25), (0.0, 0.0))
    sidecar = replace(plain, axes=axes, corners=corners)
    horizon = PickedHorizon(
        "horizon_01", Level(0.5), np.full((2, 2), 3.25, np.float32), np.zeros((2, 2), bool)
    )
    text = horizon_table([horizon], [], sidecar).to_csv(index=False).splitlines()
    assert text[0].startswith("inline,crossline,x,y,horizon_01")
    assert text[1] == "123456789,1234567,10500000.25,7000000.0,3.25"
    without = horizon_table([horizon], [], replace(sidecar, corners=()))
    assert not {"x", "y"} & set(without.columns)
