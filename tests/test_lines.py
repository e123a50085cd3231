"""2D lines: read as lines, predicted, drawn and picked as lines."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import segyio

from conftest import PREDICTING, Finished, Workflow, refused_in_one_line
from segy_bytes import integers, write_bytes
from strataflow.errors import StrataflowError
from strataflow.figures.choice import choose_sections
from strataflow.figures.findings import fault_rows, fault_sentences
from strataflow.figures.pictures import Results, plot
from strataflow.figures.section import Section
from strataflow.figures.viewer.folder import open_folder
from strataflow.formats import opening
from strataflow.formats.opening import Reading, convert_survey, is_line
from strataflow.interpretation.faults import FaultSettings, pick_faults
from strataflow.interpretation.horizon_picking import Choice, pick_horizons
from strataflow.interpretation.stick_files import read_sticks
from strataflow.prediction.tiling import TileGrid, blend
from strataflow.segy.choice import choose_header_bytes
from strataflow.segy.inspect import inspect_segy
from strataflow.segy.writer import export_segy
from strataflow.volume.attributes import apparent_dip, fault_angles
from strataflow.volume.orientation import orientation_tensor
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import Axis, HeaderBytes, Sidecar
from strataflow.volume.volume import Volume, open_volume, write_volume

Run = Callable[..., Finished]
STANDARD = HeaderBytes()
TRACES, N1 = 60, 24
FIRST_CDP, CDP_STEP = 1_000_001, 2


def path_of_line() -> np.ndarray:
    """Coordinates (TRACES, 2) in metres, 12.5 m apart, with a bend of 40 degrees in the middle."""
    angle = np.radians(np.where(np.arange(TRACES) <= TRACES // 2, 20, 60))
    steps = 12.5 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.array([500_000.0, 6_700_000.0]) + np.cumsum(steps, axis=0)


def header_of_line(i: int) -> dict[int, int]:
    x, y = (round(100 * c) for c in path_of_line()[i])
    return {1: i + 1, 5: i + 1, 21: FIRST_CDP + CDP_STEP * i, 71: -100, 181: x, 185: y}


def samples() -> np.ndarray:
    return integers((TRACES, 1, N1))[:, 0]


def write_line(path: Path, change: Callable[[int], dict[int, int]] = lambda _: {}) -> Path:
    return write_bytes(path, samples().tolist(), lambda i: header_of_line(i) | change(i))


def read(segy: Path, where: HeaderBytes = STANDARD) -> tuple[np.ndarray, dict[str, Any]]:
    output = segy.with_suffix(".bin")
    convert_survey(segy, output, Reading(where))
    sidecar = json.loads(output.with_suffix(".json").read_text())
    return np.fromfile(output, "<f4").reshape(sidecar["n3"], sidecar["n2"], sidecar["n1"]), sidecar


def test_a_line_of_cdps_follows_its_bends(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    raw, sidecar = read(write_line(tmp_path / "x.sgy"))
    np.testing.assert_array_equal(raw, samples()[None])
    line, cdp = sidecar["axes"]["n3"], sidecar["axes"]["n2"]
    assert (line["name"], cdp["name"]) == ("line", "CDP")
    assert (cdp["first"], cdp["step"]) == (FIRST_CDP, CDP_STEP)
    # The distance between traces is along the bend, not between the ends.
    assert cdp["spacing"] == pytest.approx(12.5, abs=0.01)
    np.testing.assert_allclose(sidecar["track"], path_of_line(), atol=0.006)
    said = caplog.text
    assert "those at byte 21 number a 2D line and are taken" in said
    assert "dips are apparent" in said


@pytest.mark.parametrize(
    ("change", "byte", "first"),
    [
        (lambda i: {189: 7, 193: 100 + i}, 193, 100),
        (lambda i: {189: 300 + i, 193: 5}, 189, 300),
        (lambda i: {189: 0, 193: 100 + i, 21: 0}, 193, 100),
        # Numbers alone in the count of traces, which any file has: the coordinates say that it
        # is a line.
        (lambda _: {21: 0}, 1, 1),
        # Offsets that are left over from before the stack.
        (lambda i: {37: 100 + 25 * (i % 7)}, 21, FIRST_CDP),
    ],
    ids=["line numbers", "inline numbers", "crosslines", "counters", "offsets"],
)
def test_lines_are_numbered_where_they_are(
    tmp_path: Path, change: Callable[[int], dict[int, int]], byte: int, first: int
) -> None:
    segy = write_line(tmp_path / "x.sgy", change)
    raw, sidecar = read(segy)
    np.testing.assert_array_equal(raw, samples()[None])
    assert sidecar["axes"]["n2"]["first"] == first
    assert sidecar["axes"]["n2"]["name"] == "CDP"
    assert sidecar["source"]["header_bytes"]["xline"] == byte
    found = choose_header_bytes(segy, {})
    assert found.xline == byte
    # The same with the positions that the sheet gets.
    again, _ = read(segy, found)
    np.testing.assert_array_equal(again, raw)
    assert inspect_segy(segy, STANDARD)["grid"]["kind"] == "2D line"


def test_a_survey_without_line_numbers_is_no_line(tmp_path: Path) -> None:
    # Its CDPs number all traces, but its coordinates jump from line to line.
    def header(i: int) -> dict[int, int]:
        i3, i2 = divmod(i, 20)
        return {21: i + 1, 181: 1000 + 25 * i2, 185: 5000 + 25 * i3, 37: 0}

    segy = write_bytes(tmp_path / "x.sgy", integers((60, 1, 8))[:, 0].tolist(), header)
    found = inspect_segy(segy, STANDARD)
    assert found["grid"] is None
    (best, *_) = found["fitting_bytes"]
    assert (best["inlines"], best["crosslines"]) == (3, 20)


def test_a_survey_at_other_bytes_is_taken_before_a_line(tmp_path: Path) -> None:
    def header(i: int) -> dict[int, int]:
        return {9: 10 + i // 12, 21: 100 + i % 12, 193: i + 1}

    segy = write_bytes(tmp_path / "x.sgy", integers((60, 1, 8))[:, 0].tolist(), header)
    _, sidecar = read(segy)
    assert (sidecar["n3"], sidecar["n2"]) == (5, 12)


def test_a_file_without_numbers_and_coordinates_is_refused(tmp_path: Path) -> None:
    segy = write_line(tmp_path / "x.sgy", lambda _: {21: 0, 181: 0, 185: 0})
    with pytest.raises(StrataflowError, match="line numbers at bytes 189 and 193"):
        read(segy)


def test_missing_and_null_traces_of_a_line(tmp_path: Path) -> None:
    kept = [i for i in range(TRACES) if i not in (0, 7, 8, 33)]
    values = samples()
    values[20] = -999.25
    segy = write_bytes(
        tmp_path / "x.sgy",
        values[kept].tolist(),
        # A null trace has no numbers; one coordinate is wrong.
        lambda i: (
            {}
            if kept[i] == 20
            else header_of_line(kept[i]) | ({181: 90_000} if kept[i] == 40 else {})
        ),
    )
    raw, sidecar = read(segy)
    expected = samples()
    expected[[7, 8, 20, 33]] = 0
    np.testing.assert_array_equal(raw[0], expected[1:])
    np.testing.assert_allclose(sidecar["track"], path_of_line()[1:], atol=0.5)
    assert sidecar["source"]["null_traces"] == 1


def test_a_line_without_coordinates_has_none(tmp_path: Path) -> None:
    _, sidecar = read(write_line(tmp_path / "x.sgy", lambda _: {181: 0, 185: 0}))
    assert sidecar["corners"] == []
    assert "track" not in sidecar
    assert sidecar["axes"]["n2"]["unit"] == "line"


def test_a_line_comes_back_with_its_headers(tmp_path: Path) -> None:
    segy = write_line(tmp_path / "x.sgy")
    read(segy)
    volume = open_volume(tmp_path / "x.bin")
    values = np.random.default_rng(0).random(volume.values.shape).astype("f4")
    write_volume(tmp_path / "p.fsem", values, volume.sidecar.of_attribute("fsem"))
    predicted = open_volume(tmp_path / "p.fsem")
    where = HeaderBytes(**predicted.sidecar.source["header_bytes"])
    export_segy(predicted, segy, tmp_path / "out.sgy", where)
    with (
        segyio.open(segy, ignore_geometry=True) as given,
        segyio.open(tmp_path / "out.sgy", ignore_geometry=True) as out,
    ):
        np.testing.assert_array_equal(out.trace.raw[:], values[0])
        assert all(dict(out.header[i]) == dict(given.header[i]) for i in range(TRACES))


def sidecar_of_line(shape: Shape) -> Sidecar:
    """A straight line to the north-east: 10 m between traces, 4 m between samples."""
    step = 10 * np.array([0.6, 0.8])
    track = tuple(
        (float(x), float(y)) for x, y in np.array([500, 700]) + np.outer(range(shape.n2), step)
    )
    axes = (
        Axis("line", 0, 1, 10.0, "m"),
        Axis("CDP", 2_000_000, 1, 10.0, "m"),
        Axis("sample", 0.0, 4.0, 4.0, "m"),
    )
    corners = (track[0], track[-1], track[0], track[-1])
    live = np.ones((1, shape.n2), bool)
    return Sidecar("image", shape, "depth", axes, corners, {}, None, live, track=track)


def line_with_a_fault(folder: Path) -> tuple[Sidecar, float]:
    """Attributes of a line with one fault that dips 60 degrees toward higher CDPs."""
    shape = Shape(96, 80, 1)
    sidecar = sidecar_of_line(shape)
    dip = 60.0
    # In voxels: tan(60) of 10 m a trace and 4 m a sample.
    slope = np.tan(np.radians(dip)) * 10 / 4
    i2, i1 = np.indices((shape.n2, shape.n1)).astype(float)
    off = (i1 - 40 - slope * (i2 - 40)) / np.hypot(1, slope)
    fsem = np.exp(-0.5 * (off / 0.8) ** 2).astype(np.float32)
    fsem[(i1 < 10) | (i1 > 85)] = 0
    voxel_dip = np.degrees(np.arctan(slope))
    fault = fsem >= 0.3
    tensor = orientation_tensor(
        np.stack([np.zeros(fsem.shape), np.full(fsem.shape, -slope), np.ones(fsem.shape)])
        / np.hypot(1, slope)
    )
    fdip, fstrike = apparent_dip(fsem[None], tensor[:, None], 0.3)
    assert np.allclose(fdip[0][fault] * 180, voxel_dip, atol=1e-3) or np.allclose(
        fdip[0][fault] * 180, 180 - voxel_dip, atol=1e-3
    )
    layers = np.sin((i1 - 6 * (off > 0)) / 4).astype(np.float32)
    for name, values in (
        ("fsem", fsem[None]),
        ("fdip", fdip),
        ("fstrike", fstrike),
        ("rgt", (i1 / shape.n1).astype(np.float32)[None]),
        ("dhr", layers[None]),
    ):
        write_volume(folder / f"x.{name}", values, sidecar.of_attribute(name))
    write_volume(folder / "x.bin", layers[None], sidecar)
    return sidecar, dip


def test_faults_of_a_line_have_an_apparent_dip_and_no_strike(tmp_path: Path) -> None:
    sidecar, dip = line_with_a_fault(tmp_path)
    # A line is delivered without a strike.
    (tmp_path / "x.fstrike").unlink()
    settings = FaultSettings(min_probability=0.3)
    pick_faults(tmp_path / "x", tmp_path / "x", None, settings, tmp_path / "x.bin")
    table = pd.read_csv(tmp_path / "x.faults.csv")
    assert len(table) == 1
    assert table["apparent_dip"][0] == pytest.approx(dip, abs=2)
    assert table["dips_toward"][0] == "higher CDP"
    assert not {"strike", "dip", "dip_azimuth", "grid_strike"} & set(table.columns)
    assert fault_sentences(table, sidecar)[0] == "One fault was picked."
    assert "apparent dip (°)" in fault_rows(table, sidecar).columns
    # Full line numbers, and coordinates of the line: 10 m a CDP to the north-east.
    assert table["CDP_from"][0] > 2_000_000
    x = 500 + 6 * (table["CDP_from"][0] - 2_000_000)
    assert table["x_from"][0] == pytest.approx(x, abs=0.01)
    (stick,) = {line.split()[-1] for line in (tmp_path / "x.fault_sticks.txt").open()}
    assert stick == "1"
    points = pd.read_csv(tmp_path / "x.fault_points.csv")
    assert list(points.columns[:6]) == ["fault", "line", "CDP", "x", "y", "depth"]
    assert "apparent_dip" in points
    thin = np.fromfile(tmp_path / "x.fthin", "<f4").reshape(80, 96)
    # One voxel in each row of samples: the fault is steep.
    assert ((thin > 0).sum(axis=0)[15:80] == 1).all()


def test_a_line_is_known_before_any_job_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = write_line(tmp_path / "line.sgy")
    assert is_line(line, Reading(STANDARD))
    grid = [{189: 1 + i // 10, 193: 1 + i % 10} for i in range(TRACES)]
    survey = write_bytes(tmp_path / "grid.sgy", samples().tolist(), lambda i: grid[i])
    assert not is_line(survey, Reading(STANDARD))
    np.save(tmp_path / "line.npy", samples())
    assert is_line(tmp_path / "line.npy", Reading())
    assert not is_line(tmp_path / "none.sgy", Reading())
    (tmp_path / "damaged.sgy").write_bytes(bytes(4000))
    assert not is_line(tmp_path / "damaged.sgy", Reading())
    # Several inlines among some traces of a large file are enough.
    monkeypatch.setattr(opening, "MOST_OF_LINE", TRACES - 1)
    monkeypatch.setattr(opening, "open_survey", None)
    assert not is_line(survey, Reading(STANDARD))


@pytest.mark.workflow
def test_a_line_is_delivered_without_strike(tiny: Callable[..., Workflow]) -> None:
    flow = tiny(PREDICTING)
    line = np.random.default_rng(5).normal(size=(80, 64))
    line += 3 * np.sin(np.arange(64) / 3 + 0.1 * np.arange(80)[:, None])
    np.save(flow.folder / "line.npy", line.astype(np.float32))
    flow.list_volumes({"volume": "line", "survey": "line.npy"})
    done = flow.run()
    assert done.returncode == 0, done.stdout + done.stderr
    folder = flow.folder / "results" / "predictions" / "line"
    assert (folder / "line.fdip.sgy").is_file()
    assert not list(folder.glob("*fstrike*")) + list(folder.glob("*rose*"))
    page = (folder.parent / "index.html").read_text()
    assert "Apparent dip of the faults, in the plane of the line" in page
    assert "fstrike" not in page
    assert flow.jobs() == {}
    prediction = open_folder(folder)
    assert "fstrike" not in prediction.volumes
    assert "there is no strike" in " ".join(prediction.notes)
    assert "does not have" not in " ".join(prediction.notes)


def test_strikes_of_a_line_cannot_be_asked_for(tmp_path: Path) -> None:
    line_with_a_fault(tmp_path)
    with pytest.raises(StrataflowError, match="a 2D line has no strike"):
        pick_faults(tmp_path / "x", tmp_path / "y", None, FaultSettings(strike=(10.0, 60.0)))


def test_sections_of_a_line_have_their_own_titles(tmp_path: Path) -> None:
    sidecar, _ = line_with_a_fault(tmp_path)
    time = replace(sidecar.axes[2], first=0.0, step=4.0)
    line = replace(sidecar, axes=(replace(sidecar.axes[0], first=0), sidecar.axes[1], time))
    assert Section(0, 0).title(line) == "2D line"
    assert Section(1, 1).title(line) == "CDP 2000001"
    assert Section(2, 50).title(line) == "depth slice 200 m"


@pytest.mark.parametrize(
    ("names", "reason"),
    [("inline,crossline", "crossline 1 to 2, survey 2000000 to"), ("x,y", "takes CDP numbers")],
)
def test_sticks_beside_a_line_are_refused_with_the_reason(
    tmp_path: Path, names: str, reason: str
) -> None:
    sidecar, _ = line_with_a_fault(tmp_path)
    path = tmp_path / "sticks.csv"
    path.write_text(f"fault,stick,{names},z\nF,1,1,1,40\nF,1,1,2,60\n")
    with pytest.raises(StrataflowError, match=f"none of the 2 points.*{reason}"):
        read_sticks([path], sidecar)


def test_horizons_of_a_line_are_points(tmp_path: Path) -> None:
    sidecar, _ = line_with_a_fault(tmp_path)
    pick_horizons(open_volume(tmp_path / "x.rgt"), tmp_path / "x", Choice(count=3))
    table = pd.read_csv(tmp_path / "x.horizons.csv")
    assert list(table["CDP"][:2]) == [2_000_000, 2_000_001]
    points = np.loadtxt(tmp_path / "x.horizon_02.irap")
    np.testing.assert_allclose(points[:, :2], sidecar.track, atol=0.01)
    np.testing.assert_allclose(points[:, 2], table["horizon_02"], atol=0.001)
    exported = (tmp_path / "x.horizon_02.odt.txt").read_text().splitlines()
    assert exported[-1].split("\t")[1] == "2000079"


def test_pictures_of_a_line_show_the_line(tmp_path: Path) -> None:
    line_with_a_fault(tmp_path)
    names = ("fsem", "fdip", "fstrike", "rgt", "dhr")
    predicted = {n: open_volume(tmp_path / f"x.{n}") for n in names}
    fsem = predicted["fsem"].values
    assert choose_sections(Shape(96, 80, 1), None, fsem, 0.5) == (Section(0, 0),)
    plot(Results(open_volume(tmp_path / "x.bin"), predicted, {}), tmp_path / "x")
    for name in (*names, "rose", "spectrum"):
        assert (tmp_path / f"x.{name}.png").stat().st_size > 3000


def test_the_normal_of_an_apparent_dip_lies_in_the_plane_of_the_line() -> None:
    rng = np.random.default_rng(3)
    normal = rng.normal(size=(3, 50))
    normal /= np.linalg.norm(normal, axis=0)
    tensor = orientation_tensor(normal)
    fdip, fstrike = apparent_dip(np.ones(50, np.float32), tensor)
    assert not fstrike.any()
    # The dip of the trace of the plane in the section, (n2, n1).
    expected = np.degrees(np.arctan2(-normal[1], normal[2])) % 180
    difference = np.abs(180 * fdip - expected)
    assert np.minimum(difference, 180 - difference).max() < 0.01
    true_dip, _ = fault_angles(np.ones(50, np.float32), tensor)
    assert np.abs(true_dip - fdip).max() > 0.1


def test_a_single_line_is_taken_from_the_middle_of_its_copies() -> None:
    grid = TileGrid.cover((1, 32, 16), (32, 32, 32), 0.25)
    (corner,) = grid.corners()
    tile = grid.read(np.ones((1, 32, 16), np.float32), corner)
    copies = np.arange(tile.shape[0], dtype=np.float32)[:, None, None] * tile
    ((_, _, block),) = blend(grid, range(1), 1, iter([copies[None]]))
    assert block.shape == (1, 1, 32, 16)
    assert (block == tile.shape[0] // 2).all()


def test_lines_keep_their_track_in_sidecars_of_attributes(tmp_path: Path) -> None:
    sidecar = sidecar_of_line(Shape(8, 5, 1))
    write_volume(tmp_path / "x.fsem", np.zeros((1, 5, 8), "f4"), sidecar.of_attribute("fsem"))
    again: Volume = open_volume(tmp_path / "x.fsem")
    assert again.sidecar.track == sidecar.track
    assert again.sidecar.is_line
    assert np.isnan(again.sidecar.azimuth([30.0])).all()
    content = json.loads((tmp_path / "x.fsem.json").read_text())
    content["track"] = content["track"][1:]
    (tmp_path / "x.fsem.json").write_text(json.dumps(content))
    with pytest.raises(StrataflowError, match="track: expected 5, one per trace, got 4"):
        open_volume(tmp_path / "x.fsem")


def test_inspection_of_a_line_tells_its_length(run_script: Run, tmp_path: Path) -> None:
    done = run_script("inspect_segy", write_line(tmp_path / "x.sgy"))
    assert re.search("post-stack 2D line, 73[78] m long", done.stdout)
    assert "1000001" in done.stdout
    missing = run_script("inspect_segy", tmp_path / "gone.sgy")
    refused_in_one_line(missing, "gone.sgy", "no such file")
