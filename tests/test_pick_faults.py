"""Picked faults: planes and curved surfaces whose place, orientation and shape are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import pyvista
import segyio
from numpy.typing import ArrayLike, NDArray

from conftest import Finished, refused_in_one_line, write_segy
from strataflow.errors import StrataflowError
from strataflow.interpretation.fault_ground import ground_of
from strataflow.interpretation.faults import FaultSettings, fault_surfaces, pick_faults
from strataflow.interpretation.surfaces import Surface
from strataflow.volume.orientation import normal_from_strike_dip, strike_dip_from_normal
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import Axis, Sidecar
from strataflow.volume.volume import Volume, attribute_path, open_volume, write_volume
from turned_survey import turned_survey

Run = Callable[..., Finished]
SHAPE = Shape(n1=60, n2=70, n3=80)
FILES = (
    *("faults.csv", "fault_points.csv", "fault_throws.csv", "fault_sticks.txt"),
    *("fault_sticks.odt.txt", "faults.vtp", "faults.ts", "fault_surfaces.npz"),
    *(f"{name}{end}" for name in ("fthin", "fthrow", "fault_id") for end in ("", ".json")),
)


@dataclass(frozen=True)
class Fault:
    """Distances of all voxels from a fault, its unit normals (3, ...), and where it is."""

    distance: NDArray[np.float64]
    normal: NDArray[np.float32]
    there: NDArray[np.bool_]


def plane(
    point: ArrayLike,
    strike: float,
    dip: float,
    shape: Shape = SHAPE,
    there: NDArray[np.bool_] | bool = True,
) -> Fault:
    """A plane through a point (i3, i2, i1)."""
    at = np.indices(shape.array)
    normal = normal_from_strike_dip(strike, dip)
    distance = sum(n * (i - p) for n, i, p in zip(normal, at, np.asarray(point), strict=True))
    normals = np.broadcast_to(normal[:, None, None, None], (3, *shape.array))
    return Fault(np.asarray(distance), normals, np.broadcast_to(there, shape.array))


def graph(i2: NDArray, shape: Shape = SHAPE, there: NDArray[np.bool_] | bool = True) -> Fault:
    """A surface whose crossline index `i2` is a function of inline and sample, (n3, 1, n1)."""
    slope3, _, slope1 = (
        np.gradient(i2, axis=axis) if i2.shape[axis] > 1 else np.zeros_like(i2) for axis in range(3)
    )
    long = np.sqrt(1 + slope3**2 + slope1**2)
    normal = np.stack([slope3 / long, -1 / long, slope1 / long]).astype(np.float32)
    distance = (i2 - np.indices(shape.array)[1]) / long
    normals = np.broadcast_to(normal, (3, *shape.array))
    return Fault(distance, normals, np.broadcast_to(there, shape.array))


def cubes_of(faults: Sequence[Fault], shape: Shape = SHAPE) -> dict[str, NDArray[np.float32]]:
    """Attributes of `faults` as a network gives them; of those that cross the nearest one."""
    cubes = {name: np.zeros(shape.array, np.float32) for name in ("fsem", "fdip", "fstrike")}
    for fault in faults:
        probability = np.exp(-np.square(fault.distance / 2.0)).astype(np.float32)
        mine = fault.there & (probability > cubes["fsem"]) & (probability >= 0.5)
        strike, dip = strike_dip_from_normal(fault.normal)
        cubes["fdip"][mine], cubes["fstrike"][mine] = dip[mine] / 180, strike[mine] / 180
        cubes["fsem"] = np.where(fault.there, np.maximum(cubes["fsem"], probability), cubes["fsem"])
    return cubes


def write_faults(
    prefix: Path, faults: Sequence[Fault], sidecar: Sidecar | None = None, shape: Shape = SHAPE
) -> Path:
    """Attributes of `faults` and a flat image under PREFIX; returns it."""
    sidecar = sidecar or turned_survey(shape)
    for name, values in cubes_of(faults, shape).items():
        write_volume(Path(f"{prefix}.{name}"), values, sidecar.of_attribute(name))
    return prefix


def surfaces_of(
    faults: Sequence[Fault], shape: Shape = SHAPE, settings: FaultSettings | None = None
) -> list[Surface]:
    """Picked surfaces of `faults`."""
    sidecar = turned_survey(shape)
    volumes = {
        name: Volume(Path(name), values, sidecar.of_attribute(name))
        for name, values in cubes_of(faults, shape).items()
    }
    return fault_surfaces(volumes, settings or FaultSettings(), ground_of(sidecar))


def off(surface: Surface, fault: Fault) -> NDArray[np.float64]:
    """Distances of the cells of a surface from a fault, in voxels, in the nearest voxels."""
    at = np.rint(surface.points()[:, surface.inside]).astype(int)
    at = np.clip(at, 0, np.array(fault.distance.shape)[:, None] - 1)
    return np.abs(fault.distance[tuple(at)])


def owner(surface: Surface, faults: Sequence[Fault]) -> tuple[int, float]:
    """The fault that a surface lies on, and the share of its cells close to it."""
    shares = [float((off(surface, fault) < 1.5).mean()) for fault in faults]
    return int(np.argmax(shares)), max(shares)


def assert_one_surface_each(surfaces: Sequence[Surface], faults: Sequence[Fault]) -> None:
    """Each fault is one surface that lies on it alone."""
    assert len(surfaces) == len(faults), [s.area for s in surfaces]
    owners = [owner(surface, faults) for surface in surfaces]
    assert sorted(number for number, _ in owners) == list(range(len(faults)))
    assert min(share for _, share in owners) > 0.97


@pytest.mark.parametrize("dips", [(70, 120), (60, 90), (80, 100)])
def test_two_faults_that_cross_are_two(dips: tuple[float, float]) -> None:
    faults = [plane((40, 35, 30), 20, dips[0]), plane((40, 35, 30), 100, dips[1])]
    assert_one_surface_each(surfaces_of(faults), faults)


def test_an_x_in_section_is_two() -> None:
    faults = [plane((40, 35, 30), 5, 60), plane((40, 35, 30), 5, 120)]
    assert_one_surface_each(surfaces_of(faults), faults)


def test_a_fault_that_ends_at_another_is_its_own() -> None:
    main = plane((40, 30, 30), 0, 75)
    faults = [main, plane((40, 30, 30), 60, 100, there=main.distance < 0)]
    assert_one_surface_each(surfaces_of(faults), faults)


def test_a_relay_of_two_parallel_faults_is_two() -> None:
    i3 = np.indices(SHAPE.array)[0]
    faults = [
        plane((40, 30, 30), 0, 70, there=i3 < 45),
        plane((40, 39, 30), 0, 70, there=i3 > 35),
    ]
    assert_one_surface_each(surfaces_of(faults), faults)


def test_a_curved_fault_is_one() -> None:
    i3, i1 = np.arange(80.0)[:, None, None], np.arange(60.0)[None, None, :]
    # Listric: 80 degrees at the top, 33 at the bottom; and bent along the strike.
    faults = [graph(12 + 0.012 * i1**2 + 0.18 * i1 + 4 * np.sin(i3 / 14))]
    assert_one_surface_each(surfaces_of(faults), faults)


def test_a_branch_is_its_own() -> None:
    i3, i1 = np.arange(80.0)[:, None, None], np.arange(60.0)[None, None, :]
    main = graph(20 + 0.3 * i1 + 0 * i3)
    i3s, _, _ = np.indices(SHAPE.array)
    branch = graph(20 + 0.3 * i1 + 0.6 * (i3 - 25), there=i3s > 25)
    surfaces = surfaces_of([main, branch])
    # Which of the two goes on into the trunk is open; none is in both beyond it.
    assert len(surfaces) == 2
    for surface in surfaces:
        distances = np.stack([off(surface, fault) for fault in (main, branch)])
        assert (distances.min(axis=0) < 1.5).mean() > 0.97
        beyond = surface.points()[0][surface.inside] > 33
        assert max((distances[:, beyond] < 1.5).mean(axis=1)) > 0.97


@pytest.mark.parametrize(
    ("gap", "bridge", "count"), [(4, 6, 1), (14, 6, 1), (24, 6, 2), (24, 10, 1), (4, 0, 2)]
)
def test_a_gap_is_bridged_as_far_as_it_is_asked(gap: int, bridge: int, count: int) -> None:
    i3 = np.indices(SHAPE.array)[0]
    fault = plane((40, 35, 30), 0, 70, there=(i3 < 36) | (i3 >= 36 + gap))
    assert len(surfaces_of([fault], settings=FaultSettings(bridge=bridge))) == count


@pytest.mark.parametrize(
    ("point", "strike", "dip"),
    [
        ((40, 35, 30), 0, 90),
        ((40, 35, 30), 0, 0),
        ((40, 0, 30), 0, 90),
        ((40, 69, 30), 0, 90),
        ((0, 35, 30), 90, 90),
        ((40, 35, 59), 30, 0),
    ],
)
def test_vertical_and_horizontal_faults_and_those_at_an_edge_are_whole(
    point: tuple[float, float, float], strike: float, dip: float
) -> None:
    faults = [plane(point, strike, dip)]
    surfaces = surfaces_of(faults)
    assert_one_surface_each(surfaces, faults)
    sides = {90.0: (80 if strike == 0 else 70) * 60, 0.0: 80 * 70}
    assert surfaces[0].area > 0.9 * sides[float(dip)]


def test_no_surface_has_two_points_at_one_place() -> None:
    rng = np.random.default_rng(0)
    faults = [
        plane(rng.uniform(10, 60, 3), rng.uniform(0, 180), rng.uniform(30, 150)) for _ in range(8)
    ]
    surfaces = surfaces_of(faults)
    # A height field, whose steps from cell to cell are small.
    for surface in surfaces:
        steps = np.abs(np.diff(np.where(surface.inside, surface.height, np.nan), axis=0))
        assert np.nanmax(steps) < 2.5
        assert owner(surface, faults)[1] > 0.9


@pytest.mark.parametrize("value", [1.0, 0.7])
def test_the_same_probability_everywhere_has_no_faults(value: float) -> None:
    sidecar = turned_survey(SHAPE)
    volumes = {
        name: Volume(Path(name), np.full(SHAPE.array, v, np.float32), sidecar.of_attribute(name))
        for name, v in (("fsem", value), ("fdip", 0.4), ("fstrike", 0.1))
    }
    assert fault_surfaces(volumes, FaultSettings(), ground_of(sidecar)) == []


def test_noise_everywhere_ends_soon_without_faults() -> None:
    rng = np.random.default_rng(0)
    sidecar = turned_survey(SHAPE)
    volumes = {
        name: Volume(
            Path(name), rng.random(SHAPE.array).astype(np.float32), sidecar.of_attribute(name)
        )
        for name in ("fsem", "fdip", "fstrike")
    }
    assert len(fault_surfaces(volumes, FaultSettings(), ground_of(sidecar))) < 5


def test_a_fault_of_a_single_inline_is_a_curve_without_a_mesh(tmp_path: Path) -> None:
    shape = Shape(60, 70, 1)
    prefix = write_faults(tmp_path / "a", [plane((0, 35, 30), 0, 70, shape)], shape=shape)
    pick_faults(prefix, tmp_path / "a")
    (fault,) = pd.read_csv(tmp_path / "a.faults.csv").itertuples()
    assert fault.voxels == pytest.approx(60, abs=2)
    assert pyvista.read(tmp_path / "a.faults.vtp").n_cells == 0


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        (FaultSettings(), 1),
        (FaultSettings(min_probability=0.3), 2),
        (FaultSettings(mean_probability=0.6), 2),
        (FaultSettings(mean_probability=0.95), 0),
    ],
)
def test_faults_of_a_low_mean_probability_are_not_kept(
    tmp_path: Path, settings: FaultSettings, count: int
) -> None:
    prefix = write_faults(tmp_path / "a", [plane((40, 20, 30), 0, 80), plane((40, 50, 30), 0, 80)])
    fsem = open_volume(attribute_path(prefix, "fsem"))
    sure, unsure = fsem.values * np.float32(0.9), fsem.values * np.float32(0.65)
    unsure[:, :35] = sure[:, :35]
    write_volume(fsem.path, unsure, fsem.sidecar)
    pick_faults(prefix, tmp_path / "b", settings=settings)
    assert len(pd.read_csv(tmp_path / "b.faults.csv")) == count


def test_throws_do_not_depend_on_the_number_of_processes(tmp_path: Path) -> None:
    faults = [plane((40, 20, 30), 20, 70), plane((40, 50, 30), 20, 60)]
    prefix = write_faults(tmp_path / "a", faults)
    noise = np.random.default_rng(0).normal(size=SHAPE.array).astype(np.float32)
    write_volume(tmp_path / "image", noise, turned_survey(SHAPE))
    for workers in (1, 2):
        output = tmp_path / f"{workers}"
        pick_faults(prefix, output, image=tmp_path / "image", workers=workers)
    mesh = pyvista.read(tmp_path / "1.faults.vtp")
    assert set(np.asarray(mesh["fault"])) == {1, 2}
    assert np.isfinite(np.asarray(mesh["throw"], np.float32)).any()
    for name in FILES:
        assert (tmp_path / f"1.{name}").read_bytes() == (tmp_path / f"2.{name}").read_bytes()


def test_without_faults_all_files_are_there_and_open(run_script: Run, tmp_path: Path) -> None:
    write_faults(tmp_path / "a", [])
    done = run_script("pick_faults", "--input", tmp_path / "a", "--output", tmp_path / "b")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.glob("b.*")} == {f"b.{name}" for name in FILES}
    for name in ("faults", "fault_points", "fault_throws"):
        table = pd.read_csv(tmp_path / f"b.{name}.csv")
        assert table.empty
        assert "fault" in table.columns
    assert (tmp_path / "b.fault_sticks.txt").read_text() == ""
    mesh = pyvista.read(tmp_path / "b.faults.vtp")
    assert (mesh.n_points, mesh.n_cells) == (0, 0)
    assert not open_volume(tmp_path / "b.fault_id").values.any()


def test_a_missing_attribute_is_told(run_script: Run, tmp_path: Path) -> None:
    done = run_script("pick_faults", "--input", tmp_path / "a", "--output", tmp_path / "b")
    refused_in_one_line(done, "a.fsem")


def test_a_higher_minimum_probability_leaves_out_the_unsure(
    run_script: Run, tmp_path: Path
) -> None:
    # So tilted that few voxels lie on the plane itself.
    write_faults(tmp_path / "a", [plane((40.3, 35.2, 30.1), 65, 60)])
    counts = []
    for number, flags in enumerate(((), ("--probability", 0.98))):
        words = ("--input", tmp_path / "a", "--output", tmp_path / str(number), *flags)
        done = run_script("pick_faults", *words)
        assert done.returncode == 0, done.stderr
        points = pd.read_csv(tmp_path / f"{number}.fault_points.csv")
        counts.append((len(points), points["probability"].min()))
    assert counts[0][1] < 0.98 <= counts[1][1]


def test_the_points_of_a_fault_lie_on_it_one_voxel_thick(tmp_path: Path) -> None:
    strike, dip, centre = 65, 60, np.array([40.3, 35.2, 30.1])
    pick_faults(write_faults(tmp_path / "a", [plane(centre, strike, dip)]), tmp_path / "a")
    points = pd.read_csv(tmp_path / "a.fault_points.csv")
    index = np.stack(
        [(points["inline"] - 100) / 2, points["crossline"] - 500, (points["time"] - 400) / 4]
    )
    normal = normal_from_strike_dip(strike, dip)
    assert np.abs(normal @ (index - centre[:, None])).max() <= 0.9
    # A voxel in each column along the steepest axis.
    steepest = int(np.abs(normal).argmax())
    columns = np.delete(index, steepest, axis=0).round()
    assert len(points) < 1.01 * len(np.unique(columns, axis=1).T)
    # x and y are those of the corners.
    x = 1000 + 25 * -0.6 * index[0] + 12.5 * 0.8 * index[1]
    y = 2000 + 25 * 0.8 * index[0] + 12.5 * 0.6 * index[1]
    assert points["x"].to_numpy() == pytest.approx(x, abs=0.01)
    assert points["y"].to_numpy() == pytest.approx(y, abs=0.01)


def test_volumes_say_the_same_as_points(tmp_path: Path) -> None:
    faults = [plane((40, 35, 30), 20, 70), plane((40, 35, 30), 100, 120)]
    pick_faults(write_faults(tmp_path / "a", faults), tmp_path / "a")
    points = pd.read_csv(tmp_path / "a.fault_points.csv")
    at = tuple(
        ((points[name] - first) / step).round().astype(int)
        for name, first, step in (("inline", 100, 2), ("crossline", 500, 1), ("time", 400, 4))
    )
    ids, thin = (open_volume(tmp_path / f"a.{name}").values for name in ("fault_id", "fthin"))
    assert ids.dtype == np.dtype("<i4")
    assert (ids[at] == points["fault"]).all()
    assert np.count_nonzero(ids) == len(points)
    assert thin[at] == pytest.approx(points["probability"], abs=1e-4)
    assert ((thin > 0) == (ids > 0)).all()
    table = pd.read_csv(tmp_path / "a.faults.csv")
    assert list(table["fault"]) == [1, 2]
    assert table["area_voxels"].is_monotonic_decreasing


def depth_survey(shape: Shape = SHAPE) -> Sidecar:
    """In depth: 10 m samples, 20 m bins, inlines to the north; line numbers of seven digits."""
    corners = [(0.0, 0.0), (20.0 * (shape.n2 - 1), 0.0), (0.0, 20.0 * (shape.n3 - 1))]
    return replace(
        turned_survey(shape),
        domain="depth",
        axes=(
            Axis("inline", 1234501, 1, 20.0, "m"),
            Axis("crossline", 7654301, 1, 20.0, "m"),
            Axis("sample", 1000.0, 10.0, 10.0, "m"),
        ),
        corners=(*corners, (corners[1][0], corners[2][1])),
    )


def test_the_table_has_sizes_and_angles_on_the_ground_and_lines_in_full(tmp_path: Path) -> None:
    # Down to larger crosslines, that is to the east, by one voxel, 20 m, a sample of 10 m.
    fault = plane((40, 35, 30), 0, 45)
    assert fault.normal[1, 0, 0, 0] * fault.normal[2, 0, 0, 0] < 0
    prefix = write_faults(tmp_path / "a", [fault], depth_survey())
    pick_faults(prefix, tmp_path / "a")
    text = (tmp_path / "a.faults.csv").read_text()
    row = pd.read_csv(tmp_path / "a.faults.csv").iloc[0]
    assert row["strike"] % 360 == pytest.approx(0, abs=1) or row["strike"] > 359
    assert row["dip_azimuth"] == pytest.approx(90, abs=1)
    assert row["dip"] == pytest.approx(np.degrees(np.arctan(0.5)), abs=1)
    assert row["length_m"] == pytest.approx(79 * 20, rel=0.03)
    assert row["height_m"] == pytest.approx(np.hypot(59 * 20, 59 * 10), rel=0.05)
    assert row["area_m2"] == pytest.approx(80 * 20 * np.hypot(60 * 20, 60 * 10), rel=0.06)
    assert ",1234501,1234580," in text


def test_a_time_survey_has_dips_in_degrees_with_a_velocity_alone(
    run_script: Run, tmp_path: Path
) -> None:
    write_faults(tmp_path / "a", [plane((40, 35, 30), 0, 45)])
    pick_faults(tmp_path / "a", tmp_path / "a")
    row = pd.read_csv(tmp_path / "a.faults.csv").iloc[0]
    # A sample of 4 ms for a crossline of 12.5 m.
    assert row["dip_ms_per_m"] == pytest.approx(4 / 12.5, rel=0.03)
    assert "dip" not in row.index
    pick_faults(tmp_path / "a", tmp_path / "b", settings=FaultSettings(velocity=3000))
    row = pd.read_csv(tmp_path / "b.faults.csv").iloc[0]
    assert row["dip"] == pytest.approx(np.degrees(np.arctan(6 / 12.5)), abs=1)
    words = ("--input", tmp_path / "a", "--output", tmp_path / "c", "--dip", 30, 90)
    refused_in_one_line(run_script("pick_faults", *words), "interpretation.dip", "segy.velocity")


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        (FaultSettings(dip=(60, 90)), {60}),
        (FaultSettings(strike=(150, 210)), {0}),
        (FaultSettings(strike=(330, 20)), {0}),
        (FaultSettings(min_area=1e6), set()),
    ],
)
def test_faults_are_kept_by_size_dip_and_strike(
    tmp_path: Path, settings: FaultSettings, kept: set[int]
) -> None:
    # On the ground of depth_survey dips are gentler: 27 and, for the second, 60 degrees.
    faults = [plane((40, 35, 30), 0, 45), plane((40, 35, 30), 60, 74)]
    pick_faults(
        write_faults(tmp_path / "a", faults, depth_survey()), tmp_path / "a", None, settings
    )
    table = pd.read_csv(tmp_path / "a.faults.csv")
    assert len(table) == len(kept)
    assert {round(strike / 30) * 30 % 180 for strike in table["grid_strike"]} == kept


def sticks_of(path: Path) -> pd.DataFrame:
    """Charisma fault sticks, read by their columns."""
    rows = [line.split() for line in path.read_text().splitlines()]
    assert all(row[0] == "INLINE-" and row[2] == "XLINE-" and len(row) == 9 for row in rows)
    table = pd.DataFrame([[*row[1:4:2], *row[4:]] for row in rows])
    table.columns = pd.Index(["inline", "crossline", "x", "y", "z", "fault", "stick"])
    return table.astype(dict.fromkeys(("inline", "crossline", "x", "y", "z"), float))


@pytest.mark.parametrize(("strike", "cut"), [(10, "inline"), (85, "crossline")])
def test_sticks_run_down_the_dip_on_even_lines_that_cut_the_fault(
    tmp_path: Path, strike: float, cut: str
) -> None:
    fault = plane((40, 35, 30), strike, 75)
    pick_faults(write_faults(tmp_path / "a", [fault]), tmp_path / "a")
    sticks = sticks_of(tmp_path / "a.fault_sticks.txt")
    assert set(sticks["fault"]) == {"fault_1"}
    by_stick = sticks.groupby("stick")
    assert (by_stick[cut].nunique() == 1).all()
    lines = by_stick[cut].first().sort_values().to_numpy()
    assert lines.size >= 4
    assert set(np.diff(lines)) == {20.0 if cut == "inline" else 10.0}
    assert by_stick["z"].agg(lambda z: z.is_monotonic_increasing).all()
    # Points are 8 voxels apart, and lie on the plane.
    index = np.stack(
        [(sticks["inline"] - 100) / 2, sticks["crossline"] - 500, (sticks["z"] - 400) / 4]
    )
    steps = np.linalg.norm(np.diff(index, axis=1), axis=0)
    assert steps[sticks["stick"].to_numpy()[1:] == sticks["stick"].to_numpy()[:-1]].max() < 13
    normal = normal_from_strike_dip(strike, 75)
    assert np.abs(normal @ (index - np.array([40, 35, 30])[:, None])).max() < 0.5


def test_opendtects_sticks_are_the_same(tmp_path: Path) -> None:
    faults = [plane((40, 35, 30), 20, 70), plane((40, 35, 30), 100, 120)]
    pick_faults(write_faults(tmp_path / "a", faults), tmp_path / "a")
    sticks = sticks_of(tmp_path / "a.fault_sticks.txt")
    columns = ["name", "x", "y", "z", "stick", "node"]
    other = pd.read_csv(tmp_path / "a.fault_sticks.odt.txt", sep="\t", names=columns)
    assert list(other["name"]) == list(sticks["fault"])
    for name in ("x", "y", "z"):
        assert other[name].to_numpy() == pytest.approx(sticks[name], abs=0.01)
    assert (other.groupby(["name", "stick"])["node"].min() == 0).all()


def read_tsurf(path: Path) -> dict[str, tuple[pd.DataFrame, NDArray[np.int64]]]:
    """Vertices and triangles of each object, from the description of GOCAD's ASCII format."""
    objects = {}
    for text in path.read_text().split("GOCAD TSurf 1\n")[1:]:
        lines = text.splitlines()
        assert lines[-1] == "END"
        name = next(line.split(":")[1].strip() for line in lines if line.startswith("name:"))
        properties = next(line.split()[1:] for line in lines if line.startswith("PROPERTIES"))
        assert "ZPOSITIVE Depth" in lines
        vertices = [line.split()[1:] for line in lines if line.startswith("PVRTX")]
        table = pd.DataFrame(vertices, columns=["id", "x", "y", "z", *properties]).astype(float)
        triangles = [line.split()[1:] for line in lines if line.startswith("TRGL")]
        objects[name] = (table.set_index("id"), np.array(triangles, np.int64))
    return objects


def test_meshes_lie_on_their_faults_and_agree(tmp_path: Path) -> None:
    faults = [plane((40, 35, 30), 20, 70), plane((40, 35, 30), 100, 120)]
    pick_faults(write_faults(tmp_path / "a", faults, depth_survey()), tmp_path / "a")
    table = pd.read_csv(tmp_path / "a.faults.csv").set_index("name")
    whole = pyvista.read(tmp_path / "a.faults.vtp")
    assert {"fault", "throw", "probability", "dip", "strike"} <= set(whole.point_data)
    objects = read_tsurf(tmp_path / "a.faults.ts")
    assert list(objects) == ["fault_1", "fault_2"] == list(table.index)
    owners = {}
    for number, (name, (vertices, triangles)) in enumerate(objects.items(), start=1):
        mine = whole.extract_cells(np.asarray(whole.cell_data["fault"] == number))
        assert mine.n_cells == len(triangles)
        assert mine.area == pytest.approx(table.loc[name, "area_m2"], rel=0.08)
        places = vertices[["x", "y", "z"]].to_numpy()
        assert triangles.min() == 1
        assert triangles.max() == len(places)
        index = np.stack([places[:, 1] / 20, places[:, 0] / 20, (places[:, 2] - 1000) / 10])
        centre = np.array([40, 35, 30])[:, None]
        distances = [
            np.abs(normal_from_strike_dip(*angles) @ (index - centre)).max()
            for angles in ((20, 70), (100, 120))
        ]
        owners[int(np.argmin(distances))] = min(distances)
        assert -mine.bounds[4] == pytest.approx(places[:, 2].max(), abs=0.01)
        assert vertices["dip"].median() == pytest.approx(table.loc[name, "dip"], abs=1)
    assert set(owners) == {0, 1}
    assert max(owners.values()) < 0.6


def test_numbers_of_faults_are_exported_whole(run_script: Run, tmp_path: Path) -> None:
    pick_faults(write_faults(tmp_path / "a", [plane((40, 35, 30), 20, 70)]), tmp_path / "a")
    template = write_segy(tmp_path / "t.sgy", np.zeros(SHAPE.array, np.float32))
    words = ("--input", tmp_path / "a.fault_id")
    done = run_script("export_segy", *words, "--template", template, "--output", tmp_path / "a.sgy")
    assert done.returncode == 0, done.stderr
    ids = np.fromfile(tmp_path / "a.fault_id", "<i4").reshape(SHAPE.array)
    with segyio.open(tmp_path / "a.sgy") as file:
        assert (segyio.tools.cube(file) == ids).all()
    done = run_script("export_vgi", *words, "--output", tmp_path / "a.fault_id.vgi")
    assert done.returncode == 0, done.stderr
    image = pyvista.read(tmp_path / "a.fault_id.mhd")
    values = np.asarray(image.active_scalars)
    assert values.dtype.kind == "i"
    assert (values.reshape(SHAPE.array) == ids).all()


def test_a_failure_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = write_faults(tmp_path / "a", [plane((40, 35, 30), 20, 70)])
    monkeypatch.setattr("strataflow.interpretation.faults.write_vtp", _broken)
    with pytest.raises(StrataflowError, match=r"b\.fthin\.json: cannot be written: disk full"):
        pick_faults(prefix, tmp_path / "b")
    assert not list(tmp_path.glob("b.*")) + list(tmp_path.glob(".b.*"))


def _broken(*_: object) -> None:
    raise OSError("disk full")


@pytest.mark.parametrize("dip", [(90.0, 0.0), (-10.0, 50.0), (0.0, 100.0)])
def test_a_range_of_dips_that_no_fault_can_have_is_refused(
    tmp_path: Path, dip: tuple[float, float]
) -> None:
    prefix = write_faults(tmp_path / "a", [plane((40, 35, 30), 20, 60)])
    with pytest.raises(StrataflowError, match=r"interpretation\.dip: expected 0 <= minimum"):
        pick_faults(prefix, tmp_path / "b", settings=FaultSettings(dip=dip))
