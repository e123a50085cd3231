"""Statistics of synthetic samples as tables and figures, and comparison with surveys.

The comparison uses images only, so that it applies to field surveys as well. It covers the
distribution of amplitudes, the spectrum, the local dip and the correlation of neighbouring traces.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter1d
from scipy.stats import kurtosis

from ..figures.style import FAULT_COLOURS, GREY_CLIP, HORIZONS, TIME, save_picture
from ..files import require_file, written_whole
from ..samples.files import require_intact, sample_path
from ..volume.amplitudes import amplitude_statistics
from ..volume.attributes import FAULT_THRESHOLD
from ..volume.raw import Array, Shape, read_cube
from ..volume.structure_tensor import texture_normals
from ..volume.volume import open_volume

# Columns and rows of the contact sheet, and number of cubes of each survey for comparison.
SHEET = (6, 4)
COMPARED = 24

AMPLITUDE_BINS = np.linspace(-4, 4, 81)
DIP_BINS = np.linspace(0, 90, 46)
FREQUENCIES = np.linspace(0, 0.5, 65)

# Side in voxels of the cells in which dip is measured.
DIP_CELL = 4


@dataclass(frozen=True)
class Look:
    """Appearance of an image.

    Attributes:
        amplitude: Histogram of normalised amplitudes over AMPLITUDE_BINS, as a density.
        spectrum: Mean amplitude spectrum at FREQUENCIES (cycles per sample), relative to its
            maximum.
        dip: Histogram of the dip of the texture over DIP_BINS, as a density. Dips are in degrees,
            with voxels as wide as one sample is high.
        numbers: Scalar measures by name.
    """

    amplitude: Array
    spectrum: Array
    dip: Array
    numbers: dict[str, float]


def look(image: Array) -> Look:
    """Measure the appearance of `image` (n3, n2, n1) without dead traces.

    Raises:
        StrataflowError: The image is constant.
    """
    live = image[(image != 0).any(-1)]
    normalised = amplitude_statistics(live, "image").normalise(live)
    spectra = np.abs(np.fft.rfft(normalised * np.hanning(image.shape[-1]), axis=-1)).mean(0)
    at = np.fft.rfftfreq(image.shape[-1])
    spectrum = np.interp(FREQUENCIES, at, gaussian_filter1d(spectra, 1.0))
    dip = local_dip(image)
    mean_frequency = float((at * spectra**2).sum() / (spectra**2).sum())
    spread = float(np.sqrt(((at - mean_frequency) ** 2 * spectra**2).sum() / (spectra**2).sum()))
    numbers = {
        "amplitude_kurtosis": float(kurtosis(normalised, axis=None)),
        "mean_frequency": mean_frequency,
        "bandwidth": spread,
        "dip_median": float(np.median(dip)),
        "dip_p95": float(np.percentile(dip, 95)),
        "trace_correlation": _trace_correlation(image),
    }
    return Look(
        np.histogram(normalised, AMPLITUDE_BINS, density=True)[0],
        spectrum / spectrum.max(),
        np.histogram(dip, DIP_BINS, density=True)[0],
        numbers,
    )


def local_dip(image: Array) -> Array:
    """Dips (N,) of the texture of `image` (n3, n2, n1) in degrees, for cells with a direction."""
    normals, planarity = texture_normals(image, DIP_CELL)
    normal = normals[:, planarity > 0]
    return np.degrees(np.arctan2(np.hypot(normal[0], normal[1]), normal[2]))


def _trace_correlation(image: Array) -> float:
    """Mean correlation of traces on neighbouring crosslines, which is low for noisy images."""
    a, b = image[:, :-1].reshape(-1, image.shape[-1]), image[:, 1:].reshape(-1, image.shape[-1])
    power = np.sqrt(np.square(a).sum(1) * np.square(b).sum(1))
    alive = power > 0
    return float((((a * b).sum(1))[alive] / power[alive]).mean())


def describe_samples(
    data: Path, target: Path, shape: Shape, surveys: list[Path], folder: Path
) -> None:
    """Summarise synthetic samples and compare them with surveys.

    Writes statistics.csv and .png, sheet.png, and comparison.csv and .png. Reads the tables that
    synthesize.py writes next to `data`.

    Args:
        data: Folder of images.
        target: Folder of targets.
        shape: Size of the samples.
        surveys: Raw volumes to compare with.
        folder: Folder for the tables and figures.

    Raises:
        StrataflowError: A file is missing or damaged.
    """
    split = data.name.removeprefix("data_")
    samples = pd.read_csv(require_file(data.with_name(f"statistics_{split}.csv")))
    faults = pd.read_csv(require_file(data.with_name(f"faults_{split}.csv")))
    shown = samples["sample"].head(max(COMPARED, SHEET[0] * SHEET[1]))
    require_intact([sample_path(data, number) for number in shown])
    require_intact([sample_path(target, n, name) for n in shown for name in ("fsem", "rgt")])
    _write_table(folder / "statistics.csv", summary(samples, faults))
    save_picture(folder / "statistics.png", _draw_statistics(samples, faults))
    save_picture(folder / "sheet.png", _draw_sheet(data, target, shape, samples))
    ours = [
        look(np.array(read_cube(sample_path(data, number), shape)))
        for number in samples["sample"][:COMPARED]
    ]
    theirs = {path.stem: [look(cube) for cube in _cubes(path, shape)] for path in surveys}
    _write_table(folder / "comparison.csv", _compare({"synthetic": ours} | theirs))
    save_picture(folder / "comparison.png", _draw_comparison(ours, theirs))


def _write_table(path: Path, table: pd.DataFrame) -> None:
    with written_whole(path) as (temporary,):
        table.to_csv(temporary, index=False, float_format="%.4g")


def summary(samples: pd.DataFrame, faults: pd.DataFrame) -> pd.DataFrame:
    """Table of minimum, percentiles and maximum of the properties of samples and their faults."""
    labelled = faults[faults["labelled_voxels"] > 0]
    columns = {
        "fault dip (degrees)": labelled["dip"],
        "fault strike (degrees)": labelled["strike"],
        "throw at the centre (samples)": labelled["throw"],
        "half length of faults (voxels)": labelled["half_length"],
        "faults per sample": samples["faults"],
        "labelled faults per sample": samples["faults_labelled"],
        "fault fraction (%)": 100 * samples["fault_fraction"],
        "median layer dip (degrees)": samples["layer_dip_median"],
        "95th percentile of layer dip (degrees)": samples["layer_dip_p95"],
        "unconformities per sample": samples["unconformities"],
        "channels per sample": samples["channels"],
        "peak frequency (cycles per sample)": samples["frequency"],
        "signal to noise (dB)": samples["signal_to_noise_db"],
        "minimum visible offset (samples)": samples["visible_offset"],
    }
    levels = {"minimum": 0.0, "p10": 0.1, "median": 0.5, "p90": 0.9, "maximum": 1.0}
    rows = [
        {"quantity": name, "count": len(values)}
        | {level: values.quantile(share) for level, share in levels.items()}
        for name, values in columns.items()
    ]
    return pd.DataFrame(rows)


def _draw_statistics(samples: pd.DataFrame, faults: pd.DataFrame) -> Figure:
    labelled = faults[faults["labelled_voxels"] > 0]
    figure = Figure(figsize=(13, 9), layout="constrained")
    grid = figure.subplots(3, 3)
    figure.suptitle(f"{len(samples)} synthetic samples, {len(labelled)} labelled faults")
    axes = list(grid.ravel())
    kinds = [(kind, labelled[labelled["kind"] == kind]) for kind in sorted(set(labelled["kind"]))]
    names = [kind for kind, _ in kinds]
    _bars(
        axes[0], [rows["dip"] for _, rows in kinds], np.linspace(0, 90, 31), "fault dip (degrees)"
    )
    if names:
        axes[0].legend(names, fontsize=8)
    _bars(
        axes[1],
        [rows["strike"] for _, rows in kinds],
        np.linspace(0, 180, 31),
        "fault strike (degrees)",
    )
    throw_bins = np.geomspace(0.1, 60, 31)
    _bars(
        axes[2], [rows["throw"] for _, rows in kinds], throw_bins, "throw at the centre (samples)"
    )
    axes[2].set_xscale("log")
    for ax, column, factor, label in (
        (axes[3], "faults_labelled", 1, "labelled faults per sample"),
        (axes[4], "fault_fraction", 100, "fault fraction (%)"),
        (axes[5], "layer_dip_median", 1, "median layer dip (degrees)"),
        (axes[6], "layer_dip_p95", 1, "95th percentile of layer dip (degrees)"),
        (axes[7], "frequency", 1, "peak frequency (cycles per sample)"),
        (axes[8], "signal_to_noise_db", 1, "signal to noise (dB)"),
    ):
        _bars(ax, [factor * samples[column]], 24, label)
    return figure


def _bars(ax: Axes, values: list[Any], bins: Any, label: str) -> None:
    if values:
        ax.hist([np.asarray(v) for v in values], bins, stacked=True)
    ax.set_xlabel(label)
    ax.set_ylabel("count")


def _draw_sheet(data: Path, target: Path, shape: Shape, samples: pd.DataFrame) -> Figure:
    """Draw a contact sheet: an inline of each sample with many faults, without and with labels."""
    columns, rows = SHEET
    figure = Figure(figsize=(4.4 * columns, 2.5 * rows))
    grid = figure.subplots(rows, 2 * columns)
    figure.suptitle(
        f"Synthetic samples, {shape}: inline; the same with faults (red) and geologic time",
        fontsize=12,
    )
    for ax in grid.ravel():
        ax.set_axis_off()
    for place, (_, sample) in enumerate(samples.head(columns * rows).iterrows()):
        number = int(sample["sample"])
        image = read_cube(sample_path(data, number), shape)
        fault = read_cube(sample_path(target, number, "fsem"), shape)
        # Avoid the inline with the most fault voxels, which may run along a fault.
        inline = int(np.argsort(fault.sum((1, 2)), kind="stable")[int(0.8 * shape.n3)])
        plain, labelled = grid[place // columns, 2 * (place % columns) :][:2]
        for ax in (plain, labelled):
            clip = GREY_CLIP * image[inline].std()
            ax.imshow(image[inline].T, cmap="gray", vmin=-clip, vmax=clip, aspect="auto")
        rgt = read_cube(sample_path(target, number, "rgt"), shape)[inline].T
        levels = np.linspace(rgt.min(), rgt.max(), HORIZONS)
        labelled.contour(rgt, levels, cmap=TIME, linewidths=0.7)
        shown = np.ma.masked_less(fault[inline].T, FAULT_THRESHOLD)
        labelled.imshow(shown, cmap=FAULT_COLOURS, vmin=0, vmax=1, aspect="auto")
        plain.set_title(
            f"{number}: {sample['frequency']:.3f} cycles, {sample['signal_to_noise_db']:.0f} dB, "
            f"layers to {sample['layer_dip_p95']:.0f}°",
            fontsize=7,
            loc="left",
        )
    figure.subplots_adjust(0.005, 0.005, 0.995, 0.93, 0.02, 0.12)
    return figure


def _cubes(path: Path, shape: Shape) -> list[Array]:
    """Up to COMPARED adjacent cubes of at most `shape` from the survey at `path`."""
    volume = open_volume(path)
    sides = [min(n, m) for n, m in zip(shape.array, volume.shape.array, strict=True)]
    corners = np.stack(
        np.meshgrid(
            *(
                range(0, n - side + 1, side)
                for n, side in zip(volume.shape.array, sides, strict=True)
            ),
            indexing="ij",
        )
    ).reshape(3, -1)
    step = int(np.ceil(corners.shape[1] / COMPARED))
    cubes = []
    for corner in corners[:, ::step].T:
        cube = np.array(
            volume.values[tuple(slice(c, c + n) for c, n in zip(corner, sides, strict=True))]
        )
        if cube.std() > 0:
            cubes.append(cube)
    return cubes


def _compare(looks: dict[str, list[Look]]) -> pd.DataFrame:
    """Table with a row per volume and measure: 10th, 50th and 90th percentile over its cubes."""
    rows = []
    for volume, cubes in looks.items():
        for name in cubes[0].numbers if cubes else ():
            values = [cube.numbers[name] for cube in cubes]
            p10, median, p90 = np.percentile(values, [10, 50, 90])
            rows.append(
                {
                    "volume": volume,
                    "quantity": name,
                    "cubes": len(values),
                    "p10": p10,
                    "median": median,
                    "p90": p90,
                }
            )
    return pd.DataFrame(rows)


def _draw_comparison(ours: list[Look], theirs: dict[str, list[Look]]) -> Figure:
    figure = Figure(figsize=(14, 4.2), layout="constrained")
    axes = figure.subplots(1, 3)
    figure.suptitle("Synthetic samples (median and 10th to 90th percentile) beside the surveys")
    for ax, name, at, label in (
        (axes[0], "amplitude", 0.5 * (AMPLITUDE_BINS[1:] + AMPLITUDE_BINS[:-1]), "amplitude (SD)"),
        (axes[1], "spectrum", FREQUENCIES, "frequency (cycles per sample)"),
        (axes[2], "dip", 0.5 * (DIP_BINS[1:] + DIP_BINS[:-1]), "local dip (degrees)"),
    ):
        low, middle, high = np.percentile([getattr(cube, name) for cube in ours], [10, 50, 90], 0)
        ax.fill_between(at, low, high, color="0.85")
        ax.plot(at, middle, "k", label="synthetic")
        for volume, cubes in theirs.items():
            ax.plot(at, np.mean([getattr(cube, name) for cube in cubes], 0), label=volume)
        ax.set_xlabel(label)
        ax.set_ylabel("density" if name != "spectrum" else "amplitude over the largest")
    axes[0].legend(fontsize=8)
    return figure
