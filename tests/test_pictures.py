"""Pictures of a run: sections that show the faults, lines where they are cut, and the 3D scene."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from conftest import Finished, refused_in_one_line
from strataflow.errors import StrataflowError
from strataflow.figures.charts import draw_throws
from strataflow.figures.choice import choose_sections
from strataflow.figures.fault_lines import FaultMeshes, read_fault_meshes
from strataflow.figures.layout import scale_of
from strataflow.figures.scene_model import middle_horizon
from strataflow.figures.scene_picture import draw_scene, failure, read_scene
from strataflow.figures.section import Section
from strataflow.figures.style import COLOURS_OF_FAULTS, fault_colour
from strataflow.interpretation.meshes import Mesh, write_vtp
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import Sidecar, plain_sidecar
from strataflow.volume.tables import read_horizons
from strataflow.volume.volume import open_volume, write_volume
from turned_survey import turned_survey

Run = Callable[..., Finished]
SHAPE = Shape(n1=40, n2=36, n3=32)


# Cells along both sides of a plane, two triangles each.
CELLS = 16


def plane(corner: tuple[float, ...], one: tuple[float, ...], two: tuple[float, ...]) -> np.ndarray:
    """Triangles (T, 3, 3) of a parallelogram in indices (n3, n2, n1)."""
    a, b, c = np.array(corner, float), np.array(one) / CELLS, np.array(two) / CELLS
    cells = [a + i * b + j * c for i in range(CELLS) for j in range(CELLS)]
    return np.array([t for p in cells for t in ([p, p + b, p + c], [p + b, p + b + c, p + c])])


def meshes(*planes: np.ndarray) -> FaultMeshes:
    numbers = np.repeat(np.arange(1, len(planes) + 1), 2 * CELLS**2)
    return FaultMeshes(np.concatenate(planes), numbers)


# A fault that all inlines cut squarely; it dips towards higher crosslines.
DIPPING = plane((0, 10, 5), (31, 0, 0), (0, 10, 30))


def write_surfaces(path: Path, faults: FaultMeshes, sidecar: Sidecar) -> None:
    """Write faults as pick_faults does."""
    written = []
    for number in faults.numbers:
        corners = faults.corners[faults.fault == number].reshape(-1, 3)
        places = sidecar.places(corners.T)
        xyz = np.stack([places["x"], places["y"], places[sidecar.domain]], axis=1)
        data = {"throw": np.full(len(xyz), 8.0)}
        written.append(Mesh(number, xyz, np.arange(len(xyz)).reshape(-1, 3), data))
    write_vtp(path, written, ["throw"], "fault")


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    """A turned survey with a fault, its probability and a horizon; returns the PREFIX."""
    sidecar = turned_survey(SHAPE)
    _, i2, i1 = np.indices(SHAPE.array)
    fault = np.exp(-np.square((i2 - 10 - (i1 - 5) / 3) / 1.5))
    cubes = {"bin": np.sin(i1 / 2.0), "fsem": fault, "fault_id": (fault > 0.5).astype(np.int32)}
    for name, values in cubes.items():
        attribute = "image" if name == "bin" else name
        write_volume(tmp_path / f"a.{name}", values, sidecar.of_attribute(attribute))
    write_surfaces(tmp_path / "a.faults.vtp", meshes(DIPPING), sidecar)
    i3, i2 = np.indices(SHAPE.array[:2]).reshape(2, -1)
    places = sidecar.places(np.stack([i3, i2, 0 * i3]))
    times = sidecar.axes[2].first + sidecar.axes[2].step * 20
    table = pd.DataFrame(places | {"horizon_01": times}).drop(columns=sidecar.domain)
    table.to_csv(tmp_path / "a.horizons.csv", index=False)
    return tmp_path / "a"


def test_a_section_cuts_a_plane_in_its_straight_line() -> None:
    segments = meshes(DIPPING).lines(axis=0, index=12.25)[1]
    ends = segments.reshape(-1, 3)
    assert np.allclose(ends[:, 0], 12.25)
    assert np.allclose(ends[:, 1], 10 + (ends[:, 2] - 5) / 3)
    assert np.ptp(ends[:, 2]) == pytest.approx(30)
    length = np.linalg.norm(segments[:, 1] - segments[:, 0], axis=1).sum()
    assert length == pytest.approx(np.hypot(30, 10))
    # The line of a slice through corners of triangles is not lost.
    assert np.ptp(meshes(DIPPING).lines(axis=2, index=35)[1][..., 0]) == pytest.approx(31)
    assert meshes(DIPPING).lines(axis=0, index=50) == {}


def test_sections_cut_faults_squarely_and_do_not_run_along_them() -> None:
    # All inlines cut the fault; it lies along crosslines 10 to 20, which would show it as a smear.
    inline, crossline, _ = choose_sections(SHAPE, meshes(DIPPING))
    assert inline.axis == 0
    assert not 8 <= crossline.index <= 22
    # A fault in inlines 20 to 29 draws the crossline; two small ones count more than one large.
    small = [plane((20 + i, 3, 10), (0, 6, 0), (0, 0, 8)) for i in (0, 8)]
    large = plane((10, 20, 10), (0, 9, 0), (0, 0, 8))
    _, crossline, _ = choose_sections(SHAPE, meshes(*small, large))
    assert 3 <= crossline.index <= 9


def test_without_faults_the_middle_is_shown_and_without_surfaces_the_probability_decides() -> None:
    indices = [section.index for section in choose_sections(SHAPE)]
    assert indices == pytest.approx([16, 18, 20], abs=1)
    fsem = np.zeros(SHAPE.array, np.float32)
    fsem[7:9, 25, 30:34] = 0.9
    chosen = choose_sections(SHAPE, None, fsem)
    assert chosen[0].index in (7, 8)
    assert chosen[1].index == 25
    assert 30 <= chosen[2].index <= 33


def test_surfaces_return_to_the_grid_of_a_turned_survey(survey: Path) -> None:
    sidecar = open_volume(survey.with_name("a.fsem")).sidecar
    read = read_fault_meshes(survey.with_name("a.faults.vtp"), sidecar)
    assert read is not None
    assert read.numbers == [1]
    assert np.sort(read.corners.reshape(-1, 3), axis=0) == pytest.approx(
        np.sort(DIPPING.reshape(-1, 3), axis=0), abs=0.01
    )


def test_a_file_that_holds_no_surfaces_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.faults.vtp"
    path.write_text("<VTKFile/>")
    with pytest.raises(
        StrataflowError, match=r"a\.faults\.vtp: not the surfaces of faults, or damaged"
    ):
        read_fault_meshes(path, plain_sidecar(SHAPE, "fsem"))


def test_the_vertical_exaggeration_is_true() -> None:
    sidecar = plain_sidecar(Shape(n1=100, n2=200, n3=200), "image")
    inline, crossline, sample = sidecar.axes
    lateral = (replace(inline, spacing=25.0), replace(crossline, spacing=25.0))
    down = replace(sample, spacing=5.0, unit="m")
    depth = replace(sidecar, domain="depth", axes=(*lateral, down))
    scale = scale_of(depth)
    # 5,000 m wide and 500 m deep: about twice as wide as high if exaggerated five times.
    assert scale.exaggeration == 5
    assert scale.steps == (25, 25, 25)
    assert scale.text == "Vertical exaggeration 5"
    in_time = replace(depth, domain="time", axes=(*lateral, replace(down, unit="ms")))
    assert "assumed velocity of 2,500 m/s" in scale_of(in_time).text
    assert scale_of(in_time, 2000).text.endswith("at a velocity of 2,000 m/s")
    # 5 ms there and back at 2,000 m/s are 5 m.
    assert scale_of(in_time, 2000).steps == scale.steps
    angles = (replace(lateral[0], unit="degrees"), replace(lateral[1], unit="degrees"))
    assert scale_of(replace(depth, axes=(*angles, down))).text == "Vertical scale arbitrary"


def test_the_picture_of_faults_has_lines_in_their_colours(run_script: Run, survey: Path) -> None:
    output = survey.with_name("out") / "a"
    words = ("--input", f"{survey}.bin", "--prediction", survey, "--output", output)
    done = run_script("plot", *words)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in output.parent.iterdir()} == {"a.fsem.png", "a.faults.png"}
    picture = matplotlib.image.imread(f"{output}.faults.png")[..., :3]
    line = np.abs(picture - to_rgb(fault_colour(1))).max(axis=2) < 0.05
    assert line.sum() > 300
    # The line is thin: in most rows it takes a few pixels of each of the three panels.
    rows = line.sum(axis=1)
    assert np.median(rows[rows > 0]) < 12


def test_faults_without_surfaces_are_shown_as_voxels(run_script: Run, survey: Path) -> None:
    survey.with_name("a.faults.vtp").unlink()
    output = survey.with_name("out") / "a"
    words = ("--input", f"{survey}.bin", "--prediction", survey, "--output", output)
    assert run_script("plot", *words).returncode == 0
    picture = matplotlib.image.imread(f"{output}.faults.png")[..., :3]
    assert (np.abs(picture - to_rgb(fault_colour(1))).max(axis=2) < 0.05).sum() > 1000


def test_pictures_of_nothing_are_refused(run_script: Run, survey: Path) -> None:
    words = ("--input", f"{survey}.bin", "--output", survey.with_name("out") / "a")
    done = run_script("plot", *words, "--prediction", survey.with_name("b"))
    refused_in_one_line(done, "no predictions found")


def test_profiles_without_throws_make_an_empty_chart(tmp_path: Path) -> None:
    columns = ["name", "fault", "distance_m", "x", "y"]
    columns += [f"throw_{what}_ms" for what in ("mean", "minimum", "maximum")]
    draw_throws(pd.DataFrame(columns=columns), tmp_path / "a.png")
    rows = [["fault_1", 1, at, 0, 0, 8, 6, 10] for at in (0, 50, 300, 350)]
    draw_throws(pd.DataFrame(rows, columns=columns), tmp_path / "b.png")
    empty, full = (matplotlib.image.imread(tmp_path / f"{n}.png") for n in "ab")
    assert not np.array_equal(empty, full)


def test_the_scene_shows_the_fault_the_sections_and_the_horizon(survey: Path) -> None:
    image = open_volume(survey.with_name("a.bin"))
    reason = draw_scene(image, survey, survey)
    if reason:
        pytest.skip(f"this machine cannot render: {reason}")
    described = json.loads(survey.with_name("a.scene.json").read_text())
    assert described["picture"] == "a.scene.png"
    assert (described["faults"], described["horizon"]) == (1, "horizon_01")
    picture = matplotlib.image.imread(survey.with_name("a.scene.png"))[..., :3]
    red, green, blue = np.moveaxis(picture, 2, 0)
    orange = (red > 0.6) & (green > 0.35) & (green < 0.75) & (blue < 0.2)
    grey = (picture.max(axis=2) - picture.min(axis=2) < 0.02) & (red < 0.9)
    assert orange.mean() > 0.005
    assert grey.mean() > 0.03


def test_a_renderer_that_crashes_leaves_a_reason_and_no_old_picture(survey: Path) -> None:
    image = open_volume(survey.with_name("a.bin"))
    picture = survey.with_name("a.scene.png")
    picture.write_bytes(b"of an earlier run")

    def crash(*_: object) -> None:
        os.write(2, b"ERR| bad X server connection, could not open the display\n")
        os.kill(os.getpid(), signal.SIGKILL)

    reason = draw_scene(image, survey, survey, drawn=crash)
    assert reason is not None
    assert "signal 9" in reason
    assert reason.endswith("could not open the display")
    assert "\n" not in reason
    described = json.loads(survey.with_name("a.scene.json").read_text())
    assert (described["picture"], described["reason"]) == (None, reason)
    assert not picture.exists()


def test_work_that_hangs_or_raises_is_told() -> None:
    def hang() -> None:
        signal.pause()

    def fail() -> None:
        raise RuntimeError("no graphics")

    assert failure(hang, 0.2) == "not finished after 0.2 s"
    assert failure(fail, 60) == "the renderer ended with an error: RuntimeError: no graphics"
    assert failure(lambda: None, 60) is None


def test_a_scene_without_faults_or_horizons_is_that_of_the_sections(survey: Path) -> None:
    scene = read_scene(open_volume(survey.with_name("a.bin")), survey.with_name("other"))
    assert (scene.meshes, scene.horizon) == (None, None)
    assert [section.axis for section in scene.sections] == [0, 1]


def test_the_horizon_closest_to_the_faults_is_shown(survey: Path) -> None:
    image = open_volume(survey.with_name("a.bin"))
    names, indices = read_horizons(survey.with_name("a.horizons.csv"), image.sidecar)
    assert names == ["horizon_01"]
    assert indices[0] == pytest.approx(np.full(SHAPE.array[:2], 20.0), abs=1e-3)
    three = np.stack([np.full(SHAPE.array[:2], depth, np.float32) for depth in (4, 19, 36)])
    chosen = middle_horizon(["a", "b", "c"], three, meshes(DIPPING))
    assert chosen is not None
    assert chosen.name == "b"
    three[1:] = np.nan
    lone = middle_horizon(["a", "b", "c"], three, meshes(DIPPING))
    assert lone is not None
    assert lone.name == "a"
    assert middle_horizon(["b"], three[1:2], None) is None


def test_slices_of_large_surveys_are_thinned() -> None:
    cube = np.arange(1100 * 600 * 2, dtype=np.float32).reshape(1100, 600, 2)
    assert Section(2, 1).read(cube).shape == (367, 300)
    assert np.array_equal(Section(0, 3).read(cube), cube[3].T)


# sRGB to CIE XYZ (IEC 61966-2-1), and what a deuteranope sees of linear RGB (Machado et al., 2009,
# IEEE TVCG 15).
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
DEUTERANOPE = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
)


def lab(colour: str, vision: np.ndarray) -> np.ndarray:
    """CIELAB of a colour as it looks with a matrix of linear RGB."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    x, y, z = np.cbrt(TO_XYZ @ np.clip(vision @ linear, 0, 1) / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize(
    ("vision", "any_two", "in_turn"), [(np.eye(3), 20, 40), (DEUTERANOPE, 14, 17)]
)
def test_twenty_faults_differ_in_colour(vision: np.ndarray, any_two: float, in_turn: float) -> None:
    colours = [lab(fault_colour(number), vision) for number in range(1, 21)]
    assert len(set(COLOURS_OF_FAULTS)) == 20
    assert min(np.linalg.norm(a - b) for a, b in combinations(colours, 2)) > any_two
    assert min(np.linalg.norm(a - b) for a, b in pairwise(colours)) > in_turn
