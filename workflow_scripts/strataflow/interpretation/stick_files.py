"""Read fault sticks: Charisma, OpendTect ASCII, CPS-3 and Petrel points, tables with a header."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import StrataflowError
from ..files import require_file
from ..volume.sidecar import Sidecar
from ..volume.units import FACTORS
from .horizon_columns import domain_of, meaning_of, require_one_domain
from .horizon_units import unit_factor

# Columns of a table of stick points.
COLUMNS = ("fault", "stick", "inline", "crossline", "x", "y", "z")

# Names that files have for the columns fault and stick, without case and signs between letters;
# `horizon_columns` has those of the others.
FAULT = ("fault", "faultname")
STICK = ("stick", "segment", "stickid", "sticknumber")

FORMS = (
    "expected Charisma, OpendTect ASCII, CPS-3 or Petrel points, or a table whose header names"
    " fault, stick, inline and crossline or x and y, and time or depth"
)

_CHARISMA = re.compile(
    r"INLINE-\s*(\S+)\s+XLINE-\s*(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S.*?)\s+(\d+)\s*$", re.IGNORECASE
)

_CPS3 = re.compile(r"F[FS](ASCI|ATTR|BINR|CSYS|LIMI|NROW|XINC)\b|->", re.IGNORECASE)


# Voxels by which a point may lie outside of a survey and still count as inside.
MARGIN = 1.0

Rows = list[dict[str, object]]


@dataclass(frozen=True)
class PickedStick:
    """A stick of the fault `fault`: `points` float (3, N) in voxels over (n3, n2, n1)."""

    fault: str
    stick: str
    points: NDArray[np.float64]


def read_sticks(paths: Sequence[Path], sidecar: Sidecar) -> tuple[list[PickedStick], list[str]]:
    """Read fault sticks and place them in a survey.

    Args:
        paths: Files of fault sticks.
        sidecar: Geometry of the survey.

    Returns:
        Sticks of at least two points, and one line for each thing that was left out.

    Raises:
        StrataflowError: A file has none of the known forms, or none of its points lies in the
            survey, or no stick is left.
    """
    sticks: list[PickedStick] = []
    notes: list[str] = []
    for path in paths:
        table = stick_table(path)
        at, more = _placed(table, sidecar, path)
        notes += more
        inside = _inside(at, sidecar)
        groups: dict[tuple[str, str], list[int]] = {}
        for row, name in enumerate(zip(table["fault"], table["stick"], strict=True)):
            groups.setdefault((str(name[0]), str(name[1])), []).append(row)
        for (fault, stick), rows in groups.items():
            chosen = np.array(rows)[inside[rows]]
            if chosen.size < 2:
                left = "lies outside of the survey" if not chosen.size else "has one point inside"
                if len(rows) == 1:
                    left = "has one point"
                notes.append(f"{path}: fault {fault}: stick {stick} {left} and is left out")
                continue
            sticks.append(PickedStick(fault, stick, at[:, chosen]))
    if not sticks:
        raise StrataflowError(
            f"{paths[0]}: no stick with two points in the survey; each stick needs at least two"
        )
    return sticks, notes


def stick_table(path: Path) -> pd.DataFrame:
    """Read a file of fault sticks.

    Returns:
        A row for each point with the columns of COLUMNS; unknown numbers are NaN. `attrs` has
        `domain` (time or depth) and `unit` (ms, s, m or ft) of z, if the file names them.

    Raises:
        StrataflowError: The file has none of the known forms, or a line cannot be read.
    """
    try:
        text = require_file(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise StrataflowError(f"{path}: not a text file of fault sticks; {FORMS}") from None
    lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), start=1)]
    lines = [(n, line) for n, line in lines if line and line[0] not in "#!"]
    if not lines:
        raise StrataflowError(f"{path}: empty; {FORMS}")
    first = lines[0][1]
    domain = unit = None
    if _CHARISMA.match(first):
        rows = _charisma(path, lines)
    elif _CPS3.match(first):
        rows = _cps3(path, lines)
    else:
        rows, domain, unit = _columns(path, lines)
    table = pd.DataFrame(rows).reindex(columns=COLUMNS)
    table.attrs = {"domain": domain, "unit": unit}
    for name in ("inline", "crossline", "x", "y", "z"):
        table[name] = table[name].astype(np.float64)
    return table


def _charisma(path: Path, lines: list[tuple[int, str]]) -> Rows:
    rows: Rows = []
    for number, line in lines:
        found = _CHARISMA.match(line)
        if not found:
            raise StrataflowError(f"{path}: line {number}: not a Charisma fault stick: {line!r}")
        names = ("inline", "crossline", "x", "y", "z")
        values = _numbers(path, number, found.groups()[:5])
        rows.append({**dict(zip(names, values, strict=True)), "fault": found[6], "stick": found[7]})
    return rows


def _cps3(path: Path, lines: list[tuple[int, str]]) -> Rows:
    """CPS-3 lines: x y z a line, `->` begins a stick."""
    rows: Rows = []
    stick = 0
    for number, line in lines:
        if line.startswith("->"):
            stick += 1
        elif not line[0].isalpha():
            x, y, z = _numbers(path, number, line.split()[:3], count=3)
            rows.append({"fault": path.stem, "stick": stick, "x": x, "y": y, "z": z})
    if not rows:
        raise StrataflowError(f"{path}: no points; {FORMS}")
    return rows


def _columns(path: Path, lines: list[tuple[int, str]]) -> tuple[Rows, str | None, str | None]:
    """Columns with a header, Petrel points with attributes, or OpendTect's columns without one.

    Also returns domain and unit of z, None where the header does not name them.
    """
    names: list[str] | None = None
    header: list[str] = []
    if any(line.upper() == "BEGIN HEADER" for _, line in lines):
        ends = [i for i, (_, line) in enumerate(lines) if line.upper().endswith("HEADER")]
        header = [line.split(",")[-1] for _, line in lines[ends[0] + 1 : ends[-1]]]
        names, lines = _known_names(path, header), lines[ends[-1] + 1 :]
        mark = None
    else:
        mark = next((mark for mark in "\t,;" if mark in lines[0][1]), None)
        cells = _cells(lines[0][1], mark)
        if "z" in map(_known_name, cells):
            names, header, lines = _known_names(path, cells), cells, lines[1:]
    if names is None:
        return _without_header(path, lines, mark), None, None
    what, unit = meaning_of(header[names.index("z")]) if "z" in names else (None, None)
    has_place = {"inline", "crossline"} <= set(names) or {"x", "y"} <= set(names)
    if not has_place or "stick" not in names:
        missing = (
            "column of the stick" if has_place else "columns of inline and crossline or x and y"
        )
        raise StrataflowError(f"{path}: no {missing}; {FORMS}")
    rows: Rows = []
    for number, line in lines:
        cells = _cells(line, mark)
        if len(cells) < len(names):
            raise StrataflowError(
                f"{path}: line {number}: {len(cells)} values for {len(names)} columns"
            )
        row: dict[str, object] = {"fault": path.stem}
        for name, cell in zip(names, cells, strict=False):
            if name in ("fault", "stick"):
                row[name] = cell
            elif name:
                row[name] = _numbers(path, number, [cell])[0]
        rows.append(row)
    return rows, domain_of(what or "z", unit), unit


def _without_header(path: Path, lines: list[tuple[int, str]], mark: str | None) -> Rows:
    """OpendTect's ASCII columns: [name] x y z stick [node]."""
    rows: Rows = []
    for number, line in lines:
        cells = _cells(line, mark)
        fault = path.stem
        if cells and not _is_number(cells[0]):
            # A name may have spaces where columns are separated by spaces.
            first = next((i for i, cell in enumerate(cells) if _is_number(cell)), len(cells))
            fault, cells = " ".join(cells[:first]), cells[first:]
        if len(cells) not in (4, 5):
            raise StrataflowError(f"{path}: line {number}: {line!r}: not a fault stick; {FORMS}")
        x, y, z, _ = _numbers(path, number, cells[:4])
        rows.append({"fault": fault, "stick": cells[3], "x": x, "y": y, "z": z})
    return rows


def _cells(line: str, mark: str | None) -> list[str]:
    return [cell.strip().strip('"') for cell in (line.split(mark) if mark else line.split())]


def _known_names(path: Path, header: Sequence[str]) -> list[str]:
    """The name in COLUMNS for each column, or an empty text.

    Raises:
        StrataflowError: Two columns mean the same, or one is time and one is depth.
    """
    names = [_known_name(cell) for cell in header]
    # Where a column has the fault, that of a name is something else.
    named = "" if "fault" in names else "fault"
    names = [named if name == "name" else name for name in names]
    try:
        require_one_domain(meaning_of(cell)[0] for cell in header)
    except StrataflowError as error:
        raise StrataflowError(f"{path}: {error}") from None
    for name in COLUMNS:
        same = [cell for cell, known in zip(header, names, strict=True) if known == name]
        if len(same) > 1:
            raise StrataflowError(f"{path}: columns {same[0]!r} and {same[1]!r} mean the same")
    return names


def _known_name(cell: str) -> str:
    """What a column is: one of COLUMNS, `name` for the name of some object, or empty text."""
    plain = re.sub(r"[^a-z]", "", re.sub(r"[\[(].*", "", cell.lower()))
    for name, words in (("fault", FAULT), ("stick", STICK)):
        if plain in words:
            return name
    what, _ = meaning_of(cell)
    return "z" if what in ("time", "depth") else what or ""


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _numbers(
    path: Path, number: int, cells: Sequence[str], count: int | None = None
) -> list[float]:
    if (count and len(cells) < count) or not all(_is_number(cell) for cell in cells):
        raise StrataflowError(f"{path}: line {number}: {' '.join(cells)!r}: not numbers; {FORMS}")
    return [float(cell) for cell in cells]


def _placed(
    table: pd.DataFrame, sidecar: Sidecar, path: Path
) -> tuple[NDArray[np.float64], list[str]]:
    """Points in voxels (3, N), and notes. Raise StrataflowError if none is in the survey."""
    notes: list[str] = []
    try:
        factor = unit_factor(table.attrs.get("domain"), table.attrs.get("unit"), sidecar, notes)
    except StrataflowError as error:
        raise StrataflowError(f"{path}: {error}") from None
    notes = [f"{path}: {note}" for note in notes]
    table = table.assign(z=factor * table["z"])
    z = table["z"].to_numpy()
    if (z <= 0).all() and z.any() and sidecar.axes[2].first >= 0:
        table, z = table.assign(z=-z), -z
        notes.append(f"{path}: {sidecar.domain} is negative downward; its sign is changed")
    at = _indices(table, sidecar)
    inside = _inside(at, sidecar)
    if not inside.any():
        raise StrataflowError(
            f"{path}: none of the {len(table)} points lies in the survey"
            f" ({_extent(table, sidecar)}){_guess(table, sidecar)}"
        )
    if not inside.all():
        notes.append(
            f"{path}: {np.count_nonzero(~inside)} of {len(table)} points lie outside of the survey"
            " and are left out"
        )
    return at, notes


def _indices(table: pd.DataFrame, sidecar: Sidecar) -> NDArray[np.float64]:
    """Points in voxels (3, N) from line numbers, or else from coordinates; NaN without both."""
    rows = table[["inline", "crossline", "x", "y", "z"]].to_numpy(np.float64).T
    at = np.full((3, rows.shape[1]), np.nan)
    for axis, value in zip((0, 1, 2), (rows[0], rows[1], rows[4]), strict=True):
        at[axis] = (value - sidecar.axes[axis].first) / sidecar.axes[axis].step
    from_lines = np.isfinite(at[:2]).all(axis=0)
    origin, along3, along2 = sidecar.lattice()
    matrix = np.stack([along3, along2], axis=1)
    if not from_lines.all() and np.isfinite(matrix).all() and abs(np.linalg.det(matrix)) > 0:
        solved = np.linalg.solve(matrix, rows[2:4] - origin[:, None])
        at[:2, ~from_lines] = solved[:, ~from_lines]
    return at


def _inside(at: NDArray[np.float64], sidecar: Sidecar) -> NDArray[np.bool_]:
    last = np.array(sidecar.shape.array)[:, None] - 1
    with np.errstate(invalid="ignore"):
        inside: NDArray[np.bool_] = np.all((at >= -MARGIN) & (at <= last + MARGIN), axis=0)
    return inside


def _extent(table: pd.DataFrame, sidecar: Sidecar) -> str:
    """The ranges of the points and of the survey, as text."""
    if sidecar.is_line and table["crossline"].isna().all():
        return "a 2D line takes CDP numbers in the column crossline, not coordinates"
    ends = np.array([[i * (n - 1) for i in (0, 1)] for n in sidecar.shape.array], float)
    corners = np.array(np.meshgrid(*ends)).reshape(3, -1)
    places = sidecar.places(corners)
    for name, own in zip(("inline", "crossline", "z"), sidecar.axis_names, strict=True):
        places[name] = places.pop(own)
    parts = []
    for name in ("inline", "crossline", "x", "y", "z"):
        values = table[name].to_numpy()
        if np.isfinite(values).any():
            low, high = np.nanmin(values), np.nanmax(values)
            of_survey = f"{places[name].min():.10g} to {places[name].max():.10g}"
            what = sidecar.domain if name == "z" else name
            parts.append(f"{what} {low:.10g} to {high:.10g}, survey {of_survey}")
    return "; ".join(parts)


def _guess(table: pd.DataFrame, sidecar: Sidecar) -> str:
    """What would bring most of the points into the survey, as text."""
    for change, reason in _changes(table):
        if _inside(_indices(change, sidecar), sidecar).mean() > 0.5:
            return f"; {reason}"
    return ""


def _changes(table: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, str]]:
    """Yield changed tables with the mistake that each one corrects."""
    lateral = {False: table, True: table.assign(x=table["y"], y=table["x"])}
    lateral[True] = lateral[True].assign(inline=table["crossline"], crossline=table["inline"])
    yield lateral[True], "the two lateral columns seem to be swapped"
    for factor, unit in (
        (FACTORS["ft", "m"], "in feet instead of metres"),
        (FACTORS["m", "ft"], "in metres instead of feet"),
    ):
        scaled = {name: table[name] * factor for name in ("x", "y", "z")}
        yield table.assign(x=scaled["x"], y=scaled["y"]), f"the coordinates seem to be {unit}"
        yield table.assign(z=scaled["z"]), f"the depths seem to be {unit}"
        yield table.assign(**scaled), f"coordinates and depths seem to be {unit}"
    yield table.assign(z=table["z"] * 1000), "the times seem to be in seconds instead of ms"
    yield table.assign(z=table["z"] / 1000), "the times seem to be in ms instead of seconds"
