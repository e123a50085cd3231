"""Picked faults and horizons, as indices of the volume."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from ...errors import StrataflowError
from ...volume.raw import Array
from ...volume.sidecar import Sidecar
from ...volume.tables import read_horizons, read_table
from .crossings import Crossings, crossings_of
from .meshes import Triangles, simplified

# Triangles of all faults together in the 3D scene.
FAULT_TRIANGLES = 40_000

_UNREADABLE = (StrataflowError, OSError, ValueError, TypeError, LookupError, ArithmeticError)


@dataclass(frozen=True)
class Fault:
    """A picked fault.

    Attributes:
        number: Its number in `fault_id`; 1 is the largest.
        name: Its name in all files.
        row: Its row of VOLUME.faults.csv, by column.
        mesh: Its surface: indices along (n3, n2, n1), and throws in the unit of the vertical axis,
            NaN where unknown.
        coarse: The same with fewer triangles, for the 3D scene.
    """

    number: int
    name: str
    row: dict[str, object]
    mesh: Triangles
    coarse: Triangles


@dataclass(frozen=True)
class Horizon:
    """A picked horizon.

    Attributes:
        name: Its name in all files.
        level: Its sample index along n1, (n3, n2), NaN where it is not defined.
        row: Its row of VOLUME.horizon_index.csv, by column; empty if there is none.
    """

    name: str
    level: Array
    row: dict[str, object]


@dataclass(frozen=True)
class Picks:
    """Faults and horizons of a volume, and what is missing, in words."""

    faults: list[Fault] = field(default_factory=list)
    horizons: list[Horizon] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @cached_property
    def crossings(self) -> Crossings:
        """The meshes of all faults, to find where sections cut them."""
        return crossings_of([(fault.number, fault.mesh) for fault in self.faults])


def read_picks(prefix: Path, sidecar: Sidecar) -> Picks:
    """Read PREFIX.faults.csv, .faults.vtp and .horizons.csv; `notes` name what cannot be read."""
    picks, meshes = Picks(), {}
    try:
        meshes = _read_meshes(Path(f"{prefix}.faults.vtp"), sidecar)
    except _UNREADABLE as error:
        picks.notes.append(f"Faults have no lines: {_in_one_line(error, prefix.parent)}")
    try:
        picks.faults.extend(_read_faults(Path(f"{prefix}.faults.csv"), meshes))
    except _UNREADABLE as error:
        picks.notes.append(f"No faults are shown: {_in_one_line(error, prefix.parent)}")
    try:
        index = _horizon_index(Path(f"{prefix}.horizon_index.csv"))
        picks.horizons.extend(_read_horizons(Path(f"{prefix}.horizons.csv"), sidecar, index))
    except _UNREADABLE as error:
        picks.notes.append(f"No horizons are shown: {_in_one_line(error, prefix.parent)}")
    return picks


def _in_one_line(error: Exception, folder: Path) -> str:
    """What is wrong, with the names of files in `folder` alone."""
    return " ".join(str(error).replace(f"{folder}/", "").split())


def _read_faults(path: Path, meshes: dict[int, Triangles]) -> list[Fault]:
    if not path.is_file():
        raise StrataflowError(f"{path.name} is missing (export.faults)")
    nothing = Triangles(np.empty((0, 3)), np.empty((0, 3), np.int64), np.empty(0))
    total = sum(len(mesh.triangles) for mesh in meshes.values())
    share = FAULT_TRIANGLES / max(total, 1)
    faults = []
    for row in read_table(path, ("fault",)).to_dict("records"):
        number = int(row["fault"])
        name = str(row.get("name", f"fault_{number}"))
        fields: dict[str, object] = {str(key): value for key, value in row.items()}
        mesh = meshes.get(number, nothing)
        faults.append(Fault(number, name, fields, mesh, simplified(mesh, share)))
    return faults


def _read_meshes(path: Path, sidecar: Sidecar) -> dict[int, Triangles]:
    """The mesh of each fault in a VTK PolyData file."""
    if not path.is_file():
        raise StrataflowError(f"{path.name} is missing; choose the overlay fault_id")
    # VTK takes a while to load, which the first picture does not wait for.
    from ..fault_lines import grid_indices, read_vtp

    read = read_vtp(path)
    if not len(read.triangles):
        return {}
    at, triangles = grid_indices(read.places, sidecar), read.triangles
    if not np.isfinite(at).all():
        raise StrataflowError("all traces lie on one line; choose the overlay fault_id")
    throw = read.data.get("throw", np.full(len(at), np.nan))
    fault = read.data["fault"].astype(np.int64)
    meshes = {}
    for number in np.unique(fault):
        mine = np.flatnonzero(fault == number)
        corners = triangles[fault[triangles[:, 0]] == number]
        meshes[int(number)] = Triangles(at[mine], np.searchsorted(mine, corners), throw[mine])
    return meshes


def _horizon_index(path: Path) -> dict[str, dict[str, object]]:
    """Rows of the index of horizons by name, without unknown values."""
    if not path.is_file():
        return {}
    rows = read_table(path, ("horizon",)).to_dict("records")
    return {str(row["horizon"]): {str(k): v for k, v in row.items() if v == v} for row in rows}


def _read_horizons(
    path: Path, sidecar: Sidecar, index: dict[str, dict[str, object]]
) -> list[Horizon]:
    if not path.is_file():
        raise StrataflowError(f"{path.name} is missing (export.horizons)")
    names, levels = read_horizons(path, sidecar)
    return [
        Horizon(name, level, index.get(name, {})) for name, level in zip(names, levels, strict=True)
    ]
