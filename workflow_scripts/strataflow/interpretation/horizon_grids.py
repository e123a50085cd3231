"""Horizons on the grid of a survey: isochrons in samples from the nodes of horizon files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import Delaunay, QhullError

from ..errors import StrataflowError
from ..volume.raw import Array
from ..volume.sidecar import Sidecar
from .horizon_files import Nodes, read_nodes
from .horizon_units import axis_ends, to_samples
from .surface_grids import Numbers

# Bins from a node to a trace at which the node lies on it, and the share of nodes that must.
ON_TRACE, ON_TRACES = 0.1, 0.95

# Bins up to which scattered nodes are interpolated, at least and in spacings of the nodes.
MAX_EDGE, EDGES = 2.5, 2.0

# Samples by which nodes of one trace may differ.
SAME = 0.5

# Bins by which line numbers and coordinates of a node may disagree.
AGREE = 1.0


@dataclass(frozen=True)
class Horizon:
    """A horizon on the grid of a survey.

    Attributes:
        name: Name of the horizon.
        path: File that it was read from.
        samples: Its place along n1 in samples, counted from 0, (n3, n2), NaN where undefined;
            float32.
        notes: What was done to fit it to the survey, a sentence each.
    """

    name: str
    path: Path
    samples: Array
    notes: tuple[str, ...] = ()


def read_horizons(paths: Sequence[Path], sidecar: Sidecar) -> list[Horizon]:
    """Read horizon files and place them on the grid of a survey.

    It reads Irap classic (ASCII, binary), ZMAP+, CSV, OpendTect ASCII, Petrel points, Charisma
    lines, and columns of inline, crossline (or x, y) and time or depth. Times and depths may be
    negative downward. Grids and scattered nodes between traces are interpolated linearly.

    Args:
        paths: The files. A file with a column of names may have several horizons.
        sidecar: Geometry of the survey.

    Returns:
        The horizons, in the order of `paths`.

    Raises:
        StrataflowError: A file is not a horizon, does not overlap with the survey, is in another
            unit, has different nodes on one trace, or two horizons have the same name.
    """
    horizons: list[Horizon] = []
    for path in paths:
        for nodes in read_nodes(path):
            twin = next((known for known in horizons if known.name == nodes.name), None)
            if twin:
                raise StrataflowError(
                    f"{path}: horizon {nodes.name!r} is in {twin.path} as well; rename one"
                )
            horizons.append(place_horizon(nodes, sidecar))
    return horizons


def place_horizon(nodes: Nodes, sidecar: Sidecar) -> Horizon:
    """Place the nodes of a file on the grid of a survey.

    Raises:
        StrataflowError: See `read_horizons`.
    """
    notes: list[str] = []
    try:
        located, at = locate(nodes, sidecar, notes)
        z = to_samples(located, inside_survey(at, sidecar), sidecar, notes)
        if located.grid is not None and not _on_traces(at, sidecar).all():
            samples = _sampled(located, z, sidecar)
            notes.append("its nodes lie between traces: interpolated linearly")
        else:
            samples = _on_grid(at, z, sidecar, notes)
    except StrataflowError as error:
        raise StrataflowError(f"{nodes.path}: {_who(nodes)}{error}") from None
    samples[~sidecar.live] = np.nan
    samples[(samples < 0) | (samples > sidecar.shape.n1 - 1)] = np.nan
    if not np.isfinite(samples).any():
        raise StrataflowError(f"{nodes.path}: {_who(nodes)}no node on a live trace of the survey")
    return Horizon(nodes.name, nodes.path, samples.astype(np.float32), tuple(notes))


def _who(nodes: Nodes) -> str:
    """The name of a horizon in a message, if the name of the file does not say it."""
    return "" if nodes.name == nodes.path.stem else f"{nodes.name!r}: "


def locate(
    nodes: Nodes, sidecar: Sidecar, notes: list[str], required: bool = True
) -> tuple[Nodes, Numbers]:
    """Nodes with their columns known, and their indices (2, N) along (n3, n2).

    Args:
        nodes: Nodes of a file.
        sidecar: Geometry of the survey.
        notes: Gets a sentence on nodes outside of the survey.
        required: Whether a node must lie in the survey.

    Raises:
        StrataflowError: No node lies in the survey, or lines and coordinates disagree.
    """
    if nodes.guesses:
        nodes = _best_guess(nodes.guesses, sidecar)
    at = _indices(nodes, sidecar)
    inside = inside_survey(at, sidecar)
    if not inside.any() and required:
        raise StrataflowError(_no_overlap(nodes, sidecar))
    if not inside.any():
        return nodes, at
    if nodes.lines is not None and nodes.places is not None and sidecar.corners:
        _require_agreement(nodes, sidecar, inside)
    if not inside.all():
        notes.append(f"{(~inside).sum():,} of {inside.size:,} nodes lie outside the survey")
    return nodes, at


def _indices(nodes: Nodes, sidecar: Sidecar) -> Numbers:
    """Indices (2, N) along (n3, n2), by line numbers or, without them, by coordinates."""
    if nodes.lines is not None:
        axes = sidecar.axes[:2]
        return np.stack([(n - a.first) / a.step for n, a in zip(nodes.lines, axes, strict=True)])
    assert nodes.places is not None
    return indices_of_places(nodes.places, sidecar)


def indices_of_places(places: Numbers, sidecar: Sidecar) -> Numbers:
    """Indices (2, N) along (n3, n2) of coordinates x, y (2, N).

    Raises:
        StrataflowError: The survey has no coordinates, or all its lines are at one place.
    """
    if not sidecar.corners:
        raise StrataflowError("has x and y, but the survey has none; give inline and crossline")
    indices = sidecar.map_indices(places)
    if not np.isfinite(indices).all():
        raise StrataflowError("has x and y, but the coordinates of the survey make no grid")
    return indices


def inside_survey(at: Numbers, sidecar: Sidecar) -> NDArray[np.bool_]:
    """Nodes within the survey, to half a bin."""
    sides = np.array(sidecar.shape.array[:2])[:, None]
    return np.asarray(((at >= -0.5) & (at <= sides - 0.5)).all(axis=0))


def _best_guess(guesses: tuple[Nodes, ...], sidecar: Sidecar) -> Nodes:
    """The layout of the columns that puts most nodes into the survey, also along n1.

    Raises:
        StrataflowError: None puts any there.
    """
    shares = []
    for guess in guesses:
        usable = guess.lines is not None or bool(sidecar.corners)
        if usable and guess.lines is not None and guess.places is not None and sidecar.corners:
            usable = bool(np.median(_disagreement(guess, sidecar)) <= AGREE)
        inside = inside_survey(_indices(guess, sidecar), sidecar) if usable else np.zeros(1, bool)
        shares.append(float(inside.mean()))
    best = int(np.argmax(shares))
    if shares[best] == 0:
        raise StrataflowError(_no_overlap(guesses[0], sidecar, "its first columns go"))
    return guesses[best]


def _no_overlap(nodes: Nodes, sidecar: Sidecar, what: str = "") -> str:
    """Tell where the nodes are and where the survey is."""
    if nodes.lines is not None:
        names, values = ("inlines", "crosslines"), nodes.lines
        ends = [
            axis_ends(a, n) for a, n in zip(sidecar.axes, sidecar.shape.array[:2], strict=False)
        ]
    else:
        assert nodes.places is not None
        names, values = ("x", "y"), nodes.places
        corners = np.array(sidecar.corners)
        ends = [(float(c.min()), float(c.max())) for c in corners.T]
    found = ", ".join(
        f"{n} {v.min():.10g} to {v.max():.10g}" for n, v in zip(names, values, strict=True)
    )
    own = ", ".join(
        f"{n} {low:.10g} to {high:.10g}" for n, (low, high) in zip(names, ends, strict=True)
    )
    return f"no overlap with the survey: {what or 'it has'} {found}, the survey {own}"


def _disagreement(nodes: Nodes, sidecar: Sidecar) -> Numbers:
    """Bins between the places of nodes by line numbers and by coordinates, (N,)."""
    assert nodes.places is not None
    away = _indices(nodes, sidecar) - indices_of_places(nodes.places, sidecar)
    return np.abs(away).max(axis=0)


def _require_agreement(nodes: Nodes, sidecar: Sidecar, inside: NDArray[np.bool_]) -> None:
    """Raise StrataflowError if x and y of the nodes are not those of their lines."""
    away = _disagreement(nodes, sidecar)[inside]
    if np.median(away) > AGREE:
        assert nodes.lines is not None
        inline, crossline = (float(n[inside][0]) for n in nodes.lines)
        raise StrataflowError(
            f"x and y at inline {inline:g}, crossline {crossline:g} lie {away[0]:.1f} bins from"
            " that trace of the survey; is it of another survey?"
        )


def _on_traces(at: Numbers, sidecar: Sidecar) -> NDArray[np.bool_]:
    """Nodes of `at` within the survey that lie on a trace."""
    within = at[:, inside_survey(at, sidecar)]
    return np.asarray((np.abs(within - np.round(within)) <= ON_TRACE).all(axis=0))


def _sampled(nodes: Nodes, z: Numbers, sidecar: Sidecar) -> Numbers:
    """A regular grid at the traces of the survey, in samples (n3, n2)."""
    assert nodes.grid is not None
    values = np.full(nodes.grid.values.shape, np.nan)
    values[np.isfinite(nodes.grid.values)] = z
    grid = replace(nodes.grid, values=values)
    i3, i2 = np.indices(sidecar.shape.array[:2])
    places = sidecar.places(np.stack([i3, i2, np.zeros_like(i3)]))
    return grid.at(places["x"], places["y"])


def _on_grid(at: Numbers, z: Numbers, sidecar: Sidecar, notes: list[str]) -> Numbers:
    """Nodes on the traces of the survey, in samples (n3, n2).

    Raises:
        StrataflowError: Nodes at one place differ, or no node lies on a trace.
    """
    inside = inside_survey(at, sidecar)
    at, z = at[:, inside], z[inside]
    _require_single(at, z, sidecar)
    on = _on_traces(at, sidecar)
    result = np.full(sidecar.shape.array[:2], np.nan)
    if on.mean() < ON_TRACES:
        result = _interpolated(at, z, sidecar)
        notes.append(f"{(~on).sum():,} of {on.size:,} nodes lie between traces: interpolated")
    elif not on.all():
        notes.append(f"{(~on).sum():,} of {on.size:,} nodes lie between traces: left out")
    # Interpolation passes through nodes on traces already.
    direct = _means(np.round(at[:, on]).astype(np.int64), z[on], result.shape)
    result = np.where(np.isfinite(result), result, direct)
    if not np.isfinite(result).any():
        raise StrataflowError("off the grid: all nodes lie between the lines of the survey")
    return result


def _means(at: NDArray[np.int64], z: Numbers, shape: tuple[int, ...]) -> Numbers:
    """Mean of the nodes of each trace, of `shape`, NaN without nodes."""
    result = np.full(shape, np.nan)
    if at.shape[1]:
        key, inverse, count = np.unique(
            np.ravel_multi_index(tuple(at), shape), return_inverse=True, return_counts=True
        )
        result.ravel()[key] = np.bincount(inverse, z) / count
    return result


def _require_single(at: Numbers, z: Numbers, sidecar: Sidecar) -> None:
    """Raise StrataflowError if nodes at one place have different times or depths."""
    places = np.round(at * 100).astype(np.int64)
    order = np.lexsort((z, places[1], places[0]))
    same = (np.diff(places[:, order], axis=1) == 0).all(axis=0)
    apart = same & (np.diff(z[order]) > SAME)
    if not apart.any():
        return
    first = int(np.flatnonzero(apart)[0])
    pair = order[first : first + 2]
    axis = sidecar.axes[2]
    inline, crossline = (
        a.first + a.step * float(i) for a, i in zip(sidecar.axes, at[:, pair[0]], strict=False)
    )
    values = " and ".join(f"{axis.first + axis.step * z[i]:g}" for i in pair)
    raise StrataflowError(
        f"doubled nodes with different {sidecar.domain}s at {apart.sum():,} places, first at inline"
        f" {inline:g}, crossline {crossline:g}: {values} {axis.unit}"
    )


def _interpolated(at: Numbers, z: Numbers, sidecar: Sidecar) -> Numbers:
    """Scattered nodes at the traces between them, in samples (n3, n2), NaN farther away."""
    i3, i2 = np.indices(sidecar.shape.array[:2])
    result = np.full(i3.shape, np.nan)
    try:
        triangles = Delaunay(at.T)
    except (QhullError, ValueError):
        # Too few nodes, or all of them on a line.
        return result
    corners = at.T[triangles.simplices]
    edges = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    reach = max(MAX_EDGE, EDGES * float(np.median(edges)))
    traces = np.stack([i3.ravel(), i2.ravel()], axis=1).astype(np.float64)
    inside = triangles.find_simplex(traces)
    near = (inside >= 0) & (edges[inside] <= reach)
    result.ravel()[near] = LinearNDInterpolator(triangles, z)(traces[near])
    return result
