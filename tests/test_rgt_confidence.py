"""RGT at unconformities, where layers converge: an angular one of known geometry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from conftest import Finished
from strataflow.interpretation.surfaces import Surface, frame_of
from strataflow.prediction.rgt_confidence import Confidence
from strataflow.prediction.rgt_convergence import layer_agreement
from strataflow.prediction.rgt_flattening import Corrections, follow_reflectors
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import plain_sidecar
from strataflow.volume.volume import open_volume, write_volume

Run = Callable[..., Finished]

SHAPE = (96, 96, 96)
N3, N2, FLAT = np.indices(SHAPE).astype(np.float32)
LIVE = np.ones(SHAPE[:2], bool)
# Depth of the unconformity, and the true time of flat layers above and tilted ones below it.
DEPTH = 46 + 3 * np.sin(N3[..., 0] / 20) + 2 * np.cos(N2[..., 0] / 17)
BELOW = DEPTH[..., None] < FLAT
TILTED = FLAT - 0.3 * N3 - 0.1 * N2


def layers(time: np.ndarray, seed: int) -> np.ndarray:
    """Amplitudes of layers, a function of time alone."""
    series = gaussian_filter1d(np.random.default_rng(seed).normal(size=2000), 6)
    return np.interp(4 * time + 400, np.arange(2000), series / series.std())


def noisy(image: np.ndarray, noise: float = 0.1) -> np.ndarray:
    return (image + noise * np.random.default_rng(9).normal(size=SHAPE)).astype(np.float32)


UNCONFORMABLE = noisy(np.where(BELOW, layers(TILTED, 1), layers(FLAT, 2)))
TILTED_ALONE = noisy(layers(TILTED, 1))


def followed(image: np.ndarray, time: np.ndarray = FLAT) -> tuple[np.ndarray, np.ndarray]:
    """RGT in samples and its confidence, both (n3, n2, n1)."""
    fit: Corrections = follow_reflectors(time, image, None, LIVE)
    confidence = np.stack(list(fit.confidence.planes()))
    return np.stack([line + change for line, change in zip(time, fit, strict=True)]), confidence


def misplaced(time: np.ndarray, true: np.ndarray, where: np.ndarray) -> float:
    """Mean misplacement on one side, whose distance in time from the other side is free."""
    gap = (time - true)[where]
    return float(np.abs(gap - np.median(gap)).mean())


@pytest.fixture
def without_agreement(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes the fit trust layers that converge as it trusts parallel ones."""

    def trust_all() -> None:
        def blind(tensor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            measured, planarity = layer_agreement(tensor)
            return np.ones_like(measured), planarity

        monkeypatch.setattr("strataflow.prediction.rgt_slopes.layer_agreement", blind)

    return trust_all


def test_confidence_is_lowest_at_the_unconformity() -> None:
    _, confidence = followed(UNCONFORMABLE)
    inner = confidence[8:-8, 8:-8, 12:-12]
    lowest = inner.argmin(axis=2) + 12
    off = np.abs(lowest - DEPTH[8:-8, 8:-8])
    assert np.median(off) < 2
    assert np.percentile(off, 90) < 5
    assert inner.min(axis=2).max() < 0.4
    away = np.abs(FLAT - DEPTH[..., None]) > 16
    assert np.median(confidence[away]) > 0.9


def test_confidence_is_high_in_parallel_layers_and_low_in_noise() -> None:
    assert np.percentile(followed(TILTED_ALONE)[1], 5) > 0.7
    noise = np.random.default_rng(3).normal(size=SHAPE).astype(np.float32)
    assert np.percentile(followed(noise)[1], 95) < 0.3


def test_layers_on_one_side_of_an_unconformity_do_not_drag_the_other(
    without_agreement: Callable[[], None],
) -> None:
    time, _ = followed(UNCONFORMABLE)
    without_agreement()
    before, _ = followed(UNCONFORMABLE)
    for true, side in ((FLAT, ~BELOW), (TILTED, BELOW)):
        assert misplaced(time, true, side) < 0.5 * misplaced(before, true, side)
    # Flat layers stay flat, to a sample, and tilted ones are straight, not like the relief.
    apart = np.abs(FLAT - DEPTH[..., None]) > 8
    assert misplaced(time, FLAT, ~BELOW & apart) < 0.5
    assert misplaced(time, TILTED, BELOW & apart) < 0.8


def test_layers_without_an_unconformity_stay_as_they_were(
    without_agreement: Callable[[], None],
) -> None:
    folded = FLAT - 6 * np.sin(N3 / 15) * np.cos(N2 / 25)
    images = [noisy(layers(true, 1)) for true in (TILTED, folded)]
    after = [followed(image)[0] for image in images]
    without_agreement()
    for image, time in zip(images, after, strict=True):
        assert np.abs(time - followed(image)[0]).mean() < 0.1


def test_values_between_the_middles_of_cells_are_linear() -> None:
    cells = np.array([[[0.0, 1.0]]], np.float32)
    values = np.stack(list(Confidence(cells, 8, (8, 8, 4)).planes()))
    assert values.shape == (8, 8, 4)
    np.testing.assert_allclose(values[3, 5], [0, 0.25, 0.75, 1])


def test_confidence_is_0_on_a_fault_without_throw() -> None:
    half = 60
    flat = np.zeros((2 * half + 1,) * 2, np.float32)
    frame = frame_of(np.array([48.1, 48.2, 48.3]), np.array([1.0, 0.3, -0.6]))
    fault = Surface(frame, (-half, -half), flat == 0, flat, flat + 1, flat + 9, flat + 1)
    whole = Confidence(np.ones((12, 12, 48), np.float32), 8, SHAPE)
    assert (whole.without_throws([fault]).cells == 1).all()
    for unknown in (replace(fault, throw=flat * np.nan), replace(fault, quality=flat)):
        cells = whole.without_throws([unknown]).cells
        assert cells[6, 6, 24] == 0
        assert (cells == 1).mean() > 0.8


def test_fit_rgt_writes_the_confidence_on_demand(run_script: Run, tmp_path: Path) -> None:
    shape = Shape(*SHAPE[::-1])
    for name, values in (("rgt", FLAT / 95), ("bin", UNCONFORMABLE)):
        write_volume(tmp_path / f"p.{name}", values, plain_sidecar(shape, name))
    call = ("fit_rgt", "--input", tmp_path / "p.rgt", "--image", tmp_path / "p.bin")
    run_script(*call, "--output", tmp_path / "without")
    assert not (tmp_path / "without.crgt").exists()
    run_script(*call, "--output", tmp_path / "f", "--confidence", "True")
    assert (tmp_path / "f.rgt").read_bytes() == (tmp_path / "without.rgt").read_bytes()
    written = open_volume(tmp_path / "f.crgt")
    assert written.sidecar.attribute == "crgt"
    np.testing.assert_allclose(written.values, followed(UNCONFORMABLE)[1], atol=0.1)
