"""Picked faults and horizons, as indices of the volume."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import StrataflowError
from ...volume.raw import Array
from ...volume.volume import Sidecar
from ..fault_lines import grid_indices
from ..horizon_table import read_columns, read_horizons
from .crossings import Crossings, crossings_of
from .meshes import Triangles, simplified

# Triangles of all faults together in the 3D scene.
FAULT_TRIANGLES = 40_000

_UNREADABLE = (StrataflowError, OSError, ValueError, TypeError, LookupError, ArithmeticError)


@dataclass(frozen=True)
class Fault:
    """A picked fault.

    Attributes:
        number: Its number in `fault_id`; 1 is the largest.
        name: Its name in all files.
        row: Its row of VOLUME.faults.csv, by column.
        mesh: Its surface: indices along (n3, n2, n1), and throws in the unit of the vertical axis,
            NaN where unknown.
        coarse: The same with fewer triangles, for the 3D scene.
    """

    number: int
    name: str
    row: dict[str, object]
    mesh: Triangles
    coarse: Triangles


@dataclass(frozen=True)
class Horizon:
    """A picked horizon.

    Attributes:
        name: Its name in all files.
        level: Its sample index along n1, (n3, n2), NaN where it is not defined.
        row: Its row of VOLUME.horizon_index.csv, by column; empty if there is none.
    """

    name: str
    level: Array
    row: dict[str, object]


@dataclass(frozen=True)
class Picks:
    """Faults and horizons of a volume, and what is missing, in words."""

    faults: list[Fault] = field(default_factory=list)
    horizons: list[Horizon] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @cached_property
    def crossings(self) -> Crossings:
        """The meshes of all faults, to find where sections cut them."""
        return crossings_of([(fault.number, fault.mesh) for fault in self.faults])


def read_picks(prefix: Path, sidecar: Sidecar) -> Picks:
    """Read PREFIX.faults.csv, .faults.vtp and .horizons.csv; `notes` name what cannot be read."""
    picks, meshes = Picks(), {}
    try:
        meshes = _read_meshes(Path(f"{prefix}.faults.vtp"), sidecar)
    except _UNREADABLE as error:
        picks.notes.append(f"Faults have no lines: {_in_one_line(error)}")
    try:
        picks.faults.extend(_read_faults(Path(f"{prefix}.faults.csv"), meshes))
    except _UNREADABLE as error:
        picks.notes.append(f"No faults are shown: {_in_one_line(error)}")
    try:
        index = _horizon_index(Path(f"{prefix}.horizon_index.csv"))
        picks.horizons.extend(_read_horizons(Path(f"{prefix}.horizons.csv"), sidecar, index))
    except _UNREADABLE as error:
        picks.notes.append(f"No horizons are shown: {_in_one_line(error)}")
    return picks


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _read_faults(path: Path, meshes: dict[int, Triangles]) -> list[Fault]:
    if not path.is_file():
        raise StrataflowError(f"{path.name} is missing (export.faults)")
    nothing = Triangles(np.empty((0, 3)), np.empty((0, 3), np.int64), np.empty(0))
    total = sum(len(mesh.triangles) for mesh in meshes.values())
    share = FAULT_TRIANGLES / max(total, 1)
    faults = []
    for row in read_columns(path, ("fault",)).to_dict("records"):
        number = int(row["fault"])
        name = str(row.get("name", f"fault_{number}"))
        fields: dict[str, object] = {str(key): value for key, value in row.items()}
        mesh = meshes.get(number, nothing)
        faults.append(Fault(number, name, fields, mesh, simplified(mesh, share)))
    return faults


def _read_meshes(path: Path, sidecar: Sidecar) -> dict[int, Triangles]:
    """The mesh of each fault in a VTK PolyData file."""
    if not path.is_file():
        raise StrataflowError(f"{path.name} is missing; choose the overlay fault_id")
    points, triangles, arrays = _read_polydata(path)
    if not len(triangles):
        return {}
    at = grid_indices(points * [1, 1, -1], sidecar)
    if not np.isfinite(at).all():
        raise StrataflowError("all traces lie on one line; choose the overlay fault_id")
    throw = arrays.get("throw", np.full(len(points), np.nan))
    fault = arrays["fault"].astype(np.int64)
    meshes = {}
    for number in np.unique(fault):
        mine = np.flatnonzero(fault == number)
        corners = triangles[fault[triangles[:, 0]] == number]
        meshes[int(number)] = Triangles(at[mine], np.searchsorted(mine, corners), throw[mine])
    return meshes


def _read_polydata(path: Path) -> tuple[NDArray, NDArray[np.int64], dict[str, NDArray]]:
    """Points (N, 3), triangles (M, 3) and arrays of the points of a VTK PolyData file."""
    from vtkmodules.util import numpy_support
    from vtkmodules.vtkCommonCore import vtkObject
    from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

    numpy: Any = numpy_support.vtk_to_numpy
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
    if errors or "fault" not in names:
        raise StrataflowError(f"{path.name}: not the surfaces of faults, or damaged")
    if not data.GetNumberOfPolys():
        return np.empty((0, 3)), np.empty((0, 3), np.int64), {}
    corners = numpy(data.GetPolys().GetConnectivityArray()).reshape(-1, 3)
    arrays = {name: np.array(numpy(found.GetArray(name))) for name in names}
    places = np.array(numpy(data.GetPoints().GetData()), np.float64)
    return places, corners.astype(np.int64), arrays


def _horizon_index(path: Path) -> dict[str, dict[str, object]]:
    """Rows of the index of horizons by name, without unknown values."""
    if not path.is_file():
        return {}
    rows = read_columns(path, ("horizon",)).to_dict("records")
    return {str(row["horizon"]): {str(k): v for k, v in row.items() if v == v} for row in rows}


def _read_horizons(
    path: Path, sidecar: Sidecar, index: dict[str, dict[str, object]]
) -> list[Horizon]:
    if not path.is_file():
        raise StrataflowError(f"{path.name} is missing (export.horizons)")
    names, levels = read_horizons(path, sidecar)
    return [
        Horizon(name, level, index.get(name, {})) for name, level in zip(names, levels, strict=True)
    ]
