"""Cut and smooth grown fault surfaces: holes, loose ends, and steps from one fault to another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import (
    binary_closing,
    binary_erosion,
    binary_fill_holes,
    binary_opening,
    distance_transform_edt,
    label,
    maximum_filter,
)

from ..volume.raw import Array
from .surfaces import gradient, spread

# A surface is cut where its slope differs by more than this, in voxels a cell, from that of its
# samples' normals.
MAX_STEP = 0.7

# Sides of a cut surface that hang together by less than so many cells are two faults.
NECK = 30

# Standard deviation, in cells, of the smoothing of finished heights.
HEIGHT_SCALE = 2.0


def torn(
    height: Array, slope_u: Array, slope_v: Array, known: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Where a surface steps from one fault to another.

    There its heights rise more than the normals of its samples say. All arrays (A, B).
    """
    smooth = spread(height, known, known, HEIGHT_SCALE)
    rises = gradient(smooth)
    slopes = (spread(slope, known, known, HEIGHT_SCALE) for slope in (slope_u, slope_v))
    off = [rise - slope for rise, slope in zip(rises, slopes, strict=True)]
    return maximum_filter(np.hypot(*off) > MAX_STEP, 3)


def without_neighbour(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
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


def body(known: NDArray[np.bool_], passed: NDArray[np.bool_], bridge: int) -> NDArray[np.bool_]:
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


def smooth_height(height: Array, known: NDArray[np.bool_], inside: NDArray[np.bool_]) -> Array:
    """Smoothed heights; what that takes from slopes at the rim is given back (Tukey's twicing)."""
    smooth = spread(height, known, inside, HEIGHT_SCALE)
    return smooth + spread(height - smooth, known, inside, HEIGHT_SCALE)
