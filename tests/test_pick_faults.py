"""Picked faults: planes whose place and orientation are known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from conftest import Finished, refused_in_one_line
from strataflow.volume.orientation import normal_from_strike_dip
from strataflow.volume.raw import Shape
from strataflow.volume.volume import write_volume
from turned_survey import turned_survey

Run = Callable[..., Finished]
SHAPE = Shape(n1=60, n2=70, n3=80)


def write_faults(
    prefix: Path, planes: list[tuple[tuple[float, float, float], float, float]]
) -> None:
    """Planes through a point (i3, i2, i1) with a strike and a dip, as a network gives them."""
    at = np.indices(SHAPE.array)
    cubes = {name: np.zeros(SHAPE.array, np.float32) for name in ("fsem", "fdip", "fstrike")}
    for point, strike, dip in planes:
        normal = normal_from_strike_dip(strike, dip)
        distance = sum(n * (i - p) for n, i, p in zip(normal, at, point, strict=True))
        probability = np.exp(-np.square(distance / 2.0)).astype(np.float32)
        mine = (probability > cubes["fsem"]) & (probability >= 0.5)
        cubes["fdip"][mine], cubes["fstrike"][mine] = dip / 180, strike / 180
        cubes["fsem"] = np.maximum(cubes["fsem"], probability)
    for name, values in cubes.items():
        write_volume(Path(f"{prefix}.{name}"), values, turned_survey(SHAPE).of_attribute(name))


def test_two_faults_that_cross_are_two_with_their_orientations(
    run_script: Run, tmp_path: Path
) -> None:
    write_faults(tmp_path / "a", [((40, 35, 30), 20, 70), ((40, 35, 30), 100, 120)])
    done = run_script("pick_faults", "--input", tmp_path / "a", "--output", tmp_path / "out" / "a")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "out" / "a.faults.csv")
    # Each may be cut where it crosses the other: its parts are as steep.
    for strike, dip in ((20, 70), (100, 120)):
        mine = table[(table["strike"] - strike).abs().le(2) & (table["dip"] - dip).abs().le(2)]
        assert mine["voxels"].sum() > 0.8 * table["voxels"].sum() / 2
    assert table["voxels"].is_monotonic_decreasing
    points = pd.read_csv(tmp_path / "out" / "a.fault_points.csv")
    assert len(points) == table["voxels"].sum()


def test_the_points_of_a_fault_lie_on_it_one_voxel_thick(run_script: Run, tmp_path: Path) -> None:
    strike, dip, centre = 65, 60, np.array([40.3, 35.2, 30.1])
    write_faults(tmp_path / "a", [(tuple(centre), strike, dip)])
    run_script("pick_faults", "--input", tmp_path / "a", "--output", tmp_path / "a")
    points = pd.read_csv(tmp_path / "a.fault_points.csv")
    index = np.stack(
        [
            (points["inline"] - 100) / 2,
            points["crossline"] - 500,
            (points["time"] - 400) / 4,
        ]
    )
    distance = normal_from_strike_dip(strike, dip) @ (index - centre[:, None])
    assert np.abs(distance).max() <= 0.9
    # As many voxels as the plane has, counted along its steepest component.
    table = pd.read_csv(tmp_path / "a.faults.csv")
    assert len(table) == 1
    lines = {(a, b) for a, b in index[[1, 2]].T.round().tolist()}
    assert len(points) < 1.5 * len(lines)
    # x and y are those of the corners.
    x = 1000 + 25 * -0.6 * index[0] + 12.5 * 0.8 * index[1]
    y = 2000 + 25 * 0.8 * index[0] + 12.5 * 0.6 * index[1]
    assert points["x"].to_numpy() == pytest.approx(x, abs=0.01)
    assert points["y"].to_numpy() == pytest.approx(y, abs=0.01)


def test_azimuth_is_from_north_on_the_ground(run_script: Run, tmp_path: Path) -> None:
    # Strike 0 runs along the inline axis, to the north-west: atan2(-0.6, 0.8).
    write_faults(tmp_path / "a", [((40, 35, 30), 0, 80)])
    run_script("pick_faults", "--input", tmp_path / "a", "--output", tmp_path / "a")
    table = pd.read_csv(tmp_path / "a.faults.csv")
    assert table["azimuth"][0] == pytest.approx(180 - np.degrees(np.arctan2(0.6, 0.8)), abs=1)


@pytest.mark.parametrize(("strike", "cut"), [(10, "inline"), (85, "crossline")])
def test_sticks_run_down_the_dip_on_the_lines_that_cut_the_fault(
    run_script: Run, tmp_path: Path, strike: float, cut: str
) -> None:
    write_faults(tmp_path / "a", [((40, 35, 30), strike, 75)])
    run_script("pick_faults", "--input", tmp_path / "a", "--output", tmp_path / "a")
    rows = [line.split() for line in (tmp_path / "a.fault_sticks.txt").read_text().splitlines()]
    assert all(row[0] == "INLINE-" and row[2] == "XLINE-" and len(row) == 9 for row in rows)
    sticks = pd.DataFrame(rows).astype({1: float, 3: float, 6: float, 8: int})
    assert set(sticks[7]) == {"fault_1"}
    by_stick = sticks.groupby(8)
    line = {"inline": 1, "crossline": 3}[cut]
    assert (by_stick[line].nunique() == 1).all()
    assert by_stick.ngroups >= 4
    assert by_stick[6].agg(lambda z: z.is_monotonic_increasing).all()


def test_without_faults_the_files_are_there_and_empty(run_script: Run, tmp_path: Path) -> None:
    write_faults(tmp_path / "a", [])
    done = run_script("pick_faults", "--input", tmp_path / "a", "--output", tmp_path / "a")
    assert done.returncode == 0, done.stderr
    assert pd.read_csv(tmp_path / "a.faults.csv").empty
    assert pd.read_csv(tmp_path / "a.fault_points.csv").empty
    assert (tmp_path / "a.fault_sticks.txt").read_text() == ""


def test_a_higher_minimum_probability_removes_uncertain_faults(
    run_script: Run, tmp_path: Path
) -> None:
    # So tilted that few voxels lie on the plane itself.
    write_faults(tmp_path / "a", [((40.3, 35.2, 30.1), 65, 60)])
    counts = []
    for number, flags in enumerate(((), ("--probability", 0.95))):
        words = ("--input", tmp_path / "a", "--output", tmp_path / str(number), *flags)
        done = run_script("pick_faults", *words)
        assert done.returncode == 0, done.stderr
        points = pd.read_csv(tmp_path / f"{number}.fault_points.csv")
        counts.append((len(points), points["probability"].min()))
    assert counts[0][1] < 0.95 <= counts[1][1]
    assert 0 < counts[1][0] < counts[0][0]


def test_a_missing_attribute_is_reported(run_script: Run, tmp_path: Path) -> None:
    done = run_script("pick_faults", "--input", tmp_path / "a", "--output", tmp_path / "b")
    refused_in_one_line(done, "a.fsem")
