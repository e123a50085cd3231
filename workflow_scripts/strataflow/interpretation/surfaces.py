"""Fault surfaces: thinned fault samples linked into sheets that are height fields over a plane.

Learned from fault surfaces (Hale, 2013, Geophysics 78, O33-O43) and fault skins (Wu & Hale, 2016,
Geophysics 81, IM1-IM20): a surface grows from its surest sample, along strike and dip, over samples
that lie in the plane that it has there and whose normals agree. Here a surface is a height over a
grid of one voxel in the plane of its first sample, so it has one sample at a place at most. All
cells of a front are looked at together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import (
    binary_closing,
    binary_erosion,
    binary_fill_holes,
    binary_opening,
    distance_transform_edt,
    gaussian_filter,
    label,
    maximum_filter,
)
from tqdm import tqdm

from ..volume.orientation import orientation_tensor, principal_normal
from ..volume.raw import Array
from .fault_samples import FaultSamples

# Cells of the smallest surface that is kept, and cells without samples that growth crosses.
MIN_AREA, BRIDGE = 200, 8

# A sample is of the surface when it lies within OFF_PLANE voxels of the plane that the surface has
# there and ASIDE voxels of the place, and its normal within TURN degrees of the plane's. Of several
# the nearest counts, where TURN_SCALE degrees are as bad as a voxel: where two faults cross at a
# small angle, their samples are close and their normals tell them apart.
OFF_PLANE, ASIDE, TURN, TURN_SCALE = 0.9, 0.9, 10.0, 4.0

# A finished surface takes all samples within CLAIMED voxels whose normals are within CLAIM_TURN.
CLAIMED, CLAIM_TURN = 2.2, 40.0

# Degrees by which a surface may turn from its first plane; root mean square, in voxels, by which
# the samples around a cell may lie off their plane.
MAX_TURN, MAX_ROUGHNESS = 65.0, 0.9

# Half the side of the window that planes are fitted in, its standard deviation, and how much a
# gradient counts against a height: the ratio of the variances of their errors, in voxels squared.
WINDOW, WINDOW_SCALE, GRADIENT_WEIGHT = 5, 3.5, 2.0

# Weight in that fit of cells that were crossed without a sample.
CROSSED_WEIGHT = 0.02

# A surface is cut where its slope differs by more than this, in voxels a cell, from that of its
# samples' normals.
MAX_STEP = 0.7

# Sides of a cut surface that hang together by less than so many cells are two faults.
NECK = 30

# Standard deviation, in cells, of the smoothing of finished heights.
HEIGHT_SCALE = 2.0

# Cells along each side of the first grid of a surface.
FIRST_SIDE = 96

EMPTY, SAMPLE, CROSSED = 0, 1, 2


@dataclass(frozen=True)
class Frame:
    """A plane through `origin` with unit vectors, all (3,) over (n3, n2, n1).

    `u` runs along strike, `v` down the dip, and `normal` upward, to the hanging wall.
    """

    origin: NDArray[np.float64]
    u: NDArray[np.float64]
    v: NDArray[np.float64]
    normal: NDArray[np.float64]


@dataclass(frozen=True)
class Surface:
    """A fault surface: heights in voxels over cells (A, B) along u and v of its frame.

    Cell [0, 0] lies at `first` steps along u and v from the origin. `height`, `probability`,
    `throw` (samples) and `quality` (0 to 1) mean something where `inside`; a throw is NaN where
    there is none.
    """

    frame: Frame
    first: tuple[int, int]
    inside: NDArray[np.bool_]
    height: Array
    probability: Array
    throw: Array
    quality: Array

    @property
    def area(self) -> float:
        """Area in voxel faces."""
        return float(cell_areas(self.height)[self.inside].sum())

    def points(self) -> Array:
        """Where the cells lie, (3, A, B) over (n3, n2, n1)."""
        a, b = (
            np.arange(n, dtype=np.float32) + f
            for n, f in zip(self.inside.shape, self.first, strict=True)
        )
        frame = self.frame
        return np.stack(
            [
                frame.origin[i]
                + frame.u[i] * a[:, None]
                + frame.v[i] * b
                + frame.normal[i] * self.height
                for i in range(3)
            ]
        ).astype(np.float32)

    def normals(self) -> Array:
        """Unit normals of the cells, (3, A, B), on the side of the frame's."""
        slope_u, slope_v = gradient(self.height)
        frame = self.frame
        normal = np.stack(
            [frame.normal[i] - slope_u * frame.u[i] - slope_v * frame.v[i] for i in range(3)]
        )
        return (normal / np.sqrt(1 + slope_u**2 + slope_v**2)).astype(np.float32)


def gradient(height: Array) -> tuple[Array, Array]:
    """Slopes of `height` (A, B) along both axes; 0 along an axis of one cell."""
    slopes = [
        np.gradient(height, axis=axis) if height.shape[axis] > 1 else np.zeros_like(height)
        for axis in (0, 1)
    ]
    return slopes[0], slopes[1]


def cell_areas(height: Array) -> Array:
    """Area of each cell in voxel faces."""
    slope_u, slope_v = gradient(height)
    return np.sqrt(1 + slope_u**2 + slope_v**2)


def frame_of(origin: NDArray, normal: NDArray) -> Frame:
    """The frame of a plane through `origin` with a sign-less `normal`, both (3,)."""
    n = np.asarray(normal, np.float64) / np.linalg.norm(normal)
    # Upward; a vertical plane has no upper side, so one of its two is as good.
    up = -n if (n[2], n[0], n[1]) > (0, 0, 0) else n
    across = np.hypot(up[0], up[1])
    # A horizontal plane has no strike: v runs along n2.
    ahead = up[:2] / across if across > 1e-3 else np.array([0.0, 1.0])
    u = np.array([-ahead[1], ahead[0], 0.0])
    v = np.cross(u, up)
    return Frame(np.asarray(origin, np.float64), u, v if v[2] >= 0 else -v, up)


def grow_surfaces(
    samples: FaultSamples, min_area: float = MIN_AREA, bridge: int = BRIDGE
) -> list[Surface]:
    """Link samples into surfaces, the largest first.

    Args:
        samples: those of `index_samples`.
        min_area: surfaces of a smaller area, in voxel faces, are dropped.
        bridge: cells without samples that a surface may cross.

    Returns:
        Surfaces without throws.
    """
    claimed, tried = np.zeros(len(samples), bool), np.zeros(len(samples), bool)
    surfaces = []
    with tqdm(total=len(samples), desc="linking", unit="sample", disable=None) as bar:
        for seed in _seeds(samples, claimed, tried):
            growth = _Growth(samples, claimed, seed, bridge)
            growth.run()
            surface = growth.finished()
            if surface is None or surface.area < min_area:
                # Other surfaces may still take these samples, but none begins there.
                tried[growth.met()] = True
                tried[seed] = True
                continue
            taken = growth.near(surface)
            claimed[taken] = True
            tried[seed] = True
            surfaces.append(surface)
            bar.update(taken.size)
    return sorted(surfaces, key=_area, reverse=True)


def _area(surface: Surface) -> float:
    return surface.area


def _seeds(
    samples: FaultSamples, claimed: NDArray[np.bool_], tried: NDArray[np.bool_]
) -> Iterator[int]:
    """Samples that are still free when it is their turn, the surest first."""
    order = np.argsort(-samples.score, kind="stable")
    for first in range(0, order.size, 4096):
        part = order[first : first + 4096]
        for seed in part[~(claimed[part] | tried[part])]:
            if not (claimed[seed] or tried[seed]):
                yield int(seed)


# Cells of the window around a cell, their weights, and the terms of a plane and its squares there.
_STEPS = np.arange(-WINDOW, WINDOW + 1)
_WINDOW_A, _WINDOW_B = (w.ravel() for w in np.meshgrid(_STEPS, _STEPS, indexing="ij"))
_WINDOW_WEIGHT = np.exp(-(_WINDOW_A**2 + _WINDOW_B**2) / (2 * WINDOW_SCALE**2))
_TERMS = np.stack(
    [
        np.ones(_WINDOW_A.size),
        _WINDOW_A,
        _WINDOW_B,
        _WINDOW_A**2,
        _WINDOW_A * _WINDOW_B,
        _WINDOW_B**2,
    ],
    axis=1,
)

# Cells of the grid beyond those that may be looked at.
_RIM = WINDOW + 1


@dataclass
class _Grid:
    """Cells of a growing surface, all arrays (A, B); `origin` is the cell of the seed."""

    origin: tuple[int, int]
    state: NDArray[np.uint8]
    age: NDArray[np.int16]
    height: Array
    slope_u: Array
    slope_v: Array
    probability: Array

    @classmethod
    def empty(cls, side: int) -> _Grid:
        """A grid of `side` cells along both axes without any samples."""
        zeros = [np.zeros((side, side), np.float32) for _ in range(4)]
        return cls(
            (side // 2, side // 2),
            np.zeros((side, side), np.uint8),
            np.zeros((side, side), np.int16),
            *zeros,
        )

    def padded(self) -> _Grid:
        """The same in a grid of twice the size."""
        pad = [(n // 2, n // 2) for n in self.state.shape]
        return _Grid(
            (self.origin[0] + pad[0][0], self.origin[1] + pad[1][0]),
            np.pad(self.state, pad),
            np.pad(self.age, pad),
            *(
                np.pad(array, pad)
                for array in (self.height, self.slope_u, self.slope_v, self.probability)
            ),
        )


@dataclass(frozen=True)
class _Planes:
    """Planes that a surface has at cells (M,): heights, slopes, and how rough the surface is."""

    height: Array
    slope_u: Array
    slope_v: Array
    roughness: Array


class _Growth:
    """A surface that grows from the sample `seed`."""

    def __init__(
        self, samples: FaultSamples, claimed: NDArray[np.bool_], seed: int, bridge: int
    ) -> None:
        self.samples, self.claimed, self.bridge = samples, claimed, bridge
        self.frame = frame_of(samples.position[seed], _mean_normal(samples, seed))
        self.axes = np.stack([self.frame.u, self.frame.v, self.frame.normal]).astype(np.float32)
        self.grid = _Grid.empty(FIRST_SIDE)
        self.grid.state[self.grid.origin] = SAMPLE
        self.grid.probability[self.grid.origin] = samples.probability[seed]
        self.hits: list[NDArray[np.int64]] = [np.array([seed])]

    def run(self) -> None:
        """Grow front by front until no cell is added, then look again at what was crossed."""
        added = np.array([self.grid.origin]).T
        while added.size:
            if self._near_rim(added):
                shift = self.grid.origin
                self.grid = self.grid.padded()
                added = added + (np.array(self.grid.origin) - np.array(shift))[:, None]
            added = self._advance(self._front(added))
        for _ in range(2):
            crossed = np.stack(np.nonzero(self.grid.state == CROSSED))
            if crossed.size:
                self._look(crossed)

    def _near_rim(self, cells: NDArray[np.int64]) -> bool:
        side = self.grid.state.shape[0]
        return bool(cells.min() < _RIM + 2 or cells.max() > side - _RIM - 3)

    def _front(self, added: NDArray[np.int64]) -> NDArray[np.int64]:
        """Empty cells (2, M) beside those `added`."""
        side = self.grid.state.shape[1]
        flat = added[0] * side + added[1]
        beside = np.unique(np.concatenate([flat + step for step in (-side, -1, 1, side)]))
        beside = beside[self.grid.state.ravel()[beside] == EMPTY]
        return np.stack(np.divmod(beside, side))

    def _advance(self, front: NDArray[np.int64]) -> NDArray[np.int64]:
        """Cells of the front that are added: those with a sample, and those that are crossed."""
        if not front.size:
            return front
        grid, side = self.grid, self.grid.state.shape[1]
        flat = front[0] * side + front[1]
        age = np.full(flat.size, np.iinfo(np.int16).max, np.int16)
        for step in (-side, -1, 1, side):
            there = grid.state.ravel()[flat + step] != EMPTY
            age = np.where(there, np.minimum(age, grid.age.ravel()[flat + step]), age)
        planes, passable = self._look(front)
        new = grid.state.ravel()[flat] == EMPTY
        crossed = new & passable & (age < self.bridge)
        at = tuple(front[:, crossed])
        grid.state[at], grid.age[at] = CROSSED, age[crossed] + 1
        grid.height[at] = planes.height[crossed]
        grid.slope_u[at], grid.slope_v[at] = planes.slope_u[crossed], planes.slope_v[crossed]
        return front[:, crossed | ~new]

    def _look(self, cells: NDArray[np.int64]) -> tuple[_Planes, NDArray[np.bool_]]:
        """Give `cells` (2, M) the samples that lie in their planes.

        Returns the planes, and where the surface may go on without a sample: in the volume, and
        not turned too far.
        """
        planes = self._planes(cells)
        offset = cells - np.array(self.grid.origin)[:, None]
        local = np.stack([offset[0], offset[1], planes.height]).astype(np.float32)
        point = local.T @ self.axes + self.frame.origin.astype(np.float32)
        steep = 1 / np.sqrt(1 + planes.slope_u**2 + planes.slope_v**2)
        nearest = np.rint(point).astype(np.int64)
        inside = ((nearest >= 0) & (nearest < np.array(self.samples.shape))).all(axis=1)
        passable = inside & (steep >= np.cos(np.radians(MAX_TURN)))
        which = np.flatnonzero(passable)
        if which.size:
            smooth = planes.roughness <= MAX_ROUGHNESS
            self._take(cells, planes, point, nearest, which, smooth)
        return planes, passable

    def _planes(self, cells: NDArray[np.int64]) -> _Planes:
        """Fit a plane to the heights and slopes of the cells around each of `cells` (2, M)."""
        grid, side = self.grid, self.grid.state.shape[1]
        window = (cells[0] * side + cells[1])[:, None] + (_WINDOW_A * side + _WINDOW_B)
        state = grid.state.ravel()[window]
        weight = _WINDOW_WEIGHT * (state == SAMPLE)
        alone = ~weight.any(axis=1)
        weight[alone] = (_WINDOW_WEIGHT * (state != EMPTY))[alone]
        weight += CROSSED_WEIGHT * _WINDOW_WEIGHT * (state == CROSSED)
        height = grid.height.ravel()[window]
        weighted = weight * height
        total, a, b, aa, ab, bb = (weight @ _TERMS).T
        h, ah, bh = (weighted @ _TERMS[:, :3]).T
        slope_u = (weight * grid.slope_u.ravel()[window]).sum(axis=1)
        slope_v = (weight * grid.slope_v.ravel()[window]).sum(axis=1)
        more = GRADIENT_WEIGHT * total
        matrix = np.stack([total, a, b, a, aa + more, ab, b, ab, bb + more], axis=1)
        right = np.stack(
            [h, ah + GRADIENT_WEIGHT * slope_u, bh + GRADIENT_WEIGHT * slope_v], axis=1
        )
        c, p, q = np.linalg.solve(matrix.reshape(-1, 3, 3), right[:, :, None])[:, :, 0].T
        plane = c[:, None] + p[:, None] * _WINDOW_A + q[:, None] * _WINDOW_B
        rough = np.sqrt((weight * (height - plane) ** 2).sum(axis=1) / total)
        return _Planes(*(value.astype(np.float32) for value in (c, p, q, rough)))

    def _take(
        self,
        cells: NDArray[np.int64],
        planes: _Planes,
        point: Array,
        nearest: NDArray[np.int64],
        which: NDArray[np.int64],
        smooth: NDArray[np.bool_],
    ) -> None:
        """Give each of the cells `which` the best sample around it, if there is one."""
        row, sample = self.samples.around(nearest[which])
        row = which[row]
        apart = (self.samples.position[sample] - point[row]) @ self.axes.T
        normal = self.samples.normal[sample] @ self.axes.T
        p, q = planes.slope_u[row], planes.slope_v[row]
        steep = 1 / np.sqrt(1 + p**2 + q**2)
        rise = apart[:, 2] - p * apart[:, 0] - q * apart[:, 1]
        off = np.abs(rise) * steep
        cosine = np.abs(normal[:, 2] - p * normal[:, 0] - q * normal[:, 1]) * steep
        free = ~self.claimed[sample]
        self.hits.append(
            sample[free & (off <= CLAIMED) & (cosine >= np.cos(np.radians(CLAIM_TURN)))]
        )
        aside = np.abs(apart[:, :2]).max(axis=1)
        good = free & (off <= OFF_PLANE) & (aside <= ASIDE) & smooth[row]
        good &= cosine >= np.cos(np.radians(TURN))
        good &= np.abs(normal[:, 2]) >= np.cos(np.radians(MAX_TURN))
        row, sample, rise, normal = row[good], sample[good], rise[good], normal[good]
        turned = np.degrees(np.arccos(np.minimum(cosine[good], 1)))
        cost = off[good] ** 2 + 0.3 * (apart[good, :2] ** 2).sum(axis=1)
        cost += (turned / TURN_SCALE) ** 2
        order = np.lexsort((cost, row))
        row, first = np.unique(row[order], return_index=True)
        best = order[first]
        at = tuple(cells[:, row])
        grid = self.grid
        grid.state[at], grid.age[at] = SAMPLE, 0
        grid.height[at] = planes.height[row] + rise[best]
        grid.slope_u[at] = -normal[best, 0] / normal[best, 2]
        grid.slope_v[at] = -normal[best, 1] / normal[best, 2]
        grid.probability[at] = self.samples.probability[sample[best]]

    def finished(self) -> Surface | None:
        """The surface with its holes filled and its loose ends cut, or None if nothing is left."""
        grid = self.grid
        known = grid.state == SAMPLE
        rows, columns = (np.flatnonzero(known.any(axis=axis)) for axis in (1, 0))
        part = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        known = known[part]
        torn = _torn(grid.height[part], grid.slope_u[part], grid.slope_v[part], known)
        known &= ~torn
        inside = _body(known, (grid.state[part] != EMPTY) & ~torn, self.bridge)
        if torn.any():
            inside = _without_neighbour(inside)
        if not inside.any():
            return None
        known &= inside
        first = (int(rows[0]) - grid.origin[0], int(columns[0]) - grid.origin[1])
        nothing = np.full(inside.shape, np.nan, np.float32)
        return Surface(
            self.frame,
            first,
            inside,
            _smooth_height(grid.height[part], known, inside),
            _spread(grid.probability[part], known, inside, HEIGHT_SCALE),
            nothing,
            np.zeros(inside.shape, np.float32),
        )

    def met(self) -> NDArray[np.int64]:
        """Samples close to the surface while it grew."""
        return np.unique(np.concatenate(self.hits))

    def near(self, surface: Surface) -> NDArray[np.int64]:
        """Those of them close to the finished `surface`."""
        hits = self.met()
        local = (self.samples.position[hits] - self.frame.origin) @ self.axes.T
        cell = np.rint(local[:, :2]).astype(np.int64) - np.array(surface.first)
        cell, rim = cell.clip(0, np.array(surface.inside.shape) - 1), cell
        aside = np.abs(cell - rim).max(axis=1)
        a, b = cell.T
        slope_u, slope_v = (slope[a, b] for slope in gradient(surface.height))
        off = np.abs(local[:, 2] - surface.height[a, b]) / np.sqrt(1 + slope_u**2 + slope_v**2)
        wide = maximum_filter(surface.inside, 5)
        return hits[(off <= CLAIMED) & (aside <= 2) & wide[a, b]]


def _mean_normal(samples: FaultSamples, seed: int) -> NDArray[np.float32]:
    """Mean normal of the samples within a few voxels of `seed` that agree with its own."""
    steps = np.array([(i, j, k) for i in (-3, 0, 3) for j in (-3, 0, 3) for k in (-3, 0, 3)])
    at = np.rint(samples.position[seed]).astype(np.int64) + steps
    _, others = samples.around(at[(at >= 0).all(axis=1) & (at < samples.shape).all(axis=1)])
    normals = samples.normal[np.append(others, seed)]
    own = samples.normal[seed]
    apart = np.abs((samples.position[np.append(others, seed)] - samples.position[seed]) @ own)
    one = (np.abs(normals @ own) >= np.cos(np.radians(TURN))) & (apart <= 2)
    return principal_normal(orientation_tensor(normals[one].T).sum(axis=1)[:, None])[:, 0]


def _torn(
    height: Array, slope_u: Array, slope_v: Array, known: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Where a surface steps from one fault to another.

    There its heights rise more than the normals of its samples say. All arrays (A, B).
    """
    smooth = _spread(height, known, known, HEIGHT_SCALE)
    rises = gradient(smooth)
    slopes = (_spread(slope, known, known, HEIGHT_SCALE) for slope in (slope_u, slope_v))
    off = [rise - slope for rise, slope in zip(rises, slopes, strict=True)]
    return maximum_filter(np.hypot(*off) > MAX_STEP, 3)


def _without_neighbour(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The larger side of a torn surface (A, B) whose sides hang together by less than NECK cells.

    A surface that goes over from one fault to another where these meet tears beyond that place.
    """
    reach = NECK // 2
    disk = np.hypot(*np.ogrid[-reach : reach + 1, -reach : reach + 1]) <= reach
    cores, count = label(binary_erosion(np.pad(inside, 1), disk)[1:-1, 1:-1])
    if count < 2:
        return inside
    largest = np.bincount(cores[cores > 0]).argmax()
    nearest = distance_transform_edt(cores == 0, return_distances=False, return_indices=True)
    pieces, _ = label(inside & (cores[tuple(nearest)] == largest))
    return pieces == np.bincount(pieces[pieces > 0]).argmax()


def _body(known: NDArray[np.bool_], passed: NDArray[np.bool_], bridge: int) -> NDArray[np.bool_]:
    """Cells of a surface: those with samples, and crossed ones that these enclose, in one piece.

    What hangs on by less than three cells is cut off.
    """
    reach = bridge // 2 + 1
    pad = reach + 1
    disk = np.hypot(*np.ogrid[-reach : reach + 1, -reach : reach + 1]) <= reach + 0.5
    closed = binary_closing(np.pad(known, pad), disk)[pad:-pad, pad:-pad]
    closed = binary_fill_holes(closed) & passed | known
    opened = binary_opening(np.pad(closed, 1), np.ones((3, 3), bool))[1:-1, 1:-1]
    pieces, count = label(opened)
    if not count:
        return opened
    sizes = np.bincount(pieces[known & opened], minlength=count + 1)
    return pieces == sizes[1:].argmax() + 1


def _smooth_height(height: Array, known: NDArray[np.bool_], inside: NDArray[np.bool_]) -> Array:
    """Smoothed heights; what that takes from slopes at the rim is given back (Tukey's twicing)."""
    smooth = _spread(height, known, inside, HEIGHT_SCALE)
    return smooth + _spread(height - smooth, known, inside, HEIGHT_SCALE)


def _spread(
    values: Array, known: NDArray[np.bool_], inside: NDArray[np.bool_], scale: float
) -> Array:
    """`values` smoothed where `known` and carried on to all cells, by normalised convolution."""
    result = np.zeros(values.shape, np.float32)
    missing = np.ones(values.shape, bool)
    while missing.any():
        weight = gaussian_filter(known.astype(np.float32), scale, truncate=3)
        total = gaussian_filter(np.where(known, values, 0).astype(np.float32), scale, truncate=3)
        reached = missing & (weight > 1e-3)
        result[reached] = total[reached] / weight[reached]
        missing &= ~reached
        if not (missing & inside).any() and scale > 8:
            break
        scale *= 2
    result[missing] = result[~missing].mean() if missing.any() else 0
    return result
