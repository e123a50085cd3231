"""All pictures of a predicted volume except the 3D scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..processes import results_of
from ..volume.attributes import CONFIDENCE, FAULT_ID, PROBABILITY, SPREAD
from ..volume.volume import Volume, statistics_of
from .charts import NO_STRIKE, draw_note, draw_rose, draw_spectra, draw_throws
from .choice import choose_sections
from .fault_lines import FaultMeshes
from .layout import Scale, large_panels, ratio_of, rows_of_panels, scale_of
from .north import point_north
from .section import Section
from .sections import DIFFERENCE, Layer, draw_section, name_axes
from .style import save_picture
from .wiggles import DENSITY

TITLES = {
    "fsem": "Fault probability over amplitudes",
    "fdip": "Fault dip over amplitudes",
    "fstrike": "Fault strike over amplitudes",
    SPREAD: "Spread of the fault probability over amplitudes",
    "rgt": "Relative geologic time over amplitudes",
    CONFIDENCE: "Confidence of relative geologic time over amplitudes",
    "dhr": "Denoised image of higher resolution",
}

# Title of the dip of a 2D line.
APPARENT = "Apparent fault dip, in the plane of the line, over amplitudes"

BARS = {
    "fsem": "probability",
    "fdip": "dip on the grid (degrees)",
    "fstrike": "strike (degrees)",
    SPREAD: "standard deviation",
    "rgt": "relative geologic time",
    CONFIDENCE: "confidence",
    "dhr": "standard deviations",
    DIFFERENCE: "standard deviations",
}


@dataclass(frozen=True)
class Results:
    """What was predicted and picked of a volume, and labels to compare with.

    Attributes:
        image: Input image.
        predicted: Predicted volumes by attribute.
        labels: Labels by attribute.
        picks: Picked fault surfaces; None if no faults were picked.
        throws: VOLUME.fault_throws.csv, if faults were picked.
    """

    image: Volume
    predicted: dict[str, Volume]
    labels: dict[str, Volume]
    picks: FaultMeshes | None = None
    throws: pd.DataFrame | None = None


def plot(
    results: Results,
    prefix: Path,
    probability: float = PROBABILITY,
    velocity: float | None = None,
    workers: int = 1,
    traces: str = DENSITY,
) -> None:
    """Draw the pictures of a prediction.

    `prefix`.faults.png shows picked faults over an inline, a crossline and a slice that cut most of
    them. `prefix`.<attribute>.png shows each attribute on the same sections, below it the label, if
    any. `prefix`.spectrum.png shows the spectra of dhr and of the image, `prefix`.rose.png strikes,
    `prefix`.throws.png the throw along faults.

    Args:
        results: What to draw.
        prefix: PREFIX of the pictures.
        probability: Minimum fault probability of a predicted fault.
        velocity: m/s that turns two-way time into depth, for the vertical exaggeration.
        workers: Number of processes.
        traces: How inlines and crosslines draw amplitudes: one of `wiggles.STYLES`.
    """
    image = _with_statistics(results.image)
    predicted, labels = results.predicted.copy(), results.labels.copy()
    for volumes in (predicted, labels):
        if "dhr" in volumes:
            volumes["dhr"] = _with_statistics(volumes["dhr"])
    fsem = predicted["fsem"].values if "fsem" in predicted else None
    sections = choose_sections(image.shape, results.picks, fsem, probability)
    pictures = _Pictures(image, sections, scale_of(image.sidecar, velocity), prefix, traces)
    tasks: list[Callable[[], None]] = []
    for name, volume in predicted.items():
        if name == "fstrike" and image.sidecar.is_line:
            draw_note(pictures.path(name), NO_STRIKE)
        elif name in TITLES:
            shown = Layer(image, name, volume, predicted.get("fsem"), probability)
            label = labels.get(name)
            truth = Layer(image, name, label, labels.get("fsem")) if label else None
            tasks.append(partial(pictures.attribute, shown, truth))
    if FAULT_ID in predicted:
        tasks.append(partial(pictures.faults, predicted[FAULT_ID], results.picks))
    if results.throws is not None:
        tasks.append(partial(draw_throws, results.throws, pictures.path("throws")))
    if "dhr" in predicted:
        tasks.append(partial(draw_spectra, image, predicted, labels, pictures.path("spectrum")))
    if "fstrike" in predicted:
        tasks.append(partial(draw_rose, predicted, labels, pictures.path("rose"), probability))
    for _ in results_of(tasks, workers):
        pass


def _with_statistics(volume: Volume) -> Volume:
    """`volume` with amplitude statistics in its sidecar, so that they are computed once."""
    sidecar = replace(volume.sidecar, amplitudes=statistics_of(volume))
    return replace(volume, sidecar=sidecar)


@dataclass(frozen=True)
class _Pictures:
    """Pictures of the same sections of an image."""

    image: Volume
    sections: tuple[Section, ...]
    scale: Scale
    prefix: Path
    traces: str = DENSITY

    def path(self, name: str) -> Path:
        return Path(f"{self.prefix}.{name}.png")

    @property
    def ratios(self) -> list[float]:
        return [ratio_of(section, self.image.sidecar, self.scale) for section in self.sections]

    def faults(self, numbers: Volume, meshes: FaultMeshes | None) -> None:
        """Draw the picked faults, large."""
        # Faults of a line have no surfaces: show their voxels.
        picked = Layer(self.image, meshes=meshes)
        if meshes is None:
            picked = Layer(self.image, FAULT_ID, numbers)
        figure, panels = large_panels(self.ratios)
        for axes, section in zip(panels, self.sections, strict=True):
            self._draw(axes, section, picked)
            name_axes(axes, section, self.image.sidecar)
            point_north(axes, section, self.image.sidecar, meshes)
            self._entitle(axes, section.title(self.image.sidecar))
        some = meshes is None or meshes.fault.size
        title = "Picked faults over amplitudes" if some else "Amplitudes: no faults were picked"
        self._write("faults", figure, title)

    def _draw(self, axes: Axes, section: Section, layer: Layer) -> Any:
        return draw_section(axes, section, replace(layer, traces=self.traces))

    def attribute(self, shown: Layer, truth: Layer | None) -> None:
        """Draw an attribute; the fault probability below amplitudes, dhr with what it removed."""
        name = shown.attribute or ""
        rows = [("predicted", shown)]
        if name in ("fsem", "dhr"):
            rows.insert(0, ("amplitudes", Layer(self.image)))
        if name == "dhr":
            removed = Layer(self.image, DIFFERENCE, shown.volume)
            rows.append(("amplitudes minus predicted", removed))
        if truth:
            rows.append(("labelled", truth))
        title = APPARENT if name == "fdip" and self.image.sidecar.is_line else TITLES[name]
        self._rows(name, title, rows)

    def _rows(self, name: str, title: str, rows: list[tuple[str, Layer]]) -> None:
        figure, grid = rows_of_panels(self.ratios, len(rows))
        for number, ((what, layer), line) in enumerate(zip(rows, grid, strict=True), start=1):
            *panels, bar = line
            drawn = None
            for axes, section in zip(panels, self.sections, strict=True):
                drawn = self._draw(axes, section, layer)
                name_axes(axes, section, self.image.sidecar, below=number == len(rows))
                self._entitle(axes, f"{what}, {section.title(self.image.sidecar)}")
            _draw_bar(figure, drawn, bar, BARS.get(layer.attribute or "", ""))
        self._write(name, figure, title)

    def _entitle(self, axes: Axes, title: str) -> None:
        """Write the title of a panel; Matplotlib finds room for it above the axis of a 2D line."""
        axes.set_title(title, fontsize=9, y=None if self.image.sidecar.is_line else 1)

    def _write(self, name: str, figure: Figure, title: str) -> None:
        height = float(figure.get_size_inches()[1])
        figure.text(0.005, 1 - 0.1 / height, title, fontsize=13, fontweight="bold", va="top")
        figure.text(0.005, 0.06 / height, self.scale.text, fontsize=8, color="0.35", va="bottom")
        save_picture(self.path(name), figure)


def _draw_bar(figure: Figure, drawn: Any, bar: Axes, label: str) -> None:
    """Draw the colour bar of a row into the axes `bar`, or leave them out."""
    if drawn is None:
        bar.set_axis_off()
        return
    figure.colorbar(drawn, cax=bar).set_label(label, fontsize=8)
    bar.tick_params(labelsize=7)
