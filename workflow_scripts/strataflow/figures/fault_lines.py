"""Picked fault surfaces in the grid of a survey: where sections cut them, and their area."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

from ..errors import StrataflowError
from ..files import require_file
from ..volume.volume import Sidecar

# Corners at a distance of 0 from a section count as beyond it.
ON_THE_SECTION = 1e-6


@dataclass(frozen=True)
class FaultMeshes:
    """Triangles of all faults of a volume.

    Attributes:
        corners: Corners as indices along (n3, n2, n1), (T, 3, 3): triangle, corner, axis.
        fault: Number of the fault of each triangle (T,), 1 for the largest.
    """

    corners: NDArray[np.float64]
    fault: NDArray[np.int64]

    @property
    def numbers(self) -> list[int]:
        """Numbers of the faults, ascending."""
        return [int(number) for number in np.unique(self.fault)]

    def area_normals(self) -> NDArray[np.float64]:
        """Normals over (n3, n2, n1) as long as the area of each triangle, (T, 3)."""
        first, second, third = np.moveaxis(self.corners, 1, 0)
        return np.cross(second - first, third - first) / 2

    def lines(self, axis: int, index: float) -> dict[int, NDArray[np.float64]]:
        """Lines in which a section cuts the faults.

        Args:
            axis: Axis of the survey at a right angle to the section: 0 for an inline.
            index: Position of the section along it.

        Returns:
            Segments (S, 2, 3) by fault: segment, end, index along (n3, n2, n1).
        """
        distance = self.corners[:, :, axis] - index
        distance = np.where(distance == 0, ON_THE_SECTION, distance)
        beyond = distance > 0
        cut = np.flatnonzero(beyond.any(axis=1) & ~beyond.all(axis=1))
        corners, distance, beyond = self.corners[cut], distance[cut], beyond[cut]
        after = np.roll(np.arange(3), -1)
        # Two of the three edges of a triangle cross the section.
        crossing = beyond != beyond[:, after]
        part = distance / np.where(crossing, distance - distance[:, after], 1.0)
        points = corners + part[..., None] * (corners[:, after] - corners)
        segments = points[crossing].reshape(-1, 2, 3)
        numbers = self.fault[cut]
        return {int(number): segments[numbers == number] for number in np.unique(numbers)}


def read_fault_meshes(path: Path, sidecar: Sidecar) -> FaultMeshes | None:
    """Read the surfaces of picked faults.

    Args:
        path: VOLUME.faults.vtp.
        sidecar: Geometry of the volume.

    Returns:
        The faults; None for a survey of one line, whose faults are curves.

    Raises:
        StrataflowError: The file is missing or holds no fault surfaces.
    """
    require_file(path)
    if sidecar.is_line:
        return None
    reader = vtkXMLPolyDataReader()
    reader.SetFileName(str(path))
    reader.Update()
    data = reader.GetOutput()
    numbers = data.GetCellData().GetArray("fault")
    if numbers is None or data.GetNumberOfCells() != data.GetNumberOfPolys():
        raise StrataflowError(f"{path}: not the fault surfaces of strataflow")
    if not data.GetNumberOfCells():
        return FaultMeshes(np.empty((0, 3, 3)), np.empty(0, np.int64))
    places = _numbers(data.GetPoints().GetData()).astype(np.float64)
    triangles = _numbers(data.GetPolys().GetConnectivityArray()).reshape(-1, 3)
    indices = grid_indices(places * [1, 1, -1], sidecar)
    if not np.isfinite(indices).all():
        return None
    return FaultMeshes(indices[triangles], _numbers(numbers).astype(np.int64))


def grid_indices(places: NDArray[np.float64], sidecar: Sidecar) -> NDArray[np.float64]:
    """Indices along (n3, n2, n1) of places (N, 3): x, y and time or depth, positive downward.

    Without coordinates x and y are crossline and inline numbers. NaN if all traces lie on one line.
    """
    origin, along3, along2 = sidecar.map_lattice()
    steps = np.stack([along3, along2], axis=1)
    if not np.isfinite(steps).all() or abs(np.linalg.det(steps)) < 1e-9:
        return np.full(places.shape, np.nan)
    axis = sidecar.axes[2]
    lateral = np.linalg.solve(steps, (places[:, :2] - origin).T)
    return np.stack([*lateral, (places[:, 2] - axis.first) / axis.step], axis=1)


def _numbers(array: Any) -> NDArray:
    """A VTK array as a NumPy array."""
    return vtk_to_numpy(array)  # type: ignore[no-untyped-call]  # VTK's
