"""Join fault surfaces that continue each other across a gap.

A younger fault cuts an older one, and an image that is poor in places hides parts of a fault. What
is left of it are pieces of one surface. Two pieces are joined where their facing rims lie on each
other's continuation, and where they do not overlap: relays stay apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import LinearNDInterpolator
from scipy.ndimage import binary_closing, binary_erosion
from scipy.spatial import KDTree

from ..volume.raw import Array
from .surfaces import Surface, spread

# Maximum distance of a rim from the continuation of the other, as voxels and as a fraction of the
# gap between them, and maximum angle between their normals in degrees.
OFF_PLANE, OFF_PLANE_PER_GAP, TURN = 1.5, 0.12, 18.0

# Minimum length in voxels of the rims that face each other, and the minimum fraction of it on which
# they continue each other.
FACING, AGREEING = 12, 0.6

# Maximum fraction of the smaller piece that may lie over or under the other.
OVERLAP = 0.1

# The rim is this wide, in cells, and its normals are those of cells further inside, where the
# smoothing of heights did not bend them.
RIM = 2

# Standard deviation, in cells, of the smoothing of normals along a rim.
NORMAL_SCALE = 8.0


@dataclass(frozen=True)
class _Piece:
    """A surface with the points (N, 3) of its rim and the unit normals (N, 3) there."""

    surface: Surface
    rim: Array
    normal: Array


@dataclass(frozen=True)
class _Fit:
    """How well two pieces continue each other: `cost` in voxels, the smaller the better."""

    first: int
    second: int
    cost: float


def join_surfaces(surfaces: list[Surface], gap: float) -> list[Surface]:
    """Join the surfaces that are pieces of one fault, the best pairs first.

    Args:
        surfaces: Surfaces without throws.
        gap: Maximum distance in voxels between the rims of two pieces.

    Returns:
        The surfaces, the largest first.
    """
    pieces: dict[int, _Piece] = {i: _piece(surface) for i, surface in enumerate(surfaces)}
    fits = _fits(pieces, set(pieces), gap)
    while fits:
        best = min(fits, key=lambda fit: (fit.cost, fit.first, fit.second))
        one, other = pieces.pop(best.first), pieces.pop(best.second)
        if one.surface.area < other.surface.area:
            one, other = other, one
        gone = {best.first, best.second}
        fits = [fit for fit in fits if not gone & {fit.first, fit.second}]
        joined = _joined(one.surface, other.surface, gap)
        number = max([*pieces, best.first, best.second]) + 1
        pieces[number] = _piece(joined)
        fits += _fits(pieces, {number}, gap)
    return sorted((piece.surface for piece in pieces.values()), key=lambda s: s.area, reverse=True)


def _piece(surface: Surface) -> _Piece:
    inside = surface.inside
    core = binary_erosion(np.pad(inside, 1), iterations=RIM)[1:-1, 1:-1]
    rim = inside & ~binary_erosion(np.pad(inside, 1))[1:-1, 1:-1]
    known = core if core.any() else inside
    normals = np.stack([spread(n, known, inside, NORMAL_SCALE)[rim] for n in surface.normals()])
    normals /= np.linalg.norm(normals, axis=0)
    return _Piece(surface, surface.points()[:, rim].T, normals.T.astype(np.float32))


def _fits(pieces: dict[int, _Piece], changed: set[int], gap: float) -> list[_Fit]:
    """Pairs of pieces, of which at least one is in `changed`, that may be joined."""
    trees = {number: KDTree(piece.rim) for number, piece in pieces.items()}
    boxes = {n: (p.rim.min(axis=0) - gap, p.rim.max(axis=0)) for n, p in pieces.items()}
    fits = []
    for first, second in combinations(pieces, 2):
        if not {first, second} & changed:
            continue
        (low, high), (other_low, other_high) = boxes[first], boxes[second]
        if (low > other_high).any() or (other_low > high).any():
            continue
        cost = _cost(pieces[first], pieces[second], trees[second], gap)
        if cost is not None and not _overlap(pieces[first].surface, pieces[second].surface):
            fits.append(_Fit(first, second, cost))
    return fits


def _cost(one: _Piece, other: _Piece, tree: KDTree, gap: float) -> float | None:
    """Median distance from each other's continuation in voxels, or None if they do not fit."""
    distance, nearest = map(np.asarray, tree.query(one.rim, distance_upper_bound=gap))
    facing = np.flatnonzero(np.isfinite(distance))
    if facing.size < FACING:
        return None
    nearest, distance = nearest[facing], distance[facing]
    step = other.rim[nearest] - one.rim[facing]
    here, there = one.normal[facing], other.normal[nearest]
    off = np.maximum(np.abs((step * here).sum(axis=1)), np.abs((step * there).sum(axis=1)))
    turn = np.degrees(np.arccos(np.abs((here * there).sum(axis=1)).clip(0, 1)))
    agreeing = (off <= OFF_PLANE + OFF_PLANE_PER_GAP * distance) & (turn <= TURN)
    if agreeing.sum() < FACING or agreeing.mean() < AGREEING:
        return None
    return float(np.median(off[agreeing]) + np.median(distance[agreeing]) / gap)


def _cells(surface: Surface, points: NDArray) -> NDArray[np.float64]:
    """Cell coordinates and height (3, N) of `points` (3, N) in the frame of `surface`."""
    frame = surface.frame
    axes = np.stack([frame.u, frame.v, frame.normal])
    local = axes @ (points - frame.origin[:, None])
    local[:2] -= np.array(surface.first)[:, None]
    return local


def _overlap(one: Surface, other: Surface) -> bool:
    """Whether more than OVERLAP of the smaller surface lies over or under the larger one."""
    small, large = sorted((one, other), key=lambda s: s.area)
    cells = np.rint(_cells(large, small.points()[:, small.inside])[:2]).astype(np.int64)
    shape = np.array(large.inside.shape)[:, None]
    within = ((cells >= 0) & (cells < shape)).all(axis=0)
    return bool(large.inside[tuple(cells[:, within])].sum() > OVERLAP * cells.shape[1])


def _joined(large: Surface, small: Surface, gap: float) -> Surface:
    """Both surfaces in the frame of the large one. A gap between them is filled."""
    cells = _cells(large, small.points()[:, small.inside])
    low = np.minimum(np.rint(cells[:2].min(axis=1)).astype(np.int64), 0)
    high = np.maximum(np.rint(cells[:2].max(axis=1)).astype(np.int64) + 1, large.inside.shape)
    pads = [(int(-low[axis]), int(high[axis] - large.inside.shape[axis])) for axis in range(2)]
    inside = np.pad(large.inside, pads)
    at = np.moveaxis(np.indices(inside.shape), 0, -1) + low
    values = np.stack([cells[2], small.probability[small.inside]], axis=1)
    # The cells of the small surface lie about a voxel apart.
    near, nearest = map(np.asarray, KDTree(cells[:2].T).query(at, distance_upper_bound=0.75))
    new = np.isfinite(near) & ~inside
    height, probability = (np.pad(v, pads) for v in (large.height, large.probability))
    resampled = LinearNDInterpolator(cells[:2].T, values)(at[new])
    resampled = np.where(np.isnan(resampled), values[nearest[new]], resampled)
    height[new], probability[new] = resampled.T
    known = inside | new
    reach = int(np.ceil(gap / 2)) + 1
    disk = np.hypot(*np.ogrid[-reach : reach + 1, -reach : reach + 1]) <= reach
    whole = binary_closing(np.pad(known, reach + 1), disk)
    whole = whole[reach + 1 : -reach - 1, reach + 1 : -reach - 1] | known
    first = (large.first[0] + int(low[0]), large.first[1] + int(low[1]))
    return replace(
        large,
        first=first,
        inside=whole,
        height=np.where(known, height, spread(height, known, whole, NORMAL_SCALE)),
        probability=np.where(known, probability, spread(probability, known, whole, NORMAL_SCALE)),
        throw=np.full(whole.shape, np.nan, np.float32),
        quality=np.zeros(whole.shape, np.float32),
    )
