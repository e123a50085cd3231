"""Control of geologic time: horizons and points that an interpreter gives, checked and stored.

The points of a set lie on one layer. A set comes from a horizon file, from rows of a table of
control points, or from both if they have the same name.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import StrataflowError
from ..files import NPZ_ERRORS, require_file, require_format, written_whole
from ..volume.raw import Array
from ..volume.sidecar import Sidecar
from .horizon_files import Nodes, read_nodes
from .horizon_grids import inside_survey, locate, read_horizons
from .horizon_units import to_samples

FORMAT = "strataflow control 1"

# Samples within which two sets, or two points of a set, are at the same place.
SAME = 0.5


@dataclass(frozen=True)
class ControlSet:
    """Points of one layer.

    Attributes:
        name: Name of the horizon or of the set of points.
        points: Places (N, 3) along (n3, n2, n1) in voxels, with fractions; float32. A set has none
            if all of its points lie outside of the survey.
        order: Sets of a higher order are older; None where no place compares it with another set.
    """

    name: str
    points: Array
    order: float | None = None


def read_control(
    horizons: Sequence[Path], points: Path | None, sidecar: Sidecar
) -> tuple[list[ControlSet], list[str]]:
    """Read horizon files and a table of control points, and check them against each other.

    Args:
        horizons: Files that `read_horizons` reads.
        points: Table with the columns set, inline, crossline (or x, y) and time or depth.
        sidecar: Geometry of the survey.

    Returns:
        The sets, shallowest first and those without points last, and a sentence for each thing that
        was done to a file.

    Raises:
        StrataflowError: A file is invalid, or the sets contradict each other. The message names the
            files and a place.
    """
    given = read_horizons(horizons, sidecar)
    notes = [f"{h.path}: {h.name}: {note}" for h in given for note in h.notes]
    tables = _read_points(points, sidecar, notes) if points else []
    grids = [_Grid(h.name, h.path, h.samples.copy()) for h in given]
    fractional = {grid.name: _points_of(grid.samples) for grid in grids}
    for path, name, places in tables:
        same = next((grid for grid in grids if grid.name == name), None)
        grids.append(_Grid(name, path, _on_nearest(places, path, name, sidecar)))
        if same:
            _require_same(same, grids.pop(), sidecar)
            fractional[name] = np.concatenate([fractional[name], places])
        else:
            fractional[name] = places
    orders = _orders([g for g in grids if len(fractional[g.name])], sidecar, notes, fractional)
    names = [*orders, *(g.name for g in grids if g.name not in orders)]
    return [ControlSet(n, fractional[n].astype(np.float32), orders.get(n)) for n in names], notes


@dataclass
class _Grid:
    """A set at the nearest traces: `samples` (n3, n2), NaN where it has no point."""

    name: str
    path: Path
    samples: Array


def _points_of(samples: Array) -> NDArray[np.float64]:
    i3, i2 = np.nonzero(np.isfinite(samples))
    return np.stack([i3, i2, samples[i3, i2]], axis=1).astype(np.float64)


def _read_points(
    path: Path, sidecar: Sidecar, notes: list[str]
) -> list[tuple[Path, str, NDArray[np.float64]]]:
    """File, name and points (N, 3) of each set of a table."""
    tables = read_nodes(path, named=True)
    found = [(path, n.name, _places(n, sidecar, notes, alone=len(tables) == 1)) for n in tables]
    notes += [f"{path}: {n}: no point in the survey: left out" for _, n, p in found if not len(p)]
    if not any(len(places) for *_, places in found):
        raise StrataflowError(f"{path}: no point lies in the survey")
    return found


def _places(nodes: Nodes, sidecar: Sidecar, notes: list[str], alone: bool) -> NDArray[np.float64]:
    """Points (N, 3) of a set in voxels, those on live traces; none at all only if not `alone`."""
    own: list[str] = []
    try:
        nodes, at = locate(nodes, sidecar, own, required=alone)
        inside = inside_survey(at, sidecar)
        if not inside.any():
            return np.empty((0, 3))
        z = to_samples(nodes, inside, sidecar, own)
    except StrataflowError as error:
        raise StrataflowError(f"{nodes.path}: set {nodes.name!r}: {error}") from None
    notes += [f"{nodes.path}: {nodes.name}: {note}" for note in own]
    inside &= (z >= 0) & (z <= sidecar.shape.n1 - 1)
    sides = np.array(sidecar.shape.array[:2])[:, None] - 1
    i3, i2 = np.rint(at.clip(0, sides)).astype(np.int64)
    inside &= sidecar.live[i3, i2]
    return np.concatenate([at.clip(0, sides), z[None]])[:, inside].T


def _on_nearest(points: NDArray, path: Path, name: str, sidecar: Sidecar) -> Array:
    """Points (N, 3) at their nearest traces (n3, n2).

    Raises:
        StrataflowError: Two of them are at one trace and differ.
    """
    result = np.full(sidecar.shape.array[:2], np.nan, np.float32)
    for i3, i2, z in points:
        trace = round(i3), round(i2)
        known = result[trace]
        if np.isfinite(known) and abs(known - z) > SAME:
            raise StrataflowError(
                f"{path}: set {name!r}: two points at {_place(trace, sidecar)}:"
                f" {_value(known, sidecar)} and {_value(z, sidecar)}"
            )
        result[trace] = z
    return result


def _require_same(horizon: _Grid, points: _Grid, sidecar: Sidecar) -> None:
    """Raise StrataflowError if points of a set are off the horizon of the same name."""
    away = np.nan_to_num(np.abs(points.samples - horizon.samples))
    trace = np.unravel_index(int(away.argmax()), away.shape)
    if away[trace] > SAME:
        raise StrataflowError(
            f"{points.path}: set {points.name!r}: {_value(points.samples[trace], sidecar)} at"
            f" {_place(trace, sidecar)}, where {horizon.path} has"
            f" {_value(horizon.samples[trace], sidecar)}; give the set another name if it is"
            " another horizon"
        )


def _place(trace: Sequence[np.intp | int], sidecar: Sidecar) -> str:
    inline, crossline = (
        axis.first + axis.step * int(i) for axis, i in zip(sidecar.axes, trace, strict=False)
    )
    return f"inline {inline:g}, crossline {crossline:g}"


def _value(sample: float, sidecar: Sidecar) -> str:
    axis = sidecar.axes[2]
    return f"{axis.first + axis.step * float(sample):.1f} {axis.unit}"


def _orders(
    grids: list[_Grid],
    sidecar: Sidecar,
    notes: list[str],
    points: dict[str, NDArray[np.float64]],
) -> dict[str, float | None]:
    """Order of each set by name. Where two sets meet, the points of the lower one are left out.

    Raises:
        StrataflowError: Two sets cross, or several contradict each other.
    """
    above: dict[str, set[str]] = {grid.name: set() for grid in grids}
    for one, other in combinations(grids, 2):
        down = other.samples - one.samples
        if not np.isfinite(down).any():
            continue
        upper, lower = (one, other) if np.nansum(np.sign(_clear(down))) >= 0 else (other, one)
        down = lower.samples - upper.samples
        if (down > SAME).any():
            _require_above(upper, lower, down, sidecar)
            above[lower.name].add(upper.name)
            _part(upper, lower, np.abs(down) <= SAME, notes, points)
    depth = {grid.name: float(np.nanmedian(grid.samples)) for grid in grids}
    compared = {name for name in above if above[name]} | set().union(*above.values())
    names = enumerate(_sorted(above, depth))
    return {name: float(number) if name in compared else None for number, name in names}


def _sorted(above: dict[str, set[str]], depth: dict[str, float]) -> list[str]:
    """Names with those that lie above them first, and otherwise by depth.

    Raises:
        StrataflowError: They cannot be sorted: a is above b, b above c, and c above a.
    """
    sorter = TopologicalSorter(above)
    try:
        sorter.prepare()
    except CycleError as error:
        cycle = " above ".join(repr(name) for name in error.args[1])
        raise StrataflowError(f"control: the sets contradict each other: {cycle}") from None
    ready: list[tuple[float, str]] = []
    result: list[str] = []
    while sorter.is_active():
        for name in sorter.get_ready():
            heappush(ready, (depth[name], name))
        result.append(heappop(ready)[1])
        sorter.done(result[-1])
    return result


def _clear(down: Array) -> Array:
    """Differences that are more than SAME, NaN elsewhere."""
    return np.where(np.abs(down) > SAME, down, np.nan)


def _require_above(upper: _Grid, lower: _Grid, down: Array, sidecar: Sidecar) -> None:
    """Raise StrataflowError, with the worst place, if `upper` is anywhere below `lower`."""
    crossed = down < -SAME
    if not crossed.any():
        return
    trace = np.unravel_index(int(np.nanargmin(down)), down.shape)
    raise StrataflowError(
        f"{upper.path}: {upper.name!r} crosses {lower.name!r} of {lower.path}: it is above it at"
        f" {(down > SAME).sum():,} traces and below it at {crossed.sum():,}, most at"
        f" {_place(trace, sidecar)}: {_value(upper.samples[trace], sidecar)} and"
        f" {_value(lower.samples[trace], sidecar)}"
    )


def _part(
    upper: _Grid,
    lower: _Grid,
    met: NDArray[np.bool_],
    notes: list[str],
    points: dict[str, NDArray[np.float64]],
) -> None:
    """Leave out the points of `lower` where it meets `upper`: one place cannot have two times."""
    if not met.any():
        return
    at = np.rint(points[lower.name][:, :2]).astype(np.int64)
    points[lower.name] = points[lower.name][~met[at[:, 0], at[:, 1]]]
    lower.samples[met] = np.nan
    notes.append(
        f"{lower.path}: {lower.name}: meets {upper.name!r} at {met.sum():,} traces: left out there"
    )


def write_control(path: Path, sets: Sequence[ControlSet]) -> None:
    """Write sets to an .npz file."""
    about = {
        "format": FORMAT,
        "sets": [{"name": s.name, "order": s.order, "points": len(s.points)} for s in sets],
    }
    points = np.concatenate([np.empty((0, 3), np.float32), *(s.points for s in sets)])
    with written_whole(path) as (temporary,), open(temporary, "wb") as stream:
        np.savez(stream, about=np.array(json.dumps(about)), points=points)


def load_control(path: Path) -> list[ControlSet]:
    """Read what `write_control` wrote.

    Raises:
        StrataflowError: The file is missing, or was not written by `write_control`.
    """
    try:
        with np.load(require_file(path), allow_pickle=False) as content:
            about, points = json.loads(str(content["about"])), content["points"]
        require_format(path, about["format"], FORMAT)
        ends = np.cumsum([part["points"] for part in about["sets"]])
        parts = np.split(points, ends[:-1])
        return [
            ControlSet(part["name"], own, part["order"])
            for part, own in zip(about["sets"], parts, strict=True)
        ]
    except NPZ_ERRORS as error:
        raise StrataflowError(f"{path}: not a control file ({error})") from error
