"""RGT that jumps at faults by their throw: plane layers and faults whose time is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from conftest import Finished, refused_in_one_line
from strataflow.interpretation.control import ControlSet, write_control
from strataflow.interpretation.surface_files import load_surfaces, save_surfaces
from strataflow.interpretation.surfaces import Surface, frame_of
from strataflow.prediction.rgt_cuts import find_cuts
from strataflow.prediction.rgt_elements import Elements, make_elements
from strataflow.prediction.rgt_flattening import follow_reflectors
from strataflow.volume import structure_tensor
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import plain_sidecar
from strataflow.volume.volume import open_volume, write_volume

Run = Callable[..., Finished]

SHAPE = (80, 64, 72)
GRID = np.indices(SHAPE).astype(np.float32)
LIVE = np.ones(SHAPE[:2], bool)
FLAT = GRID[2]
# Directions of the normals: none passes through voxels in a row.
NORMALS = [(1.0, 0.31, -0.62), (-1.0, 0.23, -0.51), (0.17, 1.0, -0.83)]


def plane(normal: Sequence[float], throw: float, origin: Sequence[float] = (40, 32, 36)) -> Surface:
    """A plane fault through the whole volume."""
    half = 90
    flat = np.zeros((2 * half + 1,) * 2, np.float32)
    ones = np.ones(flat.shape, bool)
    fault = Surface(
        *(frame_of(np.array(origin) + 0.123, np.array(normal)), (-half, -half), ones),
        *(flat, flat + 1, flat + throw, flat + 1),
    )
    places = fault.points()
    inside = ((places >= -0.5) & (places <= np.array(SHAPE)[:, None, None] - 0.5)).all(axis=0)
    return replace(fault, inside=np.asarray(inside, bool))


def off(fault: Surface) -> np.ndarray:
    """Distance of each voxel from the plane of a fault, positive in the hanging wall."""
    away = GRID - fault.frame.origin.astype(np.float32)[:, None, None, None]
    return np.tensordot(fault.frame.normal.astype(np.float32), away, 1)


def faulted(fault: Surface, throw: float, places: np.ndarray = GRID) -> np.ndarray:
    """Places (3, ...) before the hanging wall of a fault slid down its dip."""
    slip = fault.frame.v * (throw / fault.frame.v[2])
    moved = np.where(off(fault) > 0, 1, 0) * slip[:, None, None, None]
    return places - moved


def layers(places: np.ndarray) -> np.ndarray:
    return (places[2] + 0.12 * places[0] + 0.05 * places[1]).astype(np.float32)


def image_of(time: np.ndarray) -> np.ndarray:
    return (np.sin(time / 1.9) + np.sin(time / 3.1 + 1)).astype(np.float32)


def fitted(
    image: np.ndarray, time: np.ndarray = FLAT, probability: np.ndarray | None = None, **more: Any
) -> np.ndarray:
    lines = follow_reflectors(time, image, probability, LIVE, **more)
    return np.stack([line + change for line, change in zip(time, lines, strict=True)])


def misplaced(time: np.ndarray, true: np.ndarray) -> np.ndarray:
    gap = time - true
    return np.abs(gap - np.median(gap))


@pytest.mark.parametrize("normal", NORMALS)
@pytest.mark.parametrize("throw", [9.0, -9.0])
def test_time_jumps_by_the_throw_of_a_plane_fault(normal: Sequence[float], throw: float) -> None:
    fault = plane(normal, throw)
    true = layers(faulted(fault, throw))
    gap = misplaced(fitted(image_of(true), surfaces=[fault]), true)
    assert gap.mean() < 0.3
    # To the voxel: a smooth passage would be off by half of the throw.
    beside = (np.abs(off(fault)) > 0.1) & (np.abs(off(fault)) < 2)
    assert gap[beside].mean() < 0.5
    without = misplaced(fitted(image_of(true)), true)
    assert without.mean() > 5 * gap.mean()


def test_the_number_of_cores_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = plane(NORMALS[0], 9.0)
    image = image_of(layers(faulted(fault, 9.0)))
    monkeypatch.setattr(structure_tensor, "BLOCK", (16, 24))
    results = []
    for cores in (1, 3):
        monkeypatch.setattr(structure_tensor, "usable_cores", lambda cores=cores: cores)
        results.append(fitted(image, surfaces=[fault]))
    assert np.array_equal(results[0], results[1])


@pytest.mark.parametrize("throw", [12.0, 24.0])
def test_layers_stay_plane_beside_a_wide_probability_and_an_uneven_throw(throw: float) -> None:
    fault = plane(NORMALS[0], throw)
    true = layers(faulted(fault, throw))
    noise = gaussian_filter(np.random.default_rng(1).normal(size=fault.throw.shape), 3)
    uneven = (fault.throw + noise / noise.std()).astype(np.float32)
    probability = np.exp(-np.square(off(fault) / 3)).astype(np.float32)
    gap = misplaced(
        fitted(image_of(true), probability=probability, surfaces=[replace(fault, throw=uneven)]),
        true,
    )
    beside = (np.abs(off(fault)) > 0.5) & (np.abs(off(fault)) < 8)
    assert gap[beside].mean() < 0.7
    assert np.percentile(gap[beside], 95) < 2


def test_a_large_throw_goes_on_beyond_the_rim_of_a_surface() -> None:
    fault = plane(NORMALS[0], 18.0)
    true = layers(faulted(fault, 18.0))
    upper = replace(fault, inside=fault.inside & (fault.points()[2] < 45))
    assert misplaced(fitted(image_of(true), surfaces=[upper]), true).mean() < 2.5


def test_a_wrong_throw_in_places_does_not_spoil_the_rest() -> None:
    fault = plane(NORMALS[0], 9.0)
    true = layers(faulted(fault, 9.0))
    throw = fault.throw.copy()
    throw[::5] = -12.0
    assert (
        misplaced(fitted(image_of(true), surfaces=[replace(fault, throw=throw)]), true).mean() < 0.6
    )


def test_a_part_of_a_fault_without_throw_moves_with_the_rest() -> None:
    fault = plane(NORMALS[0], 9.0)
    true = layers(faulted(fault, 9.0))
    throw = np.where(fault.points()[1] < 32, fault.throw, np.nan).astype(np.float32)
    assert (
        misplaced(fitted(image_of(true), surfaces=[replace(fault, throw=throw)]), true).mean() < 0.5
    )


def test_across_a_fault_without_throw_the_prediction_decides() -> None:
    fault = plane(NORMALS[0], np.nan)
    true = layers(faulted(fault, 9.0))
    assert misplaced(fitted(image_of(true), true, surfaces=[fault]), true).mean() < 0.3
    assert misplaced(fitted(image_of(true), FLAT, surfaces=[fault]), true).mean() > 2


def test_time_falls_only_where_a_reverse_fault_repeats_layers() -> None:
    for throw, falls in ((9.0, False), (-9.0, True)):
        fault = plane(NORMALS[2], throw)
        time = fitted(image_of(layers(faulted(fault, throw))), surfaces=[fault])
        fallen = np.diff(time, axis=2) <= 0
        assert fallen.any() == falls
        crossed = np.diff(np.sign(off(fault)), axis=2) != 0
        assert not (fallen & ~crossed).any()


def test_time_of_control_is_one_also_across_a_fault() -> None:
    fault = plane(NORMALS[0], np.nan)
    noise = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)
    i3, i2 = np.mgrid[4:76:3, 4:60:3].reshape(2, -1)
    z = 30 + 3 * np.sin(i3 / 12) + np.where(i3 < 40, 0, 6)
    shallow = ControlSet("a", np.stack([i3, i2, z], axis=1).astype(np.float32), 0.0)
    deep = ControlSet("b", shallow.points + np.array([0, 0, 20], np.float32), 1.0)
    time = fitted(noise, surfaces=[fault], control=[shallow, deep])
    found = [time[i3, i2, np.rint(z + more).astype(int)] for more in (0, 20)]
    assert all(np.std(values) < 1 for values in found)
    assert np.median(found[1]) - np.median(found[0]) > 5
    assert np.std(fitted(noise)[i3, i2, np.rint(z).astype(int)]) > 1.2


def test_control_in_order_stays_in_order() -> None:
    noise = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)
    upper = ControlSet("upper", np.array([[5, 5, 40], [6, 6, 40]], np.float32), 1.0)
    lower = ControlSet("lower", np.array([[70, 50, 38], [71, 51, 38]], np.float32), 2.0)
    time = fitted(noise, control=[upper, lower])
    assert time[70, 50, 38] > time[5, 5, 40]


def elements_of(faults: Sequence[Surface]) -> Elements:
    return make_elements(SHAPE, 8, find_cuts(faults, SHAPE))


@pytest.mark.parametrize("normal", NORMALS)
def test_no_part_and_no_node_is_on_both_sides_of_a_fault(normal: Sequence[float]) -> None:
    fault = plane(normal, 5.0)
    elements = elements_of([fault])
    side = (off(fault) > 0).ravel()
    part = elements.part_of(GRID.reshape(3, -1).T.astype(np.int64))
    upper, lower = (np.unique(part[side == s]) for s in (True, False))
    assert not np.intersect1d(upper, lower).size
    ends = [elements.nodes[parts].ravel() for parts in (upper, lower)]
    assert not np.intersect1d(*ends).size


def test_a_fault_that_ends_in_the_volume_leaves_time_whole_beyond_it() -> None:
    fault = plane(NORMALS[2], 5.0)
    half = replace(fault, inside=fault.inside & (fault.points()[0] < 40))
    elements = elements_of([half])
    beyond = elements.home // (elements.counts[1] * elements.counts[2]) >= 6
    assert (np.bincount(elements.home[beyond]) <= 1).all()
    # One value at all nodes is one everywhere: the weights add up to 1.
    ones = np.stack(list(elements.planes(np.ones(len(elements.vertex_of)))))
    assert ones == pytest.approx(1)


def test_without_faults_the_field_is_linear_between_nodes() -> None:
    elements = elements_of([])
    place = np.stack(np.unravel_index(elements.vertex_of, elements.vertices)) * 8.0 - 0.5
    field = np.stack(list(elements.planes(place[0] + 2 * place[1] - 3 * place[2])))
    assert field == pytest.approx(GRID[0] + 2 * GRID[1] - 3 * GRID[2], abs=1e-3)


@pytest.fixture
def survey(tmp_path: Path) -> Callable[..., Path]:
    """Write a faulted image, flat RGT and the fault, and return their PREFIX."""

    def make() -> Path:
        fault = plane(NORMALS[0], 9.0)
        shape = Shape(*SHAPE[::-1])
        image = image_of(layers(faulted(fault, 9.0)))
        for name, values in {"image": image, "rgt": FLAT / 71}.items():
            write_volume(tmp_path / f"a.{name}", values, plain_sidecar(shape, name))
        save_surfaces(tmp_path / "a.npz", [fault], SHAPE)
        return tmp_path / "a"

    return make


def test_the_script_writes_rgt_with_jumps_and_control(
    run_script: Run, survey: Callable[..., Path], tmp_path: Path
) -> None:
    prefix = survey()
    points = np.array([[10, 10, 20], [10, 40, 26], [20, 20, 22.5]], np.float32)
    write_control(tmp_path / "control.npz", [ControlSet("top", points)])
    words: list[object] = ["--input", f"{prefix}.rgt", "--image", f"{prefix}.image"]
    words += ["--output", tmp_path / "b"]
    words += ("--surfaces", f"{prefix}.npz", "--control", tmp_path / "control.npz")
    done = run_script("fit_rgt", *words)
    assert done.returncode == 0, done.stderr
    rgt = open_volume(tmp_path / "b.rgt").values
    assert (rgt.min(), rgt.max()) == (0, 1)
    growth = np.diff(rgt, axis=2).mean()
    at_points = [rgt[10, 10, 20], rgt[10, 40, 26], rgt[20, 20, 22:24].mean()]
    assert np.ptp(at_points) < 0.5 * growth


def test_surfaces_of_another_volume_are_refused(
    run_script: Run, survey: Callable[..., Path], tmp_path: Path
) -> None:
    prefix = survey()
    save_surfaces(tmp_path / "other.npz", [], (9, 8, 7))
    words = ("--input", f"{prefix}.rgt", "--image", f"{prefix}.image", "--output", tmp_path / "b")
    done = run_script("fit_rgt", *words, "--surfaces", tmp_path / "other.npz")
    refused_in_one_line(done, "other.npz", "[7, 8, 9]")
    (tmp_path / "bad.npz").write_bytes(b"no zip")
    done = run_script("fit_rgt", *words, "--surfaces", tmp_path / "bad.npz")
    refused_in_one_line(done, "bad.npz")
    assert not (tmp_path / "b.rgt").exists()


def test_surfaces_come_back_as_they_were_saved(tmp_path: Path) -> None:
    fault = plane(NORMALS[1], 3.0)
    save_surfaces(tmp_path / "a.npz", [fault], SHAPE)
    (loaded,) = load_surfaces(tmp_path / "a.npz", SHAPE)
    assert loaded.first == fault.first
    assert loaded.points() == pytest.approx(fault.points())
    assert (loaded.inside == fault.inside).all()
    assert (loaded.throw == fault.throw).all()
