"""Slabs: files with the inlines that one job predicts.

PREFIX.slab.json describes a slab. PREFIX.<attribute> holds its finished inlines, in the format of a
raw volume. PREFIX.rgt holds the RGT tiles of the slab one after the other, because each tile has
its own scale and offset until all slabs are joined.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import numpy as np

from ..errors import StrataflowError
from ..files import file_checksum, require_file, require_format
from ..volume.attributes import SPREAD, TASKS, attributes_of
from ..volume.raw import Array
from ..volume.volume import attribute_path
from .tiling import TileGrid

FORMAT = "strataflow slab 1"

# Maximum number of lines or samples; larger numbers in a description are invalid.
MAX_SIDE = 1 << 24


@dataclass(frozen=True)
class Slab:
    """One slab of a volume.

    Attributes:
        number: Index of the slab, from 0.
        count: Number of slabs.
        shape: Shape of the volume (n3, n2, n1).
        tile: Maximum tile (n3, n2, n1) in voxels.
        overlap: Minimum overlap as a fraction of the tile.
        tasks: Predicted tasks.
        uncertainty: Whether the slab holds the spread of the fault probability.
    """

    number: int
    count: int
    shape: tuple[int, int, int]
    tile: tuple[int, int, int]
    overlap: float
    tasks: tuple[str, ...]
    uncertainty: bool = False

    @property
    def attributes(self) -> tuple[str, ...]:
        """Attributes of the tasks, and the spread if requested."""
        return attributes_of(self.tasks) + ((SPREAD,) if self.uncertainty else ())

    @property
    def grid(self) -> TileGrid:
        """Tiles of the whole volume."""
        return TileGrid.cover(self.shape, self.tile, self.overlap)

    @property
    def rows(self) -> range:
        """Rows of tiles that belong to the slab."""
        return self.grid.rows_of_slab(self.number, self.count)

    @property
    def inlines(self) -> slice:
        """Inlines that the slab finishes."""
        return self.grid.inlines(self.rows)

    @property
    def tiles_shape(self) -> tuple[int, int, int, int]:
        """Shape (tiles, n3, n2, n1) of the RGT tiles."""
        return (len(self.rows) * self.grid.per_row, *self.grid.tile)

    def n_bytes(self, attribute: str) -> int:
        """Size in bytes of the file of `attribute`."""
        if attribute == "rgt":
            return 4 * int(np.prod(self.tiles_shape))
        inlines = self.inlines
        return 4 * (inlines.stop - inlines.start) * self.shape[1] * self.shape[2]


def description_path(prefix: Path) -> Path:
    """Path of the description of the slab with the given PREFIX."""
    return Path(f"{prefix}.slab.json")


def write_description(path: Path, slab: Slab, raws: dict[str, Path]) -> None:
    """Write the description of a slab, with the checksums of its files, as JSON to `path`."""
    checksums = {name: file_checksum(raw) for name, raw in raws.items()}
    content = {"format": FORMAT} | asdict(slab) | {"checksums": checksums}
    path.write_text(json.dumps(content, indent=1) + "\n")


def read_description(prefix: Path) -> Slab:
    """Read the description of a slab and check its files.

    Raises:
        StrataflowError: The description is invalid, or a file is missing or damaged.
    """
    path = require_file(description_path(prefix))
    try:
        content = json.loads(path.read_text())
        require_format(path, content["format"], FORMAT)
        tasks = _tasks(content["tasks"])
        slab = Slab(
            number=int(content["number"]),
            count=int(content["count"]),
            shape=_three(content["shape"]),
            tile=_three(content["tile"]),
            overlap=float(content["overlap"]),
            tasks=tasks,
            uncertainty=content.get("uncertainty", False) is True,
        )
        checksums = {name: str(content["checksums"][name]) for name in slab.attributes}
        if not 0 <= slab.number < slab.count:
            raise ValueError(f"expected a number below the count {slab.count}, got {slab.number}")
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise StrataflowError(f"{path}: not a strataflow slab ({error})") from error
    for name, checksum in checksums.items():
        file = require_file(attribute_path(prefix, name))
        if file.stat().st_size != slab.n_bytes(name):
            raise StrataflowError(
                f"{file}: expected {slab.n_bytes(name)} bytes, got {file.stat().st_size}; "
                "predict the slab again"
            )
        if file_checksum(file) != checksum:
            raise StrataflowError(
                f"{file}: checksum mismatch: the file changed or is damaged; predict the slab again"
            )
    return slab


def _tasks(names: list[str]) -> tuple[str, ...]:
    if not isinstance(names, list) or not names or not set(names) <= set(TASKS):
        raise ValueError(f"tasks: expected some of {', '.join(TASKS)}, got {names}")
    return tuple(names)


def _three(numbers: list[int]) -> tuple[int, int, int]:
    n3, n2, n1 = (int(number) for number in numbers)
    if not 1 <= min(n3, n2, n1) <= max(n3, n2, n1) <= MAX_SIDE:
        raise ValueError(f"expected sizes from 1 to {MAX_SIDE}, got n1={n1} n2={n2} n3={n3}")
    return (n3, n2, n1)


def write_lines(
    stream: IO[bytes], first: int, inlines: slice, crosslines: slice, n2: int, values: Array
) -> None:
    """Write a block of lines into a raw volume.

    Args:
        stream: Open file of the volume.
        first: Inline index at which the file starts.
        inlines: Inlines of the block.
        crosslines: Crosslines of the block.
        n2: Number of crosslines of the volume.
        values: Block (inlines, crosslines, n1).
    """
    n1 = values.shape[-1]
    for i3, plane in zip(range(inlines.start - first, inlines.stop - first), values, strict=True):
        stream.seek(4 * n1 * (i3 * n2 + crosslines.start))
        stream.write(np.ascontiguousarray(plane, "<f4").data)
