"""Horizon files of other programs: nodes with their places and times or depths.

A file is a regular grid (`surface_grids`) or a text file with a row a node: CSV, OpendTect ASCII,
Petrel points, Charisma lines, plain columns.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import StrataflowError
from ..files import require_file
from .horizon_columns import Layout, find_layout
from .surface_grids import Numbers, SurfaceGrid, is_undefined, kind_of_grid, read_grid

# Bytes that are read to find out what a file is.
HEAD = 1 << 16


@dataclass(frozen=True)
class Nodes:
    """A horizon as a file states it.

    Attributes:
        path: The file.
        name: Name of the horizon: that in the file, or the name of the file.
        z: Time or depth of each node, (N,), without undefined nodes.
        lines: Inline and crossline number of each node, (2, N), if the file has them.
        places: x and y of each node, (2, N), if the file has them.
        grid: The regular grid that the nodes are of, if any.
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
    kind = kind_of_grid(head)
    if kind:
        grid = read_grid(path, kind)
        return [Nodes(path, path.stem, grid.defined(), places=grid.places(), grid=grid)]
    table, layout = _read_table(path, head)
    return [_nodes_of(path, name, rows, layout) for name, rows in _by_name(path, table, layout)]


def require_horizon_file(path: Path, named: bool = False) -> None:
    """Raise StrataflowError if `path` is missing or begins unlike any known format.

    Args:
        path: The file.
        named: Whether it must have a column with names of horizons.
    """
    head = _head(path)
    if not kind_of_grid(head) and (_layout(path, head).name is not None or not named):
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
    if kind_of_grid(head) or _layout(path, head).name is None:
        return [path.stem]
    return [name for name, _ in _by_name(path, *_read_table(path, head))]


def _head(path: Path) -> bytes:
    with open(require_file(path), "rb") as stream:
        head = stream.read(HEAD)
    if not head.strip():
        raise StrataflowError(f"{path}: empty, expected a horizon")
    return head


def _layout(path: Path, head: bytes) -> Layout:
    if b"\x00" in head[:4096]:
        raise StrataflowError(
            f"{path}: binary file of an unknown format; expected a grid or a text file"
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
    table = _fast_table(lines, layout)
    if table is not None:
        return table.set_axis(numbers), layout
    rows = [layout.split(line) for line in lines]
    for number, cells in zip(numbers, rows, strict=True):
        if len(cells) != layout.width:
            raise StrataflowError(
                f"{path}: line {number}: {len(cells)} columns, expected {layout.width} as in the"
                " first row"
            )
    return pd.DataFrame(rows, columns=range(layout.width), index=numbers), layout


def _fast_table(lines: list[str], layout: Layout) -> pd.DataFrame | None:
    """The cells of all lines as text, or None if pandas does not find the same in each."""
    marks = layout.width - 1
    if layout.is_charisma or (
        # pandas fills up short lines.
        layout.delimiter and any(line.count(layout.delimiter) != marks for line in lines)
    ):
        return None
    try:
        with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):
            table = pd.read_csv(
                StringIO("\n".join(lines)),
                sep=layout.delimiter or r"\s+",
                names=list(range(layout.width)),
                index_col=False,
                dtype=str,
                keep_default_na=False,
                skipinitialspace=True,
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning, ValueError):
        return None
    short = (table[marks].fillna("") == "").any() and not layout.delimiter
    return None if len(table) != len(lines) or short else table


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
