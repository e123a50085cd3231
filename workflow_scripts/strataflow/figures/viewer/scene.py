"""The 3D scene: fault surfaces, a horizon and the sections, drawn by vtk.js.

The page of vtk.js and the form of a scene are those of trame-vtk ("local view"): objects by class
and identifier, with arrays apart. The scene is at the grid of the survey: x along crosslines, y
along inlines, z upward, all in the lateral unit; x is mirrored where north and east would be.
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Colormap, to_rgb
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ..style import TIME, fault_colour
from .curves import horizon_colour
from .folder import Prediction
from .meshes import Triangles, grid_of, normals_of, simplified
from .page import ASSETS
from .places import throw_display
from .view import View

State = dict[str, Any]

# Triangles of all faults together, and nodes along each side of a horizon.
FAULT_TRIANGLES, HORIZON_NODES = 120_000, 120

# Names of the sections, by axis.
SECTIONS = ("inline", "crossline", "slice")

BACKGROUND = (0.96, 0.97, 0.98)
UNKNOWN_THROW = (0.75, 0.75, 0.75, 1.0)


@dataclass
class _Arrays:
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


@dataclass(frozen=True)
class Frame:
    """Where indices along (n3, n2, n1) lie in the scene: x, y, z is `scale` times n2, n3, n1."""

    scale: tuple[float, float, float]

    def places(self, at: NDArray[np.float64]) -> NDArray[np.float64]:
        """Places (N, 3) in the scene of indices (N, 3) along (n3, n2, n1)."""
        placed: NDArray[np.float64] = at[:, [1, 0, 2]] * self.scale
        return placed


def frame_of(prediction: Prediction, view: View) -> Frame:
    """The frame of a scene with the vertical exaggeration of a view."""
    inline, crossline, vertical = prediction.sidecar.axes
    depth = view.velocity / 2000 if prediction.sidecar.domain == "time" else 1.0
    _, along3, along2 = prediction.sidecar.lattice()
    mirrored = along2[0] * along3[1] - along2[1] * along3[0] < 0
    x = -crossline.spacing if mirrored else crossline.spacing
    return Frame((x, inline.spacing, -vertical.spacing * depth * view.exaggeration))


def scene_of(prediction: Prediction, view: View) -> bytes:
    """The scene of a view as a ZIP of one JSON file, for the page of vtk.js.

    Actors are named fault_N, horizon_NN, inline, crossline and slice. Waits until the picks have
    been read.
    """
    picks, frame, arrays = prediction.picks.result(), frame_of(prediction, view), _Arrays()
    camera = _camera(prediction, frame)
    props = [camera]
    props += [_section(name, arrays) for name in SECTIONS]
    total = sum(len(fault.triangles) for fault in picks.faults)
    throws = throw_display(prediction)
    for fault in picks.faults:
        if not len(fault.triangles):
            continue
        mesh = simplified(
            Triangles(fault.points, fault.triangles, fault.throw), FAULT_TRIANGLES / total
        )
        colour = fault_colour(fault.number)
        mapping = ("throw", throws.palette, throws.low, throws.high)
        props.append(_surface(fault.name, mesh, frame, colour, mapping, arrays))
    for number, horizon in enumerate(picks.horizons, start=1):
        mesh = grid_of(horizon.level, HORIZON_NODES)
        if not len(mesh.triangles):
            continue
        axis = prediction.sidecar.axes[2]
        mesh = Triangles(mesh.points, mesh.triangles, axis.first + axis.step * mesh.values)
        ends = float(np.nanmin(mesh.values)), float(np.nanmax(mesh.values))
        colour = horizon_colour(number, len(picks.horizons))
        mapping = (prediction.sidecar.domain, colormaps[TIME], *ends)
        props.append(_surface(horizon.name, mesh, frame, colour, mapping, arrays))
    props.append(_box(prediction, frame))
    renderer = _object(
        "renderer",
        "vtkRenderer",
        {"background": BACKGROUND, "twoSidedLighting": True, "useDepthPeeling": False},
        props,
        [["setActiveCamera", ["instance:${camera}"]]]
        + [["addViewProp", [f"instance:${{{p['id']}}}"]] for p in props[1:]],
    )
    window = _object(
        "window",
        "vtkRenderWindow",
        {"numberOfLayers": 1},
        [renderer],
        [["addRenderer", ["instance:${renderer}"]]],
    )
    window["mtime"] = 1
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("index.json", json.dumps({"scene": window, "hashes": arrays.content}))
    return stream.getvalue()


def viewer_page(prediction: Prediction, view: View) -> bytes:
    """The page of vtk.js, which loads the scene of the same address."""
    found = find_spec("trame_vtk")
    assert found is not None
    assert found.origin is not None
    page = (Path(found.origin).parent / "tools" / "static_viewer.html").read_text()
    facts = {"scale": frame_of(prediction, view).scale, "ticks": _ticks(prediction, view)}
    script = _script().replace("FACTS", json.dumps(facts))
    return page.replace("</body>", f"<script>{script}</script>\n</body>").encode()


@cache
def _script() -> str:
    return (ASSETS / "scene.js").read_text()


def _object(
    name: str,
    kind: str,
    properties: State,
    dependencies: list[State] | None = None,
    calls: list[Any] | None = None,
) -> State:
    return {
        "parent": "0x0",
        "id": name,
        "type": kind,
        "properties": properties,
        "dependencies": dependencies or [],
        "calls": calls or [],
    }


def _camera(prediction: Prediction, frame: Frame) -> State:
    """From the south-west of the grid and above, at the whole volume."""
    size = np.array(prediction.shape.array, float)
    low, high = frame.places(np.stack([np.zeros(3), size - 1]))
    middle, far = (low + high) / 2, np.linalg.norm(high - low)
    position = middle + far * np.array([-0.95, -1.35, 0.85]) * 1.05
    return _object(
        "camera",
        "vtkCamera",
        {
            "focalPoint": middle.tolist(),
            "position": position.tolist(),
            "viewUp": [0, 0, 1],
            "viewAngle": 30,
            "clippingRange": [0.01 * far, 10 * far],
        },
    )


def _surface(
    name: str,
    mesh: Triangles,
    frame: Frame,
    colour: str,
    mapping: tuple[str, Colormap, float, float],
    arrays: _Arrays,
) -> State:
    """An actor of triangles in one colour, with values that can be mapped to colours."""
    places = frame.places(mesh.points)
    quantity, palette, low, high = mapping
    normals = normals_of(places, mesh.triangles).astype(np.float32)
    fields = [
        arrays.add(normals, "normals", location="pointData", registration="setNormals"),
        arrays.add(
            mesh.values.astype(np.float32), quantity, location="pointData", registration="addArray"
        ),
    ]
    corners = np.empty((len(mesh.triangles), 4), np.uint32)
    corners[:, 0], corners[:, 1:] = 3, mesh.triangles
    data = _object(
        f"{name}-data",
        "vtkPolyData",
        {
            "points": arrays.add(places.astype(np.float32), "points", "vtkPoints"),
            "polys": arrays.add(corners.ravel(), "polys", "vtkCellArray"),
            "fields": fields,
        },
    )
    nodes = [[x, *palette(x)[:3], 0.5, 0] for x in np.linspace(0, 1, 33)]
    for node in nodes:
        node[0] = low + (high - low) * node[0]
    colours = _object(
        f"{name}-colours",
        "vtkColorTransferFunction",
        {"nodes": nodes, "nanColor": UNKNOWN_THROW, "useAboveRangeColor": False},
    )
    mapper = _object(
        f"{name}-mapper",
        "vtkMapper",
        {
            "arrayAccessMode": 1,
            "colorByArrayName": quantity,
            "colorMode": 1,
            "scalarMode": 3,
            "scalarVisibility": False,
            "interpolateScalarsBeforeMapping": True,
            "useLookupTableScalarRange": True,
        },
        [data, colours],
        [
            ["setInputData", [f"instance:${{{name}-data}}"]],
            ["setLookupTable", [f"instance:${{{name}-colours}}"]],
        ],
    )
    rgb = to_rgb(colour)
    looks = {"color": rgb, "diffuseColor": rgb, "ambientColor": rgb, "ambient": 0.45}
    looks |= {"diffuse": 0.6, "specular": 0.05, "interpolation": 1}
    return _actor(name, mapper, looks)


def _actor(name: str, mapper: State, looks: State, more: list[State] | None = None) -> State:
    look = _object(f"{name}-look", "vtkProperty", looks)
    calls = [
        ["setMapper", [f"instance:${{{mapper['id']}}}"]],
        ["setProperty", [f"instance:${{{name}-look}}"]],
        *(["addTexture", [f"instance:${{{texture['id']}}}"]] for texture in more or []),
    ]
    return _object(name, "vtkActor", {"visibility": True}, [mapper, look, *(more or [])], calls)


def _section(name: str, arrays: _Arrays) -> State:
    """A rectangle with a picture; the script of the page sets its corners and its picture."""
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    polys = np.array([4, 0, 1, 2, 3], np.uint32)
    at = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    data = _object(
        f"{name}-data",
        "vtkPolyData",
        {
            "points": arrays.add(corners, "points", "vtkPoints"),
            "polys": arrays.add(polys, "polys", "vtkCellArray"),
            "fields": [
                arrays.add(at, "at", location="pointData", registration="setTCoords"),
            ],
        },
    )
    mapper = _object(
        f"{name}-mapper",
        "vtkMapper",
        {"scalarVisibility": False},
        [data],
        [["setInputData", [f"instance:${{{name}-data}}"]]],
    )
    white = np.full((4, 4), 255, np.uint8)
    picture = _object(
        f"{name}-picture",
        "vtkImageData",
        {
            "spacing": [1, 1, 1],
            "origin": [0, 0, 0],
            "extent": [0, 1, 0, 1, 0, 0],
            "fields": [
                arrays.add(white, "colours", location="pointData", registration="setScalars")
            ],
        },
    )
    texture = _object(
        f"{name}-texture",
        "vtkTexture",
        {"interpolate": True, "repeat": False, "edgeClamp": True, "resizable": True},
        [picture],
        [["setInputData", [f"instance:${{{name}-picture}}"]]],
    )
    looks = {"lighting": False, "color": (1, 1, 1), "ambient": 1.0, "diffuse": 0.0}
    return _actor(name, mapper, looks, [texture])


def _box(prediction: Prediction, frame: Frame) -> State:
    """Axes around the volume."""
    ends = np.stack([np.zeros(3), np.array(prediction.shape.array, float) - 1])
    low, high = np.sort(frame.places(ends), axis=0)
    text = {"fontColor": "#202020", "fontStyle": "normal", "fontFamily": "sans-serif"}
    sidecar = prediction.sidecar
    inline, crossline, vertical = sidecar.axis_names
    look = _object("box-look", "vtkProperty", {"color": (0.45, 0.45, 0.5), "lineWidth": 1})
    return _object(
        "box",
        "vtkCubeAxesActor",
        {
            "dataBounds": np.stack([low, high], axis=1).ravel().tolist(),
            "axisLabels": [crossline, inline, f"{vertical} ({sidecar.axes[2].unit})"],
            "gridLines": True,
            "faceVisibilityAngle": 8,
            "axisTitlePixelOffset": 30.0,
            "tickLabelPixelOffset": 10.0,
            "axisTextStyle": text | {"fontSize": 15},
            "tickTextStyle": text | {"fontSize": 12},
        },
        [look],
        [
            ["setCamera", ["instance:${camera}"]],
            ["setProperty", ["instance:${box-look}"]],
        ],
    )


def _ticks(prediction: Prediction, view: View) -> dict[str, list[list[Any]]]:
    """Places along x, y and z of the scene, and line numbers, times or depths, of the axes."""
    scale = frame_of(prediction, view).scale
    result: dict[str, list[list[Any]]] = {"ticks": [], "tickStrings": []}
    for axis, factor in zip((1, 0, 2), scale, strict=True):
        place, n = prediction.sidecar.axes[axis], prediction.shape.array[axis]
        ends = sorted((place.first, place.first + place.step * (n - 1)))
        numbers = [v for v in MaxNLocator(5).tick_values(*ends) if ends[0] <= v <= ends[1]]
        result["ticks"].append([(v - place.first) / place.step * factor for v in numbers])
        result["tickStrings"].append([f"{v:g}" for v in numbers])
    return result
