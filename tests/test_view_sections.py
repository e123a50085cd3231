"""What the viewer reads and computes: windows, lines, colours, crossings of meshes, triangles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from strataflow.errors import StrataflowError
from strataflow.figures.section import Section
from strataflow.figures.viewer.content import labels_of
from strataflow.figures.viewer.crossings import chained, crossing, crossings_of
from strataflow.figures.viewer.curves import Drawn
from strataflow.figures.viewer.folder import open_folder
from strataflow.figures.viewer.layers import finer
from strataflow.figures.viewer.meshes import (
    Triangles,
    facing_one_way,
    grid_of,
    normals_of,
    simplified,
)
from strataflow.figures.viewer.reading import (
    PIXELS,
    SLICE_TRACES,
    line_through,
    part_of,
    read_line,
    read_section,
    sample_of,
    window_of,
)
from strataflow.figures.viewer.view import View, changed, first_view, link_of
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import plain_sidecar
from strataflow.volume.volume import Volume, write_volume
from viewed_folder import attributes, sidecar_of, write_folder


def volume_of(values: np.ndarray) -> Volume:
    shape = Shape(*reversed(values.shape))
    return Volume(Path("a.dhr"), values.astype(np.float32), plain_sidecar(shape, "dhr"))


def test_only_what_is_shown_is_read(tmp_path: Path) -> None:
    shape = Shape(n1=1024, n2=1000, n3=1000)
    path = tmp_path / "big.dhr"
    with open(path, "wb") as stream:
        stream.truncate(shape.n_bytes)
    values = np.memmap(path, "<f4", "r", shape=shape.array)
    volume = Volume(path, values, plain_sidecar(shape, "dhr"))

    def mapped() -> int:
        (line,) = (w for w in Path("/proc/self/status").read_text().splitlines() if "RssFile" in w)
        return 1024 * int(line.split()[1])

    before = mapped()
    sections = [Section(axis, 500) for axis in range(3)]
    planes = [read_section(volume, s, window_of(shape, s)) for s in sections]
    line = line_through(np.array([[0.0, 0.0], [999.0, 999.0]]), volume)
    planes.append(read_line(volume, line, range(0, 1024, 2)))
    sample_of(volume)
    assert [max(plane.shape) <= PIXELS for plane in planes] == [True] * 4
    assert max(planes[2].shape) <= SLICE_TRACES
    assert mapped() - before < 0.1 * shape.n_bytes


@pytest.mark.parametrize(("low", "high"), [(0, 99), (13.4, 57.2), (98, 300), (-5, 3), (40, 40)])
def test_a_window_covers_what_is_shown_on_the_grid_of_its_step(low: float, high: float) -> None:
    part = part_of(100, low, high, 16)
    assert len(part) <= 17
    assert part.start % part.step == 0
    assert part[0] <= max(low, 0)
    assert part[-1] + part.step > min(high, 99)
    assert 0 <= part[0] <= part[-1] <= 99


def test_a_zoomed_section_is_read_in_full() -> None:
    values = np.arange(4 * 2000 * 3).reshape(4, 2000, 3)
    section = Section(0, 2)
    window = window_of(Shape(3, 2000, 4), section, (1500, 1600))
    read = read_section(volume_of(values), section, window)
    assert np.array_equal(read, values[2, 1500:1601].T)


def test_a_line_reads_the_traces_next_to_it() -> None:
    i3, i2, i1 = np.indices((20, 30, 4))
    volume = volume_of(1000 * i3 + 10 * i2 + i1)
    line = line_through(np.array([[2.0, 3.0], [2.0, 13.0], [12.0, 13.0]]), volume)
    assert line.corners.tolist() == [0, 10, 20]
    read = read_line(volume, line, range(1, 4))
    expected = [*(2000 + 10 * i for i in range(3, 14)), *(1000 * i + 130 for i in range(3, 13))]
    assert read[0].tolist() == [value + 1 for value in expected]


def test_interpolation_keeps_each_sample_in_the_middle_of_its_pixels() -> None:
    values = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    smooth, plain = finer(values, 3, smooth=True), finer(values, 3, smooth=False)
    assert np.allclose(smooth[1::3, 1::3], values)
    assert np.array_equal(plain[::3, 2::3], values)
    assert smooth[2, 1] == pytest.approx((2 * values[0, 0] + values[1, 0]) / 3, abs=1e-6)


def square(n: int, slope: float) -> Triangles:
    """A plane over n x n nodes along n3 and n1: i2 = 5 + slope i1."""
    i3, i1 = (a.ravel().astype(float) for a in np.indices((n, n)))
    nodes = np.arange(n * n).reshape(n, n)
    a, b, c, d = nodes[:-1, :-1], nodes[1:, :-1], nodes[1:, 1:], nodes[:-1, 1:]
    halves = [np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)]
    points = np.stack([i3, 5 + slope * i1, i1], axis=1)
    return Triangles(points, np.concatenate(halves), np.full(n * n, 3.0))


def test_the_crossing_of_a_mesh_lies_on_the_section_and_on_the_mesh() -> None:
    mesh = square(9, 0.5)
    pieces, edges = crossing(mesh, mesh.points[:, 0] - 3.25)
    ends = pieces.reshape(-1, 3)
    assert np.allclose(ends[:, 0], 3.25)
    assert np.allclose(ends[:, 1], 5 + 0.5 * ends[:, 2])
    # The pieces cover the whole height once.
    assert np.abs(np.diff(pieces[..., 2], axis=1)).sum() == pytest.approx(8)
    assert not len(crossing(mesh, mesh.points[:, 0] - 30)[0])
    # They are one line, without gaps, and in order.
    line = chained(pieces, edges)
    assert np.isnan(line[-1]).all()
    steps = np.diff(line[:-1, 2])
    assert (steps > 0).all() or (steps < 0).all()
    assert np.ptp(line[:-1, 2]) == pytest.approx(8)
    kept = np.abs(pieces[:, :, 2].mean(axis=1) - 4) > 1
    parts = chained(pieces[kept], edges[kept])
    assert np.isnan(parts[:, 0]).sum() == 2


def test_a_closed_line_is_closed() -> None:
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], float)
    pieces = np.stack([corners, np.roll(corners, -1, axis=0)], axis=1)
    edges = np.array([[0, 1], [1, 2], [2, 3], [3, 0]])
    line = chained(pieces, edges)
    assert line[0].tolist() == line[-2].tolist()
    assert {tuple(point) for point in line[:-1]} == {tuple(corner) for corner in corners}
    assert np.linalg.norm(np.diff(line[:-1], axis=0), axis=1).tolist() == [1] * 4


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_section_finds_the_lines_of_all_faults_that_it_cuts(axis: int) -> None:
    rng = np.random.default_rng(3)
    faults = []
    for number in (1, 4, 7):
        mesh = square(12, 0.4)
        rough = mesh.points + rng.normal(0, 0.3, mesh.points.shape) + 5 * number
        faults.append((number, Triangles(rough, rng.permutation(mesh.triangles), mesh.values)))
    crossings = crossings_of(faults)
    for index in range(-1, 60):
        lines = crossings.lines(axis, index)
        for number, mesh in faults:
            # Each piece is found, by looking at all triangles, and none twice.
            pieces, _ = crossing(mesh, mesh.points[:, axis] - index)
            if not len(pieces):
                assert number not in lines
                continue
            line = lines[number]
            both = np.stack([line[:-1], line[1:]], axis=1)
            both = both[np.isfinite(both).all(axis=(1, 2))]
            one, other = (np.sort(p.sum(axis=(1, 2))) for p in (pieces, both))
            assert np.allclose(one, other)
            lengths = [np.linalg.norm(p[:, 0] - p[:, 1], axis=1).sum() for p in (pieces, both)]
            assert lengths[0] == pytest.approx(lengths[1])


def test_a_simplified_mesh_has_the_place_and_the_values_of_the_whole() -> None:
    mesh = square(61, 0.5)
    coarse = simplified(mesh, 0.05)
    assert 0.01 * len(mesh.triangles) < len(coarse.triangles) < 0.15 * len(mesh.triangles)
    assert np.allclose(coarse.points[:, 1], 5 + 0.5 * coarse.points[:, 2])
    assert np.allclose(coarse.values, 3)
    assert np.ptp(coarse.points[:, 0]) > 50
    assert simplified(mesh, 2.0) is mesh


def test_triangles_face_one_way_whatever_their_order() -> None:
    mesh = square(5, 0.0)
    turned = mesh.triangles.copy()
    turned[::3] = turned[::3][:, ::-1]
    normals = normals_of(facing_one_way(Triangles(mesh.points, turned, mesh.values)))
    assert np.allclose(normals, [0, 1, 0])


def test_a_horizon_has_triangles_where_it_is_known() -> None:
    level = np.full((40, 50), 7, np.float32)
    level[:, 25:] = np.nan
    grid = grid_of(level, 20)
    assert grid.points[:, 1].max() < 25
    assert np.allclose(grid.values, 7)
    assert grid_of(np.full((4, 4), np.nan, np.float32), 20).triangles.size == 0


def test_names_that_would_cover_an_earlier_one_are_left_out() -> None:
    def curve(name: str, x: float, y: float) -> Drawn:
        return Drawn(name, "#000000", 2.0, np.array([x, x]), np.array([y, y + 50]))

    faults = [curve("1", 100, 10), curve("2", 102, 12), curve("3", 150, 10), curve("4", 100, 40)]
    shown = labels_of([], faults, (0.0, 400.0, 0.0, 200.0))
    assert [name.name for name, _, _ in shown] == ["1", "3", "4"]
    # Zoomed in there is room for all of those in the box.
    shown = labels_of([], faults, (90.0, 30.0, 0.0, 30.0))
    assert [name.name for name, _, _ in shown] == ["1", "2"]
    # Names of horizons lie on the other side of their places.
    shown = labels_of([curve("h", 100, 10)], faults[:1], (0.0, 400.0, 0.0, 200.0))
    assert [name.name for name, _, _ in shown] == ["h", "1"]


def test_output_folder_of_a_run_shows_its_volume_with_the_image(tmp_path: Path) -> None:
    predictions = tmp_path / "results" / "predictions"
    write_folder(predictions / "north")
    raw = tmp_path / "results" / "segy_to_binary" / "north" / "north.bin"
    write_volume(raw, attributes()["dhr"].astype("<f4"), sidecar_of("image"))
    for folder in (tmp_path, tmp_path / "results", predictions, predictions / "north"):
        prediction = open_folder(folder)
        assert prediction.name == "north"
        assert prediction.volumes["image"].path == raw
        assert prediction.notes == []
    write_folder(predictions / "south", "south")
    with pytest.raises(StrataflowError, match=r"several volumes; choose one of: .*north .*south"):
        open_folder(tmp_path)
    with pytest.raises(StrataflowError, match="no predictions found"):
        open_folder(tmp_path / "results" / "segy_to_binary")


def test_a_link_gives_back_the_view(tmp_path: Path) -> None:
    prediction = open_folder(write_folder(tmp_path))
    start = first_view(prediction)
    assert (start.ground, start.overlay) == ("dhr", "fsem")
    wanted = {"inline": 118.9, "overlay2": "rgt", "contours": False, "hide": "2,1", "gain": 2.5}
    view, notes = changed(start, wanted | {"line": "101,505;150,700"}, prediction)
    assert notes == []
    assert view.inline == 118
    assert view.hidden_faults() == {1, 2}
    assert view.line_points() == [(100, 505), (150, 539)]
    query = dict(pair.split("=") for pair in link_of(view, start)[1:].split("&"))
    text = {name: value.replace("%2C", ",").replace("%3B", ";") for name, value in query.items()}
    assert changed(start, text, prediction) == (view, [])


def test_links_keep_all_digits(tmp_path: Path) -> None:
    start = first_view(open_folder(write_folder(tmp_path)))
    link = link_of(replace(start, inline=1234567.0, vertical=12345.25), start)
    assert "inline=1234567&" in link
    assert "vertical=12345.25" in link


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("overlay", "x", "no such attribute"),
        ("inline", "nan", "finite number"),
        ("inline", "a", "expected a number"),
        ("clip", "3", "expected 50 to 100"),
        ("faults", "maybe", "expected 1 or 0"),
        ("line", "1;2", "points"),
        ("line", "1,1;" * 60, "at most 50 points"),
        ("window", "1,2", "six numbers"),
        ("hide", "a", "numbers separated by commas"),
        ("tab", "4d", "expected one of"),
        ("other", "1", "unknown"),
    ],
)
def test_wrong_values_of_a_link_are_left_out_and_named(
    tmp_path: Path, name: str, value: str, words: str
) -> None:
    prediction = open_folder(write_folder(tmp_path))
    start: View = first_view(prediction)
    view, (note,) = changed(start, {name: value}, prediction)
    assert view == start
    assert note.startswith(f"{name}=")
    assert words in note
