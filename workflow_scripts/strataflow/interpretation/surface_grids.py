"""Regular grids of horizons in the files of other programs.

Irap classic is read by surfio, which xtgeo uses as well; ZMAP+ and PetroMod by xtgeo itself, if it
is installed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import surfio
from numpy.typing import NDArray

from ..errors import StrataflowError

# What programs write where a horizon is undefined; so do numbers of at least 1e20.
UNDEFINED = (-999.0, -999.25, -9999.0, -99999.0, -999999.0, 9999900.0, 9999999.0)
HUGE = 1e20

# How files of each kind begin, and what xtgeo calls the kinds that it reads.
KINDS = {
    "Irap": re.compile(rb"\s*-996\s"),
    "Irap binary": re.compile(re.escape(b"\x00\x00\x00\x20\xff\xff\xfc\x1c")),
    "ZMAP+": re.compile(rb"(\s*!.*\n)*\s*@.*, *GRID", re.IGNORECASE),
    "PetroMod": re.compile(rb".{0,8}Content=Map", re.DOTALL),
}
OF_XTGEO = {"ZMAP+": "zmap_ascii", "PetroMod": "petromod"}

# What readers raise for a damaged file.
READING_ERRORS = (
    *(RuntimeError, ValueError, IndexError, KeyError, OverflowError, MemoryError, OSError),
    *(TypeError, AttributeError),
)

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class SurfaceGrid:
    """A regular grid: `values` (columns, rows) of a node at `origin` + column and row `steps`.

    Undefined nodes are NaN. `steps` is (2, 2): x and y of a column step, x and y of a row step.
    """

    origin: Numbers
    steps: Numbers
    values: Numbers

    def defined(self) -> Numbers:
        """Values of the defined nodes, (N,)."""
        return self.values[np.isfinite(self.values)]

    def places(self) -> Numbers:
        """x and y of the defined nodes, (2, N)."""
        return self.origin[:, None] + self.steps.T @ np.stack(np.nonzero(np.isfinite(self.values)))

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


def kind_of_grid(head: bytes) -> str | None:
    """Kind of the grid that begins with `head`, or None if it is none."""
    return next((kind for kind, begin in KINDS.items() if begin.match(head)), None)


def read_grid(path: Path, kind: str) -> SurfaceGrid:
    """Read a grid.

    Args:
        path: The file.
        kind: One of KINDS.

    Raises:
        StrataflowError: The file is damaged, has no defined node, or needs xtgeo.
    """
    try:
        origin, across, up, turn, values = (
            _xtgeo(path, kind) if kind in OF_XTGEO else _irap(path, kind)
        )
    except READING_ERRORS as error:
        reason = " ".join(str(error).split())
        raise StrataflowError(f"{path}: not a valid {kind} grid ({reason})") from None
    angle = np.radians(turn)
    along = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    steps = along * [[across], [up]]
    if not abs(np.linalg.det(steps)) > 0:
        raise StrataflowError(f"{path}: {kind} grid with a spacing of {across:g} by {up:g}")
    values = values.astype(np.float64)
    values[is_undefined(values)] = np.nan
    if not np.isfinite(values).any():
        raise StrataflowError(f"{path}: all nodes are undefined")
    return SurfaceGrid(np.array(origin, np.float64), steps, values)


Parts = tuple[tuple[float, float], float, float, float, NDArray]


def _irap(path: Path, kind: str) -> Parts:
    """Origin, spacing of columns and rows, rotation in degrees, and values (columns, rows)."""
    reader = surfio.IrapSurface
    read = reader.from_binary_file if kind == "Irap binary" else reader.from_ascii_file
    surface = read(path)
    h = surface.header
    return (h.xori, h.yori), h.xinc, h.yinc, h.rot, surface.values


def _xtgeo(path: Path, kind: str) -> Parts:
    """The same of a grid that xtgeo reads."""
    try:
        import xtgeo
    except ImportError:
        raise StrataflowError(
            f"{path}: a {kind} grid needs xtgeo; install it with: pip install xtgeo"
        ) from None
    surface: Any = xtgeo.surface_from_file(str(path), fformat=OF_XTGEO[kind])
    values = np.ma.filled(surface.values.astype(np.float64), np.nan)
    up = surface.yinc * surface.yflip
    return (surface.xori, surface.yori), surface.xinc, up, surface.rotation, values


def is_undefined(values: NDArray) -> NDArray[np.bool_]:
    """Where `values` are codes of undefined nodes, or not finite."""
    return ~np.isfinite(values) | (np.abs(values) >= HUGE) | np.isin(values, UNDEFINED)
