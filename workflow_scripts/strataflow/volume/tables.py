"""Tables of faults and horizons that the workflow wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import StrataflowError
from ..files import require_file
from .raw import Array
from .sidecar import Sidecar

# Rows of the table of horizons that are read at a time.
HORIZON_ROWS = 200_000


def read_table(path: Path, columns: Sequence[str] = (), rows: int | None = None) -> pd.DataFrame:
    """Read a CSV table.

    Args:
        path: The table.
        columns: Columns that it must have.
        rows: Number of rows to read; all if left out.

    Raises:
        StrataflowError: The file is missing, is not a table, or lacks one of `columns`.
    """
    with _readable(path):
        table = pd.read_csv(require_file(path), nrows=rows)
    missing = [name for name in columns if name not in table]
    if missing:
        raise StrataflowError(f"{path}: column {missing[0]} is missing")
    return table


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what pandas and NumPy raise for a file that is not a table into a StrataflowError."""
    try:
        yield
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise StrataflowError(f"{path}: not a table ({reason})") from error


def read_horizons(
    path: Path, sidecar: Sidecar, wanted: Sequence[str] | None = None
) -> tuple[list[str], Array]:
    """Names and sample indices (horizons, n3, n2) of VOLUME.horizons.csv, NaN where undefined.

    Args:
        path: The table.
        sidecar: Geometry of the survey.
        wanted: Names of the horizons to read; all if left out.

    Raises:
        StrataflowError: The file is not such a table, lacks a horizon, or has traces outside of the
            survey.
    """
    lines = sidecar.axis_names[:2]
    # The other columns of a horizon are amplitudes.
    given = read_table(path, (*lines, *(wanted or ())), rows=0).columns
    names = list(wanted or (name for name in given if re.fullmatch(r"horizon_\d+", name)))
    indices = np.full((len(names), *sidecar.shape.array[:2]), np.nan, np.float32)
    vertical = sidecar.axes[2]
    with _readable(path):
        for part in pd.read_csv(path, usecols=[*lines, *names], chunksize=HORIZON_ROWS):
            i3, i2 = (
                np.rint((part[axis.name].to_numpy(np.float64) - axis.first) / axis.step)
                for axis in sidecar.axes[:2]
            )
            inside = (i3 >= 0) & (i3 < sidecar.shape.n3) & (i2 >= 0) & (i2 < sidecar.shape.n2)
            if not inside.all():
                raise StrataflowError(
                    f"{path}: has traces outside of the survey; is it of another volume?"
                )
            at = i3.astype(np.int64), i2.astype(np.int64)
            for name, grid in zip(names, indices, strict=True):
                grid[at] = (part[name].to_numpy(np.float64) - vertical.first) / vertical.step
    return names, indices
