"""Fault surfaces: height fields over a plane, as in Hale (2013, Geophysics 78, O33-O43)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

from ..volume.raw import Array


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


def spread(
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


def upright(surface: Surface) -> Surface:
    """The surface in a frame whose normal points to the upper side of most of it.

    On a surface that passes the vertical, the hanging wall of the larger part decides.
    """
    if not surface.inside.any() or float(surface.normals()[2][surface.inside].mean()) <= 0:
        return surface
    frame = surface.frame
    turned = {
        name: np.ascontiguousarray(getattr(surface, name)[::-1])
        for name in ("inside", "height", "probability", "throw", "quality")
    }
    turned["height"] *= -1
    first = -(surface.first[0] + surface.inside.shape[0] - 1)
    return Surface(
        Frame(frame.origin, -frame.u, frame.v, -frame.normal), (first, surface.first[1]), **turned
    )


def lengthened(surface: Surface, cells: int, scale: float = 8.0) -> Surface:
    """The surface with `cells` more, not inside, at both ends along v.

    Cells that are not inside continue the mean slopes around the nearest one that is.

    Args:
        surface: A surface with at least two cells along v.
        cells: Number of cells to add at each end.
        scale: Standard deviation in cells of the window in which slopes are averaged.
    """
    sides = ((0, 0), (cells, cells))
    inside = np.pad(surface.inside, sides)
    nearest = tuple(distance_transform_edt(~inside, return_distances=False, return_indices=True))
    weight = np.maximum(gaussian_filter(surface.inside.astype(np.float32), scale), 1e-6)
    height = np.pad(surface.height, sides)[nearest]
    for slope, to, at in zip(
        gradient(surface.height), np.indices(inside.shape), nearest, strict=True
    ):
        mean = gaussian_filter(np.where(surface.inside, slope, 0), scale) / weight
        height = height + np.pad(mean, sides)[nearest] * (to - at)
    return replace(
        surface,
        first=(surface.first[0], surface.first[1] - cells),
        inside=inside,
        height=height.astype(np.float32),
        probability=np.pad(surface.probability, sides),
        throw=np.pad(surface.throw, sides),
        quality=np.pad(surface.quality, sides),
    )
