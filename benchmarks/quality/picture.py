"""The picture of a run: reliability diagrams, and faults on the field survey over amplitudes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from scores import Reliability

from strataflow.figures.section import Section
from strataflow.figures.style import FAULT_COLOURS, GREY_CLIP, save_picture
from strataflow.volume.attributes import FAULT_THRESHOLD
from strataflow.volume.raw import Array

# The sections of the field survey: both main faults and their relay, a channel, bending layers.
SECTIONS = {
    "inline 180": Section(0, 180),
    "crossline 120": Section(1, 120),
    "time slice 110": Section(2, 110),
}

KINDS = {
    "scenario": "held-out cubes of the scenarios",
    "independent": "cubes of the independent generator",
    "published": "published sample (LANL)",
}

# Voxels below which a bin says nothing.
LEAST_VOXELS = 50


@dataclass(frozen=True)
class FieldSurvey:
    """What is drawn of the field survey: normalised amplitudes, and fault probabilities by name.

    Arrays (n3, n2, n1).
    """

    image: Array
    probabilities: dict[str, Array]


def draw(
    path: Path, diagrams: dict[str, dict[str, Reliability]], survey: FieldSurvey | None
) -> None:
    """Write the picture: `diagrams` by kind of case and by name of weights, then `survey`."""
    rows = len(survey.probabilities) if survey else 0
    # A row is as high as the survey's sections are wide.
    figure = plt.figure(figsize=(12, 4.3 * (1 + rows)), layout="constrained")
    grid = figure.add_gridspec(1 + rows, 3)
    for column, (kind, title) in enumerate(KINDS.items()):
        axes = figure.add_subplot(grid[0, column])
        _draw_reliability(axes, diagrams.get(kind, {}))
        axes.set_title(f"Reliability: {title}", fontsize=9)
    if survey:
        for row, (name, probability) in enumerate(survey.probabilities.items(), start=1):
            share = np.mean(probability >= FAULT_THRESHOLD)
            for column, (place, section) in enumerate(SECTIONS.items()):
                axes = figure.add_subplot(grid[row, column])
                _draw_section(axes, section, survey.image, probability)
                title = f"{name}: {share:.1%} of the voxels\n{place}" if column == 0 else place
                axes.set_title(title, fontsize=9)
    save_picture(path, figure)


def _draw_reliability(axes: Axes, diagrams: dict[str, Reliability]) -> None:
    axes.plot([0, 1], [0, 1], color="0.6", lw=1, ls="--")
    for name, sums in diagrams.items():
        enough = sums.voxels >= LEAST_VOXELS
        probability = sums.probability[enough] / sums.voxels[enough]
        axes.plot(probability, sums.faults[enough] / sums.voxels[enough], "o-", ms=4, label=name)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_xlabel("fault probability", fontsize=8)
    axes.set_ylabel("share of labelled faults", fontsize=8)
    axes.tick_params(labelsize=7)
    if diagrams:
        axes.legend(fontsize=7, loc="upper left")
    else:
        axes.text(0.5, 0.4, "not there", ha="center", fontsize=9)


def _draw_section(axes: Axes, section: Section, image: Array, probability: Array) -> None:
    axes.imshow(section.of(image), cmap="gray", vmin=-GREY_CLIP, vmax=GREY_CLIP, aspect="auto")
    seen = np.ma.masked_less(section.of(probability), FAULT_THRESHOLD)
    axes.imshow(seen, cmap=FAULT_COLOURS, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
