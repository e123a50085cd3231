"""The 3D scene of a run: fault surfaces, two sections and a horizon in the box of the survey."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkFloatArray

from ..volume.volume import statistics_of
from .fault_lines import FaultMeshes
from .north import draw_north
from .scene_model import Horizon, Label, Scene, View
from .section import Section
from .sections import write_number
from .style import DPI, GREY_CLIP, fault_colour, save_picture

# Size of the picture in pixels, and pixels that are rendered for each of them along both sides.
PIXELS, FINER = (1430, 950), 2

# Maximum number of lines or samples of a section or a horizon along each axis.
POINTS = 400

# Number of faults that are drawn and named in the legend, the largest ones.
FAULTS_DRAWN, FAULTS_NAMED = 100, 14

# Share of the picture that the box of the survey takes at most.
FILLED = 0.84

# Opacity of the horizon, so that faults below it are seen.
HORIZON_OPACITY = 0.75

HORIZON_COLOUR, EDGE_COLOUR = "#cfc49a", "#404040"

# Places of a fault that are tried for its number, from its middle outward, and the difference in
# depth (0 to 1 through the scene) beyond which a place is hidden.
TRIED, HIDDEN = 200, 2e-3

# Place of the arrow to the north, as fractions of the picture.
NORTH_AT = (0.955, 0.07)

# Number of depth contours of the horizon.
CONTOURS = 12


def render(scene: Scene, path: Path) -> None:
    """Draw the scene as a picture, without a display.

    The geometry is drawn with PyVista (Sullivan and Kaszynski, 2019, JOSS 4, 1450), text with
    Matplotlib.

    Args:
        scene: What to show.
        path: PNG to write.
    """
    import pyvista

    size = [FINER * side for side in PIXELS]
    plotter: Any = pyvista.Plotter(off_screen=True, window_size=size, lighting="light kit")
    plotter.set_background("white")
    view = View(scene)
    for section in scene.sections:
        _add_section(plotter, scene, section)
    if scene.horizon:
        _add_horizon(plotter, scene, scene.horizon)
    if scene.meshes:
        _add_faults(plotter, scene, scene.meshes)
    for start, end in view.lines():
        plotter.add_mesh(pyvista.Line(start, end), color="black", line_width=FINER * 1.2)
    plotter.camera.focal_point = (0, 0, 0)
    plotter.camera.position = view.towards_camera
    plotter.camera.up = (0, 0, 1)
    plotter.camera.view_angle = 18
    plotter.reset_camera(bounds=view.bounds)
    _fill(plotter, view.corners())
    shown = plotter.screenshot(return_img=True)
    labels = [(label, _projected(plotter, label.place)) for label in view.labels()]
    numbers = list(_numbers(plotter, scene))
    north = None
    if scene.lies_on_the_map:
        seen = [_projected(plotter, np.array([0.0, y, 0.0])) for y in (0.0, plotter.length)]
        north = np.subtract(seen[1], seen[0])
    plotter.close()
    picture = shown.reshape(PIXELS[1], FINER, PIXELS[0], FINER, 3).mean(axis=(1, 3)) / 255
    _write(scene, picture, labels, numbers, path, north)


def _fill(plotter: Any, corners: list[NDArray[np.float64]]) -> None:
    """Zoom and shift the view so that the box with these corners fills the picture."""
    plotter.render()
    seen = np.array([_projected(plotter, corner) for corner in corners])
    plotter.camera.zoom(FILLED * float((PIXELS / np.ptp(seen, axis=0)).min()))
    plotter.render()
    seen = np.array([_projected(plotter, corner) for corner in corners])
    middle = (seen.min(axis=0) + seen.max(axis=0)) / PIXELS - 1
    plotter.camera.SetWindowCenter(*middle)


def _projected(plotter: Any, place: NDArray[np.float64]) -> tuple[float, float]:
    """Pixels from the left and from the bottom at which a place is seen."""
    renderer = plotter.renderer
    renderer.SetWorldPoint(*place, 1.0)
    renderer.WorldToDisplay()
    x, y, _ = renderer.GetDisplayPoint()
    return x / FINER, y / FINER


def _thinned(n: int) -> NDArray[np.intp]:
    """At most about POINTS indices of an axis with n of them, both ends included."""
    step = -(-n // POINTS)
    return np.unique(np.append(np.arange(0, n, step), n - 1))


def _surface(places: NDArray[np.float64], shape: tuple[int, int], there: NDArray) -> Any:
    """Squares of a grid of places (N, 3), `shape` flattened, whose four corners are `there`."""
    import pyvista

    number = np.arange(len(places)).reshape(shape)
    corners = [number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]]
    quads = np.stack([corner.ravel() for corner in corners], axis=1)
    quads = quads[there.ravel()[quads].all(axis=1)]
    faces = np.concatenate([np.full((len(quads), 1), 4), quads], axis=1)
    return pyvista.PolyData(np.nan_to_num(places), faces.ravel())


def _add_section(plotter: Any, scene: Scene, section: Section) -> None:
    lines = [_thinned(n) for n in scene.image.shape.array]
    lines[section.axis] = np.array([section.index])
    grid = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, 3)
    values = scene.image.values[np.ix_(*lines)].ravel()
    amplitudes = statistics_of(scene.image).normalise(np.array(values))
    first, second = (len(line) for axis, line in enumerate(lines) if axis != section.axis)
    live = scene.image.sidecar.live[grid[:, 0], grid[:, 1]]
    mesh = _surface(scene.place(grid), (first, second), live)
    mesh.point_data["amplitude"] = amplitudes
    plotter.add_mesh(
        mesh,
        scalars="amplitude",
        cmap="gray",
        clim=(-GREY_CLIP, GREY_CLIP),
        lighting=False,
        show_scalar_bar=False,
    )


def _add_horizon(plotter: Any, scene: Scene, horizon: Horizon) -> None:
    lines = [_thinned(n) for n in horizon.index.shape]
    depth = horizon.index[np.ix_(*lines)]
    grid = np.stack([*np.meshgrid(*lines, indexing="ij"), depth], axis=-1).reshape(-1, 3)
    mesh = _surface(scene.place(grid), depth.shape, np.isfinite(depth))
    if not mesh.n_cells:
        return
    mesh.point_data["depth"] = np.nan_to_num(depth.ravel())
    mesh = mesh.compute_normals(auto_orient_normals=False, consistent_normals=False)
    plotter.add_mesh(
        mesh, color=HORIZON_COLOUR, smooth_shading=True, ambient=0.25, opacity=HORIZON_OPACITY
    )
    levels = np.linspace(np.nanmin(depth), np.nanmax(depth), CONTOURS + 2)[1:-1]
    contours = mesh.contour(levels, scalars="depth")
    if contours.n_points:
        contours.points += [0, 0, 0.002 * plotter.length]
        plotter.add_mesh(contours, color="#7a6f45", line_width=FINER, show_scalar_bar=False)


def _add_faults(plotter: Any, scene: Scene, meshes: FaultMeshes) -> None:
    import pyvista

    for number in meshes.numbers[:FAULTS_DRAWN]:
        corners = meshes.corners[meshes.fault == number].reshape(-1, 3)
        places, inverse = np.unique(corners, axis=0, return_inverse=True)
        triangles = inverse.reshape(-1, 3)
        faces = np.concatenate([np.full((len(triangles), 1), 3), triangles], axis=1)
        mesh = pyvista.PolyData(scene.place(places), faces.ravel())
        colour = fault_colour(number)
        plotter.add_mesh(mesh, color=colour, smooth_shading=True, ambient=0.6, diffuse=0.45)
        edges = mesh.extract_feature_edges(
            boundary_edges=True, feature_edges=False, manifold_edges=False, non_manifold_edges=False
        )
        if edges.n_points:
            plotter.add_mesh(edges, color=EDGE_COLOUR, line_width=FINER)


def _numbers(plotter: Any, scene: Scene) -> Iterator[tuple[int, tuple[float, float]]]:
    """Numbers of the largest faults, and the pixels of a place of each that is seen, if any."""
    meshes = scene.meshes
    if meshes is None:
        return
    width, height = (FINER * side for side in PIXELS)
    buffer = vtkFloatArray()
    plotter.render_window.GetZbufferData(0, 0, width - 1, height - 1, buffer)
    nearest = vtk_to_numpy(buffer).reshape(height, width)  # type: ignore[no-untyped-call]  # VTK's
    for number in meshes.numbers[:FAULTS_NAMED]:
        middles = scene.place(meshes.corners[meshes.fault == number].mean(axis=1))
        away = np.linalg.norm(middles - middles.mean(axis=0), axis=1)
        order = np.argsort(away)[:: max(len(away) // TRIED, 1)]
        for place in middles[order]:
            plotter.renderer.SetWorldPoint(*place, 1.0)
            plotter.renderer.WorldToDisplay()
            x, y, depth = plotter.renderer.GetDisplayPoint()
            column, row = int(x), int(y)
            inside = 0 <= column < width and 0 <= row < height
            if inside and depth <= nearest[row, column] + HIDDEN:
                yield number, (x / FINER, y / FINER)
                break


def _write(
    scene: Scene,
    picture: NDArray[np.float64],
    labels: list[tuple[Label, tuple[float, float]]],
    numbers: list[tuple[int, tuple[float, float]]],
    path: Path,
    north: NDArray[np.float64] | None,
) -> None:
    """Write the picture with texts, title, legend, scale and an arrow to the north."""
    width, height = PIXELS
    figure = Figure(figsize=(width / DPI, height / DPI))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.imshow(picture, extent=(0, width, 0, height), aspect="auto")
    for label, (x, y) in labels:
        size = 11 if label.is_name else 9
        axes.text(x, y, label.text, fontsize=size, ha="center", va="center")
    for number, (x, y) in numbers:
        write_number(axes, number, x, y)
    axes.set(xlim=(0, width), ylim=(0, height))
    if north is not None and np.hypot(*north) > 0:
        draw_north(axes, NORTH_AT, north)
    faults = scene.meshes.numbers if scene.meshes else []
    entries = [Patch(color=fault_colour(n), label=f"fault {n}") for n in faults[:FAULTS_NAMED]]
    if len(faults) > FAULTS_NAMED:
        entries.append(Patch(alpha=0, label=f"and {len(faults) - FAULTS_NAMED} smaller ones"))
    if scene.horizon:
        name = scene.horizon.name.replace("_", " ")
        entries.append(Patch(color=HORIZON_COLOUR, label=name))
    if entries:
        axes.legend(handles=entries, loc="upper right", fontsize=9, frameon=False)
    figure.text(0.005, 0.99, "Faults in 3D", fontsize=13, fontweight="bold", va="top")
    figure.text(0.005, 0.01, scene.scale.text, fontsize=8, color="0.35")
    save_picture(path, figure)
