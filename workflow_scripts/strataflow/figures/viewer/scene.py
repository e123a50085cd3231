"""The 3D scene: fault surfaces, a horizon and the sections, drawn by vtk.js.

trame-vtk brings the page of vtk.js. The scene lies on the grid of the survey: x along crosslines,
y along inlines, z upward, all in the lateral unit. x is mirrored if the survey is, so that the
scene looks as the ground does.
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_rgb
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from PIL import Image

from ...errors import StrataflowError
from ..camera import best_corner, towards_camera
from ..style import STRUCTURE, fault_colour
from ..triangles import area_normals
from .colours import Colours, Display
from .content import content_of
from .curves import horizon_colour
from .folder import Prediction
from .layers import picture_of
from .meshes import Triangles, grid_of
from .page import ASSETS
from .panel import DEAD
from .places import throw_display
from .view import View, drawn_height
from .vtk_objects import Arrays, State, connected, picture_plane, surface, vtk_object

# Nodes of all horizons together, and most nodes along each side of one.
HORIZON_NODES, HORIZON_SIDE = 20_000, 100

# Names of the sections, by axis.
SECTIONS = ("inline", "crossline", "slice")

# Faults with a number, the largest ones, and the upper part of a surface that it stands at.
FAULTS_NUMBERED, UPPER = 30, 0.1

BACKGROUND = (0.96, 0.97, 0.98)

# Distance of the camera from the middle, in diagonals of the volume.
AWAY = 1.75


@dataclass(frozen=True)
class Frame:
    """Where indices along (n3, n2, n1) lie in the scene: x, y, z is `scale` times n2, n3, n1."""

    scale: tuple[float, float, float]

    def places(self, at: NDArray[np.float64]) -> NDArray[np.float64]:
        """Places (N, 3) in the scene of indices (N, 3) along (n3, n2, n1)."""
        placed: NDArray[np.float64] = at[:, [1, 0, 2]] * self.scale
        return placed

    def placed(self, mesh: Triangles, values: NDArray[np.float64]) -> Triangles:
        """A mesh of indices in the scene, with other values."""
        return Triangles(self.places(mesh.points), mesh.triangles, values)


def frame_of(prediction: Prediction, view: View) -> Frame:
    """The frame of a scene with the vertical exaggeration of a view."""
    inline, crossline, vertical = prediction.sidecar.axes
    _, along3, along2 = prediction.sidecar.lattice()
    mirrored = along2[0] * along3[1] - along2[1] * along3[0] < 0
    x = -crossline.spacing if mirrored else crossline.spacing
    return Frame((x, inline.spacing, -vertical.spacing * drawn_height(prediction.sidecar, view)))


def scene_of(prediction: Prediction, view: View) -> bytes:
    """The scene of a view as a ZIP of one JSON file, for the page of vtk.js.

    Actors are named fault_N, horizon_NN, inline, crossline and slice. Waits until the picks have
    been read.
    """
    frame, arrays = frame_of(prediction, view), Arrays()
    props = [
        *(picture_plane(name, arrays) for name in SECTIONS),
        *_faults(prediction, frame, arrays),
        *_horizons(prediction, frame, arrays),
        _box(prediction, frame),
    ]
    looks = {"background": BACKGROUND, "twoSidedLighting": True}
    camera = _camera(prediction, frame)
    calls = [connected("setActiveCamera", camera)]
    calls += [connected("addViewProp", prop) for prop in props]
    renderer = vtk_object("renderer", "vtkRenderer", looks, [camera, *props], calls)
    calls = [connected("addRenderer", renderer)]
    window = vtk_object("window", "vtkRenderWindow", {"numberOfLayers": 1}, [renderer], calls)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        content = {"scene": window | {"mtime": 1}, "hashes": arrays.content}
        archive.writestr("index.json", json.dumps(content))
    return stream.getvalue()


def _faults(prediction: Prediction, frame: Frame, arrays: Arrays) -> Iterator[State]:
    picks = prediction.picks.result()
    throws = throw_display(prediction)
    for fault in picks.faults:
        if len(fault.coarse.triangles):
            mesh = frame.placed(fault.coarse, fault.coarse.values)
            yield surface(fault.name, mesh, fault_colour(fault.number), throws, arrays)


def _labels(prediction: Prediction, view: View) -> list[dict[str, Any]]:
    """Name of the actor, number and place, in the scene, of the largest faults.

    A number stands at the upper edge of its surface, in the middle.
    """
    frame, labels = frame_of(prediction, view), []
    for fault in prediction.picks.result().faults[:FAULTS_NUMBERED]:
        points = fault.coarse.points
        if len(points):
            upper = points[points[:, 2] <= np.quantile(points[:, 2], UPPER)]
            middle = upper[np.square(upper - upper.mean(axis=0)).sum(axis=1).argmin()]
            at = frame.places(middle[None])[0].tolist()
            labels.append({"name": fault.name, "number": fault.number, "at": at})
    return labels


def _horizons(prediction: Prediction, frame: Frame, arrays: Arrays) -> Iterator[State]:
    horizons, axis = prediction.picks.result().horizons, prediction.sidecar.axes[2]
    most = min(HORIZON_SIDE, int(np.sqrt(HORIZON_NODES / max(len(horizons), 1))))
    for number, horizon in enumerate(horizons, start=1):
        grid = grid_of(horizon.level, most)
        if len(grid.triangles):
            mesh = frame.placed(grid, axis.first + axis.step * grid.values)
            ends = float(mesh.values.min()), float(mesh.values.max())
            display = Display(prediction.sidecar.domain, colormaps[STRUCTURE], *ends)
            colour = horizon_colour(number, len(horizons))
            yield surface(horizon.name, mesh, colour, display, arrays)


def viewer_page(prediction: Prediction, view: View) -> bytes:
    """The page of vtk.js, which loads the scene of the same address."""
    found = find_spec("trame_vtk")
    if not found or not found.origin:
        raise StrataflowError("the 3D scene needs the package trame-vtk: install requirements.txt")
    page = (Path(found.origin).parent / "tools" / "static_viewer.html").read_text()
    facts = {
        "scale": frame_of(prediction, view).scale,
        "ticks": _ticks(prediction, view),
        "labels": _labels(prediction, view),
    }
    script = _script().replace("FACTS", json.dumps(facts))
    return page.replace("</body>", f"<script>{script}</script>\n</body>").encode()


@cache
def _script() -> str:
    return (ASSETS / "scene.js").read_text()


def section_of(prediction: Prediction, colours: Colours, view: View, panel: str) -> bytes:
    """A whole section as JSON: its place as numbers of the axes, and its picture as a PNG.

    Args:
        prediction: Volumes and picks.
        colours: Colours of the volumes.
        view: What is shown.
        panel: inline, crossline or slice.

    Raises:
        ValueError: There is no such panel.
    """
    if panel not in SECTIONS:
        raise ValueError(f"panel={panel}: expected one of {' '.join(SECTIONS)}")
    content = content_of(prediction, replace(view, tab="scene"), panel)
    assert content
    picture, dead = picture_of(prediction, colours, content.view, content.cut)
    picture[dead] = to_rgb(DEAD)
    stream = io.BytesIO()
    pixels = np.rint(255 * picture).astype(np.uint8)
    Image.fromarray(pixels).save(stream, "png", compress_level=1)
    address = "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
    return json.dumps({"box": content.cut.box(), "picture": address}).encode()


def _camera(prediction: Prediction, frame: Frame) -> State:
    """Over the corner of the survey that shows most of the faults, at the whole volume."""
    size = np.array(prediction.shape.array, float)
    low, high = frame.places(np.stack([np.zeros(3), size - 1]))
    middle, far = (low + high) / 2, np.linalg.norm(high - low)
    meshes = [fault.coarse for fault in prediction.picks.result().faults]
    normals = [area_normals(frame.places(mesh.points)[mesh.triangles]) for mesh in meshes]
    steps = np.array([[0.0, frame.scale[1]], [frame.scale[0], 0.0]])
    corner = best_corner(np.concatenate([np.empty((0, 3)), *normals]), steps)
    position = middle + AWAY * far * towards_camera(corner, steps)
    return vtk_object(
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


def _box(prediction: Prediction, frame: Frame) -> State:
    """Axes around the volume."""
    ends = np.stack([np.zeros(3), np.array(prediction.shape.array, float) - 1])
    low, high = np.sort(frame.places(ends), axis=0)
    text = {"fontColor": "#202020", "fontStyle": "normal", "fontFamily": "sans-serif"}
    sidecar = prediction.sidecar
    inline, crossline, vertical = sidecar.axis_names
    look = vtk_object("box-look", "vtkProperty", {"color": (0.45, 0.45, 0.5), "lineWidth": 1})
    return vtk_object(
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
        [["setCamera", ["instance:${camera}"]], connected("setProperty", look)],
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
