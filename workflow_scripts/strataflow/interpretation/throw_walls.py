"""Walls of a fault: amplitudes a few traces to either side of its surface, carried to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates, uniform_filter

from ..volume.raw import Array
from ..volume.volume import Volume
from .surfaces import Surface

# Voxels from the surface at which amplitudes are taken, along a horizontal line across it. Imaging
# smears nearer ones over the fault. On flat surfaces the line is at most LONGEST times as long.
DISTANCES, LONGEST = np.array([5.0, 6.0, 7.0, 8.0, 9.0]), 1.6

# Slopes of reflectors that are tried, in cells down the dip a trace away from the surface, and the
# sides, in cells, of the window in which they are compared.
SLOPES, SLOPE_WINDOW = np.linspace(-2.5, 2.5, 26), (15, 15)

# Cells along u that are measured together, and those that neighbours share.
STRIP, OVERLAP = 192, 32


@dataclass(frozen=True)
class Walls:
    """Amplitudes of the footwall and of the hanging wall, (A, B), and where they are `known`."""

    foot: Array
    hanging: Array
    foot_known: NDArray[np.bool_]
    hanging_known: NDArray[np.bool_]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where both are."""
        return self.foot_known & self.hanging_known

    def every(self, step: int) -> Walls:
        """Those of every `step`-th column."""
        return Walls(
            self.foot[::step],
            self.hanging[::step],
            self.foot_known[::step],
            self.hanging_known[::step],
        )

    def normalised(self, scale: float) -> Walls:
        """Amplitudes over their root mean square in a Gaussian window, 0 where not known.

        Args:
            scale: Standard deviation of the window in cells.
        """
        return Walls(
            _normalised(self.foot, self.foot_known, scale),
            _normalised(self.hanging, self.hanging_known, scale),
            self.foot_known,
            self.hanging_known,
        )


def walls_of(surface: Surface, image: Volume) -> Walls:
    """The walls of a surface in an image (n3, n2, n1), strip by strip along strike."""
    points, ahead = surface.points(), _horizontal(surface)
    width = surface.inside.shape[0]
    parts = []
    for first in range(0, width, STRIP):
        last = min(first + STRIP, width)
        low, high = max(first - OVERLAP, 0), min(last + OVERLAP, width)
        inner = slice(first - low, last - low)
        sides = [_wall(points[:, low:high], side * ahead[:, low:high], image) for side in (-1, 1)]
        parts.append([values[inner] for pair in zip(*sides, strict=True) for values in pair])
    return Walls(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _normalised(values: Array, known: NDArray[np.bool_], scale: float) -> Array:
    weight = gaussian_filter(known.astype(np.float32), scale)
    power = gaussian_filter(np.where(known, values, 0) ** 2, scale) / np.maximum(weight, 1e-6)
    largest = float(power[known].max(initial=0))
    return np.where(known, values / np.sqrt(power + 0.01 * largest + 1e-30), 0).astype(np.float32)


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
    """Horizontal vectors (3, A, B) to the hanging wall whose ends are one voxel off the surface.

    On flat surfaces, where they would be longer, they have a length of LONGEST voxels.
    """
    normal = np.stack([gaussian_filter(n, 4) for n in surface.normals()])
    across = np.hypot(normal[0], normal[1])
    normal[2] = 0
    return normal / np.maximum(across, 1e-6) * np.minimum(1 / np.maximum(across, 1e-6), LONGEST)


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
    best, part = extreme(-semblance)
    return (SLOPES[0] + (best + part) * (SLOPES[1] - SLOPES[0])).astype(np.float32)


def _moved(values: Array, by: float) -> Array:
    """`values` (A, B) at b + `by`, linear between cells, the ends repeated."""
    whole = int(np.floor(by))
    b = np.arange(values.shape[1]) + whole
    last = values.shape[1] - 1
    part = np.float32(by - whole)
    return (1 - part) * values[:, b.clip(0, last)] + part * values[:, (b + 1).clip(0, last)]


def extreme(costs: Array) -> tuple[NDArray[np.intp], Array]:
    """Where `costs` (M, A, B) are smallest along the first axis, and how far beside it.

    The latter is the vertex of the parabola through the three costs there.
    """
    best = costs.argmin(axis=0)
    inner = best.clip(1, len(costs) - 2)
    a, b = np.indices(best.shape)
    before, here, after = (costs[inner + step, a, b] for step in (-1, 0, 1))
    bend = np.maximum(before - 2 * here + after, 1e-9)
    return inner, np.clip(0.5 * (before - after) / bend, -1, 1)
