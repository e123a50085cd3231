"""What the columns of a text file of a horizon mean, from its header or from the text itself."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..errors import StrataflowError
from ..volume.units import DOMAINS, unit_named

# Names of columns, without case, units and signs between letters.
NAMES = {
    "inline": ("inline", "iline", "il", "inl", "inlinenumber", "inlineno", "inlinenr", "ilno"),
    "crossline": (
        *("crossline", "xline", "xl", "crl", "crosslinenumber", "crosslineno", "crosslinenr"),
        *("xlinenumber", "xlineno", "xlno", "trace"),
    ),
    "x": ("x", "xcoordinate", "xcoord", "easting", "east", "cdpx", "utmx", "xutm", "xworld"),
    "y": ("y", "ycoordinate", "ycoord", "northing", "north", "cdpy", "utmy", "yutm", "yworld"),
    "name": ("name", "set", "setname", "horizon", "horizonname", "surface", "marker"),
    "z": ("z", "zvalue", "value", "zcoord", "zcoordinate"),
    "time": ("time", "twt", "twttime", "twowaytime", "t", "timetwt", "ztime", "ztwt"),
    "depth": ("depth", "tvd", "tvdss", "zdepth", "depthtvd", "depthtvdss"),
}

# Columns of files that do not name them, by their number.
UNNAMED = {
    3: (("inline", "crossline", "z"), ("x", "y", "z")),
    5: (
        ("inline", "crossline", "x", "y", "z"),
        ("x", "y", "inline", "crossline", "z"),
        ("x", "y", "z", "inline", "crossline"),
    ),
}

EXPECTED = "expected inline, crossline and time or depth, or x, y and time or depth"

COMMENT = re.compile(r"\s*(#|!|//|@|$)")
NUMBERED = re.compile(r"\s*#?\s*(\d+)\s*:\s*(.+)")
CHARISMA = re.compile(r"\s*INLINE\s*[:-]?\s*([-\d.]+)\s+XLINE\s*[:-]?\s*([-\d.].*)", re.IGNORECASE)


@dataclass(frozen=True)
class Layout:
    """How to read the rows of a text file.

    Attributes:
        skip: Lines before the first row.
        width: Number of columns.
        delimiter: Mark between columns; None is white space.
        columns: Column of each of inline, crossline, x, y and z; several if the file leaves it
            open.
        name: Column with the name of the horizon, if any.
        domain: time or depth, if a column says so.
        unit: ms, s, m or ft, if the name of the column of z has it.
        decimal_comma: Whether numbers have commas for points.
        is_charisma: Whether lines have the words INLINE and XLINE before their numbers.
    """

    skip: int
    width: int
    delimiter: str | None
    columns: tuple[dict[str, int], ...]
    name: int | None = None
    domain: str | None = None
    unit: str | None = None
    decimal_comma: bool = False
    is_charisma: bool = False

    def split(self, line: str) -> list[str]:
        """The cells of a line."""
        return split_cells(line, self.delimiter)

    def is_comment(self, line: str) -> bool:
        """Whether a line has no row."""
        return bool(COMMENT.match(line)) or line.strip().upper() in ("EOD", "END")


def split_cells(line: str, delimiter: str | None) -> list[str]:
    """Cells of a line; the words of Charisma lines are left out."""
    charisma = CHARISMA.match(line)
    if charisma:
        line = f"{charisma[1]} {charisma[2]}"
    if delimiter is None and '"' not in line:
        return line.split()
    if delimiter is None:
        return next(csv.reader([" ".join(line.split())], delimiter=" "), [])
    cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
    # A delimiter at the end of a line makes no column.
    return cells[:-1] if cells and not cells[-1] and len(cells) > 3 else cells


def find_layout(lines: Sequence[str]) -> Layout:
    """Find the layout of a file from its first lines.

    Raises:
        StrataflowError: There is no row of numbers, or its columns are not known.
    """
    skip, delimiter, comma = _first_row(lines)
    cells = split_cells(lines[skip], delimiter)
    named = _named(lines[:skip], delimiter, len(cells))
    charisma = CHARISMA.match(lines[skip])
    if charisma and len(cells) >= 3:
        names = ["inline", "crossline", *(("x", "y", "z") if len(cells) >= 5 else ("z",))]
        where = {name: column for column, name in enumerate(names)}
        return Layout(skip, len(cells), delimiter, (where,), decimal_comma=comma, is_charisma=True)
    if named is None:
        return _unnamed(skip, cells, delimiter, comma)
    where, domain, unit = named
    name = where.pop("name", None)
    return Layout(skip, len(cells), delimiter, (where,), name, domain, unit, comma)


def _first_row(lines: Sequence[str]) -> tuple[int, str | None, bool]:
    """Number of lines before the first row of numbers, its delimiter, and if it has decimal commas.

    Raises:
        StrataflowError: There is none.
    """
    in_header = False
    for number, line in enumerate(lines):
        if line.strip().upper() == "BEGIN HEADER":
            in_header = True
        if line.strip().upper() == "END HEADER":
            in_header = False
        if in_header or COMMENT.match(line):
            continue
        delimiter = next((mark for mark in (";", "\t", ",") if mark in line), None)
        if delimiter == "\t" and len(line.split("\t")) < 3:
            delimiter = None
        comma = delimiter not in (",", None) and bool(re.search(r"\d,\d", line))
        cells = [cell.replace(",", ".") if comma else cell for cell in split_cells(line, delimiter)]
        if sum(map(_is_number, cells)) >= 3:
            return number, delimiter, comma
    raise StrataflowError(f"no rows of numbers, {EXPECTED}")


def _is_number(cell: str) -> bool:
    try:
        float(cell.strip("\"'"))
    except ValueError:
        return False
    return True


def _unnamed(skip: int, cells: list[str], delimiter: str | None, comma: bool) -> Layout:
    """Layout of a file that does not name its columns. A word in front is the horizon's name."""
    name = None if _is_number(cells[0].replace(",", ".")) else 0
    first = 0 if name is None else 1
    if len(cells) - first not in UNNAMED:
        raise StrataflowError(
            f"{len(cells)} columns without names; {EXPECTED}, named in the first line"
        )
    columns = tuple(
        {what: column for column, what in enumerate(names, start=first)}
        for names in UNNAMED[len(cells) - first]
    )
    return Layout(skip, len(cells), delimiter, columns, name, decimal_comma=comma)


Named = tuple[dict[str, int], str | None, str | None]


def _named(header: Sequence[str], delimiter: str | None, width: int) -> Named | None:
    """Columns by meaning, domain and unit of z, from the lines before the first row, or None.

    Raises:
        StrataflowError: Columns are named, but not those that a horizon needs.
    """
    for names in (_numbered(header, width), _listed(header), _last_line(header, delimiter, width)):
        if names:
            return _meaning(names)
    return None


def _numbered(header: Sequence[str], width: int) -> list[str]:
    """Names of columns of OpendTect: "# 1: Inline", a line a column."""
    found = {int(m[1]): m[2] for line in header if (m := NUMBERED.fullmatch(line))}
    return [found.get(column, "") for column in range(1, width + 1)] if found else []


def _listed(header: Sequence[str]) -> list[str]:
    """Names of columns of Petrel points: a line a column between BEGIN HEADER and END HEADER."""
    words = [line.strip() for line in header]
    upper = [word.upper() for word in words]
    if "BEGIN HEADER" not in upper or "END HEADER" not in upper:
        return []
    names = words[upper.index("BEGIN HEADER") + 1 : upper.index("END HEADER")]
    return [name.split(",")[-1] for name in names if name]


def _last_line(header: Sequence[str], delimiter: str | None, width: int) -> list[str]:
    """Names of columns in one line, the last before the rows that has as many words."""
    for line in reversed(header):
        cells = split_cells(line.strip().lstrip("#!/ "), delimiter)
        if delimiter is None and len(cells) != width:
            # Units stand apart from names: Inline Crossline Time (ms)
            cells = re.sub(r"\s+([(\[])", r"\1", line.strip().lstrip("#!/ ")).split()
        known = [meaning_of(cell)[0] for cell in cells]
        if len(cells) == width and sum(name is not None for name in known) >= 2:
            return cells
    return []


def meaning_of(name: str) -> tuple[str | None, str | None]:
    """What the name of a column means, one of NAMES, and its unit if it has one."""
    text = name.strip().strip("\"'").lower()
    unit = re.search(r"[\[(]\s*([a-z]+)\s*[\])]", text)
    bare = re.sub(r"[\[(].*?[\])]", "", text)
    last = re.split(r"[\s_]+", bare.strip())[-1]
    found = unit_named(unit[1]) if unit else None
    if not unit and unit_named(last) and last != bare.strip():
        found, bare = unit_named(last), bare.strip()[: -len(last)]
    plain = re.sub(r"[^a-z]", "", bare)
    return next((what for what, words in NAMES.items() if plain in words), None), found


def domain_of(what: str, unit: str | None) -> str | None:
    """time or depth of a column time, depth or z, the latter from its unit; None if unknown."""
    if what in ("time", "depth"):
        return what
    return DOMAINS.get(unit or "")


def require_one_domain(meanings: Iterable[str | None]) -> None:
    """Raise StrataflowError if there are columns for time and for depth."""
    if {"time", "depth"} <= set(meanings):
        raise StrataflowError("columns for time and for depth; leave one of them")


def _meaning(names: list[str]) -> Named:
    """Columns by meaning, the domain and the unit of z."""
    where: dict[str, int] = {}
    units: dict[str, str | None] = {}
    for column, name in enumerate(names):
        what, unit = meaning_of(name)
        if what is None:
            continue
        if what in where:
            raise StrataflowError(f"columns {names[where[what]]!r} and {name!r} mean the same")
        where[what], units[what] = column, unit
    vertical = [what for what in ("time", "depth", "z") if what in where]
    lateral = {"inline", "crossline"} <= set(where) or {"x", "y"} <= set(where)
    if not vertical or not lateral:
        shown = ", ".join(name.strip() for name in names)
        raise StrataflowError(f"columns {shown}; {EXPECTED}")
    require_one_domain(where)
    z = vertical[0]
    kept = {"z": where[z]}
    for pair in (("inline", "crossline"), ("x", "y")):
        if set(pair) <= set(where):
            kept |= {what: where[what] for what in pair}
    if "name" in where:
        kept["name"] = where["name"]
    return kept, domain_of(z, units[z]), units[z]
