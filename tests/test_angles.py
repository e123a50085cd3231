"""The angle convention of the project, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from strataflow.volume.orientation import (
    axial_angle,
    normal_from_strike_dip,
    orientation_tensor,
    principal_normal,
    strike_dip_from_normal,
)


@pytest.mark.parametrize(
    ("strike", "dip", "normal"),
    [
        (0, 90, (0, -1, 0)),
        (90, 90, (1, 0, 0)),
        (30, 0, (0, 0, 1)),
        (90, 45, (0.5**0.5, 0, 0.5**0.5)),
    ],
)
def test_normals_follow_the_convention(
    strike: float, dip: float, normal: tuple[float, float, float]
) -> None:
    assert normal_from_strike_dip(strike, dip) == pytest.approx(np.array(normal), abs=1e-6)


def test_opposite_normals_are_one_plane() -> None:
    rng = np.random.default_rng(1)
    normal = rng.normal(size=(3, 1000))
    normal /= np.linalg.norm(normal, axis=0)
    strike, dip = strike_dip_from_normal(normal)
    again, flipped = strike_dip_from_normal(-normal)
    assert strike == pytest.approx(again, abs=1e-3)
    assert dip == pytest.approx(flipped, abs=1e-3)
    assert ((strike >= 0) & (strike < 180) & (dip >= 0) & (dip < 180)).all()
    # Single precision resolves no smaller angle through an arc cosine.
    assert axial_angle(normal, normal_from_strike_dip(strike, dip)).max() < 0.1


def test_the_mean_of_opposite_and_near_normals_is_the_plane_and_not_its_perpendicular() -> None:
    planes = normal_from_strike_dip(np.array([178.0, 2.0]), np.array([90.0, 90.0]))
    mean = orientation_tensor(planes).mean(axis=1, keepdims=True)
    strike, dip = strike_dip_from_normal(principal_normal(mean))
    assert min(strike[0], 180 - strike[0]) == pytest.approx(0, abs=0.1)
    assert dip[0] == pytest.approx(90, abs=0.1)
