"""Picked fault surfaces in the grid of a survey: where sections cut them, and their area."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util import numpy_support
from vtkmodules.vtkCommonCore import vtkObject
from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

from ..errors import StrataflowError
from ..files import require_file
from ..volume.sidecar import Sidecar
from .triangles import area_normals, cut_edges, segments


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
        return area_normals(self.corners)

    def lines(self, axis: int, index: float) -> dict[int, NDArray[np.float64]]:
        """Lines in which a section cuts the faults.

        Args:
            axis: Axis of the survey at a right angle to the section: 0 for an inline.
            index: Position of the section along it.

        Returns:
            Segments (S, 2, 3) by fault: segment, end, index along (n3, n2, n1).
        """
        side = self.corners[:, :, axis] - index
        cut = np.flatnonzero(cut_edges(side).any(axis=1))
        found, numbers = segments(self.corners[cut], side[cut]), self.fault[cut]
        return {int(number): found[numbers == number] for number in np.unique(numbers)}


@dataclass(frozen=True)
class Surfaces:
    """Triangles of all faults, as interpretation.meshes.write_vtp writes them.

    Attributes:
        places: x, y and time or depth, positive downward, of the vertices, (N, 3).
        triangles: Vertices of each triangle, (M, 3).
        data: Values of the vertices, (N,), by name: `fault`, their number, `throw` and others.
    """

    places: NDArray[np.float64]
    triangles: NDArray[np.int64]
    data: dict[str, NDArray]


def read_vtp(path: Path) -> Surfaces:
    """Read VOLUME.faults.vtp.

    Args:
        path: The file.

    Raises:
        StrataflowError: The file is missing or damaged, or has no faults.
    """
    require_file(path)
    reader: Any = vtkXMLPolyDataReader()
    errors: list[str] = []
    reader.AddObserver("ErrorEvent", lambda *_: errors.append("damaged"))
    reader.SetFileName(str(path))
    # VTK would print messages of its own.
    vtkObject.GlobalWarningDisplayOff()
    if reader.CanReadFile(str(path)):
        reader.Update()
    vtkObject.GlobalWarningDisplayOn()
    data = reader.GetOutput()
    found = data.GetPointData()
    names = [found.GetArrayName(i) for i in range(found.GetNumberOfArrays())]
    if errors or "fault" not in names or data.GetNumberOfCells() != data.GetNumberOfPolys():
        raise StrataflowError(f"{path}: not the surfaces of faults, or damaged")
    if not data.GetNumberOfPolys():
        return Surfaces(np.empty((0, 3)), np.empty((0, 3), np.int64), {})
    corners = _numbers(data.GetPolys().GetConnectivityArray()).reshape(-1, 3)
    arrays = {name: _numbers(found.GetArray(name)) for name in names}
    places = _numbers(data.GetPoints().GetData()).astype(np.float64) * [1, 1, -1]
    return Surfaces(places, corners.astype(np.int64), arrays)


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
    if sidecar.is_line:
        require_file(path)
        return None
    read = read_vtp(path)
    if not len(read.triangles):
        return FaultMeshes(np.empty((0, 3, 3)), np.empty(0, np.int64))
    indices = grid_indices(read.places, sidecar)
    if not np.isfinite(indices).all():
        return None
    fault = read.data["fault"][read.triangles[:, 0]]
    return FaultMeshes(indices[read.triangles], fault.astype(np.int64))


def grid_indices(places: NDArray[np.float64], sidecar: Sidecar) -> NDArray[np.float64]:
    """Indices along (n3, n2, n1) of places (N, 3): x, y and time or depth, positive downward.

    NaN if the places of the traces make no grid.
    """
    axis = sidecar.axes[2]
    lateral = sidecar.map_indices(places[:, :2].T)
    return np.stack([*lateral, (places[:, 2] - axis.first) / axis.step], axis=1)


def _numbers(array: Any) -> NDArray:
    """A copy of an array of VTK."""
    return np.array(numpy_support.vtk_to_numpy(array))  # type: ignore[no-untyped-call]  # VTK's
