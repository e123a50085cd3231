"""Labelled synthetic samples and surveys: a random earth, its image and its exact attributes."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from .degrade import degrade
from .errors import StrataflowError
from .files import require_free_space
from .geology import evaluate, random_model
from .samples import (
    SPLITS,
    ManifestRow,
    Shape,
    normalised_geologic_time,
    write_manifest,
    write_sample,
)
from .seismic import WAVELET_HALF, observe, random_acquisition, reflectivity

Array = NDArray[np.float32]

SMALLEST = 16


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
        "fdip": geology.dip[inside] / 180,
        "fstrike": geology.strike[inside] / 180,
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
    output: Path, counts: dict[str, int], shape: Shape, seed: int, workers: int
) -> None:
    """Write numbered samples of `shape` and their manifests into the four folders of `output`.

    `counts` gives how many for each of SPLITS. A sample depends on the seed, its split and its
    number only, never on the number of workers. Raises StrataflowError for sizes below SMALLEST.
    """
    if min(shape.array) < SMALLEST:
        raise StrataflowError(f"size: {shape}: every side must be at least {SMALLEST}")
    orders = {
        split: [
            _Order(
                output / f"data_{split}",
                output / f"target_{split}",
                number,
                (seed, SPLITS.index(split), number),
                shape,
            )
            for number in range(counts[split])
        ]
        for split in SPLITS
    }
    everything = [order for split in SPLITS for order in orders[split]]
    require_free_space(output, 11 * shape.n_bytes * len(everything))
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        made = list(tqdm(pool.map(_make, everything), "samples", len(everything), unit="sample"))
    for split in SPLITS:
        first = 0 if split == SPLITS[0] else counts[SPLITS[0]]
        for folder in ("data", "target"):
            (output / f"{folder}_{split}").mkdir(parents=True, exist_ok=True)
        write_manifest(output / f"{split}.csv", made[first : first + counts[split]])
