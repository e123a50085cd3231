"""Generation of synthetic samples: the four folders, their tables, and resumed runs."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from ..code import code_checksum, modules
from ..files import claimed_folder, require_free_space, written_whole
from ..samples.files import (
    SPLITS,
    Folders,
    bytes_of_sample,
    deliver_samples,
    sample_path,
    write_sample,
)
from ..samples.manifest import ManifestRow, write_manifest
from ..volume.attributes import ATTRIBUTES
from ..volume.raw import Shape
from .corruption import degrade
from .earth import FaultStatistics, SampleStatistics, labelled_cube, require_size
from .scenario import ANYTHING, Scenario

# Modules that determine a sample. If one changes, a stopped run starts again from the beginning.
SYNTHESIZING_CODE = (
    *("volume/amplitudes", "volume/analytic_signal", "volume/attributes", "volume/orientation"),
    "volume/raw",
    *("synthetic/acquisition", "synthetic/artifacts", "synthetic/corruption", "synthetic/earth"),
    *("synthetic/earth_model", "synthetic/events", "synthetic/fault_labels"),
    *("synthetic/fault_systems", "synthetic/filters", "synthetic/generate", "synthetic/geology"),
    *("synthetic/imaging", "synthetic/random_earth", "synthetic/scenario"),
    *("synthetic/stratigraphy", "synthetic/truth", "synthetic/wavelets"),
)


@contextmanager
def single_threaded_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Pool of processes with one BLAS thread each, for results independent of their number.

    There are no more processes than cores, because each one takes seconds to start.
    """
    before = os.environ.get("OPENBLAS_NUM_THREADS")
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    cores = len(os.sched_getaffinity(0))
    try:
        with ProcessPoolExecutor(min(workers, cores), get_context("spawn")) as pool:
            yield pool
    finally:
        if before is None:
            del os.environ["OPENBLAS_NUM_THREADS"]
        else:
            os.environ["OPENBLAS_NUM_THREADS"] = before


def synthesize_samples(
    folders: Folders,
    counts: dict[str, int],
    shape: Shape,
    seed: int,
    workers: int,
    scenarios: Sequence[Scenario] = (ANYTHING,),
) -> None:
    """Write numbered samples, their manifests and statistics into the four folders.

    A sample depends on the seed, its split, its number and its scenario, but not on the number of
    workers. Samples stay in hidden folders next to the final ones until all are finished. A stopped
    run therefore resumes with the missing samples.

    Args:
        folders: The four folders.
        counts: Number of samples for each of SPLITS.
        shape: Size of the samples.
        seed: Random seed.
        workers: Number of processes.
        scenarios: Scenarios, which the samples use in turn.

    Raises:
        StrataflowError: A side is below MIN_SIDE, or another process writes the samples.
    """
    require_size(shape)
    with claimed_folder(folders.manifest("train").parent):
        _synthesize(folders, counts, shape, seed, workers, scenarios)


def _synthesize(
    folders: Folders,
    counts: dict[str, int],
    shape: Shape,
    seed: int,
    workers: int,
    scenarios: Sequence[Scenario],
) -> None:
    waiting = _waiting_folders(folders, _digest(shape, seed, scenarios))
    orders = {
        split: [
            _Order(
                waiting.data(split),
                waiting.target(split),
                n,
                (seed, SPLITS.index(split), n),
                shape,
                scenarios[n % len(scenarios)],
            )
            for n in range(counts[split])
        ]
        for split in SPLITS
    }
    everything = [order for split in SPLITS for order in orders[split]]
    missing = [order for order in everything if not order.is_done()]
    require_free_space(folders.data_train, len(missing) * bytes_of_sample(shape))
    with single_threaded_pool(workers) as pool:
        made = pool.map(_make_sample, missing)
        done = len(everything) - len(missing)
        for _ in tqdm(made, "samples", len(everything), initial=done, unit="sample"):
            pass
    _deliver(folders, orders)
    for name in Folders.__dataclass_fields__:
        shutil.rmtree(getattr(waiting, name))


@dataclass(frozen=True)
class _Order:
    data: Path
    target: Path
    number: int
    seed: tuple[int, ...]
    shape: Shape
    scenario: Scenario

    @property
    def stamp(self) -> Path:
        """Path of the metadata of the sample, which is written last and marks it as complete."""
        return self.data / f"{self.number}.json"

    @property
    def files(self) -> list[Path]:
        """All files of the sample except the stamp."""
        return [
            sample_path(self.data, self.number),
            *(sample_path(self.data, self.number, name) for name in ATTRIBUTES),
            *(sample_path(self.target, self.number, name) for name in ATTRIBUTES),
        ]

    def is_done(self) -> bool:
        return self.stamp.is_file() and all(path.is_file() for path in self.files)


def _make_sample(order: _Order) -> None:
    cube = labelled_cube(order.seed, order.shape, order.scenario)
    corrupted = degrade(np.random.default_rng((*order.seed, 1)), cube.image, cube.targets)
    write_sample(order.data, order.target, order.number, cube.image, corrupted, cube.targets)
    row = ManifestRow(
        sample=order.number,
        source="synthetic",
        i1=0,
        i2=0,
        i3=0,
        n1=order.shape.n1,
        n2=order.shape.n2,
        n3=order.shape.n3,
        seed=order.seed[0],
        fault_fraction=cube.statistics.fault_fraction,
    )
    known = {
        "row": asdict(row),
        "statistics": asdict(cube.statistics),
        "faults": [asdict(fault) for fault in cube.faults],
    }
    with written_whole(order.stamp) as (temporary,):
        temporary.write_text(json.dumps(known))


def _digest(shape: Shape, seed: int, scenarios: Sequence[Scenario]) -> str:
    """Hash, in 12 characters, of everything that determines the samples, including the code."""
    everything = repr((shape, seed, *scenarios, code_checksum(modules(SYNTHESIZING_CODE))))
    return hashlib.sha256(everything.encode()).hexdigest()[:12]


def _waiting_folders(folders: Folders, digest: str) -> Folders:
    """Create hidden folders next to the four, and remove those of runs with another digest."""

    def beside(folder: Path) -> Path:
        hidden = folder.with_name(f".{folder.name}.{digest}.unfinished")
        for other in folder.parent.glob(f".{folder.name}.*.unfinished"):
            if other != hidden:
                shutil.rmtree(other)
        hidden.mkdir(parents=True, exist_ok=True)
        return hidden

    return Folders(*(beside(Path(getattr(folders, name))) for name in Folders.__dataclass_fields__))


def _deliver(folders: Folders, orders: dict[str, list[_Order]]) -> None:
    """Move the samples to the final folders and write the tables of each split, manifest last."""
    made: dict[Path, list[Path]] = {}
    known = {}
    for split in SPLITS:
        folders.manifest(split).unlink(missing_ok=True)
        known[split] = [json.loads(order.stamp.read_text()) for order in orders[split]]
        data, target = folders.data(split), folders.target(split)
        made |= {data: [], target: []}
        for order in orders[split]:
            for path in order.files:
                made[data if path.parent == order.data else target].append(path)
    deliver_samples(made)
    for split in SPLITS:
        _write_tables(folders.manifest(split), split, known[split])


def _write_tables(manifest: Path, split: str, known: list[dict[str, Any]]) -> None:
    """Write statistics, faults and, last, the manifest of a split."""
    statistics = [{"sample": n, **sample["statistics"]} for n, sample in enumerate(known)]
    faults = [{"sample": n, **row} for n, sample in enumerate(known) for row in sample["faults"]]
    for name, rows, columns in (
        ("statistics", statistics, SampleStatistics.__dataclass_fields__),
        ("faults", faults, FaultStatistics.__dataclass_fields__),
    ):
        with written_whole(manifest.with_name(f"{name}_{split}.csv")) as (temporary,):
            table = pd.DataFrame(rows, columns=["sample", *columns])
            table.to_csv(temporary, index=False)
    write_manifest(manifest, [ManifestRow(**sample["row"]) for sample in known])
