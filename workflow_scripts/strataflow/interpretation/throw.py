"""Throw of faults: how far the layers on one side of a surface lie below those on the other.

After Hale (2013, Geophysics 78, O33-O43): amplitudes a few traces to either side are matched down
the dip. A search over the whole surface (`throw_search`) decides which layers belong together.
Near its shift, dynamic warping that is smooth along the surface in both directions matches them
closely. Errors are summed along paths forward and backward (Hale's eq. 2 to 5). Changes of the
shift have a cost, not a limit (Hirschmueller, 2008, IEEE PAMI 30).
Instead of smoothing the image up to the faults, amplitudes of each side are carried to the surface
along the slope that reflectors have on that side alone. The surface is carried on beyond its ends,
so that a large throw has something to be matched with there.

Limits: throws beyond the search range, and those beyond the height of the surface, are not found.
A match elsewhere may be nearly as good where layers are alike or little is left to compare. The
quality (`throw_quality`) is low there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates, uniform_filter

from ..volume.raw import Array
from ..volume.volume import Volume
from .surfaces import Surface, lengthened
from .throw_quality import throw_quality
from .throw_search import coarse_shifts, paired
from .throw_walls import Walls, extreme, walls_of

# Largest throw that is looked for, in samples.
MAX_THROW = 60

# Largest difference in cells from the shift of the search, and the standard deviation in cells of
# the window in which amplitudes are normalised to find it.
LAGS, SCALE = 6, 12.0

# Largest squared difference of a pair of amplitudes of variance 1 that counts.
MAX_ERROR = 4.0

# Cost of a change of the shift by one from one cell to the next along v and along u; errors are
# squared differences of amplitudes of variance 1.
CHANGE_V, CHANGE_U = 2.0, 1.0

# Standard deviation of the smoothing of shifts, and the sides, in every other column and in cells,
# of the window in which matches are compared.
SHIFT_SCALE, MATCH_WINDOW = 5.0, (9, 41)

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
    without = replace(
        surface,
        throw=np.full(surface.inside.shape, np.nan, np.float32),
        quality=np.zeros_like(surface.height),
    )
    typical = _fall(surface)
    if typical < MIN_FALL:
        return without
    lengths = surface.inside.sum(axis=1)
    length = int(np.median(lengths[lengths > 0]))
    # Walls that are shifted by more than their height have nothing in common.
    lags = int(min(np.ceil(max_throw / typical) + 2, max(length, 4)))
    beyond = lags // 2 + LAGS
    long = lengthened(surface, beyond)
    walls = walls_of(long, image)
    there = long.inside & walls.known
    if length < MIN_LENGTH or not there.any():
        return without
    throw, match, certainty = _throw(walls, there, long.points()[2], lags)
    throw = np.where(there & (np.abs(throw) <= max_throw + 1), throw, np.nan)
    height = surface.inside.shape[1]
    part = slice(beyond, beyond + height)
    throw = throw[:, part].astype(np.float32)
    quality = throw_quality(throw, match[:, part], certainty[:, part], length)
    return replace(surface, throw=throw, quality=quality)


def _fall(surface: Surface) -> float:
    """Samples that a surface typically falls from one cell to the next; 0 if it is too short."""
    if not surface.inside.any() or surface.inside.shape[1] < MIN_LENGTH:
        return 0.0
    return float(np.median(np.gradient(surface.points()[2], axis=1)[surface.inside]))


def _throw(
    walls: Walls, there: NDArray[np.bool_], depth: Array, lags: int
) -> tuple[Array, Array, Array]:
    """Throw of cells, how well the walls match there, and how certain the search is, all (A, B).

    Args:
        walls: Walls of the fault, down the dip along the second axis.
        there: Cells (A, B) that count.
        depth: Depth of the cells (A, B), in samples.
        lags: Largest shift, in cells.
    """
    coarse, certainty = coarse_shifts(walls, there, lags)
    # Every other column does: errors are smooth along u.
    thin, near = there[::2], _moved_together(walls.every(2), coarse[::2])
    errors = _errors(near.normalised(SCALE))
    local = _local(errors, thin)
    part = _refined(_shifts(errors), local)
    match = _all_columns(_matches(local, part), len(there))
    # Cells that match well tell their neighbours; the small number keeps those far from any.
    weight = np.where(there, (match * certainty) ** 2 + 0.003, 0).astype(np.float32)
    shift = coarse + _all_columns(part, len(there))
    return _samples(_smooth(shift, weight, SHIFT_SCALE), depth), match, certainty


def _moved_together(walls: Walls, shift: Array) -> Walls:
    """The walls of each cell at half of its `shift` up and half of it down."""
    a, b = np.indices(shift.shape, np.float32)
    parts = []
    for values, known, half in (
        (walls.foot, walls.foot_known, -0.5),
        (walls.hanging, walls.hanging_known, 0.5),
    ):
        at = np.stack([a, b + half * shift])
        whole = map_coordinates(known.astype(np.float32), at, order=1, mode="constant")
        parts.append((map_coordinates(values, at, order=1, mode="nearest"), whole > 0.99))
    (foot, foot_known), (hanging, hanging_known) = parts
    return Walls(foot, hanging, foot_known, hanging_known)


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


def _errors(walls: Walls) -> Array:
    """Squared differences (2 LAGS + 1, A, B) of the walls shifted by -LAGS to LAGS cells.

    Single outliers do not decide: errors are limited. Where a side has no amplitudes, the error is
    the mean one, which says nothing.
    """
    width, height = walls.foot.shape
    errors = np.full((2 * LAGS + 1, width, height), np.nan, np.float32)
    for number, lag in enumerate(range(-LAGS, LAGS + 1)):
        middle, up, down = paired(lag, height)
        apart = walls.foot[:, up] - walls.hanging[:, down]
        known = walls.foot_known[:, up] & walls.hanging_known[:, down]
        errors[number, :, middle] = np.where(known, np.minimum(apart * apart, MAX_ERROR), np.nan)
    known = np.isfinite(errors)
    errors[~known] = errors[known].mean() if known.any() else 1.0
    return errors


def _shifts(errors: Array) -> NDArray[np.intp]:
    """Shift of each cell, (A, B), in cells: the path of the smallest error in both directions."""
    # A weak preference for no shift decides where nothing else does.
    weak = 0.02 * np.abs(np.arange(-LAGS, LAGS + 1, dtype=np.float32)) / LAGS
    summed: Array = (errors + weak[:, None, None]).astype(np.float32)
    for axis, change in ((2, CHANGE_V), (1, CHANGE_U), (2, CHANGE_V)):
        summed = _along(summed, axis, change)
    return summed.argmin(axis=0) - LAGS


def _local(errors: Array, there: NDArray[np.bool_]) -> Array:
    """Mean errors in a window around each cell, for each shift."""
    weight = uniform_filter(there.astype(np.float32), MATCH_WINDOW, mode="constant")
    total = uniform_filter(np.where(there, errors, 0), (1, *MATCH_WINDOW), mode="constant")
    return np.asarray(total / np.maximum(weight, 1e-6), np.float32)


def _refined(best: NDArray[np.intp], local: Array) -> Array:
    """Shifts `best` (A, B) to parts of a cell, by the vertex of a parabola through local errors."""
    inner = (best + LAGS).clip(2, 2 * LAGS - 2)
    a, b = np.indices(best.shape)
    around = np.stack([local[inner + step, a, b] for step in range(-2, 3)])
    near, part = extreme(around)
    return (inner - LAGS + near - 2 + part).astype(np.float32)


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


def _matches(local: Array, shift: Array) -> Array:
    """How much better the walls match at `shift` than at any other that is not next to it.

    From 0, ambiguous or unlike, to 1. Correlations in a window of amplitudes of variance 1 are
    1 - error / 2.
    """
    number = np.arange(-LAGS, LAGS + 1)[:, None, None]
    apart = np.abs(number - shift)
    best = np.where(apart <= 1.0, local, np.inf).min(axis=0)
    # Other matches are minima of their own, so that the flanks of the best one do not count.
    dips = (local[1:-1] <= local[:-2]) & (local[1:-1] <= local[2:]) & (apart[1:-1] > 2.0)
    other = np.where(dips, local[1:-1], 2.0).min(axis=0)
    match = np.clip(1 - best / 2, 0, 1)
    return match * np.clip((other - best) / np.maximum(other, 1e-6), 0, 1)
