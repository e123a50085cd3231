"""MDIO stores (Zarr), read by the package zarr."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import StrataflowError
from ..segy.geometry import corners_of
from ..segy.lines import length_of, track_of
from ..volume.axes import grid_axes, sample_axis
from ..volume.conversion import Survey
from ..volume.raw import Shape
from ..volume.units import unit_named
from .cube import Cube, library, readable, survey_of_cube

PACKAGE = "zarr==3.1.6"

VERTICAL = ("time", "depth")
COORDINATES = (("cdp_x", "cdp_y"), ("cdp-x", "cdp-y"), ("x", "y"))


def mdio_survey(path: Path, domain: str, interval: float | None) -> Survey:
    """The stacked survey in an MDIO store of version 1: 3D, or a 2D line.

    The store is a group of Zarr arrays with named dimensions. Its variable is the one that the
    attributes name, or else the only one with the dimensions of a survey.

    Args:
        path: Folder of the store.
        domain: time or depth, if the file does not say.
        interval: Sample interval in ms or m, if the file does not say.

    Raises:
        StrataflowError: The library is missing, the store is damaged, or it is no stacked survey.
    """
    if not path.is_dir():
        raise StrataflowError(f"{path}: no such folder; an MDIO store is a folder")
    zarr = library("zarr", PACKAGE, path, "MDIO")
    notes: list[str] = []
    with readable(path, "MDIO store"):
        group = zarr.open_group(str(path), mode="r")
        arrays = {name: group[name] for name in group.array_keys()}
        if not arrays and {"data", "metadata"} <= set(group.group_keys()):
            raise StrataflowError(
                f"{path}: an MDIO store of version 0.x, expected 1.x; write it as SEG-Y with"
                " `mdio segy export` of multidimio 0.x, and use that"
            )
        samples, names = _variable(path, group, arrays)
        *sides, n1 = samples.shape
        shape = Shape(n1, sides[-1], sides[0] if len(sides) == 2 else 1)
        if names[-1] in VERTICAL:
            domain = names[-1]
        times = np.asarray(arrays[names[-1]][:], float) if names[-1] in arrays else np.zeros(0)
        first, step = _numbering(path, names[-1], times)
        unit = _unit(arrays[names[-1]]) if times.size else None
        sample = sample_axis(domain, first, step, unit, interval, notes)
        lines = [_lines(path, name, arrays) for name in names[:-1]]
        live = _live(arrays, shape)
        corners, track, lateral = _coordinates(arrays, shape, live, notes)
        length = length_of(np.array(track)) if track else None
        numbers = (lines[0], lines[1]) if len(lines) == 2 else ((1.0, 1.0), lines[0])
        axes = grid_axes(shape, numbers, sample, corners, lateral, length)
        chunks = samples.chunks if len(sides) == 2 else (1, *samples.chunks)

    def read(inlines: slice, crosslines: slice) -> NDArray[np.float32]:
        with readable(path, "MDIO store"):
            part = samples[inlines, crosslines] if len(sides) == 2 else samples[crosslines][None]
        return np.ascontiguousarray(part, np.float32)

    cube = Cube(shape, (int(chunks[0]), int(chunks[1])), read)
    return survey_of_cube(
        path, cube, domain, axes, corners, "MDIO", live=live, track=track, notes=notes
    )


def _variable(path: Path, group: Any, arrays: dict[str, Any]) -> tuple[Any, tuple[str, ...]]:
    """The array of the samples, and the names of its dimensions."""
    about = group.attrs.get("attributes", {})
    named = about.get("defaultVariableName") if isinstance(about, dict) else None
    found = {}
    for name, array in arrays.items():
        dimensions = _dimensions(array)
        is_survey = dimensions[:-1] in (("inline", "crossline"), ("cdp",))
        if is_survey and dimensions[-1] in VERTICAL:
            found[name] = dimensions
    chosen = named if named in found else next(iter(found), None)
    if chosen is None or (named not in found and len(found) > 1):
        listed = "; ".join(f"{name} ({', '.join(_dimensions(a))})" for name, a in arrays.items())
        raise StrataflowError(
            f"{path}: expected one array (inline, crossline, time or depth) of a stacked survey, or"
            f" (cdp, time or depth) of a line, got {listed or 'none'}"
        )
    return arrays[chosen], found[chosen]


def _dimensions(array: Any) -> tuple[str, ...]:
    names = array.metadata.dimension_names if array.metadata.zarr_format == 3 else None
    names = names or array.attrs.get("_ARRAY_DIMENSIONS") or ()
    return tuple(str(name) for name in names)


def _lines(path: Path, name: str, arrays: dict[str, Any]) -> tuple[float, float]:
    """First number and step of the lines along a dimension; counted from 1 without numbers."""
    if name not in arrays:
        return (1.0, 1.0)
    return _numbering(path, name, np.asarray(arrays[name][:], float))


def _numbering(path: Path, name: str, numbers: NDArray[np.float64]) -> tuple[float, float]:
    """First of evenly spaced numbers, and their step; 0 and 0 for none."""
    if not numbers.size:
        return (0.0, 0.0)
    steps = np.diff(numbers)
    if numbers.size == 1:
        return float(numbers[0]), 1.0
    if not np.allclose(steps, steps[0], rtol=1e-3) or not steps[0]:
        raise StrataflowError(f"{path}: {name}: numbers are not evenly spaced")
    return float(numbers[0]), float(steps[0])


def _unit(array: Any) -> str | None:
    """Unit in the attributes of an array, such as {"unitsV1": {"time": "ms"}}; None if unknown."""
    units = array.attrs.get("unitsV1", {})
    return unit_named(str(next(iter(units.values()), ""))) if isinstance(units, dict) else None


def _live(arrays: dict[str, Any], shape: Shape) -> NDArray[np.bool_] | None:
    """Live traces (n3, n2), if the store knows them."""
    if "trace_mask" not in arrays:
        return None
    return np.asarray(arrays["trace_mask"][...], bool).reshape(shape.n3, shape.n2)


def _coordinates(
    arrays: dict[str, Any], shape: Shape, live: NDArray[np.bool_] | None, notes: list[str]
) -> tuple[tuple[tuple[float, float], ...], tuple[tuple[float, float], ...], str]:
    """Corners, the track of a line, and the unit; both empty without coordinates."""
    pair = next((pair for pair in COORDINATES if set(pair) <= arrays.keys()), None)
    if pair is None:
        return (), (), "m"
    x, y = (np.asarray(arrays[name][...], float).ravel() for name in pair)
    known = np.isfinite(x) & np.isfinite(y)
    if live is not None:
        known &= live.ravel()
    place = np.flatnonzero(known)
    xy = np.stack([x[place], y[place]], axis=1)
    unit = "ft" if _unit(arrays[pair[0]]) == "ft" else "m"
    if not xy.any():
        return (), (), unit
    if shape.n3 > 1:
        return corners_of(shape, place, xy, 0.0, notes), (), unit
    found, _ = track_of(place, xy, shape.n2, 0.0)
    track = tuple((float(a), float(b)) for a, b in found)
    return ((track[0], track[-1], track[0], track[-1]) if track else ()), track, unit
