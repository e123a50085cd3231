"""Fault surfaces on the ground: from steps between voxels to lengths, strike and dip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..volume.orientation import orientation_tensor, principal_normal
from ..volume.sidecar import Sidecar
from ..volume.units import METRES
from .surfaces import Surface, cell_areas


@dataclass(frozen=True)
class Ground:
    """Where voxels lie: `steps` (3, 3) has the steps (east, north, up) of n3, n2, n1 as columns.

    They are in the unit of the lateral axes, `lateral`. Where depths are not known in it
    (`has_depth` is false), up is in the unit of the vertical axis, `vertical`. Of a 2D line
    (`is_line`), east runs along the line around its bends, so that dips are those in its plane.
    Without coordinates it runs along n2, and north along n3: azimuths are not known.
    """

    steps: NDArray[np.float64]
    lateral: str
    vertical: str
    has_depth: bool
    is_line: bool = False
    has_azimuth: bool = True

    @property
    def dip_column(self) -> str:
        """Name of a dip: in degrees, or a slope in a time survey without a velocity."""
        dip = "apparent_dip" if self.is_line else "dip"
        return dip if self.has_depth else f"{dip}_{self.vertical}_per_{self.lateral}"

    def normals(self, surface: Surface) -> NDArray[np.float64]:
        """Unit normals of the cells over (east, north, up), (3, A, B), upward."""
        normal = np.tensordot(np.linalg.inv(self.steps).T, surface.normals(), 1)
        normal /= np.linalg.norm(normal, axis=0)
        return np.where(normal[2] < 0, -normal, normal)

    def areas(self, surface: Surface) -> NDArray[np.float64]:
        """Areas of the cells, (A, B): the cofactors of the steps times the normal."""
        cofactors = np.linalg.det(self.steps) * np.linalg.inv(self.steps).T
        normal = np.tensordot(cofactors, surface.normals(), 1)
        return np.linalg.norm(normal, axis=0) * cell_areas(surface.height)

    def mean_normal(self, surface: Surface) -> NDArray[np.float64]:
        """Mean unit normal (3,) of a surface over (east, north, up), upward."""
        weight = self.areas(surface)[surface.inside]
        tensor = orientation_tensor(self.normals(surface)[:, surface.inside]) * weight
        normal = principal_normal(tensor.sum(axis=1)[:, None])[:, 0].astype(np.float64)
        return -normal if normal[2] < 0 else normal


def ground_of(sidecar: Sidecar, velocity: float | None = None) -> Ground:
    """The ground of a survey.

    Args:
        sidecar: of the survey.
        velocity: m/s, which turns two-way time into depth; None if it is not known.
    """
    lateral, vertical = sidecar.axes[0].unit, sidecar.axes[2].unit
    _, along3, along2 = sidecar.lattice()
    spacing3, spacing2 = sidecar.axes[0].spacing, sidecar.axes[1].spacing
    # A single line has no step to the next: it is at a right angle to the other axis.
    has_azimuth = bool(sidecar.corners) and not sidecar.is_line
    if not has_azimuth:
        along2, along3 = np.array([spacing2, 0.0]), np.array([0.0, spacing3])
    if not along2.any():
        along2 = _turned(along3, -1, spacing2) if along3.any() else np.array([spacing2, 0.0])
    if not along3.any():
        along3 = _turned(along2, 1, spacing3)
    scale = _lateral_units(sidecar, velocity)
    down = abs(sidecar.axes[2].step) * (scale or 1.0)
    steps = np.zeros((3, 3))
    steps[:2, 0], steps[:2, 1], steps[2, 2] = along3, along2, -down
    return Ground(steps, lateral, vertical, scale is not None, sidecar.is_line, has_azimuth)


def _turned(step: NDArray[np.float64], side: int, length: float) -> NDArray[np.float64]:
    return side * length * np.array([-step[1], step[0]]) / np.hypot(*step)


def _lateral_units(sidecar: Sidecar, velocity: float | None) -> float | None:
    """Units of the lateral axes in one of the vertical axis; None where that is not known."""
    lateral = METRES.get(sidecar.axes[0].unit)
    if lateral is None:
        return None
    if sidecar.domain == "depth":
        vertical = METRES.get(sidecar.axes[2].unit)
        return vertical / lateral if vertical else None
    # There and back, in milliseconds.
    return velocity / 2000 / lateral if velocity else None


def dips(normal: NDArray[np.float64], ground: Ground) -> NDArray[np.float64]:
    """Dips, in the unit of `ground.dip_column`, of upward normals (3, ...)."""
    across = np.hypot(normal[0], normal[1])
    if ground.has_depth:
        return np.degrees(np.arctan2(across, normal[2]))
    with np.errstate(divide="ignore", invalid="ignore"):
        return across / normal[2]


def strikes(normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Strikes from north, 0 to 360, of upward normals (3, ...): the dip is to the right."""
    return (np.degrees(np.arctan2(normal[0], normal[1])) - 90) % 360
