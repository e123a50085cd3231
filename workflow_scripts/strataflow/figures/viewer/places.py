"""Position and values at a point, and what is known about each fault and horizon."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex

from ...volume.attributes import FAULT_ID
from ..style import DIP, STRUCTURE, fault_colour
from .colours import THROWS, Display, displayed
from .curves import horizon_colour
from .folder import Prediction
from .picks import Fault, Horizon

# Columns of VOLUME.faults.csv that the page does not repeat.
LEFT_OUT = ("name", "fault")

# Numbers from here on have no decimals.
WHOLE = 1000

# Columns of VOLUME.faults.csv in degrees.
DEGREES = ("strike", "dip", "apparent_dip", "dip_azimuth", "grid_strike", "grid_dip")

# Columns of VOLUME.horizon_index.csv that the page shows in another way.
INDEXED = ("horizon", "name", "traces", "share")


def values_at(prediction: Prediction, numbers: tuple[float, float, float]) -> dict[str, Any]:
    """Position and values of the sample closest to a point.

    Args:
        prediction: Volumes.
        numbers: Inline number, crossline number, and time or depth.

    Returns:
        The numbers and coordinates of the sample, by name, and its `values` by attribute, in the
        units of the colour bars. Empty outside of the volume.
    """
    sidecar = prediction.sidecar
    pairs = zip(numbers, sidecar.axes, strict=True)
    at = [round((number - axis.first) / axis.step) for number, axis in pairs]
    if any(not 0 <= i < n for i, n in zip(at, prediction.shape.array, strict=True)):
        return {}
    places = sidecar.places(np.array(at)[:, None])
    found: dict[str, Any] = {
        name: round(float(value[0]), 2) for name, value in places.items() if np.isfinite(value[0])
    }
    found["live"] = bool(sidecar.live[at[0], at[1]])
    values: dict[str, float | None] = {}
    found["values"] = values
    for name, volume in prediction.volumes.items():
        stored = np.asarray(volume.values[at[0], at[1], at[2]])[None]
        if name == FAULT_ID:
            values[name] = int(stored[0])
            continue
        value = float(displayed(name, stored, sidecar)[0])
        off = name in ("fdip", "fstrike") and stored[0] == 0
        values[name] = None if off or not np.isfinite(value) else float(f"{value:.4g}")
    return found


def throw_display(prediction: Prediction) -> Display:
    """How throws of fault surfaces are drawn: the central 96 %, with 0."""
    throws = [fault.coarse.values for fault in prediction.picked().faults]
    known = np.concatenate([np.zeros(1), *throws])
    known = known[np.isfinite(known)]
    low, high = (float(end) for end in np.percentile(known, (2, 98)))
    label = f"throw ({prediction.sidecar.axes[2].unit})"
    if low < 0:
        limit = max(-low, high)
        return Display(label, colormaps[THROWS], -limit, limit, smooth=False)
    return Display(label, colormaps[DIP], 0.0, high if high > 0 else 1.0, smooth=False)


def fault_rows(prediction: Prediction) -> list[dict[str, Any]]:
    """A row for each fault of the list of the page."""
    unit = prediction.sidecar.axes[2].unit
    return [_fault_row(prediction, f, unit) for f in prediction.picked().faults]


def _fault_row(prediction: Prediction, fault: Fault, unit: str) -> dict[str, Any]:
    row = {k: v for k, v in fault.row.items() if k not in LEFT_OUT and not _unknown(v)}
    return {
        "number": fault.number,
        "name": fault.name,
        "colour": fault_colour(fault.number),
        "note": _throw(row, unit),
        "at": _numbers(prediction, _middle(fault)),
        "details": _details(row),
    }


def _details(row: dict[str, object]) -> dict[str, str]:
    """Names and texts of the columns of a fault; a first and a last number become one text."""
    found = {}
    # What is asked for most comes first.
    for name, value in sorted(row.items(), key=lambda item: not item[0].startswith("throw_m")):
        if name.endswith("_from") and (last := name.removesuffix("from") + "to") in row:
            found[name.removesuffix("_from")] = f"{_text(value)} to {_text(row[last])}"
        elif not name.endswith("_to"):
            found[_words(name)] = _text(value)
    return found


def _words(column: str) -> str:
    """A column as words, with its unit: `length (m)`, `strike (°)`."""
    if column in DEGREES:
        return f"{column.replace('_', ' ')} (°)"
    found = re.fullmatch(r"(.+?)_((?:ms|m|ft)(?:_per_\w+)?|voxels)", column)
    words = f"{found[1]} ({found[2].replace('_per_', '/')})" if found else column
    return words.replace("_", " ")


def _throw(row: dict[str, object], unit: str) -> str:
    """Mean throw, or a dash where it is not known."""
    throw = row.get(f"throw_mean_{unit}")
    return f"{throw:.3g} {unit}" if isinstance(throw, float) else "–"  # noqa: RUF001


def _middle(fault: Fault) -> np.ndarray | None:
    """The point of a mesh that is closest to its centre."""
    points = fault.mesh.points
    if not len(points):
        return None
    away = np.linalg.norm(points - points.mean(axis=0), axis=1)
    return np.asarray(points[int(np.argmin(away))])


def _numbers(prediction: Prediction, at: np.ndarray | None) -> list[float] | None:
    """Inline, crossline, and time or depth of the sample closest to indices."""
    if at is None:
        return None
    axes = prediction.sidecar.axes
    return [a.first + a.step * round(float(i)) for a, i in zip(axes, at, strict=True)]


def _unknown(value: object) -> bool:
    return value == "" or (isinstance(value, float) and not np.isfinite(value))


def _text(value: object) -> str:
    if not isinstance(value, float | int):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= WHOLE else f"{value:.4g}"


def horizon_rows(prediction: Prediction) -> list[dict[str, Any]]:
    """A row for each horizon of the list of the page."""
    horizons = prediction.picked().horizons
    return [_horizon_row(prediction, h, i, len(horizons)) for i, h in enumerate(horizons, 1)]


def _horizon_row(
    prediction: Prediction, horizon: Horizon, number: int, count: int
) -> dict[str, Any]:
    sidecar = prediction.sidecar
    unit = sidecar.axes[2].unit
    known = np.isfinite(horizon.level)
    row: dict[str, Any] = {
        "number": number,
        "name": horizon.name,
        "title": f"{horizon.name} {horizon.row.get('name', '')}".strip(),
        "colour": horizon_colour(number, count),
        "note": "not in the volume",
        "at": None,
        "details": {},
    }
    if not known.any():
        return row
    traces = np.argwhere(known)
    nearest = traces[int(np.argmin(np.abs(traces - traces.mean(axis=0)).sum(axis=1)))]
    level = horizon.level[known]
    ends = [
        sorted(axis.first + axis.step * float(end) for end in (low, high))
        for axis, low, high in zip(
            sidecar.axes,
            (*traces.min(axis=0), level.min()),
            (*traces.max(axis=0), level.max()),
            strict=True,
        )
    ]
    names = (*sidecar.axis_names[:2], f"{sidecar.domain} ({unit})")
    pairs = zip(names, ends, strict=True)
    details = {name: f"{low:,.6g} to {high:,.6g}" for name, (low, high) in pairs}
    details["live traces with it"] = f"{100 * known.sum() / max(sidecar.live.sum(), 1):.1f} %"
    more = {k: v for k, v in horizon.row.items() if k not in INDEXED}
    details |= {_words(name): _text(value) for name, value in more.items()}
    mean = sidecar.axes[2].first + sidecar.axes[2].step * float(level.mean())
    bar = {"label": f"{horizon.name}, {sidecar.domain} ({unit})", "low": ends[2][0]}
    colours = [to_hex(colormaps[STRUCTURE](i / 31)) for i in range(32)]
    return row | {
        "bar": bar | {"high": ends[2][1], "colours": colours},
        "note": f"{mean:,.0f} {unit}",
        "at": _numbers(prediction, np.array([*nearest, horizon.level[tuple(nearest)]])),
        "details": details,
    }
