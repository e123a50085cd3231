"""Labelled synthetic surveys as SEG-Y, generated in slabs of inlines."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from tqdm import tqdm

from ..files import require_free_space, scratch_folder, written_whole
from ..samples.files import SPLITS
from ..segy.new_survey import write_survey
from ..volume.attributes import ATTRIBUTES, TRUTH
from ..volume.raw import Array, Shape
from ..volume.sidecar import Axis, Sidecar, plain_sidecar
from .earth import SyntheticEarth, fault_targets
from .generate import single_threaded_pool
from .scenario import ANYTHING, Scenario
from .truth import fault_table, truth_targets

# Part of the seed that separates a survey from the samples with the same seed.
SURVEY = len(SPLITS)

# RMS amplitude of a survey, as in field data.
SURVEY_RMS = 2500.0

# Number of inlines in a slab.
SLAB = 32


class _Totals(NamedTuple):
    """Totals of a slab: sums of squares of both images, minimum and maximum age."""

    image: float
    clean: float
    youngest: float
    oldest: float


def synthesize_survey(
    folder: Path, shape: Shape, seed: int, workers: int = 1, scenario: Scenario = ANYTHING
) -> None:
    """Write a labelled survey as SEG-Y: image.sgy and one file for each attribute.

    faults.csv is a table of its faults. fault_id.sgy holds the number of the fault at each label,
    fthrow.sgy its throw in samples (see `truth`). The result does not depend on the number of
    workers. The grid is rotated and the line numbers do not start at 1, so that errors in headers
    or corners become visible.

    Args:
        folder: Folder for the SEG-Y files.
        shape: Size of the survey.
        seed: Random seed.
        workers: Number of processes.
        scenario: Ranges of the random parameters.

    Raises:
        StrataflowError: A side is below MIN_SIDE.
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
    """Geometry of a synthetic survey: 12.5 m bins, n3 towards azimuth 30 degrees, 4 ms samples."""
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
