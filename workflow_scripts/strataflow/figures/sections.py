"""Quality-control figures: sections of a volume with attributes over the amplitudes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

from ..volume.raw import Array

matplotlib.use("Agg")
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from scipy.ndimage import maximum_filter

from ..files import written_whole
from ..volume.attributes import FAULT_ID, FAULT_THRESHOLD, PROBABILITY, SPREAD
from ..volume.raw import Shape
from ..volume.volume import Sidecar, Volume, statistics_of

# Limit of the grey scale in standard deviations of the amplitudes.
GREY_CLIP = 2.5

HORIZONS = 14

# Cyclic colour map for dip and strike, because 0 and 180 degrees are the same.
CYCLIC = "twilight"

SPECTRUM_INLINES = 32
ROSE_SECTORS = 36

# Minimum probability and minimum spread that are drawn.
MIN_SHOWN, MIN_SPREAD = 0.2, 0.05

NO_STRIKE = "A 2D line has no strike. Its dips are apparent ones, in the plane of the line."
NO_AZIMUTH = "The survey has no coordinates, so that azimuths are not known."

# Name of the layer that shows the image minus `dhr`.
DIFFERENCE = "difference"


@dataclass(frozen=True)
class Section:
    """A section at `index`; `axis` is 0 for an inline, 1 for a crossline, 2 for a slice."""

    axis: int
    index: int

    def of(self, values: Array) -> Array:
        """The section of `values` (n3, n2, n1), with time, depth or inlines downward."""
        plane = np.array(values.take(self.index, self.axis))
        return plane.T if self.axis < 2 else plane

    def title(self, sidecar: Sidecar) -> str:
        """Title with the line number, time or depth of the section."""
        axis = sidecar.axes[self.axis]
        number = axis.first + axis.step * self.index
        if sidecar.is_line and not axis.first:
            return "2D line"
        if self.axis < 2:
            return f"{axis.name} {number:.10g}"
        return f"{sidecar.domain} slice {number:.10g} {axis.unit}"

    @property
    def axes(self) -> tuple[int, int]:
        """Volume axes that are horizontal and vertical in the figure."""
        return {0: (1, 2), 1: (0, 2), 2: (1, 0)}[self.axis]


def sections_of(
    shape: Shape, fsem: Array | None, probability: float = PROBABILITY
) -> tuple[Section, ...]:
    """Choose an inline, a crossline and a slice near the middle, each with many faults.

    A single line has one section alone, the line itself.

    Args:
        shape: Size of the volume.
        fsem: Fault probability (n3, n2, n1), if known.
        probability: Minimum fault probability of a fault.
    """
    if shape.n3 == 1:
        return (Section(0, 0),)
    chosen = []
    for axis, n in enumerate(shape.array):
        near = np.arange(round(0.3 * (n - 1)), round(0.7 * (n - 1)) + 1)
        index = int(near[near.size // 2])
        if fsem is not None:
            seen = [int(np.count_nonzero(fsem.take(i, axis) >= probability)) for i in near[::4]]
            index = int(near[::4][int(np.argmax(seen))]) if any(seen) else index
        chosen.append(Section(axis, index))
    return tuple(chosen)


def plot(
    image: Volume,
    predicted: dict[str, Volume],
    labels: dict[str, Volume],
    prefix: Path,
    probability: float = PROBABILITY,
) -> None:
    """Draw the quality-control figures of a prediction.

    `prefix`.<attribute>.png shows an inline, a crossline and a slice of the amplitudes, of the
    prediction and of the label, if any; for dhr also the difference to the image, for fault_id the
    picked faults, each in a colour.
    `prefix`.spectrum.png shows the spectra of dhr and of the image, and `prefix`.rose.png the
    strike of the faults. Those of strike only say so where it is not known.

    Args:
        image: Input image.
        predicted: Predicted volumes by attribute.
        labels: Labels by attribute.
        prefix: PREFIX of the figures.
        probability: Minimum fault probability of a predicted fault.
    """
    fsem = predicted["fsem"].values if "fsem" in predicted else None
    sections = sections_of(image.shape, fsem, probability)
    for name, volume in predicted.items():
        if name == "fstrike" and image.sidecar.is_line:
            _write_note(prefix.with_name(f"{prefix.name}.{name}.png"), NO_STRIKE)
            continue
        rows: list[tuple[str, Layer]] = [("amplitude", Layer(image))]
        shown = Layer(image, name, volume, predicted.get("fsem"), probability)
        picked = name == FAULT_ID
        rows.append(("picked faults" if picked else f"predicted {name}", shown))
        if name == "dhr":
            rows.append(("amplitude minus dhr", Layer(image, DIFFERENCE, volume)))
        if name in labels:
            what = "true faults" if picked else f"labelled {name}"
            rows.append((what, Layer(image, name, labels[name], labels.get("fsem"))))
        source = Path(image.sidecar.source_file or image.path).name
        title = f"{TITLES[name]}: {prefix.name}, from {source}"
        _write(prefix.with_name(f"{prefix.name}.{name}.png"), title, sections, rows)
    if "dhr" in predicted:
        _draw_spectra(image, predicted, labels, prefix.with_name(f"{prefix.name}.spectrum.png"))
    rose = prefix.with_name(f"{prefix.name}.rose.png")
    if "fstrike" in predicted and (image.sidecar.is_line or not image.sidecar.corners):
        _write_note(rose, NO_STRIKE if image.sidecar.is_line else NO_AZIMUTH)
    elif "fstrike" in predicted:
        _draw_rose(predicted, labels, rose, probability)


def _draw_spectra(
    image: Volume, predicted: dict[str, Volume], labels: dict[str, Volume], path: Path
) -> None:
    """Draw mean amplitude spectra of the image, of dhr and of its label, over some inlines."""
    axis = image.sidecar.axes[2]
    # Hz for ms, cycles per km for m, cycles per 1,000 ft for ft.
    frequency = 1000 * np.fft.rfftfreq(image.shape.n1, axis.spacing)
    figure = Figure(figsize=(7, 4), layout="constrained")
    ax = figure.subplots()
    volumes = {"amplitude": image, "predicted dhr": predicted["dhr"]}
    if "dhr" in labels:
        volumes["labelled dhr"] = labels["dhr"]
    step = max(image.shape.n3 // SPECTRUM_INLINES, 1)
    for name, volume in volumes.items():
        traces = statistics_of(volume).normalise(np.array(volume.values[step // 2 :: step]))
        spectrum = np.abs(np.fft.rfft(traces, axis=-1)).mean(axis=(0, 1))
        ax.plot(frequency, spectrum / spectrum.max(), label=name)
    unit = "Hz" if axis.unit == "ms" else f"cycles per 1,000 {axis.unit}"
    ax.set(xlabel=unit, ylabel="relative amplitude", xlim=(0, None), ylim=(0, None))
    ax.legend()
    figure.suptitle(f"Spectra: {path.name.split('.')[0]}")
    save_picture(path, figure)


def _draw_rose(
    predicted: dict[str, Volume], labels: dict[str, Volume], path: Path, probability: float
) -> None:
    """Draw rose diagrams of the strike azimuth of fault voxels."""
    given = {"predicted": predicted} | ({"labelled": labels} if "fstrike" in labels else {})
    given = {name: volumes for name, volumes in given.items() if "fsem" in volumes}
    figure = Figure(figsize=(4.5 * max(len(given), 1), 4.8), layout="constrained")
    grid = figure.subplots(1, max(len(given), 1), subplot_kw={"projection": "polar"}, squeeze=False)
    edges = np.linspace(0, 180, ROSE_SECTORS + 1)
    middles = np.radians((edges[:-1] + edges[1:]) / 2)
    colours = colormaps[CYCLIC](middles / np.pi)
    for ax, (name, volumes) in zip(grid[0], given.items(), strict=False):
        counts = np.zeros(ROSE_SECTORS)
        minimum = FAULT_THRESHOLD if volumes is labels else probability
        for strike, fsem in zip(volumes["fstrike"].values, volumes["fsem"].values, strict=True):
            azimuth = volumes["fstrike"].sidecar.azimuth(180 * strike[fsem >= minimum])
            counts += np.histogram(azimuth, edges)[0]
        share = counts / max(counts.sum(), 1)
        ax.set(theta_zero_location="N", theta_direction=-1)
        for half in (0, np.pi):
            ax.bar(
                middles + half, share, np.pi / ROSE_SECTORS, color=colours, edgecolor="0.3", lw=0.4
            )
        ax.set_title(f"{name}, {counts.sum():,.0f} voxels", fontsize=9)
        ax.tick_params(labelsize=7)
    figure.suptitle(f"Strike azimuth: {path.name.split('.')[0]}")
    save_picture(path, figure)


@dataclass(frozen=True)
class Layer:
    """Content of a row of a figure: the image, with or without an attribute over it.

    Attributes:
        image: Input image.
        attribute: Name of the attribute, if any.
        volume: Volume of the attribute.
        fsem: Fault probability, which masks angles.
        probability: Minimum fault probability at which angles are shown.
    """

    image: Volume
    attribute: str | None = None
    volume: Volume | None = None
    fsem: Volume | None = None
    probability: float = FAULT_THRESHOLD


# Colours of faults, in turn, and voxels by which they are widened to be seen.
COLOURS_OF_FAULTS, WIDENED = "tab20", 3

TITLES = {
    FAULT_ID: "Faults one by one over amplitudes",
    "fsem": "Fault probability over amplitudes",
    "fdip": "Fault dip over amplitudes",
    "fstrike": "Fault strike over amplitudes",
    SPREAD: "Spread of the fault probability over amplitudes",
    "rgt": "Relative geologic time over amplitudes",
    "dhr": "Denoised, higher-resolution image",
}


def _write(
    path: Path, title: str, sections: tuple[Section, ...], rows: list[tuple[str, Layer]]
) -> None:
    figure = Figure(figsize=(14, 4.6 * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), len(sections), squeeze=False)
    figure.suptitle(title)
    for (name, layer), line in zip(rows, grid, strict=True):
        drawn = None
        for section, axes in zip(sections, line, strict=True):
            drawn = _draw(axes, section, layer)
            axes.set_title(f"{name}, {section.title(layer.image.sidecar)}", fontsize=9)
        if drawn is not None:
            _legend(figure, drawn, layer, list(line))
    save_picture(path, figure)


def _write_note(path: Path, note: str) -> None:
    """Write a picture of one sentence."""
    figure = Figure(figsize=(7, 1.5))
    figure.text(0.5, 0.5, note, ha="center", va="center")
    save_picture(path, figure)


def save_picture(path: Path, figure: Figure) -> None:
    """Write `figure` as PNG to `path`, reproducibly."""
    with written_whole(path) as (temporary,):
        figure.savefig(temporary, dpi=110, format="png", metadata={"Software": None})


def _draw(axes: Axes, section: Section, layer: Layer) -> Any:
    """Draw one section. Return the artist for the colour bar, if any."""
    sidecar = layer.image.sidecar
    extent = extent_of(section, sidecar)
    show: Callable[..., Any] = lambda values, **how: axes.imshow(  # noqa: E731
        values, extent=extent, aspect="auto", interpolation="nearest", **how
    )
    horizontal, vertical = section.axes
    axes.set_xlabel(axis_label(sidecar, horizontal), fontsize=8)
    if sidecar.is_line and sidecar.track:
        _add_distance(axes, sidecar)
    axes.set_ylabel(axis_label(sidecar, vertical), fontsize=8)
    axes.tick_params(labelsize=7)
    axes.ticklabel_format(useOffset=False, style="plain")
    if layer.attribute == "dhr" and layer.volume:
        return _show_amplitude(show, section, layer.volume)
    if layer.attribute == DIFFERENCE and layer.volume:
        recorded, clean = (_normalised(section, volume) for volume in (layer.image, layer.volume))
        return show(recorded - clean, cmap="gray", vmin=-GREY_CLIP, vmax=GREY_CLIP)
    _show_amplitude(show, section, layer.image)
    if layer.volume is None:
        return None
    values = section.of(layer.volume.values)
    if layer.attribute == FAULT_ID:
        number = maximum_filter(values, WIDENED)
        shown = np.ma.masked_where(number == 0, (number - 1) % 20)
        show(shown, cmap=COLOURS_OF_FAULTS, vmin=-0.5, vmax=19.5)
        # A colour bar would say nothing: colours repeat.
        return None
    if layer.attribute == "rgt":
        levels = np.linspace(0, 1, HORIZONS + 2)[1:-1]
        axes.contour(
            values,
            levels,
            extent=extent,
            origin="upper",
            cmap="turbo",
            vmin=0,
            vmax=1,
            linewidths=1.2,
        )
        return show(values, cmap="turbo", vmin=0, vmax=1, alpha=0.25)
    if layer.attribute == SPREAD:
        # The standard deviation of numbers from 0 to 1 is at most 0.5.
        return show(np.ma.masked_less(values, MIN_SPREAD), cmap="viridis", vmin=0, vmax=0.5)
    fsem = (
        values
        if layer.attribute == "fsem"
        else section.of(layer.fsem.values)
        if layer.fsem
        else None
    )
    if layer.attribute == "fsem":
        minimum = min(MIN_SHOWN, layer.probability)
        return show(np.ma.masked_less(values, minimum), cmap=FAULT_COLOURS, vmin=0, vmax=1)
    hidden = values <= 0 if fsem is None else fsem < layer.probability
    return show(
        np.ma.masked_where(hidden, 180 * values),
        cmap=CYCLIC,
        vmin=0,
        vmax=180,
    )


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


# From transparent orange to red, so that the amplitudes show through at low probabilities.
FAULT_COLOURS = ListedColormap(
    [(1.0, 0.75 * (1 - p), 0.0, 0.25 + 0.7 * p) for p in np.linspace(0, 1, 256)]
)


def _show_amplitude(show: Callable[..., Any], section: Section, volume: Volume) -> Any:
    return show(_normalised(section, volume), cmap="gray", vmin=-GREY_CLIP, vmax=GREY_CLIP)


def _normalised(section: Section, volume: Volume) -> Array:
    return statistics_of(volume).normalise(section.of(volume.values))


def axis_label(sidecar: Sidecar, axis: int) -> str:
    """Label of an axis, with the unit for time or depth."""
    name = sidecar.axis_names[axis]
    return name if axis < 2 else f"{name} ({sidecar.axes[axis].unit})"


def extent_of(section: Section, sidecar: Sidecar) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of a section in line numbers, time or depth."""
    horizontal, vertical = section.axes
    ends = []
    for number in (horizontal, vertical):
        axis, n = sidecar.axes[number], sidecar.shape.array[number]
        ends.append((axis.first - axis.step / 2, axis.first + axis.step * (n - 0.5)))
    (left, right), (top, bottom) = ends
    return left, right, bottom, top


def _legend(figure: Any, drawn: Any, layer: Layer, line: list[Axes]) -> None:
    labels = {
        "fsem": "fault probability",
        "fdip": "dip (degrees)",
        "fstrike": "strike (degrees)",
        SPREAD: "standard deviation of the probability",
        "rgt": "relative geologic time",
        "dhr": "amplitude (standard deviations)",
        DIFFERENCE: "amplitude (standard deviations)",
    }
    bar = figure.colorbar(drawn, ax=line, shrink=0.85, pad=0.01)
    bar.set_label(labels[layer.attribute or "dhr"], fontsize=8)
    bar.ax.tick_params(labelsize=7)
