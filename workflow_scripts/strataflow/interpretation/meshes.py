"""Surfaces as triangles, and their files for VTK."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util import numpy_support
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

from ..errors import StrataflowError


@dataclass(frozen=True)
class Mesh:
    """Triangles of a fault or horizon.

    Attributes:
        number: Number of the fault or horizon.
        places: x, y and time or depth of the vertices, (N, 3).
        triangles: Vertices of each triangle, (M, 3).
        data: Values of the vertices, (N,), by name.
    """

    number: int
    places: NDArray[np.float64]
    triangles: NDArray[np.int64]
    data: dict[str, NDArray[np.float64]]


def quads(whole: NDArray[np.bool_], vertices: NDArray) -> NDArray[np.int64]:
    """Flat indices (M, 4) of the corners of squares, around each.

    Args:
        whole: Which of the squares are kept, (A - 1, B - 1).
        vertices: Any array of the shape of the vertices, (A, B).
    """
    a, b = np.nonzero(whole)
    width = vertices.shape[1]
    first = a * width + b
    return np.stack([first, first + width, first + width + 1, first + 1], axis=1)


def write_vtp(path: Path, meshes: Sequence[Mesh], names: Sequence[str], what: str) -> None:
    """Write all meshes as one VTK PolyData, z negative downward as where volumes are shown.

    Args:
        path: File to write.
        meshes: Meshes of faults or horizons.
        names: Data of the vertices to write.
        what: Name of the number of each mesh, at its vertices and triangles: fault or horizon.
    """
    counts = [len(mesh.places) for mesh in meshes]
    first = np.cumsum([0, *counts])
    places = np.concatenate([np.empty((0, 3)), *(mesh.places for mesh in meshes)])
    triangles = np.concatenate(
        [
            np.empty((0, 3), np.int64),
            *(mesh.triangles + start for mesh, start in zip(meshes, first, strict=False)),
        ]
    )
    data = vtkPolyData()
    points = vtkPoints()
    points.SetData(_array(places * [1, 1, -1]))
    data.SetPoints(points)
    cells = vtkCellArray()
    offsets = _ids(np.arange(0, triangles.size + 1, 3, dtype=np.int64))
    cells.SetData(offsets, _ids(triangles.ravel()))
    data.SetPolys(cells)
    for name in names:
        values = np.concatenate([np.empty(0), *(mesh.data[name] for mesh in meshes)])
        _add(data.GetPointData(), name, values.astype(np.float32))
    numbers = np.array([mesh.number for mesh in meshes], np.int32)
    _add(data.GetPointData(), what, np.repeat(numbers, counts))
    _add(data.GetCellData(), what, np.repeat(numbers, [len(m.triangles) for m in meshes]))
    writer = vtkXMLPolyDataWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(data)
    if not writer.Write():
        raise StrataflowError(f"{path}: VTK could not write it")


def _array(values: NDArray) -> Any:
    """A copy of `values` as VTK has arrays."""
    return numpy_support.numpy_to_vtk(values, deep=True)  # type: ignore[no-untyped-call]  # VTK's


def _ids(values: NDArray[np.int64]) -> Any:
    """The same of indices."""
    convert = numpy_support.numpy_to_vtkIdTypeArray
    return convert(values, deep=True)  # type: ignore[no-untyped-call]  # VTK's


def _add(attributes: Any, name: str, values: NDArray) -> None:
    array = _array(np.ascontiguousarray(values))
    array.SetName(name)
    attributes.AddArray(array)
