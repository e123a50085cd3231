"""Surveys that are not SEG-Y: each read as its own library wrote it, and back as SEG-Y."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import segyio

import strataflow
from conftest import REPOSITORY, Finished, refused_in_one_line
from strataflow.errors import StrataflowError
from strataflow.formats import mdio, vds, zgy
from strataflow.formats.inspect import inspect_survey
from strataflow.formats.opening import Reading, convert_survey, has_segy_headers, open_survey
from strataflow.segy.new_survey import export_new_segy
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import Axis, Sidecar
from strataflow.volume.volume import open_volume, write_volume

Run = Callable[..., Finished]
N3, N2, N1 = 70, 67, 40
ORIGIN = np.array([500_000.0, 6_700_000.0])
# Inlines every 25 m to the north-east, crosslines every 12.5 m to the south-east.
STEP3, STEP2 = 25 * np.array([0.6, 0.8]), 12.5 * np.array([0.8, -0.6])
CORNERS = [ORIGIN + a * STEP3 + b * STEP2 for a in (0, N3 - 1) for b in (0, N2 - 1)]
DEAD = (5, 7)


def values() -> np.ndarray:
    cube = np.random.default_rng(1).normal(0, 1000, (N3, N2, N1)).astype(np.float32)
    cube[DEAD] = 0
    return cube


def converted(path: Path, reading: Reading | None = None) -> tuple[np.ndarray, dict[str, Any]]:
    output = path.with_name(f"{path.name}.bin")
    convert_survey(path, output, reading or Reading())
    sidecar = json.loads(output.with_suffix(".json").read_text())
    return np.fromfile(output, "<f4").reshape(sidecar["n3"], sidecar["n2"], sidecar["n1"]), sidecar


def write_zgy(path: Path, kind: str = "float", cube: np.ndarray | None = None) -> Path:
    api = pytest.importorskip("openzgy.api")
    cube = values() if cube is None else cube
    first, last2, last3, last = (tuple(corner) for corner in CORNERS)
    with api.ZgyWriter(
        str(path),
        size=cube.shape,
        datatype=getattr(api.SampleDataType, kind),
        datarange=(-5000, 5000),
        zunitdim=api.UnitDimension.time,
        zunitname="ms",
        zunitfactor=0.001,
        hunitdim=api.UnitDimension.length,
        hunitname="m",
        hunitfactor=1.0,
        zstart=100,
        zinc=4,
        annotstart=(1000, 2_000_000),
        annotinc=(2, 3),
        corners=(first, last3, last2, last),
    ) as writer:
        writer.write((0, 0, 0), cube)
        writer.finalize()
    return path


def write_vds(path: Path, cube: np.ndarray | None = None) -> Path:
    o = pytest.importorskip("openvds")
    cube = values() if cube is None else cube
    axis, channel, layout = (
        o.VolumeDataAxisDescriptor,
        o.VolumeDataChannelDescriptor,
        o.VolumeDataLayoutDescriptor,
    )
    axes = [
        axis(N1, "Sample", "ms", 100.0, 100.0 + 4 * (N1 - 1)),
        axis(N2, "Crossline", "unitless", 2_000_000.0, 2_000_000.0 + 3 * (N2 - 1)),
        axis(N3, "Inline", "unitless", 1000.0, 1000.0 + 2 * (N3 - 1)),
    ]
    float32, one = o.VolumeDataFormat.Format_R32, o.VolumeDataComponents.Components_1
    channels = [channel(float32, one, "Amplitude", "", -5000.0, 5000.0)]
    # Coordinates of inline 0 and crossline 0, and the steps from one number to the next.
    place, category = o.MetadataContainer(), "SurveyCoordinateSystem"
    along3, along2 = STEP3 / 2, STEP2 / 3
    origin = ORIGIN - 1000 * along3 - 2_000_000 * along2
    for name, vector in (
        ("Origin", origin),
        ("InlineSpacing", along3),
        ("CrosslineSpacing", along2),
    ):
        place.setMetadataDoubleVector2(category, name, tuple(vector))
    place.setMetadataString(category, "Unit", "m")
    levels, options = layout.LODLevels.LODLevels_None, layout.Options.Options_None
    described = layout(layout.BrickSize.BrickSize_64, 0, 0, 4, levels, options)
    handle = o.create(str(path), "", described, axes, channels, place)
    create = o.IVolumeDataAccessManager.AccessMode.AccessMode_Create
    pages = o.getAccessManager(handle).createVolumeDataPageAccessor(
        o.DimensionsND.Dimensions_012, 0, 0, 8, create
    )
    for chunk in range(pages.getChunkCount()):
        low, high = pages.getChunkMinMax(chunk)
        page = pages.createPage(chunk)
        part = cube[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
        buffer = np.array(page.getWritableBuffer(), copy=False)
        buffer[: part.shape[0], : part.shape[1], : part.shape[2]] = part
        page.release()
    pages.commit()
    o.close(handle)
    return path


def write_mdio(path: Path, is_line: bool = False) -> Path:
    """A store as multidimio 1.1 writes it: Zarr 3 arrays with named dimensions."""
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(path), mode="w")
    group.attrs["attributes"] = {"defaultVariableName": "amplitude", "surveyType": "3D"}
    i3, i2 = np.indices((N3, N2))
    xy = ORIGIN + i3[..., None] * STEP3 + i2[..., None] * STEP2
    live = np.ones((N3, N2), bool)
    live[DEAD] = False
    cube = values()
    cube[DEAD] = np.nan
    names = ("inline", "crossline")
    arrays: dict[str, tuple[np.ndarray, tuple[str, ...]]] = {
        "amplitude": (cube, (*names, "time")),
        "trace_mask": (live, names),
        "cdp_x": (xy[..., 0], names),
        "cdp_y": (xy[..., 1], names),
        "inline": (1000 + 2 * np.arange(N3), ("inline",)),
        "crossline": (2_000_000 + 3 * np.arange(N2), ("crossline",)),
        "time": (100 + 4 * np.arange(N1), ("time",)),
    }
    if is_line:
        arrays = {
            name: (
                array[:1][0] if "inline" in dims else array,
                tuple(d for d in dims if d != "inline"),
            )
            for name, (array, dims) in arrays.items()
            if name != "inline"
        }
        arrays = {
            "cdp" if name == "crossline" else name: (
                array,
                tuple("cdp" if d == "crossline" else d for d in dims),
            )
            for name, (array, dims) in arrays.items()
        }
    for name, (array, dimensions) in arrays.items():
        chunks = tuple(min(n, 32) for n in array.shape)
        group.create_array(name, data=array, chunks=chunks, dimension_names=dimensions)
    group["time"].attrs["unitsV1"] = {"time": "ms"}
    return path


@pytest.mark.parametrize(
    ("write", "name"), [(write_zgy, "x.zgy"), (write_vds, "x.vds"), (write_mdio, "x.mdio")]
)
def test_samples_and_geometry_are_those_that_were_written(
    tmp_path: Path, write: Callable[[Path], Path], name: str
) -> None:
    raw, sidecar = converted(write(tmp_path / name))
    np.testing.assert_array_equal(raw, values())
    np.testing.assert_allclose(sidecar["corners"], CORNERS, atol=0.01)
    axes = sidecar["axes"]
    assert [axes["n3"][k] for k in ("name", "first", "step", "unit")] == ["inline", 1000, 2, "m"]
    assert [axes["n2"][k] for k in ("first", "step")] == [2_000_000, 3]
    assert axes["n3"]["spacing"] == pytest.approx(25)
    assert axes["n2"]["spacing"] == pytest.approx(12.5)
    assert [axes["n1"][k] for k in ("first", "step", "unit")] == [100, 4, "ms"]
    assert sidecar["source"]["null_traces"] == 1
    runs = sidecar["live_runs"]
    live = np.repeat(np.arange(len(runs)) % 2 == 0, runs).reshape(N3, N2)
    assert [tuple(at) for at in np.argwhere(~live)] == [DEAD]
    known = np.clip(values()[live], *np.percentile(values()[live], (0.5, 99.5)))
    assert sidecar["amplitudes"]["std"] == pytest.approx(known.std(), rel=0.01)


@pytest.mark.parametrize(("kind", "step"), [("int8", 10_000 / 255), ("int16", 10_000 / 65_535)])
def test_zgy_integers_are_scaled(tmp_path: Path, kind: str, step: float) -> None:
    raw, _ = converted(write_zgy(tmp_path / "x.zgy", kind))
    inside = np.abs(values()) < 5000
    inside[DEAD] = False
    assert np.abs(raw - values())[inside].max() <= 0.51 * step


def test_a_line_in_mdio_is_a_line(tmp_path: Path) -> None:
    raw, sidecar = converted(write_mdio(tmp_path / "x.mdio", is_line=True))
    np.testing.assert_array_equal(raw, values()[:1])
    assert sidecar["axes"]["n2"]["name"] == "CDP"
    assert sidecar["axes"]["n2"]["first"] == 2_000_000
    assert sidecar["axes"]["n2"]["spacing"] == pytest.approx(12.5)
    np.testing.assert_allclose(sidecar["track"][-1], CORNERS[1], atol=0.01)


def test_an_mdio_store_of_version_0_is_refused_with_what_to_do(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(tmp_path / "x.mdio"), mode="w", zarr_format=2)
    for folder, name in (("data", "chunked_012"), ("metadata", "live_mask")):
        group.create_group(folder).create_array(name, data=np.zeros((2, 2, 2), np.float32))
    with pytest.raises(StrataflowError, match=r"version 0\.x, expected 1\.x; write it as SEG-Y"):
        open_survey(tmp_path / "x.mdio", Reading())


def test_an_mdio_store_of_gathers_is_refused(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(tmp_path / "x.mdio"), mode="w")
    group.create_array(
        "amplitude", data=np.zeros((2, 3, 4)), dimension_names=("cdp", "offset", "time")
    )
    with pytest.raises(StrataflowError, match=r"stacked survey.*amplitude \(cdp, offset, time\)"):
        open_survey(tmp_path / "x.mdio", Reading())
    with pytest.raises(StrataflowError, match="no such folder"):
        open_survey(tmp_path / "gone.mdio", Reading())


@pytest.mark.parametrize("kind", ["float64", ">f4", "int16", "float16", "uint8"])
def test_numpy_arrays_of_any_real_type(tmp_path: Path, kind: str) -> None:
    whole = np.random.default_rng(2).integers(0, 100, (6, 7, 9)).astype(kind)
    np.save(tmp_path / "x.npy", whole)
    raw, sidecar = converted(tmp_path / "x.npy", Reading(interval=2.5))
    np.testing.assert_array_equal(raw, whole.astype(np.float32))
    assert sidecar["corners"] == []
    assert sidecar["axes"]["n1"]["step"] == 2.5
    assert sidecar["axes"]["n2"]["unit"] == "line"


def test_fortran_order_and_two_dimensions(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cube = values()
    np.save(tmp_path / "x.npy", np.asfortranarray(cube))
    np.testing.assert_array_equal(converted(tmp_path / "x.npy")[0], cube)
    np.save(tmp_path / "line.npy", cube[3])
    raw, sidecar = converted(tmp_path / "line.npy")
    np.testing.assert_array_equal(raw, cube[3:4])
    assert sidecar["axes"]["n2"]["name"] == "CDP"
    said = caplog.text
    assert "no sample interval in the file, assuming 4 ms" in said
    assert "no coordinates in the file" in said


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (np.zeros(5), "got one of shape"),
        (np.zeros((2, 2, 2, 2)), "got one of shape"),
        (np.zeros((2, 3, 4), complex), "expected an array of real numbers, got complex128"),
        (np.array([["a"]]), "expected an array of real numbers"),
        (np.zeros((0, 3, 4)), "empty"),
        (np.ones((3, 4, 5)), "no live trace"),
        (None, "not a readable NumPy file"),
    ],
    ids=["1D", "4D", "complex", "text", "empty", "constant", "damaged"],
)
def test_other_arrays_are_refused_in_one_line(
    run_script: Run, tmp_path: Path, content: np.ndarray | None, reason: str
) -> None:
    if content is None:
        (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x01\x00 nonsense")
    else:
        np.save(tmp_path / "x.npy", content)
    words = ("--input", tmp_path / "x.npy", "--output", tmp_path / "x.bin")
    refused_in_one_line(run_script("segy_to_binary", *words), "x.npy", reason)
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


def test_raw_volumes_need_their_size_or_a_sidecar(run_script: Run, tmp_path: Path) -> None:
    cube = values()
    cube.tofile(tmp_path / "x.dat")
    size = ("--n1", N1, "--n2", N2, "--n3", N3)
    words = ("--input", tmp_path / "x.dat", "--output", tmp_path / "out" / "y.bin")
    assert run_script("segy_to_binary", *words, *size).returncode == 0
    assert (tmp_path / "out" / "y.bin").read_bytes() == (tmp_path / "x.dat").read_bytes()
    wrong = run_script("segy_to_binary", *words, "--n1", N1, "--n2", N2, "--n3", N3 + 1)
    refused_in_one_line(wrong, f"n3={N3 + 1} requires", f"has {cube.nbytes}")
    unknown = run_script("segy_to_binary", *words)
    refused_in_one_line(unknown, "x.dat", "a raw volume needs its n1, n2 and n3")
    # With a sidecar the geometry is known.
    sidecar = sidecar_of((N3, N2, N1))
    write_volume(tmp_path / "z.bin", cube, sidecar)
    raw, read = converted(tmp_path / "z.bin")
    np.testing.assert_array_equal(raw, cube)
    np.testing.assert_allclose(read["corners"], CORNERS)


def test_a_missing_library_is_asked_for_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", missing)
    (tmp_path / "x.mdio").mkdir()
    for name, package in (("x.zgy", "pyzgy"), ("x.vds", "openvds"), ("x.mdio", "zarr")):
        if not name.endswith("mdio"):
            (tmp_path / name).write_bytes(b"x")
        with pytest.raises(StrataflowError, match=f"needs the package {package}; .*pip install"):
            open_survey(tmp_path / name, Reading())


def test_libraries_are_pinned_once() -> None:
    pinned = (REPOSITORY / "requirements-formats.txt").read_text()
    for package in (zgy.PACKAGE, vds.PACKAGE, mdio.PACKAGE):
        assert re.search(f"^{re.escape(package)}$", pinned, re.MULTILINE)


@pytest.mark.parametrize(("write", "name"), [(write_zgy, "x.zgy"), (write_vds, "x.vds")])
def test_damaged_files_are_refused_in_one_line(
    tmp_path: Path, write: Callable[[Path], Path], name: str
) -> None:
    path = write(tmp_path / name)
    whole = path.read_bytes()
    for part in (whole[:100], whole[: len(whole) // 2], b"", b"\0" * 5000):
        path.write_bytes(part)
        with pytest.raises(StrataflowError) as caught:
            convert_survey(path, tmp_path / "x.bin", Reading())
        assert str(caught.value).startswith(str(path))
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "x.bin").exists()


def sidecar_of(shape: tuple[int, int, int], unit: str = "m", corners: Any = None) -> Sidecar:
    n3, n2, n1 = shape
    axes = (
        Axis("inline", 1000, 2, 25.0, unit),
        Axis("crossline", 2_000_000, 3, 12.5, unit),
        Axis("sample", 100.5, 2.5, 2.5, "ms"),
    )
    ends = tuple((float(x), float(y)) for x, y in (CORNERS if corners is None else corners))
    live = np.ones((n3, n2), bool)
    live[DEAD] = False
    return Sidecar("fsem", Shape(n1, n2, n3), "time", axes, ends, {"survey": "d/x.zgy"}, None, live)


def test_segy_with_headers_from_the_geometry(run_script: Run, tmp_path: Path) -> None:
    cube = values()
    write_volume(tmp_path / "x.fsem", cube, sidecar_of(cube.shape))
    words = ("--input", tmp_path / "x.fsem", "--output", tmp_path / "x.sgy", "--format", "ibm")
    assert run_script("export_segy", *words).returncode == 0
    with segyio.open(tmp_path / "x.sgy") as file:
        np.testing.assert_array_equal(file.ilines, 1000 + 2 * np.arange(N3))
        np.testing.assert_array_equal(file.xlines, 2_000_000 + 3 * np.arange(N2))
        # segyio does not know scalars of times: the start is 100.5 ms.
        assert file.header[0][segyio.TraceField.DelayRecordingTime] == 1005
        assert file.header[0][segyio.TraceField.ScalarTraceHeader] == -10
        assert file.bin[segyio.BinField.Interval] == 2500
        np.testing.assert_allclose(segyio.tools.cube(file), cube, rtol=1e-6)
        header = file.header[3 * N2 + 4]
        assert header[segyio.TraceField.SourceGroupScalar] == -100
        place = ORIGIN + 3 * STEP3 + 4 * STEP2
        assert header[segyio.TraceField.CDP_X] == pytest.approx(100 * place[0], abs=1)
        assert header[segyio.TraceField.CDP_Y] == pytest.approx(100 * place[1], abs=1)
        dead = file.header[DEAD[0] * N2 + DEAD[1]]
        assert dead[segyio.TraceField.TraceIdentificationCode] == 2
        assert b"x.zgy" in file.text[0]
    # And our reader has the geometry back.
    _, sidecar = converted(tmp_path / "x.sgy")
    np.testing.assert_allclose(sidecar["corners"], CORNERS, atol=0.01)
    assert sidecar["axes"]["n1"]["first"] == pytest.approx(100.5)
    assert sidecar["source"]["null_traces"] == 1


@pytest.mark.parametrize(
    ("unit", "far", "scalar"),
    [("ft", 30_000_000.0, -10), ("degree", 0.0, -10_000), ("m", 3e9, None)],
)
def test_coordinates_are_as_fine_as_the_headers_can(
    tmp_path: Path, unit: str, far: float, scalar: int | None
) -> None:
    corners = [(far + 1, 2.25), (far + 3, 2.25), (far + 1, 8.25), (far + 3, 8.25)]
    cube = np.ones((6, 8, 4), np.float32)
    write_volume(tmp_path / "x.fsem", cube, sidecar_of(cube.shape, unit, corners))
    volume = open_volume(tmp_path / "x.fsem")
    if scalar is None:
        with pytest.raises(StrataflowError, match="do not fit into the headers"):
            export_new_segy(volume, tmp_path / "x.sgy")
        assert not (tmp_path / "x.sgy").exists()
        return
    export_new_segy(volume, tmp_path / "x.sgy")
    with segyio.open(tmp_path / "x.sgy") as file:
        header = file.header[-1]
        assert header[segyio.TraceField.SourceGroupScalar] == scalar
        assert header[segyio.TraceField.CDP_X] == round(corners[3][0] * -scalar)
        assert header[segyio.TraceField.CoordinateUnits] == (3 if unit == "degree" else 1)


def test_a_survey_without_coordinates_gets_none_in_segy(tmp_path: Path) -> None:
    cube = np.ones((6, 8, 4), np.float32)
    write_volume(tmp_path / "x.fsem", cube, sidecar_of(cube.shape, "line", []))
    export_new_segy(open_volume(tmp_path / "x.fsem"), tmp_path / "x.sgy")
    with segyio.open(tmp_path / "x.sgy") as file:
        assert not file.attributes(segyio.TraceField.CDP_X)[:].any()
        assert list(file.ilines) == [1000, 1002, 1004, 1006, 1008, 1010]


def test_the_format_follows_from_the_name(tmp_path: Path) -> None:
    assert has_segy_headers("https://x.org/a.sgy", False)
    assert has_segy_headers("a.sgy", True)
    assert has_segy_headers("anything", False)
    assert not has_segy_headers("a.bin", True)
    assert not any(has_segy_headers(f"A.{end}", False) for end in ("ZGY", "vds", "mdio", "npy"))
    with pytest.raises(StrataflowError, match=r"save the array as \.npy"):
        open_survey(tmp_path / "x.mat", Reading())


def test_surveys_are_inspected_and_predicted(run_script: Run, tmp_path: Path) -> None:
    found = inspect_survey(write_zgy(tmp_path / "x.zgy"), Reading())
    assert found["axes"]["crossline"]["first"] == 2_000_000
    assert found["amplitudes"]["traces"] == N3 * N2
    words = run_script("inspect_segy", tmp_path / "x.zgy").stdout
    assert "ZGY float, stacked 3D grid in time, 4,690 traces of 40 samples" in words
    assert "2000198" in words
    np.save(tmp_path / "x.npy", values()[:20, :20, :20])
    predicted = strataflow.predict(tmp_path / "x.npy", tasks=("fault",), tile=(32, 32, 32))
    assert predicted["fsem"].shape == (20, 20, 20)
