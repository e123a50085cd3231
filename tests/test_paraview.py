"""Raw volumes in the real ParaView: where they lie, what they hold, and what is seen."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from conftest import REPOSITORY, Finished
from strataflow.interpretation.meshes import Mesh, write_vtp
from strataflow.volume.raw import Shape
from strataflow.volume.volume import write_volume
from turned_survey import turned_survey

Run = Callable[..., Finished]
PARAVIEW = REPOSITORY / "workflow_scripts" / "paraview"
SHAPE = Shape(n1=20, n2=12, n3=8)

pytestmark = [
    pytest.mark.display,
    pytest.mark.skipif(
        not (shutil.which("pvpython") and shutil.which("xvfb-run")), reason="no ParaView"
    ),
]

# What each header opens as: extent, bounds, range, and some points with their values.
DESCRIBE = """
import inspect, json, sys
inspect.getargspec = inspect.getfullargspec
from paraview import servermanager, simple
simple.LoadPlugin(sys.argv[1], remote=False, ns=globals())
found = []
for path in sys.argv[2:]:
    reader = simple.OpenDataFile(path)
    simple.UpdatePipeline(proxy=reader)
    image = servermanager.Fetch(reader)
    scalars = image.GetPointData().GetScalars()
    places = [0, 19, 20, 240, 1919]
    found.append({
        "extent": image.GetExtent(), "range": scalars.GetRange(), "name": scalars.GetName(),
        "points": [image.GetPoint(i) for i in places],
        "values": [scalars.GetValue(i) for i in places],
    })
print("FOUND", json.dumps(found))
"""


def pvpython(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Run `pvpython` on a display of its own."""
    # ParaView closes its first window. Without -noreset, the display then resets, and the next
    # window may not find it.
    return subprocess.run(
        ["xvfb-run", "-a", "-s", "-screen 0 1400x1000x24 -noreset", "pvpython", *map(str, words)],
        # The system's libraries, not those of the environment that runs the tests.
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def write_asymmetric(path: Path) -> None:
    """Values that tell their place, on lines turned against north."""
    i3, i2, i1 = np.indices(SHAPE.array)
    sidecar = turned_survey(SHAPE).of_attribute("fsem")
    write_volume(path, (i1 + 100 * i2 + 10000 * i3).astype(np.float32), sidecar)


def test_vgi_and_mhd_open_with_the_right_size_place_and_values(
    run_script: Run, tmp_path: Path
) -> None:
    write_asymmetric(tmp_path / "a.fsem")
    words = ("--input", tmp_path / "a.fsem", "--output", tmp_path / "a.fsem.vgi")
    assert run_script("export_vgi", *words).returncode == 0
    assert "position = 400 0 0" in (tmp_path / "a.fsem.vgi").read_text()
    (tmp_path / "describe.py").write_text(DESCRIBE)
    headers = [tmp_path / f"a.fsem.{kind}" for kind in ("vgi", "mhd")]
    done = pvpython(tmp_path, "describe.py", PARAVIEW / "vgi_reader.py", *headers)
    assert "FOUND" in done.stdout, done.stderr
    vgi, mhd = json.loads(done.stdout.split("FOUND")[1])
    for found in (vgi, mhd):
        assert found["extent"] == [0, 19, 0, 11, 0, 7]
        assert found["range"] == [0, 71119]
        assert found["values"] == [0, 19, 100, 10000, 71119]
    assert vgi["name"] == "fsem"
    # The last sample below the first; a crossline to the east-north-east, an inline to its left.
    places = [
        (1000, 2000, -400),
        (1000, 2000, -476),
        (1010, 2007.5, -400),
        (985, 2020, -400),
        (1005, 2222.5, -476),
    ]
    assert np.array(vgi["points"]) == pytest.approx(np.array(places))
    # MetaImage as we write it knows spacing, not directions.
    assert mhd["points"][4] == pytest.approx([400 + 19 * 4, 11 * 12.5, 7 * 25])


def test_a_header_whose_raw_file_is_cut_says_so(run_script: Run, tmp_path: Path) -> None:
    write_asymmetric(tmp_path / "a.fsem")
    words = ("--input", tmp_path / "a.fsem", "--output", tmp_path / "a.fsem.vgi")
    assert run_script("export_vgi", *words).returncode == 0
    (tmp_path / "a.fsem").write_bytes(b"cut")
    done = pvpython(tmp_path, PARAVIEW / "show.py", tmp_path)
    assert done.returncode == 1
    assert "expected 7680 bytes, got 3" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.fixture
def interpreted(run_script: Run, tmp_path: Path) -> Path:
    """A folder with an image, RGT, a fault and two horizons, as the workflow delivers them."""
    shape = Shape(n1=40, n2=36, n3=32)
    sidecar = turned_survey(shape)
    _, _, i1 = np.indices(shape.array)
    for name, values in {"dhr": 2 * np.sin(i1 / 2.0), "rgt": i1 / 39}.items():
        raw = tmp_path / f"a.{name}"
        write_volume(raw, values.astype(np.float32), sidecar.of_attribute(name))
        run_script("export_vgi", "--input", raw, "--output", f"{raw}.vgi")

    def mesh(number: int, *corners: tuple[int, int, int]) -> Mesh:
        places = sidecar.places(np.array(corners).T)
        xyz = np.stack([places["x"], places["y"], places[sidecar.domain]], axis=1)
        triangles = np.array([[0, 1, 2], [0, 2, 3]])
        return Mesh(number, xyz, triangles, {"throw": np.full(4, 8.0)})

    fault = mesh(1, (0, 4, 2), (31, 4, 2), (31, 30, 38), (0, 30, 38))
    write_vtp(tmp_path / "a.faults.vtp", [fault], ["throw"], "fault")
    flat = [
        mesh(n, (0, 0, at), (31, 0, at), (31, 35, at), (0, 35, at)) for n, at in ((1, 5), (2, 30))
    ]
    write_vtp(tmp_path / "a.horizons.vtp", flat, ["throw"], "horizon")
    scene: dict[str, object] = {"indices": [4, 30], "camera": [1, 1, 0.8], "scale": "Scale 3"}
    scene["horizon"] = "horizon_02"
    (tmp_path / "a.scene.json").write_text(json.dumps(scene))
    return tmp_path


def colours_of(path: Path) -> tuple[np.ndarray, ...]:
    """Masks of orange (fault 1), grey and the light brown of the horizon, in a picture."""
    red, green, blue = np.moveaxis(matplotlib.image.imread(path)[..., :3], 2, 0)
    orange = (red > 0.5) & (green < 0.8 * red) & (blue < 0.25)
    grey = (np.abs(red - green) < 0.02) & (np.abs(red - blue) < 0.02) & (red < 0.95)
    brown = (red - blue > 0.1) & (red - blue < 0.35) & (np.abs(red - green) < 0.1) & (red > 0.4)
    return orange, grey, brown


def test_the_picture_shows_amplitudes_faults_and_a_horizon(interpreted: Path) -> None:
    words = ("--state", interpreted / "a.pvsm", "--picture", interpreted / "a.png")
    done = pvpython(interpreted, PARAVIEW / "show.py", interpreted, *words)
    assert done.returncode == 0, done.stderr
    state = (interpreted / "a.pvsm").read_text()
    for words_of_state in ("VgiReader", "fault 1", "negative downward", "Scale 3"):
        assert words_of_state in state
    orange, grey, brown = colours_of(interpreted / "a.png")
    assert min(mask.mean() for mask in (orange, grey, brown)) > 0.01
    picture = matplotlib.image.imread(interpreted / "a.png")[..., :3]
    assert picture[grey].std() > 0.1


def test_results_without_faults_horizons_or_a_scene_are_shown(interpreted: Path) -> None:
    for name in ("faults.vtp", "horizons.vtp", "scene.json", "rgt.vgi"):
        (interpreted / f"a.{name}").unlink()
    done = pvpython(interpreted, PARAVIEW / "show.py", interpreted, "--picture", "a.png")
    assert done.returncode == 0, done.stderr
    orange, grey, _ = colours_of(interpreted / "a.png")
    assert not orange.any()
    assert grey.mean() > 0.02


def test_a_damaged_description_is_named(interpreted: Path) -> None:
    (interpreted / "a.scene.json").write_text("{")
    done = pvpython(interpreted, PARAVIEW / "show.py", interpreted)
    assert done.returncode == 1
    assert "a.scene.json: not a description of a scene" in done.stderr.splitlines()[-1]


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    done = pvpython(tmp_path, PARAVIEW / "show.py", tmp_path)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("no .vgi headers found")
    assert "Traceback" not in done.stderr
