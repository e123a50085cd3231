"""The viewer in a real browser, and what its server refuses."""

from __future__ import annotations

import http.client
import io
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from bokeh.document import Document
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from conftest import REPOSITORY, Finished, refused_in_one_line
from strataflow.figures.sections import Section
from strataflow.figures.viewer import PIXELS, SLICE_TRACES, Viewer, open_folder, section_of
from strataflow.volume.raw import Shape
from strataflow.volume.volume import Volume, plain_sidecar, write_volume

Run = Callable[..., Finished]
SHAPE = Shape(n1=48, n2=40, n3=32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A volume whose image changes from inline to inline, with a fault and geologic time."""
    made = tmp_path_factory.mktemp("north")
    i3, i2, i1 = np.indices(SHAPE.array)
    fault = np.exp(-np.square((i2 - 8 - 0.4 * i1) / 2))
    cubes = {
        "dhr": 2 * np.sin(i1 / 2 + i3 / 3),
        "rgt": i1 / 47,
        "fsem": fault,
        "fdip": np.where(fault >= 0.5, 0.4, 0),
        "fstrike": np.where(fault >= 0.5, 0.1, 0),
    }
    for name, values in cubes.items():
        sidecar = plain_sidecar(SHAPE, name)
        write_volume(made / f"north.{name}", values.astype(np.float32), sidecar)
    return made


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


@pytest.fixture(scope="module")
def page(address: tuple[str, int]) -> Iterator[Any]:
    """The page in a headless Chromium."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (browser and driver):
        pytest.skip("no Chromium")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1500,820"):
        options.add_argument(flag)
    chromium = webdriver.Chrome(options, service=webdriver.ChromeService(driver))
    try:
        chromium.get("http://{}:{}/".format(*address))
        WebDriverWait(chromium, 60).until(lambda c: "inline 17" in titles(c))
        yield chromium
        log: Any = chromium
        assert not [entry for entry in log.get_log("browser") if entry["level"] == "SEVERE"]
    finally:
        chromium.quit()


def titles(page: Any) -> list[str]:
    """Titles of the three sections."""
    code = """const documents = window.Bokeh ? Bokeh.documents : []
              const models = documents.flatMap(d => [...d._all_models.values()])
              return models.filter(m => m.type == "Figure").map(m => m.title.text)"""
    found: list[str] = page.execute_script(code)
    return found


def picture(page: Any) -> np.ndarray:
    """What the page shows, once it shows the same twice in a row."""
    shots: list[np.ndarray] = []

    def steady(_: Any) -> bool:
        shot = page.get_screenshot_as_png()
        shots.append(matplotlib.image.imread(io.BytesIO(shot))[..., :3])
        return len(shots) > 1 and np.array_equal(shots[-1], shots[-2])

    WebDriverWait(page, 60).until(steady)
    return shots[-1]


def choose(page: Any, name: str, value: str) -> None:
    """Choose an option of the Select `name` as a visitor does."""
    code = "return Bokeh.documents[0].get_model_by_name(arguments[0]).value = arguments[1]"
    page.execute_script(code, name, value)


@pytest.mark.display
def test_a_key_moves_only_the_inline_and_its_section(page: Any) -> None:
    before = picture(page)
    page.find_element(By.TAG_NAME, "body").send_keys(Keys.ARROW_RIGHT)
    WebDriverWait(page, 60).until(lambda c: "inline 18" in titles(c))
    after = picture(page)
    assert "crossline 21" in titles(page)
    width, changed = after.shape[1] // 3, np.abs(after - before).max(axis=2) > 0.02
    assert changed[130:520, :width].mean() > 0.2
    # Elsewhere the dashed line of the inline has moved.
    assert changed[130:520, width:].mean() < 0.05


@pytest.mark.display
def test_another_overlay_is_another_picture(page: Any) -> None:
    faults = picture(page)
    red = (faults[..., 0] - faults[..., 2] > 0.4).mean()
    assert red > 0.01
    choose(page, "overlay", "rgt")
    WebDriverWait(page, 60).until(lambda c: not np.array_equal(picture(c), faults))
    coloured = picture(page)
    blue = coloured[..., 2] - coloured[..., 0] > 0.2
    assert blue[130:520].mean() > 0.002
    choose(page, "overlay", "none")
    WebDriverWait(page, 60).until(lambda c: not np.array_equal(picture(c), coloured))
    plain = picture(page)
    spread = plain.max(axis=2) - plain.min(axis=2)
    assert (spread[130:520] > 0.3).mean() < 0.01


@pytest.mark.display
def test_the_pointer_shows_line_numbers_and_values(page: Any) -> None:
    choose(page, "overlay", "fsem")
    canvas = page.execute_script(
        """const find = (n) => { for (const c of n.querySelectorAll("*")) {
               if (c.classList.contains("bk-Figure")) return c
               const inner = c.shadowRoot && find(c.shadowRoot); if (inner) return inner }
           }
           const box = find(document.body).getBoundingClientRect()
           return [box.x, box.y, box.width, box.height]"""
    )
    x, y = canvas[0] + canvas[2] / 2, canvas[1] + canvas[3] / 2
    ActionChains(page).move_by_offset(round(x), round(y)).perform()
    code = """const texts = []; const walk = (n) => { if (n.shadowRoot) walk(n.shadowRoot);
        for (const c of n.childNodes) { if (c.nodeType == 3) texts.push(c.textContent); walk(c) } };
        walk(document.body); return texts.join(" ")"""
    WebDriverWait(page, 30).until(
        lambda c: re.search(r"crossline.*time.*ground.*-?\d\.\d{3}", c.execute_script(code), re.S)
    )


@pytest.mark.parametrize(
    "path", ["/../../../../etc/passwd", "/static/../../../../etc/passwd", "/north.fsem"]
)
def test_only_the_page_is_served(address: tuple[str, int], path: str) -> None:
    connection = http.client.HTTPConnection(*address, timeout=20)
    connection.request("GET", path)
    answer = connection.getresponse()
    assert answer.status in (400, 403, 404)
    assert b"root:" not in answer.read()


def test_another_host_name_is_refused(address: tuple[str, int]) -> None:
    for host, status in (("evil.example", 403), (f"localhost:{address[1]}", 200)):
        connection = http.client.HTTPConnection(*address, timeout=60)
        connection.request("GET", "/", headers={"Host": host})
        assert connection.getresponse().status == status, host


def test_the_server_accepts_only_this_machine(address: tuple[str, int]) -> None:
    assert address[0] == "127.0.0.1"
    listening = Path("/proc/net/tcp").read_text().splitlines()
    mine = [line.split()[1] for line in listening if f":{address[1]:04X} 00000000:0000" in line]
    assert mine == [f"0100007F:{address[1]:04X}"]


def test_only_the_sections_shown_are_read(tmp_path: Path) -> None:
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
    planes = [section_of(volume, Section(axis, 500)) for axis in range(3)]
    assert [max(plane.shape) <= PIXELS for plane in planes] == [True] * 3
    assert max(planes[2].shape) <= SLICE_TRACES
    assert mapped() - before < 0.1 * shape.n_bytes


def test_a_volume_of_one_inline_and_zeros_is_shown(tmp_path: Path) -> None:
    shape = Shape(n1=30, n2=20, n3=1)
    write_volume(
        tmp_path / "a.fsem", np.zeros(shape.array, np.float32), plain_sidecar(shape, "fsem")
    )
    volumes = open_folder(tmp_path)
    assert section_of(volumes["fsem"], Section(1, 3)).shape == (30, 1)


def test_faults_and_spread_are_hidden_below_their_minimum(
    tmp_path: Path,
) -> None:
    shape = Shape(n1=30, n2=20, n3=4)
    fsem = np.zeros(shape.array, np.float32)
    fsem[:, :10] = 0.35
    spread = np.where(fsem > 0, np.float32(0.1), np.float32(0.01))
    for name, values in (("fsem", fsem), ("fdip", fsem), ("fuse", spread)):
        write_volume(tmp_path / f"a.{name}", values, plain_sidecar(shape, name))
    for probability, shown in ((0.5, False), (0.3, True)):
        viewer = Viewer(open_folder(tmp_path), Document(), probability)
        assert viewer.threshold.value == probability
        for overlay, seen in (("fsem", shown), ("fdip", shown), ("fuse", True)):
            viewer.overlay.value = overlay
            drawn = np.asarray(viewer.panels[0].source.data["overlay"][0])
            assert np.isfinite(drawn[:, :10]).all() == seen, overlay
            assert np.isnan(drawn[:, 10:]).all()


def test_invalid_folders_are_refused_in_one_line(
    run_script: Run, tmp_path: Path, folder: Path
) -> None:
    refused_in_one_line(run_script("view", tmp_path / "none"), "none: no such folder")
    refused_in_one_line(run_script("view", tmp_path), "no predictions found")
    (tmp_path / "a.fsem").write_bytes(bytes(4000))
    refused_in_one_line(run_script("view", tmp_path), "a.fsem")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused_in_one_line(run_script("view", folder, "--port", port), f"--port: {port}", "in use")
    shutil.copy(folder / "north.fsem", tmp_path / "b.fsem")
    refused_in_one_line(run_script("view", tmp_path), "several volumes")
    assert os.listdir(folder)
