"""Every point of a control set has the time of its set, and time still grows downward."""

from __future__ import annotations

import numpy as np

from strataflow.interpretation.control import ControlSet
from strataflow.prediction.rgt_control import honour_control

I3, I2, I1 = np.indices((20, 24, 60))


def surface(depth: np.ndarray, step: int = 1) -> np.ndarray:
    """Points on every `step`-th trace of a horizon (n3, n2)."""
    i3, i2 = np.meshgrid(np.arange(0, 20, step), np.arange(0, 24, step), indexing="ij")
    return np.stack([i3.ravel(), i2.ravel(), depth[i3, i2].ravel()], axis=1).astype(np.float32)


def times_at(time: np.ndarray, points: np.ndarray) -> np.ndarray:
    return np.array([np.interp(z, np.arange(60), time[int(i3), int(i2)]) for i3, i2, z in points])


def rough_time() -> np.ndarray:
    """Time that is off by up to two samples, with a jump of 8 at crossline 12."""
    wave = 1.5 * np.sin(I3 / 3) * np.cos(I2 / 4) + 0.5 * np.sin(I1 / 9)
    return (I1 + wave - 8 * (I2 >= 12)).astype(np.float32)


def test_horizons_have_one_time_also_across_a_fault() -> None:
    time = rough_time()
    jump = 8.0 * (I2[..., 0] >= 12)
    upper, lower = surface(18 + 0.1 * I3[..., 0] + jump), surface(30.3 + jump)
    honour_control(time, [ControlSet("upper", upper, 0.0), ControlSet("lower", lower, 1.0)])
    for points in (upper, lower):
        assert np.ptp(times_at(time, points)) < 0.1
    assert (np.diff(time, axis=2) > 0).all()


def test_traces_between_points_follow_them_and_those_far_away_stay() -> None:
    time, before = rough_time(), rough_time()
    points = surface(np.full((20, 24), 25.0), step=2)
    points = points[(points[:, 0] < 10) & (points[:, 1] < 6)]
    honour_control(time, [ControlSet("part", points)])
    assert np.ptp(times_at(time, points)) < 0.1
    # Between two points, time is as smooth as it was.
    assert np.abs(np.diff((time - before)[:9, :5, 25], axis=0)).max() < 1.0
    assert np.abs(time - before)[19, 23].max() < 0.1


def test_single_points_and_sets_without_points_change_nothing() -> None:
    time, before = rough_time(), rough_time()
    one = ControlSet("one", np.array([[3, 3, 20]], np.float32))
    honour_control(time, [one, ControlSet("none", np.empty((0, 3), np.float32))])
    np.testing.assert_array_equal(time, before)


def test_well_tops_of_a_set_have_one_time() -> None:
    time = rough_time()
    points = np.array([[2, 2, 20.4], [17, 3, 22.1], [10, 20, 29.7]], np.float32)
    honour_control(time, [ControlSet("top", points)])
    assert np.ptp(times_at(time, points)) < 0.1
    assert (np.diff(time, axis=2) > 0).all()
