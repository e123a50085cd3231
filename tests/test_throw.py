"""Throws on synthetic reflections that are cut by a fault of known throw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d, map_coordinates

from strataflow.interpretation.surfaces import Frame, Surface, frame_of, lengthened, upright
from strataflow.interpretation.throw import with_throw
from strataflow.interpretation.throw_quality import MIN_QUALITY
from strataflow.volume.orientation import normal_from_strike_dip
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import plain_sidecar
from strataflow.volume.volume import Volume

SHAPE = (64, 72, 128)
CENTRE = np.array(SHAPE) / 2


def upward(strike: float, dip: float) -> NDArray[np.float64]:
    """Unit normal of a plane, (n3, n2, n1), on its upper side."""
    normal = normal_from_strike_dip(strike, dip).astype(np.float64)
    return -normal if normal[2] > 0 else normal


def faulted(
    strike: float,
    dip: float,
    throw: float | NDArray[np.float64],
    slope: tuple[float, float] = (0, 0),
    noise: float = 0.0,
    period: float | None = None,
) -> Volume:
    """Layers of a `slope` in samples a trace, cut by a plane through CENTRE.

    The upper side has moved down the dip by `throw` samples, half of it on each side. With a
    `period` in samples only the strength and the sign of the layers vary.
    """
    rng = np.random.default_rng(0)
    normal = upward(strike, dip)
    at = [i - c for i, c in zip(np.indices(SHAPE).astype(float), CENTRE, strict=True)]
    above = sum(n * i for n, i in zip(normal, at, strict=True)) > 0
    moved = np.where(above, 0.5, -0.5) * throw
    across = np.hypot(normal[0], normal[1])
    # Down by a sample along the fault is so many traces ahead.
    ahead = [normal[axis] / across * abs(normal[2]) / across for axis in (0, 1)]
    depth = at[2] - moved - sum(s * (at[i] - moved * ahead[i]) for i, s in enumerate(slope))
    reflectivity = rng.normal(size=600) * (rng.random(600) < 0.4)
    trace = np.gradient(np.gradient(gaussian_filter1d(reflectivity, 1.6)))
    if period:
        strength = np.repeat(rng.normal(size=600), int(period))[:600]
        trace = np.sin(2 * np.pi * np.arange(600) / period) * gaussian_filter1d(strength, 2)
    image = gaussian_filter(map_coordinates(trace, [depth + 300], order=3), (0.7, 0.7, 0))
    image /= image.std()
    grain = gaussian_filter(rng.normal(size=SHAPE), 0.7)
    image += noise * grain / grain.std()
    n3, n2, n1 = SHAPE
    return Volume(Path("x"), image.astype(np.float32), plain_sidecar(Shape(n1, n2, n3), "image"))


def plane(strike: float, dip: float) -> Surface:
    """That plane as a surface, as far as the volume goes."""
    frame = frame_of(CENTRE, upward(strike, dip))
    zero = np.zeros((140, 240), np.float32)
    whole = Surface(frame, (-70, -120), np.ones(zero.shape, bool), zero, zero + 1, zero, zero)
    limits = np.array(SHAPE)[:, None, None] - 1
    inside = np.all((whole.points() >= 0) & (whole.points() <= limits), axis=0)
    return Surface(frame, (-70, -120), inside, zero, zero + 1, zero, zero)


def errors(surface: Surface, true: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Absolute errors, in samples, of the throws that there are."""
    there = np.isfinite(surface.throw)
    assert there.sum() > 0.5 * surface.inside.sum()
    assert not (there & ~surface.inside).any()
    return np.abs(surface.throw - true)[there]


@pytest.mark.parametrize(
    ("strike", "dip", "throw", "slope", "noise"),
    [
        (20, 60, 6, (0, 0), 0),
        (20, 120, -6, (0, 0), 0),
        (20, 60, 15, (0.3, 0.2), 0),
        (100, 45, 8, (0.5, -0.5), 0),
        (65, 75, 20, (0, 0), 0.3),
        (20, 110, 3, (0.8, -0.6), 0.3),
        (0, 90, 10, (0.2, 0.2), 0.3),
        (30, 60, 0, (0.3, 0.3), 0.5),
        (30, 30, 5, (0, 0), 0),
    ],
)
def test_a_throw_is_found_within_half_a_sample(
    strike: float, dip: float, throw: float, slope: tuple[float, float], noise: float
) -> None:
    found = with_throw(plane(strike, dip), faulted(strike, dip, throw, slope, noise), 40)
    error = errors(found, throw)
    assert np.median(error) < 0.5
    assert np.percentile(error[found.quality[np.isfinite(found.throw)] >= MIN_QUALITY], 90) < 1.5


def test_a_throw_that_dies_out_along_the_fault_is_followed() -> None:
    i3, _, i1 = np.indices(SHAPE)
    throw = 12 * np.exp(-(((i3 - CENTRE[0]) / 40) ** 2) - ((i1 - CENTRE[2]) / 60) ** 2)
    surface = plane(65, 75)
    found = with_throw(surface, faulted(65, 75, throw, (0.2, 0.1), 0.2), 30)
    at = surface.points()
    true = 12 * np.exp(-(((at[0] - CENTRE[0]) / 40) ** 2) - ((at[2] - CENTRE[2]) / 60) ** 2)
    assert np.median(errors(found, true)) < 1


@pytest.mark.parametrize(
    ("strike", "dip", "throw", "noise"),
    [(20, 60, 35, 0), (20, 120, -35, 0.3), (65, 75, 45, 0.3), (110, 70, 25, 0.3)],
)
def test_a_throw_of_several_periods_is_found(
    strike: float, dip: float, throw: float, noise: float
) -> None:
    volume = faulted(strike, dip, throw, (0.1, 0.1), noise, period=10)
    error = errors(with_throw(plane(strike, dip), volume, 60), throw)
    assert np.median(error) < 0.5
    assert np.percentile(error, 90) < 1.5


def test_a_large_throw_that_dies_out_along_the_fault_is_followed() -> None:
    i3, _, _ = np.indices(SHAPE)
    throw = 30 * (1 - ((i3 - CENTRE[0]) / 48) ** 2)
    surface = plane(65, 75)
    found = with_throw(surface, faulted(65, 75, throw, (0.1, 0.1), 0.2, period=10), 60)
    true = 30 * (1 - ((surface.points()[0] - CENTRE[0]) / 48) ** 2)
    assert np.median(errors(found, true)) < 2


def test_a_longer_surface_goes_on_in_its_plane() -> None:
    surface = plane(20, 60)
    a, b = np.indices(surface.height.shape, np.float32)
    tilted = replace(surface, height=np.asarray(0.2 * a - 0.1 * b, np.float32))
    long = lengthened(tilted, 30)
    a, b = np.indices(long.height.shape, np.float32)
    assert np.abs(long.height - (0.2 * a - 0.1 * (b - 30))).max() < 0.5
    assert not long.inside[:, :30].any()
    np.testing.assert_allclose(long.points()[:, 0, 30], tilted.points()[:, 0, 0], atol=1e-3)


def test_an_upright_surface_has_its_normal_on_its_upper_side() -> None:
    surface = plane(20, 60)
    frame = surface.frame
    turned = Surface(
        Frame(frame.origin, -frame.u, frame.v, -frame.normal),
        (-surface.first[0] - len(surface.inside) + 1, surface.first[1]),
        surface.inside[::-1],
        -surface.height[::-1],
        *(3 * [surface.throw[::-1]]),
    )
    found = upright(turned)
    assert (found.normals()[2] < 0).all()
    np.testing.assert_allclose(found.points(), surface.points(), atol=1e-3)
    np.testing.assert_array_equal(found.inside, surface.inside)


def test_there_is_no_throw_where_there_are_no_traces() -> None:
    volume = faulted(20, 60, 6)
    volume.sidecar.live[20:30] = False
    volume.values[20:30] = 0
    surface = plane(20, 60)
    found = with_throw(surface, volume, 30)
    inline = surface.points()[0]
    dead = surface.inside & (inline > 19) & (inline < 30)
    assert dead.any()
    assert np.isnan(found.throw[dead]).all()
    assert (found.quality[dead] == 0).all()
    assert np.median(errors_where(found, surface.inside & (inline > 45), 6)) < 0.3


def errors_where(surface: Surface, where: NDArray[np.bool_], true: float) -> NDArray[np.float64]:
    return np.abs(surface.throw - true)[where & np.isfinite(surface.throw)]


def test_a_flat_fault_has_no_throw() -> None:
    found = with_throw(plane(0, 0), faulted(20, 60, 6), 30)
    assert np.isnan(found.throw).all()


def test_layers_that_repeat_have_a_low_quality() -> None:
    clear = faulted(0, 90, 6)
    i1 = np.indices(SHAPE)[2]
    above = np.indices(SHAPE)[1] < CENTRE[1]
    periodic = np.sin(2 * np.pi * (i1 - np.where(above, 3, -3)) / 10).astype(np.float32)
    surface = plane(0, 90)
    qualities = [
        np.median(with_throw(surface, volume, 30).quality[surface.inside])
        for volume in (clear, Volume(Path("y"), periodic, clear.sidecar))
    ]
    assert qualities[0] > 0.5 > 0.1 > qualities[1]


def test_without_amplitudes_there_is_no_throw() -> None:
    volume = faulted(20, 60, 6)
    volume.values[:] = np.nan
    found = with_throw(plane(20, 60), volume, 30)
    assert np.isnan(found.throw).all()
