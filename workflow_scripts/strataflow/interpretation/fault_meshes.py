"""Fault surfaces as triangles: VTK PolyData and GOCAD TSurf."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from ..volume.volume import Sidecar
from .fault_ground import Ground, dips, strikes
from .fault_tables import fault_name
from .surfaces import Surface

# Cells from one vertex to the next; a surface that is too narrow for it has one at every cell.
VERTEX_EVERY = 2

# What TSurf files have where there is no throw.
NO_DATA = -99999.0


@dataclass(frozen=True)
class Mesh:
    """Triangles of a fault: `places` (N, 3) of x, y and time or depth, `triangles` (M, 3).

    `data` are values of its points, (N,), by name.
    """

    fault: int
    places: NDArray[np.float64]
    triangles: NDArray[np.int64]
    data: dict[str, NDArray[np.float64]]


def fault_mesh(fault: int, surface: Surface, sidecar: Sidecar, ground: Ground) -> Mesh:
    """The mesh of a surface; throws are in the unit of the vertical axis, NaN where unknown."""
    for step in (VERTEX_EVERY, 1):
        rows, columns = (np.arange(0, n, step) for n in surface.inside.shape)
        quads = _quads(surface.inside[np.ix_(rows, columns)])
        if quads.size:
            break
    used, corners = np.unique(quads, return_inverse=True)
    a, b = rows[used // columns.size], columns[used % columns.size]
    corners = corners.reshape(quads.shape)
    triangles = np.concatenate([corners[:, [0, 1, 2]], corners[:, [0, 2, 3]]])
    at = surface.points()[:, a, b]
    vertical = sidecar.places(at)[sidecar.domain]
    normal = ground.normals(surface)[:, a, b]
    data = {
        "throw": surface.throw[a, b] * abs(sidecar.axes[2].step),
        "quality": surface.quality[a, b],
        "probability": surface.probability[a, b],
        ground.dip_column: dips(normal, ground),
        "strike": strikes(normal) if ground.has_azimuth else np.full_like(normal[0], np.nan),
    }
    return Mesh(
        fault,
        np.stack([*sidecar.map_places(at), vertical], axis=1),
        triangles,
        {name: np.asarray(values, np.float64) for name, values in data.items()},
    )


def _quads(inside: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Flat indices (M, 4), around each square of four cells that are all `inside`."""
    whole = inside[:-1, :-1] & inside[1:, :-1] & inside[1:, 1:] & inside[:-1, 1:]
    first = np.ravel_multi_index(np.nonzero(whole), inside.shape)
    width = inside.shape[1]
    return np.stack([first, first + width, first + width + 1, first + 1], axis=1)


def write_vtp(path: Path, meshes: Sequence[Mesh], names: Sequence[str]) -> None:
    """Write all meshes as one VTK PolyData, z negative downward as where volumes are shown.

    Points have the data `names` and their fault, triangles their fault.
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
    numbers = np.array([mesh.fault for mesh in meshes], np.int32)
    _add(data.GetPointData(), "fault", np.repeat(numbers, counts))
    _add(data.GetCellData(), "fault", np.repeat(numbers, [len(m.triangles) for m in meshes]))
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


def tsurf_lines(mesh: Mesh, sidecar: Sidecar) -> Iterator[str]:
    """A GOCAD TSurf object: a fault with its properties, z positive downward.

    Version 1 of the ASCII format as in Paradigm's GOCAD manual: PVRTX for vertices with
    properties, TRGL for triangles, both counted from 1.
    """
    names, lateral, vertical = list(mesh.data), sidecar.axes[0].unit, sidecar.axes[2].unit
    what = "Time" if sidecar.domain == "time" else "Depth"
    yield "GOCAD TSurf 1\n"
    yield f"HEADER {{\nname: {fault_name(mesh.fault)}\n}}\n"
    yield "GOCAD_ORIGINAL_COORDINATE_SYSTEM\nNAME Default\n"
    yield f'AXIS_NAME "X" "Y" "{what}"\nAXIS_UNIT "{lateral}" "{lateral}" "{vertical}"\n'
    yield "ZPOSITIVE Depth\nEND_ORIGINAL_COORDINATE_SYSTEM\n"
    yield f"PROPERTIES {' '.join(names)}\n"
    yield f"NO_DATA_VALUES {' '.join(f'{NO_DATA:g}' for _ in names)}\n"
    yield f"ESIZES {' '.join('1' for _ in names)}\n"
    yield "TFACE\n"
    values = np.stack([mesh.data[name] for name in names], axis=1)
    values = np.where(np.isfinite(values), values, NO_DATA)
    for number, (place, row) in enumerate(zip(mesh.places, values, strict=True), start=1):
        properties = " ".join(f"{value:.6g}" for value in row)
        yield f"PVRTX {number} {place[0]:.3f} {place[1]:.3f} {place[2]:.3f} {properties}\n"
    for triangle in mesh.triangles + 1:
        yield "TRGL {} {} {}\n".format(*triangle)
    yield "END\n"
