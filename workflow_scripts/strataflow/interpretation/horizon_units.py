"""Times or depths of horizon files in samples of a survey: signs, units and domains."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import StrataflowError
from ..volume.sidecar import Axis, Sidecar
from ..volume.units import FACTORS
from .horizon_files import Nodes
from .surface_grids import Numbers

# Share of the nodes within the lines of the survey that must have times or depths within it.
WITHIN = 0.5

# Factors to the unit of the survey from the units that times or depths may be in by mistake.
SUSPECTED = {
    "time": {"s": FACTORS["s", "ms"]},
    "depth": {"m": FACTORS["m", "ft"], "ft": FACTORS["ft", "m"], "km": 1000.0},
}

# Share of nodes that fit once their unit is changed, and the part of the survey in which times in
# seconds lie that are taken for ms.
FIT, SECONDS = 0.95, 0.01


def axis_ends(axis: Axis, n: int) -> tuple[float, float]:
    """Lowest and highest line, time or depth of an axis."""
    low, high = sorted((axis.first, axis.first + axis.step * (n - 1)))
    return low, high


def to_samples(
    nodes: Nodes, inside: NDArray[np.bool_], sidecar: Sidecar, notes: list[str]
) -> Numbers:
    """Places of nodes along n1 in samples, (N,).

    Args:
        nodes: Nodes with known columns.
        inside: Nodes within the lines of the survey, (N,).
        sidecar: Geometry of the survey.
        notes: Gets a sentence for each change.

    Raises:
        StrataflowError: The nodes are in the other domain, or in another unit.
    """
    axis, n1 = sidecar.axes[2], sidecar.shape.n1
    z = nodes.z * unit_factor(nodes.domain, nodes.unit, sidecar, notes)
    low, high = axis_ends(axis, n1)
    if z[inside].max() <= 0 and high > 0 and z[inside].min() < 0 and low >= 0:
        z = -z
        notes.append("negative downward: the sign was changed")
    share = _share_within(z[inside], axis, n1)
    wrong = None if nodes.unit else _suspected_unit(z[inside], sidecar, share)
    if wrong:
        raise StrataflowError(
            f"values from {z[inside].min():g} to {z[inside].max():g} fit the survey if they are in"
            f" {wrong}, but it is in {axis.unit}; convert them, or name the column"
            f" {sidecar.domain} ({wrong})"
        )
    if share < WITHIN:
        raise StrataflowError(
            f"{1 - share:.0%} of the nodes lie outside the survey's {low:g} to {high:g}"
            f" {axis.unit}: they have {z[inside].min():g} to {z[inside].max():g}; are they"
            f" {'depths' if sidecar.domain == 'time' else 'times'}, or in another unit?"
        )
    return (z - axis.first) / axis.step


def unit_factor(domain: str | None, unit: str | None, sidecar: Sidecar, notes: list[str]) -> float:
    """Factor from times or depths of a file to the unit of a survey, 1 if the file says nothing.

    Args:
        domain: time or depth, if the file says so.
        unit: ms, s, m or ft, if the file says so.
        sidecar: Geometry of the survey.
        notes: Gets a sentence for a change.

    Raises:
        StrataflowError: The file is in the other domain, or in a unit of the other domain.
    """
    if domain and domain != sidecar.domain:
        raise StrataflowError(
            f"is in {domain}, but the survey is in {sidecar.domain}; convert it first"
        )
    own = sidecar.axes[2].unit
    if not unit or unit == own:
        return 1.0
    if (unit, own) not in FACTORS:
        raise StrataflowError(f"is in {unit}, but the survey is in {own}")
    notes.append(f"converted from {unit} to {own}")
    return FACTORS[unit, own]


def _share_within(z: Numbers, axis: Axis, n1: int) -> float:
    """Share of times or depths between the first and the last sample."""
    at = (z - axis.first) / axis.step
    return float(((at >= -0.5) & (at <= n1 - 0.5)).mean())


def _suspected_unit(z: Numbers, sidecar: Sidecar, share: float) -> str | None:
    """The other unit in which nearly all nodes fit into the survey, if they do not without it."""
    axis, n1 = sidecar.axes[2], sidecar.shape.n1
    _, high = axis_ends(axis, n1)
    for unit, factor in SUSPECTED[sidecar.domain].items():
        tiny = factor == 1000.0 and np.abs(z).max() < SECONDS * high
        fits = _share_within(z * factor, axis, n1) >= FIT
        if unit != axis.unit and (share < WITHIN or tiny) and fits:
            return unit
    return None
