"""Charts of a volume: spectra, strikes and throws of faults."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..volume.attributes import FAULT_THRESHOLD
from ..volume.sidecar import Sidecar
from ..volume.volume import Volume, statistics_of
from .style import CYCLIC, fault_colour, save_picture

NO_STRIKE = "A 2D line has no strike. Its dips are apparent ones, in the plane of the line."
NO_AZIMUTH = "The survey has no coordinates, so that azimuths are not known."

# Number of inlines that charts read.
READ_INLINES = 64

ROSE_SECTORS = 36

# Number of faults in the chart of throws, the largest ones.
FAULTS_SHOWN = 7


def _some_inlines(n3: int) -> Iterator[int]:
    step = max(n3 // READ_INLINES, 1)
    yield from range(step // 2, n3, step)


def draw_spectra(
    image: Volume, predicted: dict[str, Volume], labels: dict[str, Volume], path: Path
) -> None:
    """Draw mean amplitude spectra of the image, of dhr and of its label, over some inlines."""
    axis = image.sidecar.axes[2]
    # Hz for ms, cycles per km for m, cycles per 1,000 ft for ft.
    frequency = 1000 * np.fft.rfftfreq(image.shape.n1, axis.spacing)
    figure = Figure(figsize=(7, 4), layout="constrained")
    ax = figure.subplots()
    volumes = {"amplitudes": image, "predicted": predicted["dhr"]}
    if "dhr" in labels:
        volumes["labelled"] = labels["dhr"]
    for (name, volume), colour in zip(volumes.items(), ("0.2", "#D55E00", "#0072B2"), strict=False):
        spectrum = np.zeros(frequency.size)
        for i3 in _some_inlines(image.shape.n3):
            traces = statistics_of(volume).normalise(np.array(volume.values[i3]))
            spectrum += np.abs(np.fft.rfft(traces, axis=-1)).mean(axis=0)
        ax.plot(frequency, spectrum / max(spectrum.max(), 1e-30), label=name, color=colour)
    unit = {"ms": "frequency (Hz)", "m": "cycles per km"}.get(
        axis.unit, f"cycles per 1,000 {axis.unit}"
    )
    ax.set(xlabel=unit, ylabel="relative amplitude", xlim=(0, frequency[-1]), ylim=(0, None))
    ax.legend()
    ax.set_title("Mean amplitude spectra before and after denoising", fontsize=11)
    save_picture(path, figure)


def draw_note(path: Path, note: str) -> None:
    """Write a picture of one sentence."""
    figure = Figure(figsize=(7, 1.5))
    figure.text(0.5, 0.5, note, ha="center", va="center")
    save_picture(path, figure)


def draw_rose(
    predicted: dict[str, Volume], labels: dict[str, Volume], path: Path, probability: float
) -> None:
    """Draw rose diagrams of the strike of fault voxels, over some inlines.

    Where strike is not known the picture says so.
    """
    sidecar = predicted["fstrike"].sidecar
    if sidecar.is_line or not sidecar.corners:
        draw_note(path, NO_STRIKE if sidecar.is_line else NO_AZIMUTH)
        return
    given = {"predicted": predicted, "labelled": labels}
    given = {n: v for n, v in given.items() if {"fstrike", "fsem"} <= v.keys()}
    figure = Figure(figsize=(4.2 * max(len(given), 1), 4.6), layout="constrained")
    grid = figure.subplots(1, max(len(given), 1), subplot_kw={"projection": "polar"}, squeeze=False)
    edges = np.linspace(0, 180, ROSE_SECTORS + 1)
    for ax, (name, volumes) in zip(grid[0], given.items(), strict=False):
        minimum = FAULT_THRESHOLD if volumes is labels else probability
        counts = _strike_counts(volumes, edges, minimum)
        _draw_sectors(ax, counts / max(counts.sum(), 1))
        ax.set_title(name if counts.any() else f"{name}: no faults", fontsize=9)
    figure.suptitle("Strike of the fault voxels, from north", fontsize=11)
    save_picture(path, figure)


def _strike_counts(
    volumes: dict[str, Volume], edges: NDArray[np.float64], minimum: float
) -> NDArray[np.float64]:
    counts = np.zeros(ROSE_SECTORS)
    strike, fsem = volumes["fstrike"], volumes["fsem"]
    for i3 in _some_inlines(strike.shape.n3):
        degrees = 180 * strike.values[i3][fsem.values[i3] >= minimum]
        counts += np.histogram(azimuths(degrees, strike.sidecar), edges)[0]
    return counts


def azimuths(strike: NDArray, sidecar: Sidecar) -> NDArray:
    """Strikes from north, 0 to 180 degrees; those on the grid if the survey has no coordinates."""
    return sidecar.azimuth(strike) if sidecar.corners else strike


def _draw_sectors(ax: Axes, share: NDArray[np.float64]) -> None:
    middles = (np.arange(ROSE_SECTORS) + 0.5) * np.pi / ROSE_SECTORS
    colours = colormaps[CYCLIC](middles / np.pi)
    ax.set(theta_zero_location="N", theta_direction=-1)
    # The length of a sector is the root, so that its area is the share.
    for half in (0, np.pi):
        ax.bar(
            *(middles + half, np.sqrt(share), np.pi / ROSE_SECTORS),
            color=colours,
            edgecolor="0.2",
            lw=0.4,
        )
    ax.set_xticks(np.radians(range(0, 360, 45)), ["N", "NE", "E", "SE", "S", "SW", "W", "NW"])
    ax.set_yticks([])
    ax.tick_params(labelsize=8)


def _unbroken(rows: pd.DataFrame, along: str) -> Iterator[pd.DataFrame]:
    """Parts of a profile without the places where no throw could be measured."""
    steps = np.diff(rows[along])
    usual = steps.min() if steps.size else 0.0
    breaks = [0, *(np.flatnonzero(steps > 1.5 * usual) + 1), len(rows)]
    for first, last in pairwise(breaks):
        yield rows.iloc[first:last]


def draw_throws(profiles: pd.DataFrame, path: Path) -> None:
    """Draw the throw along the strike of the largest faults.

    Args:
        profiles: VOLUME.fault_throws.csv.
        path: Picture to write.
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    ax = figure.subplots()
    along = next(name for name in profiles.columns if name.startswith("distance_"))
    mean = next(name for name in profiles.columns if name.startswith("throw_mean_"))
    unit = mean.removeprefix("throw_mean_")
    for number in sorted(set(profiles["fault"].astype(int)))[:FAULTS_SHOWN]:
        colour, label = fault_colour(number), f"fault {number}"
        for rows in _unbroken(profiles[profiles["fault"] == number], along):
            low, high = rows[f"throw_minimum_{unit}"], rows[f"throw_maximum_{unit}"]
            ax.fill_between(rows[along], low, high, color=colour, alpha=0.15, lw=0)
            ax.plot(rows[along], rows[mean], "o-", ms=3, lw=1.2, color=colour, label=label)
            label = "_nolegend_"
    ax.axhline(0, color="0.6", lw=0.8)
    ax.set(
        xlabel=f"distance along strike ({along.removeprefix('distance_')})",
        ylabel=f"throw ({unit}), normal positive",
    )
    if len(profiles):
        ax.legend(fontsize=8, ncols=2)
    else:
        ax.text(0.5, 0.5, "no throws found", transform=ax.transAxes, ha="center")
    ax.set_title("Throw along the largest faults: mean and range down the dip", fontsize=11)
    save_picture(path, figure)
