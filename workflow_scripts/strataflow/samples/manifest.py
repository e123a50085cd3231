"""The manifest: a table of the origin of each sample."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from ..files import written_whole


@dataclass(frozen=True)
class ManifestRow:
    """Origin of a sample: its source, and the index of its first voxel there (i1, i2, i3)."""

    sample: int
    source: str
    i1: int
    i2: int
    i3: int
    n1: int
    n2: int
    n3: int
    seed: int
    fault_fraction: float


def write_manifest(path: Path, rows: list[ManifestRow]) -> None:
    """Write the manifest of a split as CSV, with one row per sample."""
    table = pd.DataFrame(
        [asdict(row) for row in sorted(rows, key=lambda row: row.sample)],
        columns=list(ManifestRow.__dataclass_fields__),
    )
    with written_whole(path) as (temporary,):
        table.to_csv(temporary, index=False)
