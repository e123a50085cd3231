"""Horizon files of other programs: nodes with their places and times or depths.

Irap classic grids are read by surfio, the reader that xtgeo uses as well. Everything else is a text
file with a row a node: CSV, OpendTect ASCII, Petrel points, Charisma lines, plain columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import surfio
from numpy.typing import NDArray

from ..errors import StrataflowError
from ..files import require_file
from .horizon_columns import Layout, find_layout

# What programs write where a horizon is undefined; so do numbers of at least 1e20.
UNDEFINED = (-999.0, -999.25, -9999.0, -99999.0, -999999.0, 9999900.0, 9999999.0)
HUGE = 1e20

# Bytes that are read to find out what a file is.
HEAD = 1 << 16

# First bytes of Irap classic files, ASCII and binary.
IRAP_ASCII, IRAP_BINARY = re.compile(rb"\s*-996\s"), b"\x00\x00\x00\x20\xff\xff\xfc\x1c"

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class SurfaceGrid:
    """A regular grid: `values` (columns, rows) of a node at `origin` + column and row `steps`.

    Undefined nodes are NaN. `steps` is (2, 2): x and y of a column step, x and y of a row step.
    """

    origin: Numbers
    steps: Numbers
    values: Numbers

    def at(self, x: Numbers, y: Numbers) -> Numbers:
        """Bilinear interpolation at places of any shape; NaN outside and beside undefined nodes."""
        away = np.stack([x - self.origin[0], y - self.origin[1]])
        found = np.tensordot(np.linalg.inv(self.steps.T), away, 1)
        # A place on a node needs no neighbours.
        near = np.round(found)
        found = np.where(np.abs(found - near) < 1e-3, near, found)
        counts = np.array(self.values.shape).reshape(2, *[1] * x.ndim)
        inside = ((found >= 0) & (found <= counts - 1)).all(axis=0)
        first = np.clip(np.floor(found), 0, counts - 1).astype(np.int64)
        part = np.clip(found - first, 0, 1)
        result = np.zeros(x.shape)
        for column, row in np.ndindex(2, 2):
            share = (part[0] if column else 1 - part[0]) * (part[1] if row else 1 - part[1])
            i, j = (
                np.minimum(first[axis] + step, self.values.shape[axis] - 1)
                for axis, step in enumerate((column, row))
            )
            result += np.where(share > 0, share * self.values[i, j], 0)
        return np.where(inside, result, np.nan)


@dataclass(frozen=True)
class Nodes:
    """A horizon as a file states it.

    Attributes:
        path: The file.
        name: Name of the horizon: that in the file, or the name of the file.
        z: Time or depth of each node, (N,), without undefined nodes.
        lines: Inline and crossline number of each node, (2, N), if the file has them.
        places: x and y of each node, (2, N), if the file has them.
        grid: The regular grid of an Irap file.
        domain: time or depth, if the file says so.
        unit: ms, s, m or ft, if the file says so.
        guesses: For a file that does not name its columns: the layouts that its columns allow.
    """

    path: Path
    name: str
    z: Numbers
    lines: Numbers | None = None
    places: Numbers | None = None
    grid: SurfaceGrid | None = None
    domain: str | None = None
    unit: str | None = None
    guesses: tuple[Nodes, ...] = ()


def read_nodes(path: Path, named: bool = False) -> list[Nodes]:
    """Read a horizon file of any known format. A column with names of horizons makes several.

    Args:
        path: The file.
        named: Whether it must have such a column.

    Raises:
        StrataflowError: The file is missing, empty, of an unknown format, or a row is invalid.
    """
    head = _head(path)
    require_horizon_file(path, named)
    if _is_irap(head):
        return [_irap_nodes(path, head.startswith(IRAP_BINARY))]
    table, layout = _read_table(path, head)
    return [_nodes_of(path, name, rows, layout) for name, rows in _by_name(path, table, layout)]


def require_horizon_file(path: Path, named: bool = False) -> None:
    """Raise StrataflowError if `path` is missing or begins unlike any known format.

    Args:
        path: The file.
        named: Whether it must have a column with names of horizons.
    """
    head = _head(path)
    if not _is_irap(head) and (_layout(path, head).name is not None or not named):
        return
    if named:
        raise StrataflowError(
            f"{path}: no column with the name of the set; expected a table of set, inline,"
            " crossline and time or depth"
        )


def horizon_names_of(path: Path) -> list[str]:
    """Names of the horizons in a file, in the order of the file.

    Raises:
        StrataflowError: See `read_nodes`.
    """
    head = _head(path)
    if _is_irap(head) or _layout(path, head).name is None:
        return [path.stem]
    return [name for name, _ in _by_name(path, *_read_table(path, head))]


def _is_irap(head: bytes) -> bool:
    return bool(IRAP_ASCII.match(head)) or head.startswith(IRAP_BINARY)


def _head(path: Path) -> bytes:
    with open(require_file(path), "rb") as stream:
        head = stream.read(HEAD)
    if not head.strip():
        raise StrataflowError(f"{path}: empty, expected a horizon")
    return head


def _irap_nodes(path: Path, binary: bool) -> Nodes:
    read = surfio.IrapSurface.from_binary_file if binary else surfio.IrapSurface.from_ascii_file
    try:
        surface = read(path)
    except (RuntimeError, ValueError, IndexError, OverflowError, MemoryError) as error:
        reason = " ".join(str(error).split())
        raise StrataflowError(f"{path}: not a valid Irap grid ({reason})") from None
    h = surface.header
    turn = np.radians(h.rot)
    across = np.array([np.cos(turn), np.sin(turn)]) * h.xinc
    up = np.array([-np.sin(turn), np.cos(turn)]) * h.yinc
    steps, origin = np.stack([across, up]), np.array([h.xori, h.yori])
    if not abs(np.linalg.det(steps)) > 0:
        raise StrataflowError(f"{path}: Irap grid with a spacing of {h.xinc:g} by {h.yinc:g}")
    values = surface.values.astype(np.float64)
    values[is_undefined(values)] = np.nan
    column, row = np.nonzero(np.isfinite(values))
    places = origin[:, None] + steps.T @ np.stack([column, row])
    if not column.size:
        raise StrataflowError(f"{path}: all nodes are undefined")
    grid = SurfaceGrid(origin, steps, values)
    return Nodes(path, path.stem, values[column, row], places=places, grid=grid)


def is_undefined(values: NDArray) -> NDArray[np.bool_]:
    """Where `values` are codes of undefined nodes, or not finite."""
    return ~np.isfinite(values) | (np.abs(values) >= HUGE) | np.isin(values, UNDEFINED)


def _layout(path: Path, head: bytes) -> Layout:
    if b"\x00" in head[:4096]:
        raise StrataflowError(
            f"{path}: binary file of an unknown format; expected an Irap grid or a text file"
        )
    lines = head.decode("utf-8-sig", errors="replace").splitlines()
    try:
        # The last line may be cut.
        return find_layout(lines[:-1] if len(head) == HEAD else lines)
    except StrataflowError as error:
        raise StrataflowError(f"{path}: {error}") from None


def _read_table(path: Path, head: bytes) -> tuple[pd.DataFrame, Layout]:
    """The rows of a text file by column of its layout, as numbers or as text, and the layout."""
    layout = _layout(path, head)
    text = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    numbered = [
        (number, line)
        for number, line in enumerate(text[layout.skip :], start=layout.skip + 1)
        if not layout.is_comment(line)
    ]
    numbers, lines = [number for number, _ in numbered], [line for _, line in numbered]
    try:
        # NumPy reads plain numbers ten times as fast.
        values = np.loadtxt(lines, delimiter=layout.delimiter, comments=None, ndmin=2)
        if values.shape[1] == layout.width:
            return pd.DataFrame(values, index=numbers), layout
    except ValueError:
        pass
    rows = [layout.split(line) for line in lines]
    for number, cells in zip(numbers, rows, strict=True):
        if len(cells) != layout.width:
            raise StrataflowError(
                f"{path}: line {number}: {len(cells)} columns, expected {layout.width} as in the"
                " first row"
            )
    return pd.DataFrame(rows, columns=range(layout.width), index=numbers), layout


def _by_name(path: Path, table: pd.DataFrame, layout: Layout) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows of each horizon of a file."""
    if layout.name is None:
        yield path.stem, table
        return
    names = table[layout.name].astype(str).str.strip().str.strip("\"'")
    if (names == "").any():
        raise StrataflowError(f"{path}: line {names.index[names == ''][0]}: no name in its column")
    for name, rows in table.groupby(names, sort=False):
        yield str(name), rows


def _nodes_of(path: Path, name: str, rows: pd.DataFrame, layout: Layout) -> Nodes:
    guesses = tuple(_with_columns(path, name, rows, layout, where) for where in layout.columns)
    first = guesses[0]
    return first if len(guesses) == 1 else Nodes(path, name, first.z, guesses=guesses)


def _with_columns(
    path: Path, name: str, rows: pd.DataFrame, layout: Layout, where: Mapping[str, int]
) -> Nodes:
    """The nodes of `rows` whose columns mean `where`, without undefined ones."""
    values = {what: _numbers(path, rows[column], layout) for what, column in where.items()}
    there = ~is_undefined(values["z"])
    if not there.any():
        raise StrataflowError(f"{path}: all nodes are undefined")
    for what, column in values.items():
        bad = there & ~np.isfinite(column)
        if bad.any():
            raise StrataflowError(f"{path}: line {rows.index[bad][0]}: no {what}")
    lines, places = (
        np.stack([values[a][there], values[b][there]]) if a in values else None
        for a, b in (("inline", "crossline"), ("x", "y"))
    )
    z = values["z"][there]
    return Nodes(path, name, z, lines, places, domain=layout.domain, unit=layout.unit)


def _numbers(path: Path, cells: pd.Series, layout: Layout) -> Numbers:
    """A column as numbers; NaN for cells that are empty or say so."""
    if cells.dtype.kind == "f":
        return cells.to_numpy(np.float64)
    text = cells.str.strip().str.strip("\"'")
    if layout.decimal_comma:
        text = text.str.replace(",", ".", regex=False)
    empty = text.str.lower().isin(["", "nan", "null", "none", "undef", "undefined", "*", "-"])
    numbers = pd.to_numeric(text.where(~empty), errors="coerce")
    wrong = numbers.isna() & ~empty
    if wrong.any():
        line = wrong.index[wrong][0]
        raise StrataflowError(f"{path}: line {line}: expected a number, got {text[line]!r}")
    return numbers.to_numpy(np.float64)
