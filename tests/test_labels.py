"""Fault sticks, labelled lines and masks to label volumes, and errors that name file and reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from conftest import (
    Finished,
    Workflow,
    refused_in_one_line,
    stopped_at_once,
    synthetic_row,
    write_segy,
)
from strataflow.errors import StrataflowError
from strataflow.interpretation.fault_sticks import Stick, charisma_lines, opendtect_lines
from strataflow.interpretation.labelled_lines import parse_lines, traces_on
from strataflow.interpretation.labels import Given, make_labels
from strataflow.interpretation.stick_files import read_sticks
from strataflow.volume.orientation import axial_angle, normal_from_strike_dip
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import Axis, Sidecar, plain_sidecar
from strataflow.volume.volume import Volume, open_volume, write_volume

Run = Callable[..., Finished]

SHAPE = Shape(60, 50, 40)
AXES = (
    Axis("inline", 1000, 2, 25.0, "m"),
    Axis("crossline", 300, 1, 12.5, "m"),
    Axis("sample", 800, 4, 4, "ms"),
)


def sidecar() -> Sidecar:
    """Geometry of a survey whose inlines have steps of 2, rotated against the coordinates."""
    ends = [(i, j) for i in (0, SHAPE.n3 - 1) for j in (0, SHAPE.n2 - 1)]
    corners = tuple((5e5 + 20 * i + 7.5 * j, 6e6 - 15 * i + 10 * j) for i, j in ends)
    return replace(plain_sidecar(SHAPE, "image"), axes=AXES, corners=corners)


def image(folder: Path) -> Volume:
    """A survey of noise."""
    values = np.random.default_rng(1).normal(size=SHAPE.array).astype(np.float32)
    write_volume(folder / "x.bin", values, sidecar())
    return open_volume(folder / "x.bin")


def sticks() -> list[Stick]:
    """Sticks of a plane with normal (1, -2, 1) / sqrt(6) on every tenth inline."""
    found = []
    for number, i3 in enumerate(range(5, 40, 10), start=1):
        i1 = np.array([16.0, 26, 35, 50])
        i2 = (i3 + i1 - 20) / 2
        found.append(Stick(1, number, np.stack([np.full(4, i3), i2, i1]).astype(np.float32)))
    return found


def csv_of(points: list[Stick], names: str = "fault,stick,inline,crossline,time") -> str:
    """The sticks as a table with line numbers."""
    lines = [names]
    for stick in points:
        place = sidecar().places(stick.points)
        lines += [
            f"F1,{stick.number},{i:g},{x:g},{t:g}"
            for i, x, t in zip(place["inline"], place["crossline"], place["time"], strict=True)
        ]
    return "\n".join(lines) + "\n"


def petrel_points() -> str:
    header = "# Petrel Points with attributes\nVERSION 1\nBEGIN HEADER\nX\nY\nZ\n"
    header += "STRING,fault name\nINT,Stick\nEND HEADER\n"
    rows = []
    for stick in sticks():
        place = sidecar().places(stick.points)
        rows += [
            f"{x:.3f} {y:.3f} {-t:.3f} F1 {stick.number}"
            for x, y, t in zip(place["x"], place["y"], place["time"], strict=True)
        ]
    return header + "\n".join(rows) + "\n"


def cps3() -> str:
    lines = ["FFASCI 1 COMPUTER", "FSASCI 0 1"]
    for stick in sticks():
        place = sidecar().places(stick.points)
        lines.append("->")
        lines += [
            f"{x:.3f} {y:.3f} {t:.3f}"
            for x, y, t in zip(place["x"], place["y"], place["time"], strict=True)
        ]
    return "\n".join(lines) + "\n"


FORMS = {
    "charisma.txt": lambda: "".join(charisma_lines(sticks(), sidecar())),
    "opendtect.txt": lambda: "".join(opendtect_lines(sticks(), sidecar())),
    "table.csv": lambda: csv_of(sticks()),
    "petrel.txt": petrel_points,
    "cps3.dat": cps3,
}


@pytest.mark.parametrize("name", FORMS)
def test_sticks_of_each_format_are_read_at_their_places(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(FORMS[name]())
    found, _ = read_sticks([path], sidecar())
    assert len(found) == 4
    for given, read in zip(sticks(), found, strict=True):
        np.testing.assert_allclose(read.points, given.points, atol=0.01)


def test_a_fault_is_named_by_its_column_before_that_of_a_name(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(csv_of(sticks()))
    table = pd.read_csv(path).assign(name=range(16))
    table.to_csv(path, index=False)
    assert {stick.fault for stick in read_sticks([path], sidecar())[0]} == {"F1"}
    table.drop(columns="name").rename(columns={"fault": "Set Name"}).to_csv(path, index=False)
    assert {stick.fault for stick in read_sticks([path], sidecar())[0]} == {"F1"}


def test_sticks_in_a_unit_that_the_header_names_are_converted(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(csv_of(sticks()))
    table = pd.read_csv(path).rename(columns={"time": "TWT (s)"})
    table["TWT (s)"] /= 1000
    table.to_csv(path, index=False)
    found, notes = read_sticks([path], sidecar())
    for given, read in zip(sticks(), found, strict=True):
        np.testing.assert_allclose(read.points, given.points, atol=0.01)
    assert notes == [f"{path}: converted from s to ms"]


@pytest.mark.parametrize("name", ["FF2", "FS1", "FFault"])
def test_faults_with_names_like_those_of_another_format_are_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.txt"
    lines = "".join(opendtect_lines(sticks(), sidecar())).splitlines()
    path.write_text("\n".join("\t".join([name, *line.split("\t")[1:]]) for line in lines))
    found, _ = read_sticks([path], sidecar())
    assert [stick.fault for stick in found] == [name] * 4


def test_a_surface_through_sticks_gives_mask_dip_and_strike_on_the_lines_with_sticks(
    tmp_path: Path,
) -> None:
    path = tmp_path / "sticks.csv"
    path.write_text(csv_of(sticks()))
    table = make_labels(Given(image(tmp_path), {}, (path,)), tmp_path / "out")
    fsem, fdip, fstrike = (
        np.array(open_volume(tmp_path / f"out.{name}").values)
        for name in ("fsem", "fdip", "fstrike")
    )
    lines = [5, 15, 25, 35]
    assert np.isfinite(fsem[lines]).all()
    assert np.isnan(np.delete(fsem, lines, axis=0)).all()
    i3, i2, i1 = np.argwhere(fsem == 1).T
    normal = np.array([1, -2, 1]) / np.sqrt(6)
    assert (np.abs((i3 - 2 * i2 + i1 - 20) / np.sqrt(6)) <= 1.1).all()
    inner = fsem[15, :, 18:48] == 1
    np.testing.assert_allclose(inner.sum(axis=0).mean(), 2 * np.sqrt(6) / 2, atol=0.6)
    where = fsem == 1
    found = normal_from_strike_dip(180 * fstrike[where], 180 * fdip[where])
    assert np.percentile(axial_angle(found, normal[:, None].astype(np.float32)), 95) < 2
    assert table["lines"][0].startswith("4 of 40 inlines")
    assert table["oriented_share"][0] == 1


def test_sticks_on_one_line_label_that_line_without_orientation(tmp_path: Path) -> None:
    path = tmp_path / "sticks.csv"
    path.write_text(csv_of(sticks()[:1]))
    table = make_labels(Given(image(tmp_path), {}, (path,)), tmp_path / "out")
    fsem = np.array(open_volume(tmp_path / "out.fsem").values)
    assert np.isfinite(fsem[5]).all()
    assert np.isnan(np.delete(fsem, 5, axis=0)).all()
    assert table["oriented_share"][0] == 0
    assert (fsem == 1).sum() > 40


def test_labelled_lines_replace_the_lines_of_the_sticks(tmp_path: Path) -> None:
    path = tmp_path / "sticks.csv"
    path.write_text(csv_of(sticks()))
    given = Given(image(tmp_path), {}, (path,), "inline 1010, 1020-1024; crossline 310")
    make_labels(given, tmp_path / "out")
    known = np.isfinite(open_volume(tmp_path / "out.fsem").values).all(axis=2)
    expected = np.zeros((40, 50), bool)
    expected[[5, 10, 11, 12]] = True
    expected[:, 10] = True
    assert (known == expected).all()


def in_feet(text: str) -> str:
    table = pd.read_csv(StringIO(text))
    table["x"], table["y"] = 3.2808399 * table["x"], 3.2808399 * table["y"]
    return str(table.to_csv(index=False))


def with_coordinates() -> str:
    rows = ["fault,stick,x,y,time"]
    for stick in sticks():
        place = sidecar().places(stick.points)
        rows += [
            f"F1,{stick.number},{x:.3f},{y:.3f},{t:.3f}"
            for x, y, t in zip(place["x"], place["y"], place["time"], strict=True)
        ]
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (csv_of(sticks()).replace(",1010,", ",9010,"), "points lie outside"),
        (csv_of(sticks(), "fault,stick,crossline,inline,time"), "swapped"),
        (in_feet(with_coordinates()), "in feet instead of metres"),
        ("fault,stick,inline,crossline,time\nF,1,1010,310,1.0\nF,1,1010,312,0.9\n", "in seconds"),
        ("fault,stick,inline,crossline,time\nF,1,1010,310,900\n", "two points"),
        (
            "fault,stick,inline,crossline,depth (m)\nF,1,1010,310,900\nF,1,1010,312,950\n",
            "faults.csv: is in depth, but the survey is in time",
        ),
        ("fault,stick,inline,time\nF,1,1010,900\n", "no columns of inline and crossline"),
        ("fault,inline,crossline,time\nF,1010,310,900\n", "no column of the stick"),
        ("fault,stick,il,inline,crossline,z\nF,1,1010,1,310,900\n", "'il' and 'inline' mean the"),
        ("fault,stick,il,xl,time,depth\nF,1,1010,310,900,900\n", "for time and for depth"),
        ("fault,stick,inline,crossline,time\nF,1,1010,abc,900\n", "line 2: 'abc'"),
        ("", "empty"),
        ("hello world\n", "line 1"),
    ],
)
def test_unusable_sticks_are_named_with_the_reason(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "faults.csv"
    path.write_text(text)
    try:
        _, notes = read_sticks([path], sidecar())
        said = "\n".join(notes)
    except StrataflowError as error:
        said = str(error)
    assert words in said
    assert "faults.csv" in said


def test_a_binary_file_and_a_mask_beside_sticks_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "faults.csv"
    path.write_bytes(b"\xff\xfe\x00\x81" * 100)
    with pytest.raises(StrataflowError, match="not a text file"):
        read_sticks([path], sidecar())
    volume = image(tmp_path)
    with pytest.raises(StrataflowError, match="fault sticks and a fault mask"):
        make_labels(Given(volume, {"fsem": volume}, (path,)), tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("inline 5", "inline 5: not in the survey, which has inlines 1000 to 1078 in steps of 2"),
        ("inline 1001", "not in the survey"),
        ("crossline 340-400", "not in the survey"),
        ("row 5", "expected lines such as"),
        ("inline 1010-1000", "the range is empty"),
        ("inline 10.5", "is no line or range"),
        ("", "expected lines such as"),
    ],
)
def test_lines_that_are_not_there_are_refused(text: str, words: str) -> None:
    with pytest.raises(StrataflowError, match=words):
        traces_on(text, sidecar())


def test_lines_are_ranges_numbers_and_steps() -> None:
    assert parse_lines("all") is None
    mask = traces_on("inline 1000-1020/10; crossline 300, 349", sidecar())
    expected = np.zeros((40, 50), bool)
    expected[[0, 5, 10]] = True
    expected[:, [0, 49]] = True
    assert (mask == expected).all()


def test_unknown_values_missing_traces_and_unlabelled_lines_are_nan(tmp_path: Path) -> None:
    volume = image(tmp_path)
    mask = np.zeros(SHAPE.array, np.float32)
    mask[:, 20:22] = 1
    mask[3, 4] = -1
    live = np.ones((40, 50), bool)
    live[7, 9] = False
    write_volume(tmp_path / "x.fsem", mask, replace(sidecar().of_attribute("fsem"), live=live))
    rgt = np.broadcast_to(np.arange(60, dtype=np.float32), SHAPE.array)
    write_volume(tmp_path / "x.rgt", rgt, sidecar().of_attribute("rgt"))
    given = Given(
        volume,
        {name: open_volume(tmp_path / f"x.{name}") for name in ("fsem", "rgt")},
        labelled="inline 1000-1040",
        unknown=-1,
    )
    table = make_labels(given, tmp_path / "out")
    fsem = np.array(open_volume(tmp_path / "out.fsem").values)
    assert np.isnan(fsem[3, 4]).all()
    assert np.isnan(fsem[7, 9]).all()
    assert np.isnan(fsem[21:]).all()
    assert np.isnan(open_volume(tmp_path / "out.rgt").values[21:]).all()
    assert list(table["label"]) == ["fsem", "rgt"]
    assert table["labelled_voxels"][0] == (21 * 50 - 2) * 60
    assert set(np.unique(fsem[np.isfinite(fsem)])) == {0, 1}


def test_the_script_writes_volumes_table_and_picture(run_script: Run, tmp_path: Path) -> None:
    image(tmp_path)
    (tmp_path / "sticks.csv").write_text(csv_of(sticks()))
    words = ("--input", tmp_path / "x.bin", "--output", tmp_path / "out")
    done = run_script("labels", *words, "--fault_sticks", tmp_path / "sticks.csv")
    assert done.returncode == 0, done.stderr
    assert "4 sticks of 1 faults" in done.stdout
    for name in ("fsem", "fdip", "fstrike", "fsem.json", "labels.csv", "labels.png"):
        assert (tmp_path / f"out.{name}").is_file()
    refused_in_one_line(run_script("labels", *words), "no label")
    write_volume(tmp_path / "x.fsem", np.zeros((40, 50, 8), "<f4"), plain_sidecar(
        Shape(8, 50, 40), "fsem"
    ))  # fmt: skip
    refused_in_one_line(
        run_script("labels", *words, "--fsem", tmp_path / "x.fsem"), "x.fsem", "n1=8"
    )
    refused_in_one_line(
        run_script("labels", *words, "--fsem", tmp_path / "x.bin"), "not a fault label"
    )


def test_null_values_in_labels_are_unknown(run_script: Run, tmp_path: Path) -> None:
    values = np.zeros((6, 5, 40), np.float32)
    values[:, 2, 10:30] = 1
    values[4, :, 20:] = -999.25
    segy = write_segy(tmp_path / "mask.sgy", values, drop={(1, 1)})
    words = ("--input", segy, "--output", tmp_path / "x.fsem", "--attribute", "fsem")
    done = run_script("segy_to_binary", *words)
    assert done.returncode == 0, done.stderr
    assert "unknown (NaN)" in done.stdout
    volume = open_volume(tmp_path / "x.fsem")
    assert np.isnan(volume.values[4, :, 20:]).all()
    assert np.isfinite(volume.values[:4]).all()
    assert np.isfinite(volume.values[4, :, :20]).all()
    assert not volume.sidecar.live[1, 1]


@pytest.mark.workflow
def test_a_survey_labelled_in_part_joins_training_for_its_tasks(
    tiny: Callable[..., Workflow], tmp_path: Path
) -> None:
    (tmp_path / "sticks").mkdir()
    (tmp_path / "sticks" / "f1.csv").write_text(csv_of(sticks()))
    mask = synthetic_row("north", ("fsem",), labelled="inline 1-9", held_out="inline 5")
    mask["unknown"] = "-1e30"
    with_sticks = synthetic_row("south", (), fault_sticks=str(tmp_path / "sticks"))
    flow = tiny()
    flow.list_volumes(mask, with_sticks)
    done = flow.run("-n")
    assert "volume 'north': used for training of fault, not of dhr rgt" in done.stdout + done.stderr
    jobs = flow.jobs()
    assert jobs["labels"] == 2
    assert "make_patches" not in jobs
    printed = flow.run("-n", "-p").stdout
    assert "--survey_held_out 'inline 5' ''" in printed
    assert "--label_share 0.5" in printed
    assert "--lines 'inline 5'" in printed
    assert "--unknown=-1e30" in printed
    assert "f1.csv" in printed
    flow.list_volumes(mask | {"labelled": "inlines"}, with_sticks)
    stopped_at_once(flow.run("-n"), "volume 'north': labelled: 'inlines': expected lines")
    flow.list_volumes(mask, with_sticks | {"fault_sticks": "gone"})
    stopped_at_once(flow.run("-n"), "volume 'south': fault_sticks: gone: no such file or folder")
    flow.list_volumes(mask | {"fault_sticks": str(tmp_path / "sticks")})
    stopped_at_once(flow.run("-n"), "volume 'north': fault_sticks:", "use one of them")
    flow.list_volumes(synthetic_row("north", (), labelled="all"), with_sticks)
    stopped_at_once(flow.run("-n"), "volume 'north': labelled: the volume has no label")


def test_a_mask_of_the_same_size_on_another_grid_is_refused(tmp_path: Path) -> None:
    volume = image(tmp_path)
    known = replace(volume.sidecar, source={"segy": "x.sgy"})
    shifted = replace(AXES[0], first=1002)
    moved = replace(known.of_attribute("fsem"), axes=(shifted, *AXES[1:]))
    write_volume(tmp_path / "x.fsem", np.zeros(SHAPE.array, np.float32), moved)
    labels = {"fsem": open_volume(tmp_path / "x.fsem")}
    with pytest.raises(StrataflowError, match=r"x.fsem: another grid .* inlines begin at 1002"):
        make_labels(Given(replace(volume, sidecar=known), labels), tmp_path / "out")
