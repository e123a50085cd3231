"""Fault surfaces as triangles, and their files for GOCAD."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..volume.sidecar import Sidecar
from .fault_ground import Ground, dips, strikes
from .fault_tables import fault_name
from .meshes import Mesh, quads
from .surfaces import Surface

# Cells from one vertex to the next; a surface that is too narrow for it has one at every cell.
VERTEX_EVERY = 2

# What TSurf files have where there is no throw.
NO_DATA = -99999.0


def fault_mesh(fault: int, surface: Surface, sidecar: Sidecar, ground: Ground) -> Mesh:
    """The mesh of a surface; throws are in the unit of the vertical axis, NaN where unknown."""
    for step in (VERTEX_EVERY, 1):
        rows, columns = (np.arange(0, n, step) for n in surface.inside.shape)
        vertices = surface.inside[np.ix_(rows, columns)]
        squares = quads(_whole(vertices), vertices)
        if squares.size:
            break
    used, corners = np.unique(squares, return_inverse=True)
    a, b = rows[used // columns.size], columns[used % columns.size]
    corners = corners.reshape(squares.shape)
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


def _whole(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Squares of four cells that are all `inside`."""
    return inside[:-1, :-1] & inside[1:, :-1] & inside[1:, 1:] & inside[:-1, 1:]


def tsurf_lines(mesh: Mesh, sidecar: Sidecar) -> Iterator[str]:
    """A GOCAD TSurf object: a fault with its properties, z positive downward.

    Version 1 of the ASCII format as in Paradigm's GOCAD manual: PVRTX for vertices with
    properties, TRGL for triangles, both counted from 1.
    """
    names, lateral, vertical = list(mesh.data), sidecar.axes[0].unit, sidecar.axes[2].unit
    what = "Time" if sidecar.domain == "time" else "Depth"
    yield "GOCAD TSurf 1\n"
    yield f"HEADER {{\nname: {fault_name(mesh.number)}\n}}\n"
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
