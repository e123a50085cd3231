"""Slabs: the inlines that one job predicts, as files, and how they are joined to a volume.

PREFIX.slab.json says what a slab is. PREFIX.<attribute> holds its finished inlines, headerless as a
volume. Geologic time is only relative within a tile, so PREFIX.rgt holds the tiles of the slab, one
after the other, until those of all slabs are known.
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

# No survey has more lines or samples; a description that says so is not believed.
MAX_SIDE = 1 << 24


@dataclass(frozen=True)
class Slab:
    """Slab `number` of `count` of a volume of `shape`: the rows of `grid` and what they predict."""

    number: int
    count: int
    shape: tuple[int, int, int]
    tile: tuple[int, int, int]
    overlap: float
    tasks: tuple[str, ...]
    uncertainty: bool = False

    @property
    def attributes(self) -> tuple[str, ...]:
        """What it holds: the attributes of its tasks, and the spread of copies where wanted."""
        return attributes_of(self.tasks) + ((SPREAD,) if self.uncertainty else ())

    @property
    def grid(self) -> TileGrid:
        """The tiles of the whole volume."""
        return TileGrid.cover(self.shape, self.tile, self.overlap)

    @property
    def rows(self) -> range:
        """The rows of tiles that the slab finishes."""
        return self.grid.rows_of_slab(self.number, self.count)

    @property
    def inlines(self) -> slice:
        """The inlines that the slab finishes."""
        return self.grid.inlines(self.rows)

    @property
    def tiles_shape(self) -> tuple[int, int, int, int]:
        """(tiles, n3, n2, n1) of the geologic time."""
        return (len(self.rows) * self.grid.per_row, *self.grid.tile)

    def n_bytes(self, attribute: str) -> int:
        """Size of the file of `attribute`."""
        if attribute == "rgt":
            return 4 * int(np.prod(self.tiles_shape))
        inlines = self.inlines
        return 4 * (inlines.stop - inlines.start) * self.shape[1] * self.shape[2]


def description_path(prefix: Path) -> Path:
    """The file that says what the slab with that PREFIX is."""
    return Path(f"{prefix}.slab.json")


def write_description(path: Path, slab: Slab, raws: dict[str, Path]) -> None:
    """Write what `slab` is, and the checksums of its finished files, as JSON to `path` itself."""
    checksums = {name: file_checksum(raw) for name, raw in raws.items()}
    content = {"format": FORMAT} | asdict(slab) | {"checksums": checksums}
    path.write_text(json.dumps(content, indent=1) + "\n")


def read_description(prefix: Path) -> Slab:
    """Read what the slab with that PREFIX is; StrataflowError when it or its files are none."""
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
    """Write `values` (inlines, crosslines, n1) into a raw volume that begins at inline `first`."""
    n1 = values.shape[-1]
    for i3, plane in zip(range(inlines.start - first, inlines.stop - first), values, strict=True):
        stream.seek(4 * n1 * (i3 * n2 + crosslines.start))
        stream.write(np.ascontiguousarray(plane, "<f4").data)
