"""Where the camera of a 3D scene stands: over the corner of the survey that shows its faults."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Angle above the horizontal, and angle from the inline direction, in degrees.
ELEVATION, AROUND = 26.0, 40.0

# Sides of the survey along (n3, n2) of each corner, -1 or 1.
CORNERS: tuple[tuple[int, int], ...] = ((-1, -1), (-1, 1), (1, -1), (1, 1))


def towards_camera(corner: tuple[int, int], steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit vector (3,) from the middle of the survey to a camera over one of its corners.

    Args:
        corner: One of CORNERS.
        steps: Vectors of one step along n3 and n2 in the scene, as rows (2, 2).
    """
    unit3, unit2 = (step / np.linalg.norm(step) for step in steps)
    angle, up = np.radians(AROUND), np.radians(ELEVATION)
    flat = corner[0] * np.cos(angle) * unit3 + corner[1] * np.sin(angle) * unit2
    return np.append(np.cos(up) * flat / np.linalg.norm(flat), np.sin(up))


def best_corner(normals: NDArray[np.float64], steps: NDArray[np.float64]) -> tuple[int, int]:
    """The corner from which most of the fault area is visible; the first one without faults.

    Args:
        normals: Normals (N, 3) of triangles in the scene, with lengths proportional to their areas.
        steps: Those of `towards_camera`.
    """
    seen = [
        float(np.abs(np.dot(normals, towards_camera(corner, steps))).sum()) for corner in CORNERS
    ]
    return CORNERS[int(np.argmax(seen))]
