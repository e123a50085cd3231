"""How long the viewer takes to open, to change a section and to show the 3D scene.

`make bench` writes results/benchmarks/viewer.csv and .md: the best and the median of several turns,
in seconds of the clock as the browser counts them, and CPU seconds of the server and of the
browser. A headless Chromium draws by software: sections without WebGL, the scene with SwiftShader,
whose CPU seconds a graphics card saves. The large survey consists of sparse files; the other one
has faults and horizons.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import psutil  # type: ignore[import-untyped] # it ships no types
from tqdm import tqdm

from results_table import benchmark_parser, write_table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))

from chromium import SOFTWARE_WEBGL, Visitor, chromium
from strataflow.interpretation.meshes import Mesh, quads, write_vtp
from strataflow.volume.attributes import ATTRIBUTES
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import Axis, Sidecar, plain_sidecar, sidecar_path, write_sidecar
from strataflow.volume.volume import attribute_path

ROOT = Path(__file__).resolve().parents[1]

LARGE = Shape(n1=2500, n2=1000, n3=1000)
SIDE, FAULTS, HORIZONS = 500, 50, 10

# Seconds of the clock, and CPU seconds of the server and of the browser.
Turn = tuple[float, float, float]

# Cells from one vertex of a fault to the next, as pick_faults writes them.
VERTEX_EVERY = 2


def sidecar_of(shape: Shape) -> Sidecar:
    """Bins of 12.5 m and a sample interval of 4 ms."""
    inline, crossline = (Axis(name, 1, 1, 12.5, "m") for name in ("inline", "crossline"))
    axes = (inline, crossline, Axis("sample", 0.0, 4.0, 4.0, "ms"))
    last = [12.5 * (n - 1) for n in (shape.n3, shape.n2)]
    corners = tuple((x, y) for y in (0.0, last[0]) for x in (0.0, last[1]))
    plain = plain_sidecar(shape, "image")
    return Sidecar("image", shape, "time", axes, corners, {}, None, plain.live)


def write_volumes(prefix: Path, shape: Shape, fill: Callable[[str, np.memmap], None]) -> None:
    """Write all attributes as sparse files that `fill` writes to, with one set of checksums."""
    for name in ATTRIBUTES:
        path = attribute_path(prefix, name)
        fill(name, np.memmap(path, "<f4", "w+", shape=shape.array))
        if name == ATTRIBUTES[0]:
            write_sidecar(sidecar_path(path), sidecar_of(shape).of_attribute(name), path)
            content = json.loads(sidecar_path(path).read_text())
        sidecar_path(path).write_text(json.dumps(content | {"attribute": name}))


def nothing(name: str, values: np.memmap) -> None:
    """Leave a file sparse."""


def layered(name: str, values: np.memmap) -> None:
    """Noise in which each inline is a moved copy of the first, or geologic time."""
    rng = np.random.default_rng(1)
    n3, n2, n1 = values.shape
    inline = rng.normal(size=(n2, n1)).astype("f4")
    if name == "rgt":
        inline = np.broadcast_to(np.linspace(0, 1, n1, dtype="f4"), (n2, n1))
    elif name != "dhr":
        inline = (inline > 2) * 0.9 * np.ones((), "f4")
    for i3 in range(n3):
        values[i3] = np.roll(inline, i3, axis=0)


def write_picks(prefix: Path, shape: Shape, faults: int, horizons: int) -> int:
    """Write faults of 100 to 400 voxels along strike and dip, and horizons on all traces.

    Returns:
        Number of triangles of the faults.
    """
    rng = np.random.default_rng(2)
    meshes = []
    for number in range(1, faults + 1):
        size = rng.integers(100, 400, 2)
        along, down = (
            np.arange(0, n, VERTEX_EVERY) + rng.uniform(0, side - n)
            for n, side in zip(size, (shape.n3, shape.n1), strict=True)
        )
        i3, i1 = np.meshgrid(along, down, indexing="ij")
        i2 = rng.uniform(0.2, 0.8) * shape.n2 + rng.uniform(-0.5, 0.5) * (i1 - i1.mean())
        i2 += 6 * np.sin(i3 / 40) + rng.normal(0, 0.2, i3.shape)
        corners = quads(np.ones([n - 1 for n in i3.shape], bool), i3)
        triangles = np.concatenate([corners[:, [0, 1, 2]], corners[:, [0, 2, 3]]])
        places = np.stack([12.5 * i2, 12.5 * i3, 4 * i1], axis=-1).reshape(-1, 3)
        data = {"throw": rng.uniform(0, 40) * np.ones(len(places))}
        meshes.append(Mesh(number, places, triangles, data))
    write_vtp(Path(f"{prefix}.faults.vtp"), meshes, ["throw"], "fault")
    rows = [{"name": f"fault_{m.number}", "fault": m.number, "throw_mean_ms": 20.0} for m in meshes]
    pd.DataFrame(rows).to_csv(f"{prefix}.faults.csv", index=False)
    i3, i2 = (index.ravel() for index in np.indices(shape.array[:2]))
    table = {"inline": 1 + i3, "crossline": 1 + i2}
    for number in range(1, horizons + 1):
        level = number / (horizons + 1) * shape.n1 + 8 * np.sin(i2 / 50) + 8 * np.sin(i3 / 70)
        for name, values in (("", 4 * level), ("_amplitude", level), ("_rms", level)):
            table[f"horizon_{number:02d}{name}"] = np.round(values, 3)
    pd.DataFrame(table).to_csv(f"{prefix}.horizons.csv", index=False)
    return sum(len(mesh.triangles) for mesh in meshes)


@contextmanager
def served(folder: Path) -> Iterator[tuple[psutil.Process, str]]:
    """A viewer of `folder`, and its address."""
    command = [sys.executable, str(ROOT / "workflow_scripts" / "view.py"), str(folder)]
    with subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            found = re.match(r"http://[\d.]+:\d+/", server.stdout.readline())
            if not found:
                raise SystemExit(f"{folder}: the viewer did not start")
            yield psutil.Process(server.pid), found[0]
        finally:
            server.kill()


def cpu_seconds(process: psutil.Process) -> float:
    """CPU seconds of a process and of its children."""
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


# Each is told when the browser has painted what was asked for, in milliseconds.
PAINTED = """
const done = arguments[arguments.length - 1]
const until = arguments[0]
const begun = performance.now()
BEGIN
const look = () => {
  if (READY) { requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun))) }
  else { setTimeout(look, 2) }
}
look()
"""
IDLE = "!strataflow.state().busy && Bokeh.documents[0].is_idle"
SCENE = "strataflow.state().scene"
KEY = "document.dispatchEvent(new KeyboardEvent('keydown', {key: until, bubbles: true}))"


class Turns:
    """Figures of what was measured, turn by turn."""

    def __init__(self, server: psutil.Process, visitor: Visitor) -> None:
        self.server, self.visitor = server, visitor
        self.browser = psutil.Process(visitor.page.service.process.pid)
        self.rows: dict[str, list[Turn]] = {}

    def measure(self, what: str, work: Callable[[], float]) -> None:
        """Note the seconds that `work` returns and the CPU seconds that went by."""
        before = [cpu_seconds(process) for process in (self.server, self.browser)]
        seconds = work()
        self.rest()
        after = [cpu_seconds(process) for process in (self.server, self.browser)]
        turn = (seconds, after[0] - before[0], after[1] - before[1])
        self.rows.setdefault(what, []).append(turn)

    def rest(self) -> None:
        """Wait until nothing is drawn any more."""
        self.visitor.until(lambda: self.visitor.run(f"return {IDLE}"))
        time.sleep(0.3)

    def painted(self, begin: str, ready: str, *arguments: object) -> float:
        """Seconds from `begin` until `ready` is true and painted."""
        code = PAINTED.replace("BEGIN", begin).replace("READY", ready)
        found: float = self.visitor.page.execute_async_script(code, *arguments)
        return found / 1000

    def ready(self) -> None:
        """Wait until the picks are shown and nothing is drawn any more."""
        empty = "return document.querySelector('.list .empty')"
        self.visitor.until(lambda: not self.visitor.run(empty))
        self.rest()
        time.sleep(2)

    def open_scene(self) -> float:
        """Open the page with its 3D tab. Return the seconds until the scene is shown."""
        self.visitor.page.get(self.visitor.address + "?tab=scene")
        self.visitor.until(lambda: self.visitor.run(f"return {SCENE}"))
        found: float = self.visitor.run("return Number(document.body.dataset.scene)")
        return found / 1000

    def open(self, query: str = "") -> float:
        """Open the page. Return the seconds until it shows sections."""
        self.visitor.page.get(self.visitor.address + query)
        code = "return document.body.dataset.ready"
        self.visitor.until(lambda: self.visitor.run(code))
        found: float = self.visitor.run("return Number(document.body.dataset.ready)")
        return found / 1000

    def press(self, key: str) -> float:
        """Press a key. Return the seconds until its sections are painted."""
        return self.painted(KEY, IDLE, key)


def first_pictures(folder: Path, turns: int) -> list[dict[str, Any]]:
    """Time to start the viewer of a folder, and to open its page."""
    starts, rows = [], []
    with chromium("--disable-gpu") as page:
        for _ in tqdm(range(turns), "open"):
            begun = time.perf_counter()
            with served(folder) as (server, address):
                starts.append((time.perf_counter() - begun, cpu_seconds(server), 0.0))
                measured = Turns(server, Visitor(page, address))
                measured.measure("open the page", measured.open)
                rows += measured.rows["open the page"]
    gigabytes = LARGE.n_bytes / 1e9
    what = {"start the program": starts, "first picture": rows}
    return [row(f"{name}, {gigabytes:.0f} GB", found) for name, found in what.items()]


def interaction(folder: Path, turns: int) -> list[dict[str, Any]]:
    """Time to change a section, and to open the 3D tab."""
    what = f", {SIDE} cubed, {FAULTS} faults"
    names = {"ArrowRight": "next inline", "ArrowUp": "next crossline", "PageDown": "next slice"}
    rows: dict[str, list[Turn]] = {}
    with served(folder) as (server, address):
        with chromium("--disable-gpu") as page:
            page.set_script_timeout(120)
            measured = Turns(server, Visitor(page, address))
            for _ in tqdm(range(turns), "sections"):
                for traces in ("density", "wiggle"):
                    measured.open(f"?traces={traces}")
                    measured.ready()
                    for key, name in names.items():
                        # The first change of a kind is not timed.
                        measured.press(key)
                        style = ", wiggles" if traces == "wiggle" else ""
                        measured.measure(name + style, partial(measured.press, key))
        rows |= measured.rows
        with chromium(*SOFTWARE_WEBGL) as page:
            page.set_script_timeout(120)
            measured = Turns(server, Visitor(page, address))
            for _ in tqdm(range(turns), "3D"):
                measured.open()
                measured.ready()
                measured.measure("3D tab", partial(measured.painted, KEY, SCENE, "t"))
                measured.measure("page with the 3D tab open", measured.open_scene)
        rows |= measured.rows
    return [row(name + what, found) for name, found in rows.items()]


def row(what: str, turns: list[Turn]) -> dict[str, Any]:
    """A row of the table."""
    seconds, server, browser = zip(*turns, strict=True)
    return {
        "what": what,
        "best, s": min(seconds),
        "median, s": median(seconds),
        "CPU of the server, s": min(server),
        "CPU of the browser, s": min(browser),
        "turns": len(turns),
    }


def main() -> None:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--only", choices=["open", "interact"], help="a part of the benchmark")
    a = parser.parse_args()
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        print("viewer: not measured, since there is no Chromium with its driver")
        return
    a.output.mkdir(parents=True, exist_ok=True)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if a.only != "interact":
            (folder / "large").mkdir()
            write_volumes(folder / "large" / "survey", LARGE, nothing)
            rows += first_pictures(folder / "large", a.turns)
        if a.only != "open":
            (folder / "faulted").mkdir()
            prefix, shape = folder / "faulted" / "survey", Shape(SIDE, SIDE, SIDE)
            write_volumes(prefix, shape, layered)
            triangles = write_picks(prefix, shape, FAULTS, HORIZONS)
            print(f"{triangles:,} triangles of faults")
            rows += interaction(folder / "faulted", a.turns)
    write_table(a.output, "viewer", "Viewer in a headless Chromium", pd.DataFrame(rows))


if __name__ == "__main__":
    main()
