"""Horizons and control points that geologic time must follow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from conftest import Finished, refused_in_one_line
from strataflow.errors import StrataflowError
from strataflow.interpretation.control import (
    ControlSet,
    load_control,
    read_control,
    write_control,
)
from strataflow.volume.raw import Shape
from strataflow.volume.volume import write_volume
from turned_survey import turned_survey

Run = Callable[..., Finished]
SHAPE = Shape(n1=101, n2=6, n3=5)
SIDECAR = turned_survey(SHAPE)


def horizon(folder: Path, name: str, samples: np.ndarray | float) -> Path:
    """Write a horizon as a CSV of inline, crossline, time; NaN is left out."""
    grid = np.broadcast_to(np.asarray(samples, float), (5, 6))
    lines = [
        f"{100 + 2 * i3},{500 + i2},{400 + 4 * grid[i3, i2]:.3f}\n"
        for i3, i2 in np.argwhere(np.isfinite(grid))
    ]
    path = folder / f"{name}.csv"
    path.write_text("inline,crossline,time\n" + "".join(lines))
    return path


def tops(folder: Path, *rows: str) -> Path:
    path = folder / "tops.csv"
    path.write_text("set,inline,crossline,time\n" + "".join(f"{row}\n" for row in rows))
    return path


def by_name(sets: list[ControlSet]) -> dict[str, ControlSet]:
    return {one.name: one for one in sets}


def refusal(horizons: list[Path], points: Path | None = None) -> str:
    with pytest.raises(StrataflowError) as error:
        read_control(horizons, points, SIDECAR)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_sets_are_in_order_with_their_points(tmp_path: Path) -> None:
    i3, i2 = np.indices((5, 6))
    base, top = horizon(tmp_path, "base", 60 + i3), horizon(tmp_path, "top", 30 + 0.5 * i2)
    points = tops(tmp_path, "marker,100,500,560", "marker,104.5,503.25,568")
    sets, notes = read_control([base, top], points, SIDECAR)
    assert [one.name for one in sets] == ["top", "marker", "base"]
    assert sets[0].order < sets[1].order < sets[2].order  # type: ignore[operator]
    assert len(sets[0].points) == len(sets[2].points) == 30
    assert sets[1].points.tolist() == [[0, 0, 40], [2.25, 3.25, 42]]
    assert notes == []


def test_a_set_with_the_name_of_a_horizon_belongs_to_it(tmp_path: Path) -> None:
    part = np.full((5, 6), np.nan)
    part[0, 0] = 30
    top = horizon(tmp_path, "top", part)
    (one,), _ = read_control([top], tops(tmp_path, "top,108,505,540"), SIDECAR)
    assert one.points.tolist() == [[0, 0, 30], [4, 5, 35]]
    assert one.order is None
    message = refusal([top], tops(tmp_path, "top,100,500,530"))
    assert "set 'top': 530.0 ms at inline 100, crossline 500, where" in message
    assert "top.csv has 520.0 ms" in message


def test_horizons_that_cross_are_told_by_name_and_place(tmp_path: Path) -> None:
    _, i2 = np.indices((5, 6))
    one, other = horizon(tmp_path, "one", 40), horizon(tmp_path, "other", 50 - 4 * i2)
    message = refusal([one, other])
    assert message == (
        f"{one}: 'one' crosses 'other' of {other}: it is above it at 15 traces and below it at 15,"
        " most at inline 100, crossline 505: 560.0 ms and 520.0 ms"
    )


def test_points_on_the_wrong_side_of_a_horizon_are_told(tmp_path: Path) -> None:
    top = horizon(tmp_path, "top", 40)
    message = refusal([top], tops(tmp_path, "well,100,500,600", "well,108,505,500"))
    assert "crosses" in message
    assert "'well'" in message
    assert "inline 108, crossline 505" in message


def test_sets_that_contradict_each_other_at_several_places_are_told(tmp_path: Path) -> None:
    rows = [
        *("a,100,500,500", "b,100,500,600"),
        *("b,102,501,500", "c,102,501,600"),
        *("c,104,502,500", "a,104,502,600"),
    ]
    assert "the sets contradict each other" in refusal([], tops(tmp_path, *rows))


def test_different_points_of_a_set_at_one_trace_are_told(tmp_path: Path) -> None:
    message = refusal([], tops(tmp_path, "a,100.2,500,500", "a,100,500,600"))
    assert "set 'a': two points at inline 100, crossline 500: 500.0 ms and 600.0 ms" in message


def test_where_horizons_meet_the_lower_one_is_left_out(tmp_path: Path) -> None:
    _, i2 = np.indices((5, 6))
    upper, lower = horizon(tmp_path, "upper", 40), horizon(tmp_path, "lower", 40 + 3 * i2)
    sets, notes = read_control([upper, lower], None, SIDECAR)
    assert len(by_name(sets)["upper"].points) == 30
    assert len(by_name(sets)["lower"].points) == 25
    assert "meets 'upper' at 5 traces: left out there" in notes[0]


def test_points_outside_of_the_survey_are_left_out_and_told(tmp_path: Path) -> None:
    points = tops(tmp_path, "a,100,500,500", "a,900,500,500", "b,900,500,500")
    sets, notes = read_control([], points, SIDECAR)
    assert [(one.name, len(one.points)) for one in sets] == [("a", 1), ("b", 0)]
    assert any("b: no point in the survey" in note for note in notes)
    assert any("1 of 2 nodes lie outside" in note for note in notes)
    assert "no point lies in the survey" in refusal([], tops(tmp_path, "a,9,5,5", "b,9,5,5"))


def test_control_points_need_names(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text("inline,crossline,time\n100,500,500\n")
    assert "no column with the name of the set" in refusal([], path)
    path.write_text("well,inline,crossline,depth\nA,100,500,500\n")
    assert "no column with the name of the set" in refusal([], path)
    assert "is in depth, but the survey is in time" in refusal([], depth_table(tmp_path))


def depth_table(folder: Path) -> Path:
    path = folder / "depth.csv"
    path.write_text("set,inline,crossline,depth\nA,100,500,500\n")
    return path


def test_files_keep_the_sets(tmp_path: Path) -> None:
    sets = [
        ControlSet("a", np.array([[0, 1, 2.5]], np.float32), 0.0),
        ControlSet("b", np.zeros((3, 3), np.float32)),
    ]
    write_control(tmp_path / "a.npz", sets)
    for known, found in zip(sets, load_control(tmp_path / "a.npz"), strict=True):
        assert (known.name, known.order) == (found.name, found.order)
        np.testing.assert_array_equal(known.points, found.points)
    (tmp_path / "b.npz").write_bytes(b"other")
    with pytest.raises(StrataflowError, match=r"b\.npz: not a control file"):
        load_control(tmp_path / "b.npz")


def test_the_script_writes_sets_or_one_line(run_script: Run, tmp_path: Path) -> None:
    write_volume(tmp_path / "a.bin", np.ones(SHAPE.array, np.float32), SIDECAR)
    words = ("--input", tmp_path / "a.bin", "--output", tmp_path / "a.npz")
    done = run_script("read_control", *words, "--horizons", horizon(tmp_path, "top", 40))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "top: 30 points\n"
    assert [one.name for one in load_control(tmp_path / "a.npz")] == ["top"]
    deep = tmp_path / "deep.csv"
    deep.write_text("inline,crossline,z\n100,500,5000\n")
    failed = run_script("read_control", *words[:3], tmp_path / "b.npz", "--horizons", deep)
    refused_in_one_line(failed, str(deep), "outside the survey's 400 to 800 ms")
    assert not (tmp_path / "b.npz").exists()
