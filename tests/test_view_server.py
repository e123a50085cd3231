"""The server of the viewer: what it refuses, what it reads, and folders that are not as usual."""

from __future__ import annotations

import base64
import dataclasses
import http.client
import io
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bokeh.document import Document
from matplotlib import colormaps
from PIL import Image

from conftest import REPOSITORY, Finished, refused_in_one_line
from strataflow.errors import StrataflowError
from strataflow.figures.camera import CORNERS, best_corner, towards_camera
from strataflow.figures.north import compass_of
from strataflow.figures.style import TIME
from strataflow.figures.viewer.colours import Colours
from strataflow.figures.viewer.folder import Prediction, open_folder
from strataflow.figures.viewer.page import Page, drawn_panels, facts_of
from strataflow.figures.viewer.places import _details
from strataflow.figures.viewer.printing import printed
from strataflow.figures.viewer.scene import scene_of
from strataflow.figures.viewer.view import changed, first_view
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import plain_sidecar
from strataflow.volume.volume import write_volume
from viewed_folder import attributes, sidecar_of, write_folder

Run = Callable[..., Finished]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("north"))


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[tuple[str, int]]:
    """A server of its own on a free port of this machine."""
    command = [sys.executable, str(REPOSITORY / "workflow_scripts" / "view.py"), str(folder)]
    with subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            found = re.match(r"http://([\d.]+):(\d+)/", server.stdout.readline())
            assert found
            yield found[1], int(found[2])
        finally:
            server.kill()


def ask(address: tuple[str, int], path: str, **headers: str) -> tuple[int, bytes]:
    """Status and body of the answer to a request."""
    connection = http.client.HTTPConnection(*address, timeout=120)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.mark.parametrize(
    "path", ["/../../../../etc/passwd", "/static/../../../../etc/passwd", "/north.fsem"]
)
def test_only_the_viewer_is_served(address: tuple[str, int], path: str) -> None:
    status, body = ask(address, path)
    assert status in (400, 403, 404)
    assert b"root:" not in body


@pytest.mark.parametrize("path", ["/", "/values?inline=100&crossline=500&vertical=800", "/scene"])
def test_another_host_name_is_refused(address: tuple[str, int], path: str) -> None:
    for host, wanted in (("evil.example", 403), (f"localhost:{address[1]}", 200)):
        assert ask(address, path, Host=host)[0] == wanted, host


def test_a_page_of_another_site_gets_nothing(address: tuple[str, int]) -> None:
    for path in ("/values?inline=100&crossline=500&vertical=800", "/picture.png", "/scene.zip"):
        assert ask(address, path, **{"Sec-Fetch-Site": "cross-site"})[0] == 403
    key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
    how = {"Connection": "Upgrade", "Upgrade": "websocket", "Origin": "http://evil.example"} | key
    assert ask(address, "/ws", **how)[0] == 403


def test_the_server_accepts_only_this_machine(address: tuple[str, int]) -> None:
    assert address[0] == "127.0.0.1"
    listening = Path("/proc/net/tcp").read_text().splitlines()
    mine = [line.split()[1] for line in listening if f":{address[1]:04X} 00000000:0000" in line]
    assert mine == [f"0100007F:{address[1]:04X}"]


def test_values_are_those_of_the_closest_sample(address: tuple[str, int]) -> None:
    status, body = ask(address, "/values?inline=132.6&crossline=530.4&vertical=881")
    found = json.loads(body)
    assert status == 200
    assert (found["inline"], found["crossline"], found["time"]) == (132, 530, 880)
    assert found["values"]["fault_id"] == 2
    assert found["values"]["fdip"] == pytest.approx(72, abs=0.1)
    assert found["values"]["rgt"] == pytest.approx(20 / 47, abs=1e-3)
    assert json.loads(ask(address, "/values?inline=1&crossline=1&vertical=1")[1]) == {}
    status, body = ask(address, "/values?inline=here&crossline=1&vertical=1")
    assert status == 400
    assert b"Traceback" not in body


def page_of(prediction: Prediction, **view: object) -> Page:
    """The page of a prediction when its picks have been read."""
    prediction.picks.result()
    start = first_view(prediction)
    shown, notes = changed(start, view, prediction)
    return Page(prediction, Colours(prediction.volumes), Document(), shown, start, notes)


def drawn(page: Page, panel: int) -> np.ndarray:
    """Red, green, blue and opacity (rows, columns, 4) of a panel."""
    (packed,) = page.panels[panel].picture.data["picture"]
    pixels: np.ndarray = np.ascontiguousarray(packed).view(np.uint8)
    return pixels.reshape(*packed.shape, 4)


def test_a_section_for_the_scene_has_its_place_and_its_colours(address: tuple[str, int]) -> None:
    query = "panel=inline&inline=162&ground=rgt&overlay=none&smooth=0"
    status, body = ask(address, f"/section.json?{query}")
    assert status == 200
    found = json.loads(body)
    assert found["box"] == [499.5, 40, 798, 192]
    picture = Image.open(io.BytesIO(base64.b64decode(found["picture"].split(",")[1])))
    assert picture.size == (40, 48)
    for row in (0, 20, 47):
        wanted = 255 * np.array(colormaps[TIME](row / 47)[:3])
        assert np.abs(np.array(picture.getpixel((5, row))) - wanted).max() < 3
    status, body = ask(address, "/section.json?panel=line")
    assert (status, body) == (400, b"panel=line: expected one of inline crossline slice")


def test_sections_at_the_far_sides_are_not_short_ones(tmp_path: Path) -> None:
    live = np.ones((32, 40), bool)
    live[:3, 10:] = live[-1] = False
    sidecar = dataclasses.replace(sidecar_of("rgt"), live=live)
    write_volume(tmp_path / "a.rgt", np.zeros((32, 40, 48), np.float32), sidecar)
    facts = facts_of(open_folder(tmp_path))
    assert facts["far"] == {"inline": [106, 160], "crossline": [500, 539]}


def test_north_and_east_are_those_of_the_coordinates() -> None:
    sine, cosine = np.sin(np.radians(30)), np.cos(np.radians(30))
    # Bins of 25 m along inlines and 12.5 m along crosslines, turned by 30 degrees.
    east, north = (-sine / 25, cosine / 12.5), (cosine / 25, sine / 12.5)
    assert compass_of(sidecar_of("rgt")) == pytest.approx(np.array([east, north]))
    assert compass_of(dataclasses.replace(sidecar_of("rgt"), corners=())) is None
    assert compass_of(sidecar_of("rgt", Shape(n1=48, n2=40, n3=1))) is None


def test_the_camera_stands_where_the_faults_are_seen() -> None:
    steps = np.array([[0.0, 25.0], [12.5, 0.0]])
    for corner in CORNERS:
        view = towards_camera(corner, steps)
        assert np.linalg.norm(view) == pytest.approx(1)
        assert tuple(np.sign(view[[1, 0]])) == corner
        assert view[2] > 0
    # A fault that faces one corner, or its back the opposite one, and is seen from its steep side.
    facing = np.array([[1.0, 1.0, 0.8]])
    assert best_corner(facing, steps) == (1, 1)
    assert best_corner(-facing, steps) == (1, 1)
    assert best_corner(np.empty((0, 3)), steps) in CORNERS


def test_panels_made_beforehand_show_the_view_that_is_asked_for(tmp_path: Path) -> None:
    write_folder(tmp_path)
    prediction = open_folder(tmp_path)
    fresh = page_of(prediction, inline=120, window="110,140,505,530,840,900")
    start = first_view(prediction)
    panels = drawn_panels(prediction, fresh.colours, start)
    assert len(panels[0].picture.data["picture"]) == 1
    page = Page(prediction, fresh.colours, Document(), fresh.view, start, (), panels)
    for one, other in zip(page.panels, fresh.panels, strict=True):
        for axis in ("x_range", "y_range"):
            ends = [getattr(panel.figure, axis) for panel in (one, other)]
            assert (ends[0].start, ends[0].end) == (ends[1].start, ends[1].end)
        assert one.figure.title.text == other.figure.title.text
    assert (drawn(page, 0) == drawn(fresh, 0)).all()


def test_numbers_of_a_fault_begin_with_its_throw_and_have_units() -> None:
    row: dict[str, object] = {
        "area_voxels": 36766.2,
        "dip_ms_per_m": 1.0841,
        "throw_mean_ms": 26.342,
        "x_from": 4e5,
    }
    found = _details(row | {"x_to": 432211.39, "strike": 169.0})
    assert list(found.items()) == [
        ("throw mean (ms)", "26.34"),
        ("area (voxels)", "36,766"),
        ("dip (ms/m)", "1.084"),
        ("x", "400,000 to 432,211"),
        ("strike (°)", "169"),
    ]


def test_faults_and_spread_are_hidden_below_their_minimum(tmp_path: Path) -> None:
    shape = Shape(n1=30, n2=20, n3=4)
    fsem = np.zeros(shape.array, np.float32)
    fsem[:, :10] = 0.35
    spread = np.where(fsem > 0, np.float32(0.1), np.float32(0.01))
    for name, values in (("fsem", fsem), ("fdip", fsem), ("fuse", spread), ("rgt", 0 * fsem)):
        write_volume(tmp_path / f"a.{name}", values, plain_sidecar(shape, name))
    for probability, shown in ((0.5, False), (0.3, True)):
        for overlay, seen in (("fsem", shown), ("fdip", shown), ("fuse", True)):
            how = {"ground": "rgt", "overlay": overlay, "smooth": False, "threshold": probability}
            picture = drawn(page_of(open_folder(tmp_path), **how), 0)
            left, right = picture[:, :10], picture[:, 10:]
            assert (left != right).any() == seen, overlay
            assert (right == right[0, 0]).all()


def test_amplitudes_show_through_where_rgt_is_sure(tmp_path: Path) -> None:
    shape = Shape(n1=30, n2=20, n3=4)
    sure = np.ones(shape.array, np.float32)
    sure[:, :10] = 0.2
    for name, values in (("crgt", sure), ("rgt", 0 * sure)):
        write_volume(tmp_path / f"a.{name}", values, plain_sidecar(shape, name))
    how = {"ground": "rgt", "overlay": "crgt", "smooth": False}
    with_it = drawn(page_of(open_folder(tmp_path), **how), 0).astype(int)
    without = drawn(page_of(open_folder(tmp_path), **how | {"overlay": "none"}), 0).astype(int)
    changed = np.abs(with_it - without)[..., :3].max(axis=-1)
    assert changed[:, :10].min() > 20
    assert changed[:, 10:].max() <= 2


def test_dead_traces_are_transparent_and_read_as_dead(tmp_path: Path) -> None:
    sidecar = sidecar_of("dhr")
    sidecar.live[:, 5:8] = False
    values = np.where(sidecar.live[..., None], attributes()["dhr"], 0).astype(np.float32)
    write_volume(tmp_path / "a.dhr", values, sidecar)
    page = page_of(open_folder(tmp_path), smooth=False)
    for panel in (0, 2):
        opacity = drawn(page, panel)[..., 3]
        assert (opacity[:, 5:8] == 0).all()
        assert (np.delete(opacity, [5, 6, 7], axis=1) == 255).all()
    page = page_of(open_folder(tmp_path), traces="wiggle")
    x = page.panels[0].wiggles.data["x"].reshape(-1, sidecar.shape.n1 + 1)
    assert len(x) == 40 - 3
    assert not len(page.panels[2].wiggles.data["x"])


@pytest.mark.parametrize("shape", [Shape(30, 20, 1), Shape(1, 20, 6), Shape(30, 1, 1)])
@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_volume_of_one_value_or_one_line_is_shown(
    tmp_path: Path, shape: Shape, value: float
) -> None:
    for name in ("dhr", "fsem", "fdip", "fstrike", "rgt"):
        values = np.full(shape.array, value, np.float32)
        write_volume(tmp_path / f"a.{name}", values, plain_sidecar(shape, name))
    prediction = open_folder(tmp_path)
    for overlay in ("rgt", "fstrike", "fsem"):
        page = page_of(prediction, overlay=overlay, traces="both")
        assert drawn(page, 0).shape[2] == 4
        assert "faults.csv is missing" in " ".join(page.notes)
    assert printed(prediction, page.colours, page.view).startswith(b"\x89PNG")
    assert scene_of(prediction, page.view)


def test_axes_that_count_downward_show_the_same_as_others(tmp_path: Path) -> None:
    sidecar = sidecar_of("rgt")
    inline, crossline, sample = sidecar.axes
    down = dataclasses.replace(crossline, first=539, step=-1)
    values = np.broadcast_to(np.linspace(0, 1, 40, dtype=np.float32)[:, None], (32, 40, 48))
    turned = dataclasses.replace(sidecar, axes=(inline, down, sample))
    write_volume(tmp_path / "a.rgt", values, turned)
    page = page_of(open_folder(tmp_path), smooth=False)
    (place,) = page.panels[0].picture.data["x"]
    assert place == 499.5
    # Small crossline numbers are left, where the values are large: yellow.
    picture = drawn(page, 0)
    assert picture[0, 0, 0] > 200 > 100 > picture[0, -1, 0]


def test_faults_of_a_survey_without_coordinates_are_lines(tmp_path: Path) -> None:
    write_folder(tmp_path)
    for path in tmp_path.glob("*.json"):
        content = json.loads(path.read_text()) | {"corners": []}
        path.write_text(json.dumps(content))
    reader = pytest.importorskip("pyvista").read(tmp_path / "north.faults.vtp")
    sidecar = sidecar_of("fsem")
    origin, along3, along2 = sidecar.lattice()
    steps = np.stack([along3, along2], axis=1)
    lateral = (reader.points[:, :2] - origin) @ np.linalg.inv(steps).T
    reader.points[:, :2] = np.stack([500 + lateral[:, 1], 100 + 2 * lateral[:, 0]], axis=1)
    reader.save(tmp_path / "north.faults.vtp")
    page = page_of(open_folder(tmp_path), names=False)
    assert len(page.panels[0].lines.data["xs"]) == 4
    second = page.panels[0].lines.data["xs"][-1]
    assert np.nanmax(np.abs(second - 530)) < 0.05


def test_damaged_picks_are_named_and_the_rest_is_shown(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "north.faults.vtp").write_bytes(b"<VTKFile")
    (tmp_path / "north.horizons.csv").write_text("inline,crossline,horizon_01\n1,1,900\n")
    picks = open_folder(tmp_path).picks.result()
    notes = " ".join(picks.notes)
    assert len(picks.faults) == 2
    assert "Faults have no lines: north.faults.vtp: not the surfaces of faults, or damaged" in notes
    assert "north.horizons.csv: has traces outside of the survey" in notes
    (tmp_path / "north.faults.vtp").unlink()
    picks = open_folder(tmp_path).picks.result()
    assert [fault.name for fault in picks.faults] == ["fault_1", "fault_2"]
    assert "north.faults.vtp is missing; choose the overlay fault_id" in " ".join(picks.notes)
    pd.DataFrame({"name": ["a"]}).to_csv(tmp_path / "north.faults.csv")
    assert "column fault is missing" in " ".join(open_folder(tmp_path).picks.result().notes)


def test_invalid_folders_are_refused_in_one_line(
    run_script: Run, tmp_path: Path, folder: Path
) -> None:
    refused_in_one_line(run_script("view", tmp_path / "none"), "none: no such folder")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused_in_one_line(run_script("view", folder, "--port", port), f"--port: {port}", "in use")
    refusals = {}
    for name in ("empty", "cut", "two", "sizes"):
        (tmp_path / name).mkdir()
    (tmp_path / "cut" / "a.fsem").write_bytes(bytes(4000))
    for name in ("a", "b"):
        shutil.copy(folder / "north.fsem", tmp_path / "two" / f"{name}.fsem")
    shutil.copytree(folder, tmp_path / "sizes", dirs_exist_ok=True)
    shape = Shape(20, 10, 5)
    zeros = np.zeros(shape.array, np.float32)
    write_volume(tmp_path / "sizes" / "north.dhr", zeros, plain_sidecar(shape, "dhr"))
    for name in ("empty", "cut", "two", "sizes"):
        with pytest.raises(StrataflowError) as refused:
            open_folder(tmp_path / name)
        refusals[name] = str(refused.value)
    assert "no predictions found" in refusals["empty"]
    assert "sidecar a.fsem.json" in refusals["cut"]
    assert "several volumes: a b" in refusals["two"]
    assert "differ in size: north.dhr: n1=20" in refusals["sizes"]
