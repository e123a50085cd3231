"""Tables of a training: what joins it, with how many voxels, and the losses by epoch."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from ..files import written_whole
from ..network.architecture import Architecture
from ..samples.files import sample_path
from ..volume.attributes import FAULT_THRESHOLD, TASKS
from ..volume.raw import read_cube
from .dataset import Crops
from .sources import SampleSource

# A task that a source does not teach, in the table.
NOT_TAUGHT = "-"


def training_table(crops: dict[str, Crops], architecture: Architecture) -> pd.DataFrame:
    """Return one row for each folder of samples and each survey of each split.

    Columns: split, source, crops per epoch, the number of voxels with a known label of each task,
    and of fault voxels. A task that the source does not teach has NOT_TAUGHT.

    Args:
        crops: Crops by split.
        architecture: Network to train.
    """
    rows = []
    for split, of_split in crops.items():
        source = of_split.source
        folders = Counter(target for _, target, _ in source.samples)
        for folder, count in folders.items():
            known = _voxels_in_folder(source, folder, architecture)
            rows.append((split, str(folder), count * of_split.per_sample, known))
        for survey in source.surveys:
            number = of_split.of_surveys / len(source.surveys)
            if not of_split.augment:
                number = sum(tile[0] is survey for tile in of_split.tiles)
            rows.append((split, str(survey.image.path), round(number), survey.label_counts()))
    columns = (*architecture.tasks, *(["faults"] if "fault" in architecture.tasks else []))
    return pd.DataFrame(
        [
            {"split": split, "source": source, "crops": number}
            | {f"{name}_voxels": known.get(name, NOT_TAUGHT) for name in columns}
            for split, source, number, known in rows
        ]
    )


def _voxels_in_folder(
    source: SampleSource, folder: Path, architecture: Architecture
) -> dict[str, int]:
    """Voxels with a known label of each task, and fault voxels, of the samples in a folder."""
    counts: Counter[str] = Counter()
    taught = source.targets_in(folder, architecture)
    for _, target, number in source.samples:
        if target != folder:
            continue
        for task in architecture.tasks:
            name = TASKS[task][0]
            if name in taught:
                cube = read_cube(sample_path(target, number, name), source.shape)
                counts[task] += int(np.count_nonzero(~np.isnan(cube)))
                if task == "fault":
                    counts["faults"] += int(np.count_nonzero(cube >= FAULT_THRESHOLD))
    return dict(counts)


def as_text(table: pd.DataFrame) -> str:
    """The table as lines of text, with thousands separated."""
    shown = table.map(lambda value: f"{value:,}" if isinstance(value, int) else value)
    return str(shown.to_string(index=False))


def write_metrics_table(output: Path, table: Path) -> None:
    """Write the training and validation losses to the CSV file `table`, one row per epoch."""
    parts = sorted((output / "csv").glob("from_step=*/metrics.csv"), key=_modified)
    logged = pd.DataFrame(columns=["epoch", "step"])
    for part in parts:
        # A later start replaces all steps from its first step on.
        first = int(part.parent.name.split("=")[1])
        logged = pd.concat([logged[logged["step"] < first], pd.read_csv(part)])
    names = [c for c in logged.columns if c.startswith(("train/", "valid/"))]
    # Steps repeated after a stop have the same losses; keep one row of each.
    by_step = logged.groupby(["epoch", "step"])[names].last()
    rows = by_step.groupby("epoch").mean().reset_index()
    with written_whole(table) as (temporary,):
        rows.to_csv(temporary, index=False)


def _modified(path: Path) -> int:
    return path.stat().st_mtime_ns
