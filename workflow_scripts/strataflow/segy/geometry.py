"""Corner coordinates, spacing and recording start of a survey, from its trace headers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import StrataflowError
from ..volume.axes import LINE_NOTE, grid_axes, sample_axis
from ..volume.raw import Shape
from ..volume.sidecar import Axis
from .grid import Grid, are_constant
from .layout import Layout
from .line_numbers import read_fields
from .lines import length_of, track_of

# Header fields with coordinates: CDP, source, receiver group.
COORDINATES = ((181, 185), (73, 77), (81, 85))

# A trace fits the grid of coordinates if it lies within this share of the line spacing; the fit is
# used if this share of the traces does. The robust fit tries so many triples of traces, and judges
# each by so many others.
TOLERANCE, MIN_SHARE = 0.5, 0.5
TRIALS, JUDGES = 200, 5000

Corners = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Geometry:
    """Geometry of a survey.

    Attributes:
        corners: CDP coordinates (x, y) at first inline and first crossline, first and last, last
            and first, last and last; empty if the headers hold no coordinates.
        track: Coordinates of each trace of a 2D line; empty for a grid, or without coordinates.
        axes: Axes of (n3, n2, n1). Without coordinates the lines have a spacing of 1 line.
        null: Null traces, those of the grid and further ones that were found by their headers.
        notes: What the user should know, one line each.
    """

    corners: Corners
    axes: tuple[Axis, Axis, Axis]
    null: NDArray[np.bool_]
    notes: tuple[str, ...]
    track: Corners = ()


def survey_geometry(layout: Layout, grid: Grid, domain: str) -> Geometry:
    """Coordinates by a robust affine fit over the live traces, and the start of recording.

    Args:
        layout: Layout of the file.
        grid: Its grid.
        domain: time or depth.

    Raises:
        StrataflowError: Live traces start at different times.
    """
    delay, null = _delay(layout, grid)
    live = np.flatnonzero(~null)
    notes: list[str] = []
    track: Corners = ()
    found = _coordinates(layout, grid, live, notes)
    if found is None:
        corners: Corners = ()
    elif grid.is_line:
        track = _track(grid, live, *found, notes)
        corners = (track[0], track[-1], track[0], track[-1]) if track else ()
    else:
        corners = corners_of(grid.shape, grid.place[live], *found, notes, live)
    unit = "ms" if domain == "time" else layout.length_unit
    sample = sample_axis(domain, delay, layout.interval / 1000, unit, None, notes)
    if grid.is_line:
        notes.append(LINE_NOTE)
    inlines, crosslines = grid.inlines, grid.crosslines
    lines = (inlines.first, inlines.step), (crosslines.first, crosslines.step)
    length = length_of(np.array(track)) if track else None
    axes = grid_axes(grid.shape, lines, sample, corners, layout.coordinate_unit, length)
    return Geometry(corners, axes, null, tuple(notes), track)


def coordinate_bytes(layout: Layout, grid: Grid) -> tuple[int | str, int | str] | None:
    """Byte positions that hold coordinates: those of `grid`, or else one of COORDINATES.

    None if there are no coordinates.
    """
    if grid.headers.x.any() or grid.headers.y.any():
        return (grid.where.cdp_x, grid.where.cdp_y)
    for pair in COORDINATES:
        if any(field.any() for field in read_fields(layout, *pair)):
            return pair
    return None


def _delay(layout: Layout, grid: Grid) -> tuple[float, NDArray[np.bool_]]:
    """Recording start of the live traces, and the null traces.

    Traces with another start are null if they are constant, otherwise it is an error.
    """
    delays = grid.headers.start * _factor(grid.headers.start_scalar)
    null = grid.null.copy()
    values, counts = np.unique(delays[~null], return_counts=True)
    common = float(values[np.argmax(counts)])
    others = np.flatnonzero(~null & (delays != common))
    # A check of all traces would take as long as the conversion.
    if others.size <= 0.5 * delays.size:
        constant = are_constant(layout, others)
        null[others[constant]] = True
        others = others[~constant]
    if others.size:
        first = int(np.flatnonzero(~null)[0])
        other = int(others[0]) if others[0] != first else int(np.flatnonzero(delays == common)[0])
        raise StrataflowError(
            f"{layout.path}: trace {other + 1} starts at {delays[other]:.10g}, but trace "
            f"{first + 1} at {delays[first]:.10g} (bytes 109-110); shift all traces to the same"
            " start"
        )
    return common, null


def _coordinates(
    layout: Layout, grid: Grid, live: NDArray[np.int64], notes: list[str]
) -> tuple[NDArray[np.float64], float] | None:
    """Coordinates (N, 2) of the traces `live` and their smallest step; None without any."""
    asked = (grid.where.cdp_x, grid.where.cdp_y)
    found = coordinate_bytes(layout, grid)
    if found is None:
        notes.append("no coordinates in the headers: x, y and azimuths are left out")
        return None
    if found != asked:
        notes.append(
            f"no coordinates at bytes {asked[0]} and {asked[1]}; those at bytes {found[0]} and"
            f" {found[1]} are taken"
        )
    x, y = (grid.headers.x, grid.headers.y) if found == asked else read_fields(layout, *found)
    scale = _factor(grid.headers.scalar[live])
    return np.stack([x[live] * scale, y[live] * scale], axis=1), float(scale.max())


def _track(
    grid: Grid, live: NDArray[np.int64], xy: NDArray[np.float64], unit: float, notes: list[str]
) -> Corners:
    """Coordinates of each trace of a line, empty where most do not follow it."""
    track, fits = track_of(grid.place[live], xy, grid.shape.n2, unit)
    if not fits.any():
        notes.append("the coordinates do not follow the line: x and y are left out")
    elif not fits.all():
        first = int(live[np.flatnonzero(~fits)[0]])
        notes.append(
            f"the coordinates of {np.count_nonzero(~fits)} of {live.size} live traces do not follow"
            f" the line and are ignored, first trace {first + 1}"
        )
    return tuple((float(x), float(y)) for x, y in track)


def corners_of(
    shape: Shape,
    place: NDArray[np.int64],
    xy: NDArray[np.float64],
    unit: float,
    notes: list[str],
    traces: NDArray[np.int64] | None = None,
) -> Corners:
    """Coordinates of the corners of a grid from those of its traces; empty if most do not fit.

    Args:
        shape: Size of the grid.
        place: Grid position i3 * n2 + i2 of each trace (N,).
        xy: Coordinates (N, 2).
        unit: Smallest step of the coordinates.
        notes: Gets what the user should know.
        traces: Index of each trace in the file, for the notes; `place` if left out.
    """
    i3, i2 = np.divmod(place, shape.n2)
    lines = np.stack([np.ones(place.size), i3, i2], axis=1)
    limit = TOLERANCE * _spacing(place, xy, shape) + unit
    affine, fits = _fit(lines, xy, limit)
    share = np.count_nonzero(fits) / place.size
    if share < MIN_SHARE:
        notes.append(
            f"the coordinates of {1 - share:.0%} of the traces do not fit the grid: x, y and"
            " azimuths are left out"
        )
        return ()
    if not fits.all():
        first = int(np.flatnonzero(~fits)[0])
        number = (place if traces is None else traces)[first] + 1
        expected = lines[first] @ affine
        notes.append(
            f"the coordinates of {np.count_nonzero(~fits)} of {place.size} live traces do not fit"
            f" the grid and are ignored, first trace {number} at ({xy[first, 0]:.10g},"
            f" {xy[first, 1]:.10g}), expected ({expected[0]:.10g}, {expected[1]:.10g})"
        )
    ends = [(1, a, b) for a in (0, shape.n3 - 1) for b in (0, shape.n2 - 1)]
    return tuple((float(x), float(y)) for x, y in np.array(ends) @ affine)


def _spacing(place: NDArray[np.int64], xy: NDArray[np.float64], shape: Shape) -> float:
    """The smaller of the usual distances between neighbours along both axes; 0 for none.

    Args:
        place: Grid position of each trace (N,).
        xy: Coordinates (N, 2).
        shape: Size of the grid.
    """
    i3, i2 = np.divmod(place, shape.n2)
    distances = []
    for key in (i3 * shape.n2 + i2, i2 * shape.n3 + i3):
        order = np.argsort(key)
        near = np.flatnonzero(np.diff(key[order]) == 1)
        between = np.hypot(*(xy[order[near + 1]] - xy[order[near]]).T)
        distances += [float(np.median(between))] if near.size else []
    return min((d for d in distances if d > 0), default=0.0)


def _fit(
    lines: NDArray[np.float64], xy: NDArray[np.float64], limit: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Affine map from (1, i3, i2) to coordinates that most traces agree with, and which do.

    Least squares over all traces; if some are off by more than `limit`, over the largest set that
    agrees with the map through three traces (random sample consensus, Fischler and Bolles, 1981,
    Commun. ACM 24).
    """

    def agree(affine: NDArray[np.float64], which: slice | NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.hypot(*(lines[which] @ affine - xy[which]).T) <= limit

    everything = slice(None)
    affine = _least_squares(lines, xy)
    best = agree(affine, everything)
    if best.all():
        return affine, best
    rng = np.random.default_rng(0)
    judges = rng.permutation(len(xy))[:JUDGES]
    most = 0
    for _ in range(TRIALS):
        three = rng.choice(len(xy), min(3, len(xy)), replace=False)
        trial = _least_squares(lines[three], xy[three])
        count = int(np.count_nonzero(agree(trial, judges)))
        if count > most:
            best, most = agree(trial, everything), count
    if best.any():
        affine = _least_squares(lines[best], xy[best])
    return affine, agree(affine, everything)


def _least_squares(lines: NDArray[np.float64], xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Affine map (3, 2); along axes with a single line the smallest."""
    # About the first trace, since coordinates have more digits than their differences.
    affine = np.linalg.lstsq(lines, xy - xy[0], rcond=1e-12)[0]
    affine[0] += xy[0]
    return affine


def _factor(scalar: NDArray[np.int32]) -> NDArray[np.float64]:
    """Factor of a scalar in the trace header: negative ones divide, 0 stands for 1."""
    return np.where(scalar < 0, -1 / np.minimum(scalar, -1), np.maximum(scalar, 1))
