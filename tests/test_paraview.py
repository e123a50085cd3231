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
from strataflow.volume.raw import Shape
from strataflow.volume.volume import open_volume, plain_sidecar, write_volume
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
    # The system's libraries, not those of the environment that runs the tests.
    return subprocess.run(
        ["xvfb-run", "-a", "pvpython", *map(str, words)],
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


def test_the_picture_shows_amplitudes_faults_and_time(run_script: Run, tmp_path: Path) -> None:
    shape = Shape(n1=40, n2=36, n3=32)
    _, i2, i1 = np.indices(shape.array)
    fault = np.exp(-np.square((i2 - 12 - 0.3 * i1) / 1.5))
    cubes = {"dhr": 2 * np.sin(i1 / 2.0), "rgt": i1 / 39, "fsem": fault}
    for name, values in cubes.items():
        raw = tmp_path / f"a.{name}"
        write_volume(raw, values.astype(np.float32), plain_sidecar(shape, name))
        assert open_volume(raw).shape == shape
        run_script("export_vgi", "--input", raw, "--output", f"{raw}.vgi")
    words = ("--state", tmp_path / "a.pvsm", "--picture", tmp_path / "a.png")
    done = pvpython(tmp_path, PARAVIEW / "show.py", tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert "VgiReader" in (tmp_path / "a.pvsm").read_text()
    picture = matplotlib.image.imread(tmp_path / "a.png")[..., :3]
    spread = picture.max(axis=2) - picture.min(axis=2)
    shown = picture.min(axis=2) < 0.99
    red = picture[..., 0] - picture[..., 1:].max(axis=2) > 0.1
    grey = shown & (spread < 0.02)
    blue = picture[..., 2] - picture[..., 0] > 0.2
    assert 0.1 < shown.mean() < 0.9
    assert min(red.mean(), grey.mean()) > 0.02
    assert picture[grey].std() > 0.1
    assert blue.any()


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    done = pvpython(tmp_path, PARAVIEW / "show.py", tmp_path)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("no .vgi headers found")
    assert "Traceback" not in done.stderr
