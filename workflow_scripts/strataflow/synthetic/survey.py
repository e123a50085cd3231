"""Labelled synthetic surveys as SEG-Y, made in slabs of inlines of one geology."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from tqdm import tqdm

from ..files import require_free_space, scratch_folder, written_whole
from ..samples.files import SPLITS
from ..segy.writer import write_survey
from ..volume.attributes import ATTRIBUTES
from ..volume.raw import Array, Shape
from ..volume.volume import Axis, Sidecar, plain_sidecar
from .earth import SyntheticEarth, fault_targets
from .generate import single_threaded_pool
from .scenario import ANYTHING, Scenario
from .truth import TRUTH, fault_table, truth_targets

# What tells the random numbers of a survey from those of the samples with the same seed.
SURVEY = len(SPLITS)

# Amplitudes of a survey are what recording left, not of unit RMS.
SURVEY_RMS = 2500.0

# Inlines that are made at once.
SLAB = 32


class _Totals(NamedTuple):
    """Of a slab: sums of squares of both images, and the least and greatest age."""

    image: float
    clean: float
    youngest: float
    oldest: float


def synthesize_survey(
    folder: Path, shape: Shape, seed: int, workers: int = 1, scenario: Scenario = ANYTHING
) -> None:
    """Write a labelled survey as SEG-Y into `folder`: image.sgy and one file for each attribute.

    Beside them, for each labelled voxel, fault_id.sgy has the number of its fault in faults.csv,
    and fthrow.sgy its throw in samples (see `truth`). The survey is made slab by slab, the same
    whatever the number of workers, and lies on a north-east turned grid with lines counted in the
    usual large numbers, so that a mistake in headers or corners shows. Raises StrataflowError for
    a side below MIN_SIDE.
    """
    earth = SyntheticEarth((seed, SURVEY), shape, scenario)
    names = ("image", *ATTRIBUTES, *TRUTH)
    require_free_space(folder, len(names) * (2 * shape.n_bytes + 240 * shape.n2 * shape.n3))
    earth.calibrate()
    with scratch_folder(folder / "survey") as staging:
        volumes = {name: _staged(staging, name, shape, "w+") for name in names}
        slabs = [slice(first, min(first + SLAB, shape.n3)) for first in range(0, shape.n3, SLAB)]
        with single_threaded_pool(workers) as pool:
            made = pool.map(partial(_make_slab, earth, staging), slabs)
            totals = list(tqdm(made, "slabs", len(slabs), unit="slab"))
        voxels = shape.n1 * shape.n2 * shape.n3
        image_rms = np.sqrt(sum(slab.image for slab in totals) / voxels)
        clean_rms = np.sqrt(sum(slab.clean for slab in totals) / voxels)
        youngest = min(slab.youngest for slab in totals)
        oldest = max(slab.oldest for slab in totals)
        for inlines in slabs:
            volumes["image"][inlines] *= SURVEY_RMS / image_rms
            volumes["dhr"][inlines] /= clean_rms
            volumes["rgt"][inlines] -= youngest
            volumes["rgt"][inlines] /= oldest - youngest
        sidecar = survey_sidecar(shape)
        write_survey(folder, volumes, sidecar, f"SYNTHETIC SURVEY, SEED {seed}")
        table = fault_table(earth.model.faults, volumes, sidecar, SLAB)
        with written_whole(folder / "faults.csv") as (temporary,):
            table.to_csv(temporary, index=False)


def _staged(staging: Path, name: str, shape: Shape, mode: Literal["w+", "r+"]) -> Array:
    return np.memmap(staging / name, "<f4", mode, shape=shape.array)


def _make_slab(earth: SyntheticEarth, staging: Path, inlines: slice) -> _Totals:
    image, clean, geology = earth.slab(inlines)
    labels = fault_targets(geology) | truth_targets(geology)
    volumes = {"image": image, "dhr": clean, "rgt": geology.age, **labels}
    for name, values in volumes.items():
        _staged(staging, name, earth.shape, "r+")[inlines] = values
    image_square, clean_square = (
        float(np.square(values, dtype=np.float64).sum()) for values in (image, clean)
    )
    return _Totals(image_square, clean_square, float(geology.age.min()), float(geology.age.max()))


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
