"""A survey whose lines are turned against north, for tests of places on the ground."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import Axis, Sidecar, plain_sidecar


def turned_survey(shape: Shape) -> Sidecar:
    """Lines 100, 102, ... and 500, 501, ...; 25 m by 12.5 m; inlines count to the north-west."""
    axes = (
        Axis("inline", 100, 2, 25.0, "m"),
        Axis("crossline", 500, 1, 12.5, "m"),
        Axis("sample", 400.0, 4.0, 4.0, "ms"),
    )
    origin = np.array([1000.0, 2000.0])
    last3 = (shape.n3 - 1) * 25 * np.array([-0.6, 0.8])
    last2 = (shape.n2 - 1) * 12.5 * np.array([0.8, 0.6])
    corners = (origin, origin + last2, origin + last3, origin + last2 + last3)
    return replace(
        plain_sidecar(shape, "image"),
        axes=axes,
        corners=tuple((float(x), float(y)) for x, y in corners),
    )
