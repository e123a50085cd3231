"""Horizons of a layered model with a normal fault: where they lie and break, and their files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import pyvista

from conftest import Finished, refused_in_one_line
from strataflow.interpretation.control import ControlSet
from strataflow.interpretation.horizon_grids import read_horizons
from strataflow.interpretation.horizon_picking import FORMATS, Choice, pick_horizons
from strataflow.volume.attributes import FAULT_ID
from strataflow.volume.raw import Shape
from strataflow.volume.volume import Volume, open_volume, write_volume
from turned_survey import turned_survey

Run = Callable[..., Finished]
SHAPE = Shape(n1=80, n2=40, n3=24)
THROW = 12.0
# A steep fault across the inlines: at crossline 20 + (i1 - 40) / 4.
I3, I2, I1 = np.indices(SHAPE.array)
FAULT_AT = 20 + (I1 - 40) / 4
TIME = (I1 + 0.25 * I3 - THROW * (I2 >= FAULT_AT) + 20) / 120


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """PREFIX of amplitudes, RGT and fault numbers of the model; a trace is dead."""
    live = np.ones((SHAPE.n3, SHAPE.n2), bool)
    live[3, 5] = False
    sidecar = replace(turned_survey(SHAPE), live=live)
    numbers = (np.abs(I2 - FAULT_AT) < 0.5).astype(np.int32)
    amplitude = np.cos(2 * np.pi * 120 * TIME / 16) * (1 + (I2 >= FAULT_AT))
    amplitude = np.where(live[..., None], amplitude, 0)
    for name, values in (("rgt", TIME), (FAULT_ID, numbers), ("bin", amplitude)):
        kind = "<i4" if name == FAULT_ID else "<f4"
        own = sidecar.of_attribute("image" if name == "bin" else name)
        write_volume(tmp_path / f"a.{name}", values.astype(kind), own)
    return tmp_path / "a"


def pick(
    model: Path, choice: Choice, *, aided: bool = True, formats: tuple[str, ...] = FORMATS
) -> Path:
    """Pick horizons, with amplitudes and faults if `aided`; returns the PREFIX of the files."""
    output = model.parent / "out" / "a"
    rgt = open_volume(Path(f"{model}.rgt"))
    image: Volume | None = open_volume(Path(f"{model}.bin"))
    faults: Volume | None = open_volume(Path(f"{model}.{FAULT_ID}"))
    if not aided:
        image = faults = None
    pick_horizons(rgt, output, choice, image, faults, formats, 8)
    return output


def grid(output: Path, column: str) -> np.ndarray:
    """A column of the table as (n3, n2)."""
    table = pd.read_csv(f"{output}.horizons.csv")
    values = np.full((SHAPE.n3, SHAPE.n2), np.nan)
    i3 = ((table["inline"] - 100) / 2).to_numpy(int)
    values[i3, table["crossline"].to_numpy(int) - 500] = table[column]
    return values


def test_horizons_follow_their_layer_on_both_sides_and_break_between(model: Path) -> None:
    output = pick(model, Choice(levels=(0.5,)))
    samples = (grid(output, "horizon_01") - 400) / 4
    layer = 0.5 * 120 - 20 - 0.25 * np.arange(SHAPE.n3)[:, None]
    left, right = layer, layer + THROW
    # The fault is met at crossline 20 + (layer - 40) / 4 from above, and further on from below.
    first, last = 20 + (left - 40) / 4, 20 + (right - 40) / 4
    i2 = np.arange(SHAPE.n2)[None]
    assert np.isnan(samples[(i2 > first - 1) & (i2 < last + 1) & np.isfinite(first)]).all()
    far = 2.1
    expected = np.where(i2 < first - far, left, np.where(i2 > last + far, right, np.nan))
    expected[3, 5] = np.nan
    there = np.isfinite(expected)
    np.testing.assert_allclose(samples[there], expected[there], atol=1e-3)
    assert np.isnan(samples[3, 5])
    index = pd.read_csv(f"{output}.horizon_index.csv").loc[0]
    broken = (SHAPE.n2 * SHAPE.n3 - 1 - np.isfinite(samples).sum()) / (SHAPE.n2 * SHAPE.n3 - 1)
    assert index["broken_share"] == pytest.approx(broken, abs=1e-4)
    assert index["traces"] == np.isfinite(samples).sum()


def test_without_faults_a_jump_of_time_breaks_horizons_as_well(model: Path) -> None:
    output = pick(model, Choice(levels=(0.5,)), aided=False)
    samples = (grid(output, "horizon_01") - 400) / 4
    assert np.isnan(samples[:, 20:22]).all()
    assert "horizon_01_rms" not in pd.read_csv(f"{output}.horizons.csv")


def test_amplitudes_along_horizons(model: Path) -> None:
    output = pick(model, Choice(levels=(0.4,)), formats=())
    amplitude, rms, envelope = (
        grid(output, f"horizon_01_{name}") for name in ("amplitude", "rms", "envelope")
    )
    # RGT 0.4 is a crest of the cosine, of amplitude 1 and 2 on the two sides.
    np.testing.assert_allclose(amplitude[0, 5:10], 1, atol=0.02)
    np.testing.assert_allclose(amplitude[0, 30:35], 2, atol=0.04)
    np.testing.assert_allclose(rms[0, 30:35], 2 / np.sqrt(2), rtol=0.05)
    np.testing.assert_allclose(envelope[0, 30:35], 2, rtol=0.1)
    assert (np.isfinite(rms) == np.isfinite(grid(output, "horizon_01"))).all()


def test_files_of_horizons_are_read_back_the_same(model: Path) -> None:
    output = pick(model, Choice(levels=(0.4, 0.5)), aided=False)
    sidecar = turned_survey(SHAPE)
    for number in (1, 2):
        table = (grid(output, f"horizon_{number:02d}") - 400) / 4
        for suffix in ("irap", "odt.txt"):
            (found,) = read_horizons([Path(f"{output}.horizon_{number:02d}.{suffix}")], sidecar)
            np.testing.assert_allclose(found.samples, table, atol=2e-3, equal_nan=True)


def test_meshes_have_holes_at_faults(model: Path) -> None:
    output = pick(model, Choice(levels=(0.4, 0.5)), formats=("vtp",))
    mesh = pyvista.read(f"{output}.horizons.vtp")
    assert set(mesh.cell_data["horizon"]) == {1, 2}
    assert {"rgt", "time", "rms", "amplitude", "envelope", "horizon"} <= set(mesh.point_data)
    times = grid(output, "horizon_01")
    whole = np.isfinite(times[:-1, :-1] + times[1:, :-1] + times[:-1, 1:] + times[1:, 1:])
    assert (mesh.cell_data["horizon"] == 1).sum() == 2 * whole.sum()
    # No triangle spans the fault: the throw is 48 ms, a cell rises by 1 ms.
    corners = mesh.points[mesh.regular_faces]
    assert np.ptp(corners[..., 2], axis=1).max() < 2
    np.testing.assert_allclose(mesh.points[:, 2], -mesh.point_data["time"], atol=1e-3)
    assert not list(output.parent.glob("*.irap"))


def test_each_horizon_has_a_map(run_script: Run, model: Path) -> None:
    output = model.parent / "out" / "a"
    words = ("--input", f"{model}.rgt", "--output", output, "--count", 3)
    given = ("--image", f"{model}.bin", "--faults", f"{model}.{FAULT_ID}", "--window", 2)
    done = run_script("pick_horizons", *words, *given)
    assert done.returncode == 0, done.stderr
    pictures = sorted(path.name for path in output.parent.glob("*.png"))
    assert pictures == [f"a.horizon_{number:02d}.png" for number in (1, 2, 3)]
    assert all(path.stat().st_size > 20_000 for path in output.parent.glob("*.png"))


def test_horizons_go_through_control_and_tell_how_well(model: Path) -> None:
    deep = np.array([[0, 2, 50], [10, 3, 47.5], [20, 38, 57]], np.float32)
    shallow = np.array([[0, 2, 30.0]], np.float32)
    sets = [ControlSet("base", deep), ControlSet("gone", np.empty((0, 3), np.float32))]
    output = pick(model, Choice(control=(*sets, ControlSet("well", shallow))))
    index = pd.read_csv(f"{output}.horizon_index.csv")
    assert index["name"].tolist() == ["well", "base", "gone"]
    assert index["misfit_maximum_ms"].iloc[:2].max() < 0.01
    assert index["traces"].iloc[2] == 0
    samples = (grid(output, "horizon_02") - 400) / 4
    assert samples[10, 3] == pytest.approx(47.5, abs=1e-3)
    assert Path(f"{output}.horizon_03.irap").is_file()


def test_volumes_of_another_size_are_refused(run_script: Run, model: Path) -> None:
    small = Shape(n1=8, n2=8, n3=8)
    write_volume(model.parent / "b.bin", np.ones(small.array, np.float32), turned_survey(small))
    words = ("--input", f"{model}.rgt", "--output", model, "--image", model.parent / "b.bin")
    refused_in_one_line(run_script("pick_horizons", *words), "size n1=80", "b.bin")


def test_horizons_of_a_survey_without_coordinates_lie_on_its_lines(tmp_path: Path) -> None:
    sidecar = replace(turned_survey(SHAPE), corners=())
    write_volume(tmp_path / "a.rgt", TIME.astype(np.float32), sidecar.of_attribute("rgt"))
    pick_horizons(open_volume(tmp_path / "a.rgt"), tmp_path / "a", Choice(levels=(0.5,)))
    header = (tmp_path / "a.horizon_01.irap").read_text().splitlines()[:3]
    assert [float(word) for word in header[1].split()] == [500, 539, 100, 146]
    mesh = pyvista.read(tmp_path / "a.horizons.vtp")
    assert mesh.bounds[:4] == (500, 539, 100, 146)
