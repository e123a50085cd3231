"""Geologic time that follows reflectors: made layers whose time is known."""

from __future__ import annotations

import numpy as np
import pytest

from strataflow.prediction.rgt_flattening import follow_reflectors, growing
from strataflow.volume import structure_tensor as reflectors
from strataflow.volume.structure_tensor import texture_normals

SHAPE = (64, 72, 80)
I3, I2, I1 = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in SHAPE), indexing="ij")
LIVE = np.ones(SHAPE[:2], bool)


def folded() -> np.ndarray:
    """Geologic time of a gentle fold and a tilt, in samples; no symmetry between the axes."""
    return (I1 + 6 * np.sin(I3 / 14) + 3 * np.cos(I2 / 18) + 0.12 * I2).astype(np.float32)


def image_of(time: np.ndarray) -> np.ndarray:
    """Layers of several thicknesses and noise."""
    rng = np.random.default_rng(1)
    layers = np.sin(time / 1.9) + np.sin(time / 3.1 + 1)
    return (layers + 0.3 * rng.normal(size=SHAPE)).astype(np.float32)


def misplaced(time: np.ndarray, true: np.ndarray, where: np.ndarray | slice = slice(None)) -> float:
    """Mean misplacement in samples where wanted; the mean of time is free."""
    gap = (time - true)[where]
    return float(np.abs(gap - gap.mean()).mean())


def corrected(time: np.ndarray, image: np.ndarray, fault: np.ndarray | None = None) -> np.ndarray:
    corrections = follow_reflectors(time, image, fault, LIVE)
    return np.stack([line + more for line, more in zip(time, corrections, strict=True)])


@pytest.mark.parametrize(("slope3", "slope2"), [(0.0, 0.0), (0.5, -0.2), (-1.2, 0.7)])
def test_normals_of_plane_layers_are_known(slope3: float, slope2: float) -> None:
    image = np.sin((I1 - slope3 * I3 - slope2 * I2) / 2.2).astype(np.float32)
    normals, planarity = texture_normals(image, 8)
    assert normals.shape == (3, 8, 9, 10)
    middle = (slice(None), slice(1, -1), slice(1, -1), slice(1, -1))
    assert (-normals[0] / normals[2])[middle[1:]] == pytest.approx(slope3, rel=0.05, abs=0.02)
    assert (-normals[1] / normals[2])[middle[1:]] == pytest.approx(slope2, rel=0.05, abs=0.02)
    assert planarity[middle[1:]].min() > 0.95


def test_noise_and_silence_have_no_planarity() -> None:
    noise = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)
    assert texture_normals(noise, 8)[1].mean() < 0.3
    normals, planarity = texture_normals(np.zeros(SHAPE, np.float32), 8)
    assert not planarity.any()
    assert (normals[2] == 1).all()


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    image = image_of(folded())[:61, :70, :75]
    whole = texture_normals(image, 8)
    monkeypatch.setattr(reflectors, "BLOCK", (16, 24))
    for a, b in zip(whole, texture_normals(image, 8), strict=True):
        assert a == pytest.approx(b, abs=1e-4)


def test_flat_time_becomes_that_of_the_folded_layers() -> None:
    true = folded()
    assert misplaced(I1, true) > 3
    assert misplaced(corrected(I1, image_of(true)), true) < 0.75


def test_right_time_stays() -> None:
    true = folded()
    assert misplaced(corrected(true, image_of(true)), true) < 0.25


def test_across_a_fault_the_network_is_believed() -> None:
    # Folded along the fault, which is between the cells at inlines 24 and 40.
    throw = np.where(I3 < 32, 0, 7).astype(np.float32)
    true = I1 + 5 * np.cos(I2 / 14) + throw
    fault = (np.abs(I3 - 31.5) < 2).astype(np.float32)
    # It knows the throw and no fold.
    time = corrected(I1 + throw, image_of(true), fault)
    assert misplaced(time, true) < 0.7
    assert misplaced(corrected(I1, image_of(true), fault), true) > 2


def test_dead_traces_bend_nothing() -> None:
    true = folded()
    image, live = image_of(true), LIVE.copy()
    live[20:30, 30:45] = False
    image[~live] = 0
    corrections = follow_reflectors(I1, image, None, live)
    time = np.stack([line + more for line, more in zip(I1, corrections, strict=True)])
    assert np.isfinite(time).all()
    assert misplaced(time, true, live) < 0.75


def test_time_grows_downward_and_is_kept_where_it_does() -> None:
    time = np.array([[0, 1, 2, 1.5, 1.8, 4, 5]], np.float32)
    raised = growing(time)
    assert (np.diff(raised) > 0).all()
    assert raised[0, [0, 1, 2, 5, 6]] == pytest.approx(time[0, [0, 1, 2, 5, 6]])


@pytest.mark.parametrize("shape", [(1, 20, 30), (20, 1, 30), (3, 4, 5), (1, 1, 40)])
def test_thin_volumes_are_supported(shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(1)
    image = rng.normal(size=shape).astype(np.float32)
    time = np.broadcast_to(np.arange(shape[2], dtype=np.float32), shape)
    lines = list(follow_reflectors(time, image, None, np.ones(shape[:2], bool)))
    assert len(lines) == shape[0]
    assert all(line.shape == shape[1:] and np.isfinite(line).all() for line in lines)
