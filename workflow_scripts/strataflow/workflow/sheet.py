"""The sample sheet: a tab-separated file with one row per volume, independent of Snakemake."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Required

from pydantic import TypeAdapter, with_config
from typing_extensions import TypedDict

from ..errors import StrataflowError
from ..volume.attributes import ATTRIBUTES, TRUTH
from .settings import BYTE, STRICT
from .validation import matching, validated

# Columns with byte positions, and with paths.
BYTE_COLUMNS = ("iline", "xline", "cdp_x", "cdp_y")
PATH_COLUMNS = ("survey", *ATTRIBUTES, *TRUTH, "control_points")

# Patterns of a number, and of one above 0.
UNKNOWN = r"^[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?$"
INTERVAL = r"^([0-9]*[1-9][0-9]*[.]?[0-9]*|[0-9]*[.][0-9]*[1-9][0-9]*)$"

# Columns of the size of a raw volume.
SIZE_COLUMNS = ("n1", "n2", "n3")

# Columns with numbers that spreadsheets may write as 189.0.
NUMBER_COLUMNS = (*BYTE_COLUMNS, *SIZE_COLUMNS)

# Former names of columns.
FORMER_COLUMNS = {"segy": "survey"}

Byte = Annotated[
    str,
    matching("^([1-9][0-9]?|1[0-9]{2}|2[0-3][0-9]|240)(:(int16|int32|float32|float64))?$", BYTE),
]
Count = Annotated[str, matching("^[1-9][0-9]{0,7}$", "a whole number, such as 512")]
YesOrNo = Literal["true", "false"]


@with_config(STRICT)
class Row(TypedDict, total=False):
    """A row of the sample sheet. The string below a column is its description."""

    volume: Required[
        Annotated[
            str,
            matching(
                "^[A-Za-z0-9][A-Za-z0-9_-]*$", "letters, digits, - and _, a letter or digit first"
            ),
        ]
    ]
    """Name of the volume, used for files and folders: letters, digits, - and _."""
    survey: Required[str]
    """Path of the stacked survey, 3D or a 2D line, or its URL (`https://...`, `s3://...`), which is
    downloaded once: SEG-Y, `.zgy`, `.vds`, `.mdio`, `.npy`, or a raw float32 volume with n1 n2 n3.
    The column may also be called `segy`."""
    rgt: str
    """Label: survey of relative geologic time."""
    dhr: str
    """Label: survey of the clean image."""
    fsem: str
    """Label: survey of the faults, 0 or 1. Without `fdip` and `fstrike`: any two values, any
    thickness, or a probability."""
    fdip: str
    """Label: survey of the fault dip in degrees / 180. If `fdip` and `fstrike` are left out, the
    mask in `fsem` shows them."""
    fstrike: str
    """Label: survey of the fault strike in degrees / 180. If `fdip` and `fstrike` are left out, the
    mask in `fsem` shows them."""
    fault_sticks: str
    """Label: fault sticks instead of `fsem`: a folder, or files separated by `;`.
    [Formats](../how-to/own_labels.md#fault-sticks)."""
    labelled: str
    """Lines that were interpreted completely, such as `inline 1200-1210, 1300; crossline 2400`,
    `inline 1000-1400/50` (every 50th), or `all`. If left out, all live traces of a label, or the
    lines with fault sticks. Other lines are unknown: they teach nothing and do not count in
    scores."""
    held_out: str
    """Labelled lines that training does not use, in the form of `labelled`. Scores are those of
    these lines."""
    unknown: Annotated[str, matching(UNKNOWN, "a number, such as -1")]
    """Number in label volumes that stands for unknown, such as -1. Missing traces are always
    unknown."""
    fault_id: str
    """For scores alone: survey of the number of the fault at each fault voxel, 0 elsewhere."""
    fthrow: str
    """For scores alone: survey of the vertical throw in samples at each fault voxel, normal
    positive, 0 where unknown."""
    n1: Count
    """Samples per trace of a raw volume."""
    n2: Count
    """Crosslines of a raw volume, or traces of a line."""
    n3: Count
    """Inlines of a raw volume, 1 for a line."""
    interval: Annotated[str, matching(INTERVAL, "a number of ms, m or ft above 0, such as 4")]
    """Sample interval in ms, m or ft, for a survey whose file has none, such as .npy and raw
    volumes."""
    horizons: str
    """Horizons that geologic time must follow, also across faults: a folder, or files separated by
    `;`. [Formats](../how-to/control_geologic_time.md#horizon-files)."""
    control_points: str
    """Points that geologic time must follow, such as well tops: a CSV file with the columns set,
    inline, crossline and time (or depth). The points of a set lie on one horizon."""
    iline: Byte
    """Byte position of the inline number in this file."""
    xline: Byte
    """Byte position of the crossline number in this file."""
    cdp_x: Byte
    """Byte position of the CDP easting in this file."""
    cdp_y: Byte
    """Byte position of the CDP northing in this file."""
    predict: YesOrNo
    """Predict this volume. The default is true."""
    train: YesOrNo
    """Train on the labels of this volume. The default is true. false keeps it for an independent
    score."""
    slabs: Annotated[str, matching("^[1-9][0-9]{0,3}$", "a whole number up to 9999, such as 4")]
    """Number of slabs of inlines, each predicted by its own job."""


ROW = TypeAdapter(Row)


def read_sheet(path: str | Path) -> dict[str, dict[str, str]]:
    """Read and check a sample sheet.

    Returns:
        The rows by volume name, without empty cells.

    Raises:
        StrataflowError: The file does not exist or is not tab-separated, a column is unknown, a
            cell is invalid, a volume name appears twice, or there is no row.
    """
    if not Path(path).is_file():
        raise StrataflowError(f"config: volumes: {path}: no such file")
    try:
        lines = [line for line in _records(path) if any(cell for cell in line[1])]
    except (UnicodeDecodeError, csv.Error) as error:
        raise StrataflowError(f"{path}: not a tab-separated sample sheet: {error}") from None
    if not lines:
        raise StrataflowError(f"{path}: empty; expected a line of column names and a line a volume")
    header = lines[0][1]
    while header and not header[-1]:
        header.pop()
    columns = [FORMER_COLUMNS.get(name, name) for name in header]
    for name, mark in (("commas", ","), ("semicolons", ";")):
        if len(columns) == 1 and mark in columns[0]:
            raise StrataflowError(f"{path}: columns are separated by {name}; separate them by tabs")
    if len(set(columns)) < len(columns) or not all(columns):
        raise StrataflowError(f"{path}: column names must be there once each, got {header}")
    # Messages name a column as the user does.
    written = dict(zip(columns, header, strict=True))
    rows: dict[str, dict[str, str]] = {}
    for number, cells in lines[1:]:
        if any(cells[len(columns) :]):
            raise StrataflowError(
                f"{path}: line {number}: {len(cells)} cells for {len(columns)} columns"
            )
        row = _row(dict(zip(columns, cells, strict=False)))
        place = f"{path}: line {number} ({row['volume']!r})" if "volume" in row else str(path)
        for column, cell in row.items():
            if "{" in cell or "}" in cell:
                name = written.get(column, column)
                raise StrataflowError(f"{place}: {name}: {cell}: braces are not supported")
        if "survey" not in row:
            raise StrataflowError(f"{place}: {written.get('survey', 'survey')!r} is missing")
        validated(row, ROW, place)
        missing = [name for name in SIZE_COLUMNS if name not in row]
        if len(missing) not in (0, len(SIZE_COLUMNS)):
            raise StrataflowError(
                f"{place}: n1 n2 n3 must be given together, missing: {' '.join(missing)}"
            )
        if row["volume"] in rows:
            raise StrataflowError(f"{path}: volume: {row['volume']!r} appears twice; rename one")
        rows[row["volume"]] = row
    if not rows:
        raise StrataflowError(f"{path}: no volumes; add one row per survey")
    return rows


def _records(path: str | Path) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and cells of a tab-separated file, without comments."""
    with open(path, newline="", encoding="utf-8-sig") as stream:
        reader = csv.reader(
            (line.split("#")[0] if line.lstrip().startswith("#") else line for line in stream),
            delimiter="\t",
            quoting=csv.QUOTE_NONE,
        )
        for cells in reader:
            yield reader.line_num, [cell.strip() for cell in cells]


def _row(cells: dict[str, str]) -> dict[str, str]:
    """The cells that are not empty, in the form that the workflow uses.

    Spreadsheets write byte 189 as 189.0; paths may begin with ~.
    """
    row = {name: cell for name, cell in cells.items() if cell or name == "volume"}
    for name, cell in row.items():
        if name in NUMBER_COLUMNS:
            row[name] = re.sub(r"^(\d+)\.0*$", r"\1", cell)
        elif name in PATH_COLUMNS and cell.startswith("~"):
            row[name] = str(Path(cell).expanduser())
    return row
