"""North on pictures: the compass of a survey, and the arrow on maps and slices."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from ..volume.sidecar import Sidecar
from .fault_lines import FaultMeshes
from .section import Section


def compass_of(sidecar: Sidecar) -> NDArray[np.float64] | None:
    """Steps along (n3, n2) of one unit of the coordinates to the east and to the north, as rows.

    None without coordinates, on a 2D line, and if all traces lie on one line.
    """
    if not sidecar.corners or sidecar.is_line or 1 in sidecar.shape.array[:2]:
        return None
    origin = sidecar.lattice()[0]
    found = sidecar.map_indices(origin[:, None] + np.eye(2)).T
    return found if np.isfinite(found).all() else None


def point_north(axes: Axes, section: Section, sidecar: Sidecar, meshes: FaultMeshes | None) -> None:
    """Draw an arrow to the north in that corner of a slice which is farthest from its faults.

    Without coordinates there is no arrow.
    """
    if section.axis != 2:
        return
    compass = compass_of(sidecar)
    if compass is None:
        return
    _, along3, along2 = sidecar.lattice()
    index3, index2 = compass[1]
    towards = np.array([index2 * np.hypot(*along2), -index3 * np.hypot(*along3)])
    faults = _fault_points(section, sidecar, meshes)
    corners = [(x, y) for y in (0.93, 0.07) for x in (0.94, 0.06)]
    gaps = [np.linalg.norm(faults - corner, axis=1).min(initial=1.0) for corner in corners]
    draw_north(axes, corners[int(np.argmax(gaps))], towards)


def draw_north(axes: Axes, middle: tuple[float, float], towards: NDArray[np.float64]) -> None:
    """Draw an arrow to the north.

    Args:
        axes: Axes to draw on.
        middle: Place of the arrow, as fractions of the axes.
        towards: Direction of north on the page, to the right and upward.
    """
    x, y = towards / np.hypot(*towards)
    outward = float(x), float(y)
    axes.plot(*middle, "o", ms=38, color="white", alpha=0.85, transform=axes.transAxes, zorder=5)
    for text, distance in (("N", 10), ("", -16)):
        axes.annotate(
            text,
            middle,
            (distance * outward[0], distance * outward[1]),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=9,
            fontweight="bold",
            arrowprops=None if text else {"arrowstyle": "-|>", "lw": 1.5, "color": "black"},
            zorder=6,
        )


def _fault_points(
    section: Section, sidecar: Sidecar, meshes: FaultMeshes | None
) -> NDArray[np.float64]:
    """Points (N, 2) at which the section cuts faults, as fractions of the axes."""
    lines = meshes.lines(section.axis, section.index) if meshes else {}
    if not lines:
        return np.empty((0, 2))
    points = np.concatenate(list(lines.values())).reshape(-1, 3)
    across, up = ((points[:, axis] + 0.5) / sidecar.shape.array[axis] for axis in section.axes)
    return np.stack([across, 1 - up], axis=1)
