"""The picture of a panel: amplitudes with overlays, and contours of RGT."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from contourpy import contour_generator
from numpy.typing import NDArray

from ...volume.raw import Array
from ...volume.sidecar import Axis
from ...volume.volume import Volume
from ..section import Section
from ..style import HORIZONS
from ..wiggles import DENSITY, WIGGLE, Wiggles, wiggles_of
from .colours import Colours, Picture, displayed, hidden, lay_over
from .folder import IMAGE, Prediction
from .reading import Line, Window, read_line, read_section
from .view import View

# Pixels that a picture has at least along its longer side where samples are interpolated, and the
# most pixels of one sample. The factor is odd, so that a sample is the middle of its pixels.
INTERPOLATED, FINEST = 900, 15

Curve = tuple[NDArray[np.floating], NDArray[np.floating]]


@dataclass(frozen=True)
class Cut:
    """What a panel shows of the volumes: a window of a section, or the traces below a line.

    Attributes:
        read: Reads the samples (rows, columns) of a volume.
        live: Live traces, (rows, columns), (1, columns) or so, to be broadcast.
        across: Numbers of the columns: first and step of what is read, a line number or a distance.
        down: The same of the rows.
        columns: Columns that are read.
        rows: Rows that are read.
        is_slice: Whether the columns are not traces.
    """

    read: Callable[[Volume], Array]
    live: NDArray[np.bool_]
    across: Axis
    down: Axis
    columns: range
    rows: range
    is_slice: bool = False

    def box(self) -> tuple[float, float, float, float]:
        """Left, width, top and height of the picture in numbers of the axes; widths positive."""
        (left, width), (top, height) = (
            _ends(axis, part)
            for axis, part in ((self.across, self.columns), (self.down, self.rows))
        )
        return left, width, top, height


def _ends(axis: Axis, part: range) -> tuple[float, float]:
    edges = [axis.first + axis.step * (index) for index in (part[0], part[-1])]
    half = abs(axis.step) * part.step / 2
    return min(edges) - half, abs(edges[1] - edges[0]) + 2 * half


def cut_of_section(prediction: Prediction, section: Section, window: Window) -> Cut:
    """What a window of a section shows."""
    horizontal, vertical = (prediction.sidecar.axes[axis] for axis in section.axes)
    live = prediction.sidecar.live
    if section.axis == 2:
        mask = live[np.ix_(window.rows, window.columns)]
    else:
        mask = np.asarray(live.take(section.index, section.axis))[None, window.columns]
    return Cut(
        lambda volume: read_section(volume, section, window),
        mask,
        horizontal,
        vertical,
        window.columns,
        window.rows,
        section.axis == 2,
    )


def cut_of_line(prediction: Prediction, line: Line, rows: range) -> Cut:
    """What lies below a line; its columns are distances."""
    i3, i2 = line.nearest()
    step = float(line.distance[1]) or 1.0
    return Cut(
        lambda volume: read_line(volume, line, rows),
        prediction.sidecar.live[None, i3, i2],
        Axis("distance", 0.0, step, step, prediction.sidecar.axes[0].unit),
        prediction.sidecar.axes[2],
        range(line.distance.size),
        rows,
    )


def picture_of(
    prediction: Prediction, colours: Colours, view: View, cut: Cut
) -> tuple[Picture, NDArray[np.bool_]]:
    """The picture of a cut, on white, with several pixels a sample where it is interpolated.

    Returns:
        Red, green and blue (rows, columns, 3) and, (rows, columns), where traces are dead. The
        first row and column have the smallest numbers of the axes.
    """
    planes: dict[str, Array] = {}

    def plane(name: str) -> Array:
        if name not in planes:
            planes[name] = cut.read(prediction.volumes[name])
        return planes[name]

    shape = len(cut.rows), len(cut.columns)
    factor = _factor(max(shape)) if view.smooth else 1
    result = np.ones((shape[0] * factor, shape[1] * factor, 3), np.float32)
    # Wiggles alone stand on white.
    below = [] if ground_is_wiggles(view, cut) else [(view.ground, 1.0)]
    layers = [*below, *view.overlays()]
    fsem = None
    if "fsem" in prediction.volumes and {n for n, _ in layers} & {"fdip", "fstrike"}:
        fsem = finer(plane("fsem"), factor, smooth=False)
    for number, (name, opacity) in enumerate(layers, start=1 - len(below)):
        display = colours.display(name, view.palette, view.clip, view.gain)
        values = finer(plane(name), factor, display.smooth)
        # The ground shows small probabilities too.
        threshold = view.threshold if number or name not in ("fsem", "fthin") else 0.0
        shown = displayed(name, values, prediction.sidecar)
        # A strike is not known on a 2D line.
        off = hidden(name, values, fsem, threshold) | ~np.isfinite(shown)
        lay_over(result, display, shown, off, opacity)
    dead = np.broadcast_to(~cut.live, shape).repeat(factor, 0).repeat(factor, 1)
    # Pixels in the order of rising numbers of both axes.
    rows, columns = (
        slice(None, None, 1 if axis.step > 0 else -1) for axis in (cut.down, cut.across)
    )
    return result[rows, columns], dead[rows, columns]


def ground_is_wiggles(view: View, cut: Cut) -> bool:
    """Whether a cut shows its amplitudes as wiggles alone."""
    return _traces(view, cut) == WIGGLE and view.ground in (IMAGE, "dhr")


def wiggles_in(prediction: Prediction, colours: Colours, view: View, cut: Cut) -> Wiggles | None:
    """Wiggles of the amplitudes of a vertical cut; of the image where the ground is another."""
    names = [n for n in (view.ground, IMAGE, "dhr") if n in (IMAGE, "dhr")]
    names = [n for n in names if n in prediction.volumes]
    if _traces(view, cut) == DENSITY or not names:
        return None
    across, down = (
        axis.first + axis.step * np.array(part, np.float64)
        for axis, part in ((cut.across, cut.columns), (cut.down, cut.rows))
    )
    across[~np.broadcast_to(cut.live, (1, len(across)))[0]] = np.nan
    limit = colours.limit(names[0], view.clip) / view.gain
    return wiggles_of(cut.read(prediction.volumes[names[0]]), across, down, limit)


def _traces(view: View, cut: Cut) -> str:
    # The 3D scene shows the pictures of the sections alone.
    return DENSITY if cut.is_slice or view.tab == "scene" else view.traces


def _factor(longest: int) -> int:
    whole = min(max(-(-INTERPOLATED // longest), 1), FINEST)
    return whole - 1 if whole % 2 == 0 else whole


def finer(values: Array, factor: int, smooth: bool) -> Array:
    """`values` with `factor` pixels a sample along both axes, interpolated linearly if `smooth`."""
    if factor == 1:
        return values
    if not smooth:
        return values.repeat(factor, 0).repeat(factor, 1)
    for axis in (0, 1):
        n = values.shape[axis]
        at = np.clip((np.arange(n * factor) + 0.5) / factor - 0.5, 0, n - 1)
        below = np.minimum(at.astype(np.int64), max(n - 2, 0))
        weight = (at - below).astype(np.float32)
        weight = weight[:, None] if axis == 0 else weight
        above = np.minimum(below + 1, n - 1)
        values = values.take(below, axis) * (1 - weight) + values.take(above, axis) * weight
    return values


def contours_of(prediction: Prediction, view: View, cut: Cut) -> list[Curve]:
    """Contours of RGT, if it is shown, in numbers of the axes."""
    shown = {view.ground, view.overlay, view.overlay2}
    if "rgt" not in shown or not view.contours:
        return []
    values = cut.read(prediction.volumes["rgt"])
    return level_curves(values, np.linspace(0, 1, HORIZONS + 2)[1:-1], cut)


def level_curves(values: Array, levels: NDArray[np.float64], cut: Cut) -> list[Curve]:
    """Curves where `values` (rows, columns) of a cut have one of `levels`."""
    if min(values.shape) < 2:
        return []
    x, y = (
        axis.first + axis.step * np.array(part)
        for axis, part in ((cut.across, cut.columns), (cut.down, cut.rows))
    )
    generator = contour_generator(x, y, np.ma.masked_invalid(values))
    lines = [line for level in levels for line in generator.lines(float(level))]
    return [(np.asarray(line)[:, 0], np.asarray(line)[:, 1]) for line in lines]
