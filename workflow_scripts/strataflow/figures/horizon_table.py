"""Tables of picked faults and horizons, and the table of horizons as grids."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import StrataflowError
from ..volume.raw import Array
from ..volume.sidecar import Sidecar

# Rows of the table of horizons that are read at a time.
HORIZON_ROWS = 200_000


def read_columns(path: Path, columns: Sequence[str], rows: int | None = None) -> pd.DataFrame:
    """Read the table `path`. Raise StrataflowError if it is not one or lacks `columns`."""
    try:
        table = pd.read_csv(path, nrows=rows)
    except (ValueError, UnicodeDecodeError) as error:
        raise StrataflowError(f"{path.name}: not a table ({error})") from error
    missing = [name for name in columns if name not in table]
    if missing:
        raise StrataflowError(f"{path.name}: column {missing[0]} is missing")
    return table


def read_horizons(path: Path, sidecar: Sidecar) -> tuple[list[str], Array]:
    """Names and sample indices (horizons, n3, n2) of VOLUME.horizons.csv, NaN where undefined.

    Raises:
        StrataflowError: The file is not such a table, or has traces outside of the volume.
    """
    # The other columns of a horizon are amplitudes.
    given = read_columns(path, sidecar.axis_names[:2], rows=0).columns
    names = [name for name in given if re.fullmatch(r"horizon_\d+", name)]
    indices = np.full((len(names), *sidecar.shape.array[:2]), np.nan, np.float32)
    columns = [*sidecar.axis_names[:2], *names]
    vertical = sidecar.axes[2]
    for part in pd.read_csv(path, usecols=columns, chunksize=HORIZON_ROWS):
        i3, i2 = (
            np.rint((part[axis.name].to_numpy(np.float64) - axis.first) / axis.step).astype(int)
            for axis in sidecar.axes[:2]
        )
        inside = (i3 >= 0) & (i3 < sidecar.shape.n3) & (i2 >= 0) & (i2 < sidecar.shape.n2)
        if not inside.all():
            raise StrataflowError(f"{path.name}: has traces outside of the volume")
        for name, grid in zip(names, indices, strict=True):
            grid[i3, i2] = (part[name].to_numpy(np.float64) - vertical.first) / vertical.step
    return names, indices
