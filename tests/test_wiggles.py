"""Wiggles of sections: which traces, how far they are deflected, and what is filled."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.path import Path as Outline

from strataflow.figures.wiggles import LONGEST, TRACES, wiggles_of

pytestmark = pytest.mark.unit


def traces_of(curve: tuple[np.ndarray, np.ndarray]) -> list[np.ndarray]:
    """Points (N, 2) of each trace of a curve."""
    points = np.stack(curve, axis=1)
    parts = np.split(points, np.flatnonzero(np.isnan(points[:, 0])))
    return [part[np.isfinite(part[:, 0])] for part in parts if np.isfinite(part).any()]


def test_positive_amplitudes_are_deflected_towards_larger_numbers_and_filled() -> None:
    down = np.array([100.0, 104.0, 108.0, 112.0])
    values = np.array([[0.0, 0.5, -0.5, -1.0]]).T * np.ones((1, 3))
    found = wiggles_of(values, np.array([10.0, 12.0, 14.0]), down, limit=2.0)
    line = traces_of(found.line)[1]
    # The limit is as far as the next trace, 2 away.
    assert line.tolist() == [[12, 100], [12.5, 104], [11.5, 108], [11, 112]]
    outline = Outline(traces_of(found.area)[1])
    # The trace crosses its base at 106.
    inside = [(12.2, 104), (12.1, 105.5)]
    outside = [(12.1, 106.5), (11.8, 108), (12.6, 104), (11.9, 104)]
    assert outline.contains_points(inside).all()
    assert not outline.contains_points(outside).any()


def test_the_filled_area_is_that_of_the_positive_half() -> None:
    amplitudes = np.random.default_rng(1).normal(size=(200, 5))
    found = wiggles_of(amplitudes, np.arange(5.0), np.arange(200.0), limit=10.0)
    fine = np.linspace(0, 199, 199 * 1000 + 1)
    for column, points in enumerate(traces_of(found.area)):
        x, y = points.T
        enclosed = abs(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2
        trace = np.interp(fine, np.arange(200.0), amplitudes[:, column] / 10)
        positive = np.clip(trace, 0, None)
        expected = np.sum((positive[1:] + positive[:-1]) / 2) * (fine[1] - fine[0])
        assert enclosed == pytest.approx(expected, rel=1e-4)


def test_a_wide_section_has_evenly_spaced_traces_that_do_not_run_into_each_other() -> None:
    values = np.full((3, 1001), 1e6)
    found = traces_of(wiggles_of(values, np.arange(1001.0), np.arange(3.0), limit=1.0).line)
    assert len(found) <= TRACES
    first = np.array([trace[0, 0] for trace in found])
    distance = float(np.diff(first)[0])
    assert np.diff(first) == pytest.approx(distance)
    assert found[0][0, 0] == LONGEST * distance


def test_dead_traces_are_left_out_and_unknown_samples_are_not_deflected() -> None:
    values = np.array([[1.0, 1.0, 1.0], [np.nan, 1.0, 1.0]])
    found = wiggles_of(values, np.array([5.0, np.nan, 7.0]), np.array([0.0, 1.0]), limit=1.0)
    assert [trace[-1, 0] for trace in traces_of(found.line)] == [5, 8]


def test_a_section_of_dead_traces_has_no_wiggles() -> None:
    found = wiggles_of(np.ones((4, 3)), np.full(3, np.nan), np.arange(4.0), limit=1.0)
    assert found.line[0].size == found.area[0].size == 0


def test_a_single_trace_is_drawn() -> None:
    found = wiggles_of(np.ones((4, 1)), np.array([3.0]), np.arange(4.0), limit=1.0)
    assert traces_of(found.line)[0][:, 0].tolist() == [4, 4, 4, 4]
