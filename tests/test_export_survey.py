"""Volumes as MDIO stores and OpenVDS files, read back by the libraries of these formats."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import PREDICTING, Finished, Workflow, refused_in_one_line
from strataflow.formats.opening import Reading, convert_survey
from strataflow.formats.writing import WRITERS
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import CDP, LINE, Axis, Sidecar, plain_sidecar
from strataflow.volume.volume import open_volume, write_volume
from viewed_folder import sidecar_of

Run = Callable[..., Finished]

# More than one chunk of 64 along each axis, the last one not whole.
SHAPE = Shape(n1=70, n2=66, n3=67)


def write(folder: Path, attribute: str = "fsem", sidecar: Sidecar | None = None) -> Path:
    """A raw volume of random numbers from 0 to 1."""
    sidecar = sidecar or sidecar_of(attribute, SHAPE)
    values = np.random.default_rng(4).random(sidecar.shape.array, np.float32)
    path = folder / f"survey.{attribute}"
    write_volume(path, values.astype(sidecar.dtype), sidecar)
    return path


def values_of(raw: Path, shape: Shape = SHAPE) -> np.ndarray:
    return np.fromfile(raw, "<f4").reshape(shape.array)


def sidecar_read(raw: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(f"{raw}.json").read_text())
    return found


def line_sidecar(attribute: str) -> Sidecar:
    """A 2D line with a bend, CDPs from 7 by 2."""
    shape = Shape(n1=30, n2=80, n3=1)
    axes = (
        Axis(LINE, 1, 1, 10.0, "m"),
        Axis(CDP, 7, 2, 10.0, "m"),
        Axis("sample", 100.0, 2.0, 2.0, "ms"),
    )
    track = tuple((5000.0 + 10 * min(i, 40), 8000.0 + 10 * max(i - 40, 0)) for i in range(shape.n2))
    ends = (track[0], track[-1], track[0], track[-1])
    plain = plain_sidecar(shape, attribute)
    return replace(plain, axes=axes, corners=ends, track=track)


def test_zarr_reads_the_samples_and_the_geometry_of_a_store(
    run_script: Run, tmp_path: Path
) -> None:
    zarr = pytest.importorskip("zarr")
    sidecar = sidecar_of("fsem", SHAPE)
    live = sidecar.live.copy()
    live[3, 5] = False
    raw = write(tmp_path, sidecar=replace(sidecar, live=live))
    done = run_script("export_survey", "--input", raw, "--output", tmp_path / "x.mdio")
    assert done.returncode == 0, done.stderr
    group = zarr.open_group(str(tmp_path / "x.mdio"), mode="r")
    samples = group["fsem"]
    assert np.array_equal(samples[:], values_of(raw))
    assert samples.metadata.dimension_names == ("inline", "crossline", "time")
    assert group.attrs["attributes"]["defaultVariableName"] == "fsem"
    assert group["inline"][:].tolist() == [100 + 2 * i for i in range(67)]
    assert group["crossline"][:].tolist() == [500 + i for i in range(66)]
    assert group["time"][:].tolist() == [800 + 4 * i for i in range(70)]
    assert not group["trace_mask"][3, 5]
    assert group["trace_mask"][:].sum() == 67 * 66 - 1
    # 10 inlines of 25 m and 20 crosslines of 12.5 m, turned by 30 degrees.
    east, north = np.cos(np.radians(30)), np.sin(np.radians(30))
    assert group["cdp_x"][10, 20] == pytest.approx(430000 + 250 * east - 250 * north)
    assert group["cdp_y"][10, 20] == pytest.approx(6520000 + 250 * north + 250 * east)


def test_openvds_reads_the_samples_and_the_geometry_of_a_file(
    run_script: Run, tmp_path: Path
) -> None:
    o = pytest.importorskip("openvds")
    raw = write(tmp_path)
    done = run_script("export_survey", "--input", raw, "--output", tmp_path / "x.vds")
    assert done.returncode == 0, done.stderr
    handle = o.open(str(tmp_path / "x.vds"))
    layout = o.getLayout(handle)
    found = [layout.getAxisDescriptor(d) for d in range(3)]
    assert [(a.name, a.numSamples, a.coordinateMin, a.coordinateMax) for a in found] == [
        ("Sample", 70, 800, 1076),
        ("Crossline", 66, 500, 565),
        ("Inline", 67, 100, 232),
    ]
    assert found[0].unit == "ms"
    world = o.IJKCoordinateTransformer(layout).IJKIndexToWorld((10, 20, 0))
    east, north = np.cos(np.radians(30)), np.sin(np.radians(30))
    assert world[0] == pytest.approx(430000 + 250 * east - 250 * north, abs=1e-3)
    assert world[1] == pytest.approx(6520000 + 250 * north + 250 * east, abs=1e-3)
    request = o.getAccessManager(handle).requestVolumeSubset((0, 0, 0), (70, 66, 67))
    assert np.array_equal(request.data.reshape(SHAPE.array), values_of(raw))


@pytest.mark.parametrize(("ending", "package"), [("mdio", "zarr"), ("vds", "openvds")])
def test_what_is_written_comes_back_with_the_same_geometry(
    run_script: Run, tmp_path: Path, ending: str, package: str
) -> None:
    pytest.importorskip(package)
    raw = write(tmp_path)
    written = tmp_path / f"x.{ending}"
    # A second time, over the first one.
    for _ in range(2):
        done = run_script("export_survey", "--input", raw, "--output", written)
        assert done.returncode == 0, done.stderr
    convert_survey(written, tmp_path / "back.fsem", Reading(), "fsem")
    assert np.array_equal(values_of(tmp_path / "back.fsem"), values_of(raw))
    before, after = (sidecar_read(path) for path in (raw, tmp_path / "back.fsem"))
    for axis in ("n1", "n2", "n3"):
        assert after["axes"][axis] == pytest.approx(before["axes"][axis])
    assert np.allclose(after["corners"], before["corners"], atol=1e-3)
    assert after["domain"] == before["domain"]
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize(("ending", "package"), [("mdio", "zarr"), ("vds", "openvds")])
def test_a_line_comes_back_as_a_line(
    run_script: Run, tmp_path: Path, ending: str, package: str
) -> None:
    pytest.importorskip(package)
    raw = write(tmp_path, sidecar=line_sidecar("fsem"))
    written = tmp_path / f"x.{ending}"
    done = run_script("export_survey", "--input", raw, "--output", written)
    assert done.returncode == 0, done.stderr
    convert_survey(written, tmp_path / "back.fsem", Reading(), "fsem")
    shape = line_sidecar("fsem").shape
    assert np.array_equal(values_of(tmp_path / "back.fsem", shape), values_of(raw, shape))
    before, after = (sidecar_read(path) for path in (raw, tmp_path / "back.fsem"))
    assert after["axes"]["n2"]["name"] == CDP
    assert [after["axes"]["n2"][k] for k in ("first", "step")] == [7, 2]
    assert after["axes"]["n1"] == before["axes"]["n1"]
    if ending == "mdio":
        assert np.allclose(after["track"], before["track"])


@pytest.mark.parametrize(("ending", "package"), [("mdio", "zarr"), ("vds", "openvds")])
def test_angles_are_written_in_degrees_on_demand(
    run_script: Run, tmp_path: Path, ending: str, package: str
) -> None:
    pytest.importorskip(package)
    raw = write(tmp_path, "fdip")
    written = tmp_path / f"x.{ending}"
    done = run_script("export_survey", "--input", raw, "--output", written, "--degrees")
    assert done.returncode == 0, done.stderr
    convert_survey(written, tmp_path / "back.fdip", Reading(), "image")
    assert np.allclose(values_of(tmp_path / "back.fdip"), 180 * values_of(raw))


def test_an_unknown_ending_is_refused(run_script: Run, tmp_path: Path) -> None:
    raw = write(tmp_path)
    done = run_script("export_survey", "--input", raw, "--output", tmp_path / "x.h5")
    refused_in_one_line(done, "x.h5", "unknown ending", ".mdio", ".vds")


@pytest.mark.workflow
def test_a_run_writes_the_attributes_in_the_format_of_the_survey(
    tiny: Callable[..., Workflow], tmp_path: Path
) -> None:
    zarr = pytest.importorskip("zarr")
    flow = tiny(PREDICTING | {"export.same_format": True})
    survey = flow.folder / "east.mdio"
    raw = write(tmp_path, "image")
    WRITERS[".mdio"](open_volume(raw), survey, False)
    flow.list_volumes({"volume": "east", "survey": str(survey)})
    jobs = flow.jobs()
    assert jobs["export_survey_mdio"] == 8
    assert "export_survey" not in jobs
    target = "results/predictions/east/east.fsem.mdio"
    done = flow.run(target=target)
    assert done.returncode == 0, done.stdout + done.stderr
    predicted = values_of(flow.folder / "results/predictions/east/east.fsem")
    assert np.array_equal(zarr.open_group(flow.folder / target, mode="r")["fsem"][:], predicted)
    flow.configure({"export.same_format": False})
    assert "export_survey_mdio" not in flow.jobs()
