"""Growth of fault surfaces over thinned fault samples.

Learned from fault surfaces (Hale, 2013, Geophysics 78, O33-O43) and fault skins (Wu & Hale, 2016,
Geophysics 81, IM1-IM20): a surface grows from its surest sample, along strike and dip, over samples
that lie in the plane that it has there and whose normals agree. Here a surface is a height over a
grid of one voxel in the plane of its first sample, so it has one sample at a place at most. All
cells of a front are looked at together.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter
from tqdm import tqdm

from ..volume.orientation import orientation_tensor, principal_normal
from ..volume.raw import Array
from . import trimming
from .fault_samples import FaultSamples
from .growing_grid import CROSSED, EMPTY, RIM, SAMPLE, Grid, Planes
from .surfaces import Surface, frame_of, gradient, spread

# Cells of the smallest surface that is kept, and cells without samples that growth crosses.
MIN_AREA, BRIDGE = 200, 8

# A sample is of the surface when it lies within OFF_PLANE voxels of the plane that the surface has
# there and ASIDE voxels of the place, and its normal within a maximum angle of the plane's. Of
# several the nearest counts, where TURN_SCALE degrees are as bad as a voxel: where two faults cross
# at a small angle, their samples are close and their normals tell them apart.
OFF_PLANE, ASIDE, TURN_SCALE = 0.9, 0.9, 4.0

# That angle in degrees is MIN_TURN, and TURN_PER_SCATTER times the median angle between the normals
# of neighbours, at most MAX_SAMPLE_TURN. SCATTER_SAMPLES are looked at.
MIN_TURN, TURN_PER_SCATTER, MAX_SAMPLE_TURN, SCATTER_SAMPLES = 5.0, 2.0, 10.0, 4096

# A finished surface takes all samples within CLAIMED voxels whose normals are within CLAIM_TURN.
CLAIMED, CLAIM_TURN = 2.2, 40.0

# Degrees by which a surface may turn from its first plane; root mean square, in voxels, by which
# the samples around a cell may lie off their plane.
MAX_TURN, MAX_ROUGHNESS = 65.0, 0.9

# Cells along each side of the first grid of a surface.
FIRST_SIDE = 96


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
    turn = _allowed_turn(samples)
    with tqdm(total=len(samples), desc="linking", unit="sample", disable=None) as bar:
        for seed in _seeds(samples, claimed, tried):
            growth = _Growth(samples, claimed, seed, bridge, turn)
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


def _allowed_turn(samples: FaultSamples) -> float:
    """Maximum angle in degrees between the normals of a sample and of the surface it joins."""
    if not len(samples):
        return MIN_TURN
    some = np.arange(0, len(samples), max(len(samples) // SCATTER_SAMPLES, 1))
    row, other = samples.around(np.rint(samples.position[some]).astype(np.int64))
    apart = some[row] != other
    cosine = np.abs((samples.normal[some[row]] * samples.normal[other]).sum(axis=1))[apart]
    scatter = float(np.median(np.degrees(np.arccos(cosine.clip(0, 1))))) if cosine.size else 0.0
    return min(MIN_TURN + TURN_PER_SCATTER * scatter, MAX_SAMPLE_TURN)


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


class _Growth:
    """A surface that grows from the sample `seed`."""

    def __init__(
        self,
        samples: FaultSamples,
        claimed: NDArray[np.bool_],
        seed: int,
        bridge: int,
        turn: float,
    ) -> None:
        self.samples, self.claimed, self.bridge = samples, claimed, bridge
        self.min_cosine = np.cos(np.radians(turn))
        self.frame = frame_of(samples.position[seed], _mean_normal(samples, seed, turn))
        self.axes = np.stack([self.frame.u, self.frame.v, self.frame.normal]).astype(np.float32)
        self.grid = Grid.empty(FIRST_SIDE)
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
        return bool(cells.min() < RIM + 2 or cells.max() > side - RIM - 3)

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

    def _look(self, cells: NDArray[np.int64]) -> tuple[Planes, NDArray[np.bool_]]:
        """Give `cells` (2, M) the samples that lie in their planes.

        Returns the planes, and where the surface may go on without a sample: in the volume, and
        not turned too far.
        """
        planes = self.grid.planes(cells)
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

    def _take(
        self,
        cells: NDArray[np.int64],
        planes: Planes,
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
        good &= cosine >= self.min_cosine
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
        torn = trimming.torn(grid.height[part], grid.slope_u[part], grid.slope_v[part], known)
        known &= ~torn
        inside = trimming.body(known, (grid.state[part] != EMPTY) & ~torn, self.bridge)
        if torn.any():
            inside = trimming.without_neighbour(inside)
        if not inside.any():
            return None
        known &= inside
        first = (int(rows[0]) - grid.origin[0], int(columns[0]) - grid.origin[1])
        nothing = np.full(inside.shape, np.nan, np.float32)
        return Surface(
            self.frame,
            first,
            inside,
            trimming.smooth_height(grid.height[part], known, inside),
            spread(grid.probability[part], known, inside, trimming.HEIGHT_SCALE),
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


def _mean_normal(samples: FaultSamples, seed: int, turn: float) -> NDArray[np.float32]:
    """Mean normal of the samples within a few voxels of `seed` that agree with its own."""
    steps = np.array([(i, j, k) for i in (-3, 0, 3) for j in (-3, 0, 3) for k in (-3, 0, 3)])
    at = np.rint(samples.position[seed]).astype(np.int64) + steps
    _, others = samples.around(at[(at >= 0).all(axis=1) & (at < samples.shape).all(axis=1)])
    normals = samples.normal[np.append(others, seed)]
    own = samples.normal[seed]
    apart = np.abs((samples.position[np.append(others, seed)] - samples.position[seed]) @ own)
    one = (np.abs(normals @ own) >= np.cos(np.radians(turn))) & (apart <= 2)
    return principal_normal(orientation_tensor(normals[one].T).sum(axis=1)[:, None])[:, 0]
