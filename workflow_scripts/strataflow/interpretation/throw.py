"""Throw of faults: how far the layers on one side of a surface lie below those on the other.

After Hale (2013, Geophysics 78, O33-O43): amplitudes a few traces to either side are matched down
the dip by dynamic warping that is smooth along the surface in both directions. Errors are summed
along paths forward and backward (his eq. 2 to 5). Changes of the shift have a cost, not a limit
(Hirschmueller, 2008, IEEE PAMI 30). Instead of smoothing the image up to the
faults, amplitudes of each side are carried to the surface along the slope that reflectors have on
that side alone.

Limits: throws beyond the search range are not found. A match one period of the reflections away is
nearly as good where layers are alike; `quality` is low there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates, uniform_filter

from ..volume.raw import Array
from ..volume.volume import Volume
from .surfaces import Surface

# Largest throw that is looked for, in samples.
MAX_THROW = 60

# Traces from the surface, along its horizontal normal, at which amplitudes are taken. Imaging
# smears nearer ones over the fault.
DISTANCES = np.array([5.0, 6.0, 7.0, 8.0, 9.0])

# Slopes of reflectors that are tried, in cells down the dip a trace away from the surface, and the
# sides, in cells, of the window in which they are compared.
SLOPES, SLOPE_WINDOW = np.linspace(-2.5, 2.5, 26), (15, 15)

# Largest squared difference of a pair of amplitudes of variance 1 that counts.
MAX_ERROR = 4.0

# Cost of a change of the shift by one from one cell to the next along v and along u; errors are
# squared differences of amplitudes of variance 1.
CHANGE_V, CHANGE_U = 2.0, 1.0

# Standard deviation of the smoothing of shifts, and the sides, in every other column and in cells,
# of the window in which quality is measured.
SHIFT_SCALE, QUALITY_WINDOW = 5.0, (9, 41)

# Throws of a lower quality do not count in tables and volumes. On synthetic surveys with noise nine
# in ten of the others are right within two samples.
MIN_QUALITY = 0.2

# Cells along u that are matched together, and those that neighbours share.
STRIP, OVERLAP = 192, 32

# Samples that a surface must fall from one cell to the next, down the dip, to have a throw.
MIN_FALL = 0.25

# Cells down the dip of the smallest surface whose walls are matched.
MIN_LENGTH = 8


def with_throw(surface: Surface, image: Volume, max_throw: float = MAX_THROW) -> Surface:
    """The surface with its throw in samples and its quality.

    A positive throw is normal: the hanging wall, above the surface, is down. Of a vertical fault,
    which has none, it is the side that the normal of its frame points to.

    Args:
        surface: a surface in the volume.
        image: amplitudes (n3, n2, n1). Dead traces and samples that are not finite count as absent.
        max_throw: the largest throw that is looked for, in samples.

    Returns:
        The same surface. The throw is NaN in cells with no amplitudes on a side, and all over a
        surface flatter than one sample in four cells.
    """
    width = surface.inside.shape[0]
    throw, quality = (
        np.full(surface.inside.shape, np.nan, np.float32),
        np.zeros_like(surface.height),
    )
    points, ahead = surface.points(), _horizontal(surface)
    for first in range(0, width, STRIP):
        low, high = max(first - OVERLAP, 0), min(first + STRIP + OVERLAP, width)
        part = slice(low, high)
        walls = [_wall(points[:, part], side * ahead[:, part], image) for side in (-1, 1)]
        there = surface.inside[part] & walls[0][1] & walls[1][1]
        found = _throw(walls[0][0], walls[1][0], there, points[2, part], max_throw)
        if found is not None:
            inner = slice(first - low, min(first + STRIP, width) - low)
            throw[first : first + STRIP] = found[0][inner]
            quality[first : first + STRIP] = found[1][inner]
    return replace(surface, throw=throw, quality=quality)


def _throw(
    foot: Array, hanging: Array, there: NDArray[np.bool_], depth: Array, max_throw: float
) -> tuple[Array, Array] | None:
    """Throw and quality of cells, both (A, B); None where nothing can be matched.

    Args:
        foot: amplitudes of the footwall (A, B), down the dip along the second axis.
        hanging: those of the hanging wall.
        there: where both are known.
        depth: of the cells, in samples.
        max_throw: in samples.
    """
    length = int(np.median(there.sum(axis=1)[there.any(axis=1)])) if there.any() else 0
    if length < MIN_LENGTH:
        return None
    fall = np.gradient(depth, axis=1)
    typical = float(np.median(fall[there]))
    if typical < MIN_FALL:
        return None
    # Every other column does: errors are smooth along u.
    thin = there[::2]
    walls = [_normalised(values[::2], thin) for values in (foot, hanging)]
    # Beyond half of its height the walls of a surface have too little in common.
    lags = int(min(np.ceil(max_throw / typical) + 2, max(length // 2, 4)))
    errors = _errors(walls[0], walls[1], lags)
    best = _shifts(errors, lags)
    local = _local(errors, thin)
    part = _refined(best, local, lags)
    quality = _all_columns(_quality(local, part, lags), len(there))
    # Cells that match well tell their neighbours; the small number keeps those far from any.
    weight = np.where(there, quality**2 + 0.003, 0).astype(np.float32)
    shift = _smooth(_all_columns(part, len(there)), weight, SHIFT_SCALE)
    throw = _samples(shift, depth)
    throw = np.where(there & (np.abs(throw) <= max_throw + 1), throw, np.nan)
    return throw.astype(np.float32), np.where(np.isfinite(throw), quality, 0).astype(np.float32)


def _all_columns(values: Array, width: int) -> Array:
    """`values` of every other column as those of all `width`."""
    return np.repeat(values, 2, axis=0)[:width]


def _samples(shift: Array, depth: Array) -> Array:
    """Samples that `shift` cells down the dip are, half of them up and half of them down."""
    a, b = np.indices(shift.shape, np.float32)
    ends = []
    for half in (-0.5, 0.5):
        at = b + half * shift
        inner = at.clip(0, shift.shape[1] - 1)
        fall = np.gradient(depth, axis=1)
        end = map_coordinates(depth, [a, inner], order=1, mode="nearest")
        ends.append(end + (at - inner) * map_coordinates(fall, [a, inner], order=0, mode="nearest"))
    return ends[1] - ends[0]


def _wall(points: Array, ahead: Array, image: Volume) -> tuple[Array, NDArray[np.bool_]]:
    """Amplitudes of one wall carried to the surface, (A, B), and where there are any.

    `points` (3, A, B) are of the surface, `ahead` (3, A, B) horizontal steps into the wall.
    """
    traces, live = [], np.ones(points.shape[1:], bool)
    for distance in DISTANCES:
        values, there = _amplitudes(image, points + distance * ahead)
        traces.append(values)
        live &= there
    block = np.stack(traces)
    return _carried(block, _slope(block, live)).mean(axis=0), live


def _carried(block: Array, slope: Array) -> Array:
    """`block` (distance, A, B) moved along `slope` to the surface."""
    a, b = np.indices(slope.shape, np.float32)
    return np.stack(
        [
            map_coordinates(values, [a, b + slope * distance], order=1, mode="nearest")
            for values, distance in zip(block, DISTANCES, strict=True)
        ]
    )


def _horizontal(surface: Surface) -> Array:
    """Horizontal unit vectors (3, A, B) across the surface, to the hanging wall."""
    normal = np.stack([gaussian_filter(n, 4) for n in surface.normals()])
    normal[2] = 0
    return normal / np.maximum(np.hypot(normal[0], normal[1]), 1e-6)


def _amplitudes(image: Volume, at: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Amplitudes at `at` (3, A, B), linear between samples, and which are of live traces."""
    shape = np.array(image.values.shape)
    low = np.floor(at).astype(np.int64)
    part = at - low
    inside = ((low >= 0) & (at <= (shape - 1)[:, None, None])).all(axis=0)
    total = np.zeros(at.shape[1:], np.float32)
    for i in (0, 1):
        for j in (0, 1):
            n3, n2 = (
                np.clip(low[axis] + step, 0, shape[axis] - 1) for axis, step in ((0, i), (1, j))
            )
            weight = np.abs(1 - i - part[0]) * np.abs(1 - j - part[1])
            inside &= image.sidecar.live[n3, n2] | (weight == 0)
            for k in (0, 1):
                n1 = np.clip(low[2] + k, 0, shape[2] - 1)
                total += weight * np.abs(1 - k - part[2]) * image.values[n3, n2, n1]
    inside &= np.isfinite(total)
    return np.where(inside, total, 0).astype(np.float32), inside


def _slope(block: Array, live: NDArray[np.bool_]) -> Array:
    """Cells down the dip that reflectors move by a trace away from the surface, (A, B).

    The slope along which `block` (distance, A, B) has the largest semblance (Neidell & Taner, 1971,
    Geophysics 36) around a cell. Noise has no slope that it prefers, unlike in a structure tensor
    along axes that are not at right angles.
    """
    apart = DISTANCES - DISTANCES.mean()
    block = np.where(live, block, 0)
    semblance = np.empty((SLOPES.size, *live.shape), np.float32)
    for number, slope in enumerate(SLOPES):
        moved = np.stack([_moved(v, slope * d) for v, d in zip(block, apart, strict=True)])
        stack = uniform_filter(np.square(moved.mean(axis=0)), SLOPE_WINDOW, mode="constant")
        power = uniform_filter(np.square(moved).mean(axis=0), SLOPE_WINDOW, mode="constant")
        semblance[number] = stack / np.maximum(power, 1e-30)
    best, part = _extreme(-semblance)
    return (SLOPES[0] + (best + part) * (SLOPES[1] - SLOPES[0])).astype(np.float32)


def _moved(values: Array, by: float) -> Array:
    """`values` (A, B) at b + `by`, linear between cells, the ends repeated."""
    whole = int(np.floor(by))
    b = np.arange(values.shape[1]) + whole
    last = values.shape[1] - 1
    part = np.float32(by - whole)
    return (1 - part) * values[:, b.clip(0, last)] + part * values[:, (b + 1).clip(0, last)]


def _extreme(costs: Array) -> tuple[NDArray[np.intp], Array]:
    """Where `costs` (M, A, B) are smallest along the first axis, and how far beside it.

    The latter is the vertex of the parabola through the three costs there.
    """
    best = costs.argmin(axis=0)
    inner = best.clip(1, len(costs) - 2)
    a, b = np.indices(best.shape)
    before, here, after = (costs[inner + step, a, b] for step in (-1, 0, 1))
    bend = np.maximum(before - 2 * here + after, 1e-9)
    return inner, np.clip(0.5 * (before - after) / bend, -1, 1)


def _normalised(values: Array, there: NDArray[np.bool_]) -> Array:
    """`values` over their root mean square around each cell, NaN where not `there`."""
    weight = gaussian_filter(there.astype(np.float32), 12)
    power = gaussian_filter(np.where(there, values, 0) ** 2, 12) / np.maximum(weight, 1e-6)
    largest = float(power[there].max())
    scale = np.sqrt(power + 0.01 * largest + 1e-30)
    return np.where(there, values / scale, np.nan).astype(np.float32)


def _errors(foot: Array, hanging: Array, lags: int) -> Array:
    """Squared differences (2 lags + 1, A, B) of the walls shifted by -lags to lags cells.

    Half of a shift goes up and half goes down. Single outliers do not decide: errors are limited.
    Where a side has no amplitudes, the error is the mean one, which says nothing.
    """
    width, height = foot.shape
    errors = np.full((2 * lags + 1, width, height), np.nan, np.float32)
    for number, lag in enumerate(range(-lags, lags + 1)):
        up, down = lag // 2, lag - lag // 2
        low, high = max(up, -down, 0), height - max(down, -up, 0)
        if high > low:
            apart = foot[:, low - up : high - up] - hanging[:, low + down : high + down]
            errors[number, :, low:high] = np.minimum(apart * apart, MAX_ERROR)
    known = np.isfinite(errors)
    errors[~known] = errors[known].mean() if known.any() else 1.0
    return errors


def _shifts(errors: Array, lags: int) -> NDArray[np.intp]:
    """Shift of each cell, (A, B), in cells: the path of the smallest error in both directions."""
    # A weak preference for no shift decides where nothing else does.
    weak = 0.02 * np.abs(np.arange(-lags, lags + 1, dtype=np.float32)) / max(lags, 1)
    summed: Array = (errors + weak[:, None, None]).astype(np.float32)
    for axis, change in ((2, CHANGE_V), (1, CHANGE_U), (2, CHANGE_V)):
        summed = _along(summed, axis, change)
    return summed.argmin(axis=0) - lags


def _local(errors: Array, there: NDArray[np.bool_]) -> Array:
    """Mean errors in a window around each cell, for each shift."""
    weight = uniform_filter(there.astype(np.float32), QUALITY_WINDOW, mode="constant")
    total = uniform_filter(np.where(there, errors, 0), (1, *QUALITY_WINDOW), mode="constant")
    return np.asarray(total / np.maximum(weight, 1e-6), np.float32)


def _refined(best: NDArray[np.intp], local: Array, lags: int) -> Array:
    """Shifts `best` (A, B) to parts of a cell, by the vertex of a parabola through local errors."""
    inner = (best + lags).clip(2, 2 * lags - 2)
    a, b = np.indices(best.shape)
    around = np.stack([local[inner + step, a, b] for step in range(-2, 3)])
    near, part = _extreme(around)
    return (inner - lags + near - 2 + part).astype(np.float32)


def _along(errors: Array, axis: int, change: float) -> Array:
    """Mean error of the best path through each cell along `axis`, over the length of memory.

    Forward and backward sums of which the cell itself counts once, over all cells that a path
    passes, so that values stay on one scale.
    """
    moved = np.moveaxis(errors, axis, 0)
    forward, backward = np.empty_like(moved), np.empty_like(moved)
    for result, steps in (
        (forward, range(len(moved))),
        (backward, range(len(moved) - 1, -1, -1)),
    ):
        last = np.zeros(moved.shape[1:], np.float32)
        for step in steps:
            result[step] = moved[step] + last
            last = _relaxed(result[step], change)
    total = forward + backward - moved
    total -= total.min(axis=1, keepdims=True)
    # A path forgets after some ten cells: costs saturate as single errors do.
    return np.moveaxis(np.minimum(total, 20.0) / 10.0, 0, axis)


def _relaxed(cost: Array, change: float) -> Array:
    """Smallest cost to be at each shift (first axis) of the next cell, fading with distance."""
    low = cost.min(axis=0)
    best = cost - low
    best[1:] = np.minimum(best[1:], cost[:-1] - low + change)
    best[:-1] = np.minimum(best[:-1], cost[1:] - low + change)
    return 0.97 * best


def _smooth(values: Array, weight: Array, scale: float) -> Array:
    """Mean of `values` with a `weight`, both (A, B), in a Gaussian window."""
    total = gaussian_filter(values * weight, scale)
    return np.asarray(total / np.maximum(gaussian_filter(weight, scale), 1e-9), np.float32)


def _quality(local: Array, shift: Array, lags: int) -> Array:
    """How much better the walls match at `shift` than at any other that is not next to it.

    From 0, ambiguous or unlike, to 1. Correlations in a window of amplitudes of variance 1 are
    1 - error / 2.
    """
    number = np.arange(-lags, lags + 1)[:, None, None]
    apart = np.abs(number - shift)
    best = np.where(apart <= 1.0, local, np.inf).min(axis=0)
    # Other matches are minima of their own, so that the flanks of the best one do not count.
    dips = (local[1:-1] <= local[:-2]) & (local[1:-1] <= local[2:]) & (apart[1:-1] > 2.0)
    other = np.where(dips, local[1:-1], 2.0).min(axis=0)
    match = np.clip(1 - best / 2, 0, 1)
    return match * np.clip((other - best) / np.maximum(other, 1e-6), 0, 1)
