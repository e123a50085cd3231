"""Labelled synthetic samples and surveys: a random earth, its image and its exact attributes."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from .degrade import degrade
from .errors import StrataflowError
from .files import require_free_space
from .geology import evaluate, random_model
from .manifest import ManifestRow, write_manifest
from .samples import (
    SPLITS,
    Folders,
    Shape,
    normalised_geologic_time,
    write_sample,
)
from .segy_export import write_survey
from .seismic import WAVELET_HALF, observe, random_acquisition, reflectivity
from .volumes import Axis, Sidecar, plain_sidecar

Array = NDArray[np.float32]

SMALLEST = 16

# What tells the random numbers of a survey from those of the samples with the same seed.
SURVEY = len(SPLITS)

# Amplitudes of a survey are what recording left, not of unit size.
SURVEY_RMS = np.float32(2500.0)


def labelled_cube(seed: tuple[int, ...], shape: Shape) -> tuple[Array, dict[str, Array]]:
    """Image and the five targets, arrays (n3, n2, n1), that follow from `seed` alone."""
    rng = np.random.default_rng(seed)
    model = random_model(rng, shape.array)
    # The wavelet reaches beyond the first and last samples, and reflectivity takes one more.
    padded = (shape.n3, shape.n2, shape.n1 + 2 * WAVELET_HALF + 1)
    geology = evaluate(model, padded, top=-WAVELET_HALF)
    image, clean = observe(rng, reflectivity(model, geology.age), random_acquisition(rng))
    inside = np.s_[..., WAVELET_HALF : WAVELET_HALF + shape.n1]
    return image, {
        "dhr": clean,
        "rgt": normalised_geologic_time(geology.age[inside]),
        "fsem": geology.fault[inside].astype(np.float32),
        "fdip": geology.dip[inside] / np.float32(180),
        "fstrike": geology.strike[inside] / np.float32(180),
    }


@dataclass(frozen=True)
class _Order:
    data: Path
    target: Path
    number: int
    seed: tuple[int, ...]
    shape: Shape


def _make(order: _Order) -> ManifestRow:
    image, truth = labelled_cube(order.seed, order.shape)
    spoiled = degrade(np.random.default_rng((*order.seed, 1)), image, truth)
    write_sample(order.data, order.target, order.number, image, spoiled, truth)
    shape = order.shape
    return ManifestRow(
        sample=order.number,
        source="synthetic",
        i1=0,
        i2=0,
        i3=0,
        n1=shape.n1,
        n2=shape.n2,
        n3=shape.n3,
        seed=order.seed[0],
        fault_fraction=float(truth["fsem"].mean()),
    )


def synthesize_samples(
    folders: Folders, counts: dict[str, int], shape: Shape, seed: int, workers: int
) -> None:
    """Write numbered samples of `shape` and their manifests into the four folders.

    `counts` gives how many for each of SPLITS. A sample depends on the seed, its split and its
    number only, never on the number of workers. Raises StrataflowError for sizes below SMALLEST.
    """
    if min(shape.array) < SMALLEST:
        raise StrataflowError(f"size: {shape}: every side must be at least {SMALLEST}")
    orders = {
        split: [
            _Order(
                folders.data(split),
                folders.target(split),
                number,
                (seed, SPLITS.index(split), number),
                shape,
            )
            for number in range(counts[split])
        ]
        for split in SPLITS
    }
    everything = [order for split in SPLITS for order in orders[split]]
    require_free_space(folders.data_train, 11 * shape.n_bytes * len(everything))
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        made = list(tqdm(pool.map(_make, everything), "samples", len(everything), unit="sample"))
    for split in SPLITS:
        first = 0 if split == SPLITS[0] else counts[SPLITS[0]]
        folders.data(split).mkdir(parents=True, exist_ok=True)
        folders.target(split).mkdir(parents=True, exist_ok=True)
        write_manifest(folders.manifest(split), made[first : first + counts[split]])


def synthesize_survey(folder: Path, shape: Shape, seed: int) -> None:
    """Write a labelled survey as SEG-Y into `folder`: image.sgy and one file for each attribute.

    It lies on a north-east turned grid with lines counted in the usual large numbers, so that a
    mistake in headers or corners shows.
    """
    image, truth = labelled_cube((seed, SURVEY), shape)
    sidecar = survey_sidecar(shape)
    folder.mkdir(parents=True, exist_ok=True)
    require_free_space(folder, (len(truth) + 1) * (shape.n_bytes + 240 * shape.n2 * shape.n3))
    volumes = {"image": SURVEY_RMS * image, **truth}
    write_survey(folder, volumes, sidecar, f"SYNTHETIC SURVEY, SEED {seed}")


def survey_sidecar(shape: Shape) -> Sidecar:
    """Inlines 12.5 m apart towards azimuth 30 degrees, crosslines across, 4 ms samples."""
    inline = 12.5 * np.array([np.sin(np.radians(30)), np.cos(np.radians(30))])
    crossline = 12.5 * np.array([np.cos(np.radians(30)), -np.sin(np.radians(30))])
    origin = np.array([430_000.0, 6_520_000.0])
    ends = [(a, b) for a in (0, shape.n3 - 1) for b in (0, shape.n2 - 1)]
    points = [origin + a * inline + b * crossline for a, b in ends]
    sidecar = plain_sidecar(shape, "image")
    return replace(
        sidecar,
        axes=(
            Axis("inline", 1001, 1, 12.5, "m"),
            Axis("crossline", 2001, 1, 12.5, "m"),
            Axis("sample", 800.0, 4.0, 4.0, "ms"),
        ),
        corners=tuple((float(x), float(y)) for x, y in points),
    )
