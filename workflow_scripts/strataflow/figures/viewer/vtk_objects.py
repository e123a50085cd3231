"""Objects of vtk.js in the form that trame-vtk's "local view" reads.

An object has a class, an identifier, properties, objects that it depends on, and calls that connect
it to them. Arrays are kept apart, and objects refer to them by key.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from .colours import Display
from .meshes import Triangles, facing_one_way, normals_of

State = dict[str, Any]

# Nodes of the colours of values.
NODES = 33

# Colour, with its opacity, where a value is not known.
UNKNOWN = (0.75, 0.75, 0.75, 1.0)


@dataclass
class Arrays:
    """Arrays of a scene by their key."""

    content: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, values: NDArray, name: str, kind: str = "vtkDataArray", **more: str) -> State:
        """Store an array (N,) or (N, components), and return what refers to it."""
        flat = np.ascontiguousarray(values)
        key = f"array_{len(self.content)}"
        self.content[key] = {"content": base64.b64encode(flat.tobytes()).decode()}
        types = {"float32": "Float32Array", "uint32": "Uint32Array", "uint8": "Uint8Array"}
        return {
            "hash": key,
            "vtkClass": kind,
            "name": name,
            "dataType": types[str(flat.dtype)],
            "numberOfComponents": 1 if flat.ndim == 1 else flat.shape[1],
            "size": flat.size,
            "ranges": [],
            **more,
        }


def vtk_object(
    name: str,
    kind: str,
    properties: State,
    dependencies: list[State] | None = None,
    calls: list[Any] | None = None,
) -> State:
    """An object of class `kind`; `calls` are those of `connected`."""
    return {
        "parent": "0x0",
        "id": name,
        "type": kind,
        "properties": properties,
        "dependencies": dependencies or [],
        "calls": calls or [],
    }


def connected(method: str, other: State) -> list[Any]:
    """The call of a method with another object."""
    return [method, [f"instance:${{{other['id']}}}"]]


def surface(name: str, mesh: Triangles, colour: str, display: Display, arrays: Arrays) -> State:
    """An actor of triangles in one colour, with values that can be mapped to colours.

    Args:
        name: Identifier of the actor.
        mesh: Points in the scene, and their values.
        colour: Colour of all triangles, as #RRGGBB.
        display: Colours of the values.
        arrays: Where arrays are kept.
    """
    at_points = {"location": "pointData"}
    # Light falls on the side that the order of the corners makes the front.
    mesh = facing_one_way(mesh)
    normals = normals_of(mesh).astype(np.float32)
    values = mesh.values.astype(np.float32)
    corners = np.empty((len(mesh.triangles), 4), np.uint32)
    corners[:, 0], corners[:, 1:] = 3, mesh.triangles
    data = _polydata(
        name,
        mesh.points,
        corners,
        [
            arrays.add(normals, "normals", registration="setNormals", **at_points),
            arrays.add(values, "values", registration="addArray", **at_points),
        ],
        arrays,
    )
    colours = _colours(name, display)
    mapping = {
        "arrayAccessMode": 1,
        "colorByArrayName": "values",
        "colorMode": 1,
        "scalarMode": 3,
        "scalarVisibility": False,
        "interpolateScalarsBeforeMapping": True,
        "useLookupTableScalarRange": True,
    }
    calls = [connected("setInputData", data), connected("setLookupTable", colours)]
    mapper = vtk_object(f"{name}-mapper", "vtkMapper", mapping, [data, colours], calls)
    rgb = to_rgb(colour)
    looks = {"color": rgb, "diffuseColor": rgb, "ambientColor": rgb, "ambient": 0.45}
    looks |= {"diffuse": 0.6, "specular": 0.05, "interpolation": 1}
    return _actor(name, mapper, looks)


def picture_plane(name: str, arrays: Arrays) -> State:
    """A rectangle with a picture; the script of the page sets its corners and its picture."""
    at_points = {"location": "pointData"}
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    places = arrays.add(corners[:, :2], "places", registration="setTCoords", **at_points)
    data = _polydata(name, corners, np.array([[4, 0, 1, 2, 3]], np.uint32), [places], arrays)
    calls = [connected("setInputData", data)]
    mapper = vtk_object(f"{name}-mapper", "vtkMapper", {"scalarVisibility": False}, [data], calls)
    white = np.full((4, 4), 255, np.uint8)
    colours = arrays.add(white, "colours", registration="setScalars", **at_points)
    image = {"spacing": [1, 1, 1], "origin": [0, 0, 0], "extent": [0, 1, 0, 1, 0, 0]}
    picture = vtk_object(f"{name}-picture", "vtkImageData", image | {"fields": [colours]})
    how = {"interpolate": True, "repeat": False, "edgeClamp": True, "resizable": True}
    calls = [connected("setInputData", picture)]
    texture = vtk_object(f"{name}-texture", "vtkTexture", how, [picture], calls)
    looks = {"lighting": False, "color": (1, 1, 1), "ambient": 1.0, "diffuse": 0.0}
    return _actor(name, mapper, looks, [texture])


def _polydata(
    name: str, points: NDArray, cells: NDArray[np.uint32], fields: list[State], arrays: Arrays
) -> State:
    """Points (N, 3), and cells (M, 1 + corners) that each start with their number of corners."""
    properties = {
        "points": arrays.add(points.astype(np.float32), "points", "vtkPoints"),
        "polys": arrays.add(cells.ravel(), "polys", "vtkCellArray"),
        "fields": fields,
    }
    return vtk_object(f"{name}-data", "vtkPolyData", properties)


def _colours(name: str, display: Display) -> State:
    at = np.linspace(0, 1, NODES)
    colours = np.asarray(display.palette(at))[:, :3].tolist()
    values = (display.low + (display.high - display.low) * at).tolist()
    nodes = [[value, *rgb, 0.5, 0] for value, rgb in zip(values, colours, strict=True)]
    looks = {"nodes": nodes, "nanColor": UNKNOWN}
    return vtk_object(f"{name}-colours", "vtkColorTransferFunction", looks)


def _actor(name: str, mapper: State, looks: State, textures: Sequence[State] = ()) -> State:
    look = vtk_object(f"{name}-look", "vtkProperty", looks)
    calls = [connected("setMapper", mapper), connected("setProperty", look)]
    calls += [connected("addTexture", texture) for texture in textures]
    # The script of the page shows what is switched on.
    return vtk_object(name, "vtkActor", {"visibility": False}, [mapper, look, *textures], calls)
