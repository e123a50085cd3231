"""Sections of a volume as pictures: amplitudes, with an attribute or picked faults over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from ..volume.attributes import CONFIDENCE, FAULT_ID, FAULT_THRESHOLD, SPREAD
from ..volume.raw import Array
from ..volume.sidecar import Sidecar
from ..volume.volume import Volume, statistics_of
from .fault_lines import FaultMeshes
from .section import Section, axis_label, extent_of
from .style import (
    COLOURS_OF_FAULTS,
    CYCLIC,
    DIP,
    DOUBT,
    FAULT_COLOURS,
    GREY_CLIP,
    HORIZONS,
    MIN_SHOWN,
    MIN_SPREAD,
    TIME,
    UNCERTAINTY,
    fault_colour,
)
from .wiggles import DENSITY, WIGGLE, Wiggles, wiggles_of

# Name of the layer that shows the image minus `dhr`.
DIFFERENCE = "difference"

# Maximum number of intervals between ticks.
TICKS = 6

# Voxels by which the voxels of a fault are widened to be seen.
WIDENED = 2

# Minimum length of the line of a fault, as a fraction of the section, to have a number beside it.
NUMBERED = 0.08


@dataclass(frozen=True)
class Layer:
    """Content of a picture of a section: the image, with or without something over it.

    Attributes:
        image: Input image.
        attribute: Name of the attribute, if any.
        volume: Volume of the attribute.
        fsem: Fault probability, which masks angles.
        probability: Minimum fault probability at which angles are shown.
        meshes: Fault surfaces, drawn as lines.
        traces: How inlines and crosslines draw amplitudes: one of `wiggles.STYLES`.
    """

    image: Volume
    attribute: str | None = None
    volume: Volume | None = None
    fsem: Volume | None = None
    probability: float = FAULT_THRESHOLD
    meshes: FaultMeshes | None = None
    traces: str = DENSITY


def draw_section(axes: Axes, section: Section, layer: Layer) -> Any:
    """Draw a section. Return the artist for the colour bar, if any."""
    sidecar = layer.image.sidecar
    picture = _Picture(axes, section, sidecar, layer.traces)
    if sidecar.is_line and sidecar.track:
        _add_distance(axes, sidecar)
    axes.tick_params(labelsize=7)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(TICKS))
    axes.set_facecolor("0.85")
    axes.ticklabel_format(useOffset=False, style="plain")
    if layer.attribute == "dhr" and layer.volume:
        return picture.amplitude(_normalised(section, layer.volume))
    if layer.attribute == DIFFERENCE and layer.volume:
        recorded, clean = (_normalised(section, volume) for volume in (layer.image, layer.volume))
        return picture.amplitude(recorded - clean)
    picture.amplitude(_normalised(section, layer.image))
    drawn = picture.attribute(layer) if layer.volume else None
    if layer.meshes:
        picture.faults(layer.meshes)
    left, right, bottom, top = extent_of(section, sidecar)
    axes.set(xlim=(left, right), ylim=(bottom, top))
    return drawn


def _add_distance(axes: Axes, sidecar: Sidecar) -> None:
    """Show the distance along a 2D line on a second horizontal axis."""
    cdp = sidecar.axes[1]
    scale = cdp.spacing / cdp.step

    def distance(number: Any) -> Any:
        return (number - cdp.first) * scale

    def number(distance: Any) -> Any:
        return distance / scale + cdp.first

    above = axes.secondary_xaxis("top", functions=(distance, number))
    above.set_xlabel(f"distance along the line ({cdp.unit})", fontsize=8)
    above.tick_params(labelsize=7)


def name_axes(axes: Axes, section: Section, sidecar: Sidecar, below: bool = True) -> None:
    """Write the names of the axes of a section, those of the horizontal axis only if `below`.

    Matplotlib's own labels cost a third of the time of a picture: it measures all ticks for them.
    """
    horizontal, vertical = section.axes
    how: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points"}
    how |= {"ha": "center", "va": "center", "fontsize": 8}
    axes.annotate(axis_label(sidecar, vertical), (0, 0.5), (-36, 0), rotation=90, **how)
    axes.tick_params(labelbottom=below)
    if below:
        axes.annotate(axis_label(sidecar, horizontal), (0.5, 0), (0, -24), **how)


@dataclass(frozen=True)
class _Picture:
    """Axes with a section of a survey."""

    axes: Axes
    section: Section
    sidecar: Sidecar
    traces: str = DENSITY

    def show(self, values: NDArray, **how: Any) -> Any:
        """Show `values` (rows, columns) over the whole section."""
        how = {"interpolation": "nearest"} | how
        extent = extent_of(self.section, self.sidecar)
        return self.axes.imshow(values, extent=extent, aspect="auto", **how)

    def amplitude(self, values: Array) -> Any:
        """Show normalised amplitudes; dead traces are left out."""
        live = self.sidecar.live[..., None].astype(np.float32)
        dead = self.section.read(np.broadcast_to(live, self.sidecar.shape.array)) == 0
        shown = np.ma.masked_where(dead, values)
        if self.section.axis < 2 and self.traces != DENSITY:
            self._wiggles(values, dead)
        limits = {"vmin": -GREY_CLIP, "vmax": GREY_CLIP}
        if self.section.axis < 2 and self.traces == WIGGLE:
            white = np.ma.masked_where(dead, np.ones_like(values))
            return self.show(white, cmap="gray", vmin=0, vmax=1)
        return self.show(shown, cmap="gray", interpolation="antialiased", **limits)

    def _wiggles(self, values: Array, dead: NDArray[np.bool_]) -> None:
        across, down = (
            axis.first + axis.step * np.arange(n, dtype=np.float64)
            for axis, n in (
                (self.sidecar.axes[axis], self.sidecar.shape.array[axis])
                for axis in self.section.axes
            )
        )
        across[dead.all(axis=0)] = np.nan
        draw_wiggles(self.axes, wiggles_of(values, across, down, GREY_CLIP), 0.35)

    def attribute(self, layer: Layer) -> Any:
        """Show the attribute of `layer`. Return the artist for the colour bar, if any."""
        assert layer.volume is not None
        values, name = self.section.read(layer.volume.values), layer.attribute
        if name == FAULT_ID:
            return self._fault_voxels(values)
        if name == "rgt":
            return self._time(values)
        if name == SPREAD:
            # The standard deviation of numbers from 0 to 1 is at most 0.5.
            shown = np.ma.masked_less(values, MIN_SPREAD)
            return self.show(shown, cmap=UNCERTAINTY, vmin=0, vmax=0.5)
        if name == CONFIDENCE:
            return self.show(values, cmap=DOUBT, vmin=0, vmax=1)
        if name == "fsem":
            shown = np.ma.masked_less(values, min(MIN_SHOWN, layer.probability))
            return self.show(shown, cmap=FAULT_COLOURS, vmin=0, vmax=1)
        hidden = values <= 0
        if layer.fsem:
            hidden = self.section.read(layer.fsem.values) < layer.probability
        return self._angles(name, 180 * values, hidden)

    def _angles(self, name: str | None, degrees: Array, hidden: NDArray[np.bool_]) -> Any:
        if name == "fdip":
            folded = np.minimum(degrees, 180 - degrees)
            return self.show(np.ma.masked_where(hidden, folded), cmap=DIP, vmin=0, vmax=90)
        azimuth = self.sidecar.azimuth(degrees) if self.sidecar.corners else degrees
        return self.show(np.ma.masked_where(hidden, azimuth), cmap=CYCLIC, vmin=0, vmax=180)

    def _time(self, values: Array) -> Any:
        levels = np.linspace(0, 1, HORIZONS + 2)[1:-1]
        extent = extent_of(self.section, self.sidecar)
        lines: dict[str, Any] = {"extent": extent, "origin": "upper", "linewidths": 0.9}
        self.axes.contour(values, levels, cmap=TIME, vmin=0, vmax=1, **lines)
        return self.show(values, cmap=TIME, vmin=0, vmax=1, alpha=0.35)

    def _fault_voxels(self, values: Array) -> None:
        """Show fault numbers, each in its colour, without a colour bar."""
        number = maximum_filter(values, WIDENED).astype(np.int64)
        colours = np.array([to_rgba(colour) for colour in COLOURS_OF_FAULTS])
        picture = colours[(number - 1) % len(colours)]
        picture[number == 0] = 0
        self.show(picture)

    def faults(self, meshes: FaultMeshes) -> None:
        """Draw where the section cuts the faults: lines in their colours, with their numbers."""
        places: list[NDArray[np.float64]] = []
        for number, segments in meshes.lines(self.section.axis, self.section.index).items():
            lines = np.stack([self._numbers(axis, segments) for axis in self.section.axes], axis=2)
            for colour, width in (("black", 2.6), (fault_colour(number), 1.4)):
                self.axes.add_collection(
                    LineCollection(list(lines), colors=colour, linewidths=width, zorder=3)
                )
            self._number(number, lines.reshape(-1, 2), places)

    def _numbers(self, axis: int, segments: NDArray[np.float64]) -> NDArray[np.float64]:
        """Line numbers, times or depths of indices along `axis`."""
        along = self.sidecar.axes[axis]
        return along.first + along.step * segments[..., axis]

    def _number(
        self, number: int, points: NDArray[np.float64], places: list[NDArray[np.float64]]
    ) -> None:
        """Write the number of a long line beside it, where it is far from the other numbers."""
        left, right, bottom, top = extent_of(self.section, self.sidecar)
        size = np.abs([right - left, top - bottom])
        if np.linalg.norm(np.ptp(points, axis=0) / size) < NUMBERED:
            return
        inside = points[
            (np.abs(points - [(left + right) / 2, (top + bottom) / 2]) < 0.46 * size).all(1)
        ]
        if not inside.size:
            return
        far = np.full(len(inside), 1.0)
        if places:
            gaps = (inside[:, None] - np.array(places)) / size
            far = np.linalg.norm(gaps, axis=2).min(axis=1)
        # Prefer the upper end among the places that are far enough from other numbers.
        height = (inside[:, 1] - bottom) / (top - bottom)
        place = inside[int(np.argmax(height + 10 * np.minimum(far, 0.1)))]
        places.append(place)
        write_number(self.axes, number, float(place[0]), float(place[1]))


def draw_wiggles(axes: Axes, wiggles: Wiggles, width: float) -> None:
    """Draw wiggles in black, with lines of a width in points, above pictures and below curves."""
    axes.plot(*wiggles.line, color="black", linewidth=width, zorder=1.5)
    area = np.stack(wiggles.area, axis=1)
    ends = np.flatnonzero(np.isnan(area[:, 0]))
    outlines = [part[np.isfinite(part[:, 0])] for part in np.split(area, ends)]
    axes.add_collection(
        PolyCollection(outlines, facecolors="black", linewidths=0, zorder=1.5), autolim=False
    )


def write_number(axes: Axes, number: int, x: float, y: float) -> None:
    """Write the number of a fault at a place, in its colour."""
    axes.text(
        x,
        y,
        str(number),
        color=fault_colour(number),
        fontsize=9,
        fontweight="bold",
        ha="center",
        va="center",
        zorder=4,
        path_effects=[patheffects.withStroke(linewidth=2.5, foreground="black")],
    )


def _normalised(section: Section, volume: Volume) -> Array:
    return statistics_of(volume).normalise(section.read(volume.values))
