"""The view as a picture at print size."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ...volume.attributes import FAULT_ID
from ...volume.sidecar import Sidecar
from ..north import compass_of, draw_north
from ..section import Section, axis_label
from ..sections import draw_wiggles
from .colours import Colours
from .content import Content, Name, content_of, labels_of
from .folder import Prediction
from .layers import picture_of, wiggles_in
from .panel import CONTOUR_COLOUR, CUT_COLOUR, DEAD, short_name
from .view import PANELS, WORDS, View, drawn_height

# A4 landscape in inches, and pixels per inch.
PAPER, DPI = (11.69, 8.27), 300

# Place of the arrow to the north on the slice, as fractions of its axes.
NORTH_AT = (0.93, 0.92)


def printed(prediction: Prediction, colours: Colours, view: View) -> bytes:
    """The sections of a view as a PNG of an A4 page at 300 pixels per inch."""
    contents = {
        name: content_of(prediction, view, name, *_limits(view, name))
        for name in ([view.large] if view.large else PANELS)
    }
    shown = {name: content for name, content in contents.items() if content}
    rows = 2 if len(shown) > 3 else 1
    figure = Figure(figsize=PAPER, layout="constrained")
    grid = np.ravel(figure.subplots(rows, -(-len(shown) // rows), squeeze=False))
    for axes, (name, content) in zip(grid, shown.items(), strict=False):
        _draw(axes, prediction, colours, view, name, content)
    figure.suptitle(f"{prediction.name}: {_shown(prediction, view)}", fontsize=11)
    _add_bars(figure, list(grid), colours, view)
    _point_north(figure, grid, list(shown), prediction.sidecar)
    stream = io.BytesIO()
    figure.savefig(stream, dpi=DPI, format="png", metadata={"Software": None})
    return stream.getvalue()


def _point_north(
    figure: Figure, grid: NDArray[np.object_], names: list[str], sidecar: Sidecar
) -> None:
    """Draw an arrow to the north on the slice, as its axes are stretched."""
    compass = compass_of(sidecar)
    if compass is None or "slice" not in names:
        return
    # The layout decides how the axes are stretched.
    figure.draw_without_rendering()
    axes = grid[names.index("slice")]
    inline, crossline = compass[1] * [axis.step for axis in sidecar.axes[:2]]
    start, end = axes.transData.transform([(0.0, 0.0), (crossline, inline)])
    draw_north(axes, NORTH_AT, end - start)


def _shown(prediction: Prediction, view: View) -> str:
    """What is drawn, in words: background, overlays, and the vertical exaggeration if it is one."""
    layers = [view.ground, *(name for name, _ in view.overlays())]
    text = ", ".join(WORDS.get(name, name) for name in dict.fromkeys(layers))
    if view.aspect != "true":
        return text
    text += f", vertical exaggeration {view.exaggeration:g}"
    in_time = prediction.sidecar.domain == "time"
    return f"{text} at {view.velocity:,.0f} m/s" if in_time else text


def _limits(view: View, name: str) -> list[tuple[float, float]]:
    """Numbers of the horizontal and the vertical axis of a panel between which it is zoomed."""
    limits = view.limits()
    axes = (None, 2) if name == "line" else Section(PANELS.index(name), 0).axes
    everything = (-np.inf, np.inf)
    return [
        everything if axis is None or not limits else (limits[2 * axis], limits[2 * axis + 1])
        for axis in axes
    ]


def _draw(
    axes: Axes, prediction: Prediction, colours: Colours, view: View, name: str, content: Content
) -> None:
    picture, dead = picture_of(prediction, colours, view, content.cut)
    left, width, top, height = content.cut.box()
    picture[dead] = to_rgb(DEAD)
    extent = (left, left + width, top + height, top)
    axes.imshow(picture, extent=extent, aspect="auto", interpolation="nearest")
    if view.aspect == "true" and name != "line":
        axes.set_aspect(_aspect(prediction, view, name))
    if wiggles := wiggles_in(prediction, colours, view, content.cut):
        draw_wiggles(axes, wiggles, 0.3)
    for x, y in content.contours():
        axes.plot(x, y, color=CONTOUR_COLOUR, linewidth=0.4)
    horizons, faults = content.horizons(), content.faults()
    for curve in [*horizons, *faults]:
        axes.plot(curve.x, curve.y, color="black", linewidth=0.5 * curve.width + 0.5)
        axes.plot(curve.x, curve.y, color=curve.colour, linewidth=0.5 * curve.width)
    if view.names:
        _name(axes, labels_of(horizons, faults, content.cut.box()))
    sidecar = prediction.sidecar
    if name == "line":
        labels = f"distance ({sidecar.axes[0].unit})", axis_label(sidecar, 2)
    else:
        section = Section(PANELS.index(name), 0)
        labels = axis_label(sidecar, section.axes[0]), axis_label(sidecar, section.axes[1])
        _mark(axes, view, section)
    axes.set(xlim=extent[:2], ylim=extent[2:], xlabel=labels[0], ylabel=labels[1])
    axes.set_title(content.title, fontsize=9)
    axes.tick_params(labelsize=7)


def _mark(axes: Axes, view: View, section: Section) -> None:
    """Mark the positions of the other sections."""
    numbers = (view.inline, view.crossline, view.vertical)
    if view.cuts:
        how: dict[str, Any] = {"color": CUT_COLOUR, "linestyle": "dashed", "linewidth": 0.6}
        axes.axvline(numbers[section.axes[0]], **how)
        axes.axhline(numbers[section.axes[1]], **how)


def _aspect(prediction: Prediction, view: View, name: str) -> float:
    """Height of a unit of the vertical axis relative to one of the horizontal axis."""
    across, down = Section(PANELS.index(name), 0).axes
    return _length(prediction, view, down) / _length(prediction, view, across)


def _length(prediction: Prediction, view: View, axis: int) -> float:
    """Length on paper of a unit of an axis, in its lateral unit."""
    place = prediction.sidecar.axes[axis]
    if axis < 2:
        return place.spacing / abs(place.step)
    return drawn_height(prediction.sidecar, view)


def _name(axes: Axes, labels: list[Name]) -> None:
    for curve, place, side in labels:
        axes.annotate(
            short_name(curve.name),
            place,
            fontsize=6,
            annotation_clip=True,
            ha=side,
            va="top",
            bbox={"facecolor": "white", "edgecolor": curve.colour, "pad": 0.8, "linewidth": 0.8},
        )


def _add_bars(figure: Figure, grid: list[Axes], colours: Colours, view: View) -> None:
    for name in dict.fromkeys([view.ground, *(overlay for overlay, _ in view.overlays())]):
        if name == FAULT_ID:
            continue
        display = colours.display(name, view.palette, view.clip, view.gain)
        scale = ScalarMappable(Normalize(display.low, display.high), display.palette)
        bar = figure.colorbar(scale, ax=grid, location="bottom", shrink=0.4, aspect=40, pad=0.02)
        bar.set_label(display.label, fontsize=8)
        bar.ax.tick_params(labelsize=7)
