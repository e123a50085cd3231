"""Fault masks of any values and thickness to labels of the training thickness, with orientation.

Dip and strike come from the geometry of the mask alone. Where it does not show a plane, at
crossings and ends of faults and on single lines, they are NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, distance_transform_edt, gaussian_filter, map_coordinates

from ..errors import StrataflowError
from ..volume.attributes import FAULT_THRESHOLD
from ..volume.orientation import TENSOR_COMPONENTS, principal_normal, strike_dip_from_normal
from ..volume.raw import Array

# Labels for training cover the voxels whose centre lies within this distance of the fault.
HALF_THICKNESS = 1.0

# On single lines, faults that cross the line obliquely look thicker, up to this.
HALF_THICKNESS_ON_LINES = 1.5

# Standard deviations in voxels of the Gaussian whose derivative is the gradient of a mask, and of
# the smoothing of the tensor.
GRADIENT_SCALE, TENSOR_SCALE = 1.2, 3.0

# Minimum planarity of a mask that has an orientation. At this value, the 90th percentile of the
# error is 10 degrees on synthetic masks with crossing faults (tests/test_fault_masks.py).
MIN_PLANARITY = 0.6

# Voxels next to a fault point, along the fault, that belong to it.
LATERAL = 1.0

# Inlines in a block, and the halo in inlines that tensors need.
BLOCK, HALO = 32, 14

# Step and maximum length in voxels of the search for the edges of a mask along its normal.
STEP, REACH = 0.25, 12.0

# Maximum share of fault voxels. Faults are rare; other attributes and amplitudes are not.
MAX_FAULT_SHARE = 0.4

# Number of distinct values that are counted, at most, in a mask.
DISTINCT = 1000


@dataclass(frozen=True)
class FaultLabel:
    """Labels of the training thickness, float32 (n3, n2, n1), NaN where unknown.

    `fsem` is 0 or 1. `fdip` and `fstrike` are degrees / 180, 0 away from faults, and NaN at faults
    whose orientation is unknown.
    """

    fsem: Array
    fdip: Array
    fstrike: Array


def as_mask(values: Array, name: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_], str]:
    """Interpret the values of a fault label.

    Two values of any kind stand for fault and no fault; the rarer one is the fault. Values within
    0..1 are probabilities, and whole numbers within 0..255 are probabilities times 255.

    Args:
        values: Label of any shape, NaN where unknown.
        name: File name for error messages.

    Returns:
        Fault voxels, known voxels, and a description of the values.

    Raises:
        StrataflowError: The values are neither two values nor probabilities, or none is known.
    """
    known = np.isfinite(values)
    if not known.any():
        raise StrataflowError(f"{name}: no known value")
    flat = np.asarray(values[known])
    low, high = float(flat.min()), float(flat.max())
    whole = bool((flat == np.rint(flat)).all()) and low >= 0 and high <= 255
    if low == high:
        if low != 0:
            raise StrataflowError(f"{name}: all values are {low:g}; expected fault and no fault")
        return np.zeros(values.shape, bool), known, "no fault"
    if bool(((flat == low) | (flat == high)).all()):
        fault, other = (
            (high, low) if np.count_nonzero(flat == high) <= flat.size / 2 else (low, high)
        )
        mask, what = values == fault, f"{fault:g} is fault, {other:g} is none"
    elif low >= 0 and high <= 1:
        mask, what = values >= FAULT_THRESHOLD, "probability"
    elif whole and high > 2:
        mask, what = values >= FAULT_THRESHOLD * 255, "probability times 255"
    else:
        distinct = np.unique(flat[:: max(flat.size // 10**6, 1)]).size
        count = f"{distinct}" if distinct < DISTINCT else f"more than {DISTINCT}"
        raise StrataflowError(
            f"{name}: not a fault label: {count} different values from {low:g} to {high:g};"
            " expected two values, such as 0 and 1, or a probability from 0 to 1"
            f"{'; if one of them means unknown, give it as `unknown`' if distinct == 3 else ''}"
        )
    share = np.count_nonzero(mask) / flat.size
    if share > MAX_FAULT_SHARE:
        raise StrataflowError(
            f"{name}: not a fault label: {share:.0%} of the known voxels would be faults; another"
            " attribute or an amplitude?"
        )
    return mask, known, what


def fault_label(mask: NDArray[np.bool_], known: NDArray[np.bool_]) -> FaultLabel:
    """Thin or thicken a mask to the training thickness, and find its orientation.

    The normal of a voxel is the principal direction of the structure tensor (Bigun & Granlund,
    1987) of the smoothed mask. Along the normal, the middle of the mask is the fault. On lines
    without known neighbours, the normal within the line serves to thin the mask, and the
    orientation is unknown.

    Args:
        mask: Fault voxels, bool (n3, n2, n1).
        known: Voxels with a known label, same shape.
    """
    label = empty_label(known)
    for first in range(0, mask.shape[0], BLOCK):
        low, high = max(first - HALO, 0), first + BLOCK + HALO
        if mask[low:high].any():
            points = _middle_of_mask(mask[low:high], known[low:high])
            keep = slice(first - low, first - low + BLOCK)
            part = rasterised(points, known[low:high])
            for name in ("fsem", "fdip", "fstrike"):
                getattr(label, name)[first : first + BLOCK] = getattr(part, name)[keep]
    return label


@dataclass(frozen=True)
class FaultPoints:
    """Points of faults: `at` (3, N) in voxels over (n3, n2, n1), unit `normal` (3, N).

    `oriented` (N,) tells whether the normal is that of the fault. Otherwise it only serves to give
    the fault its thickness, `half` (N,) to each side in voxels.
    """

    at: NDArray[np.float32]
    normal: NDArray[np.float32]
    oriented: NDArray[np.bool_]
    half: NDArray[np.float32]


def empty_label(known: NDArray[np.bool_]) -> FaultLabel:
    """A label without faults, 0 where `known` (n3, n2, n1) and NaN elsewhere."""
    zero = np.where(known, np.float32(0), np.float32(np.nan))
    return FaultLabel(zero, zero.copy(), zero.copy())


def rasterised(points: FaultPoints, known: NDArray[np.bool_]) -> FaultLabel:
    """Label the voxels near fault points, which are at most a voxel apart.

    Args:
        points: Points of the faults.
        known: Voxels with a known label, bool (n3, n2, n1). Others stay NaN.
    """
    label = empty_label(known)
    shape = np.array(known.shape)[:, None]
    at, normal = points.at, points.normal
    ends = [
        np.rint(at + end * normal) for end in (-HALF_THICKNESS_ON_LINES, HALF_THICKNESS_ON_LINES)
    ]
    nearest = np.rint(at)
    around = [nearest + np.array(step)[:, None] for step in product((-1, 0, 1), repeat=3)]
    voxels, distances, sources, offsets = [], [], [], []
    for near in (*around, *ends):
        apart = near - at
        along = np.einsum("in,in->n", apart, normal)
        across = np.square(apart).sum(axis=0) - along**2
        inside = ((near >= 0) & (near < shape)).all(axis=0)
        inside &= across <= LATERAL**2
        voxels.append(np.ravel_multi_index(tuple(near[:, inside].astype(np.int64)), known.shape))
        distances.append(across[inside])
        sources.append(np.flatnonzero(inside))
        offsets.append(np.abs(along[inside]))
    voxel, distance, source, offset = map(np.concatenate, (voxels, distances, sources, offsets))
    # The point whose normal passes nearest decides about a voxel.
    order = np.lexsort((distance, voxel))
    first = order[np.append(True, np.diff(voxel[order]) > 0)] if order.size else order
    first = first[(offset[first] <= points.half[source[first]]) & known.ravel()[voxel[first]]]
    voxel, source = voxel[first], source[first]
    strike, dip = strike_dip_from_normal(points.normal)
    strike[~points.oriented], dip[~points.oriented] = np.nan, np.nan
    label.fsem.ravel()[voxel] = 1
    label.fdip.ravel()[voxel] = dip[source] / 180
    label.fstrike.ravel()[voxel] = strike[source] / 180
    return label


def _middle_of_mask(mask: NDArray[np.bool_], known: NDArray[np.bool_]) -> FaultPoints:
    """Points in the middle of a mask, one for each of its voxels."""
    filled = _continued(mask, known)
    normal, planarity, spatial = _normals(filled, mask, known)
    at = np.argwhere(mask).T.astype(np.float32)
    smooth = filled.astype(np.float32)
    ends = [_length_inside(smooth, at, side * normal) for side in (1.0, -1.0)]
    middle = (at + 0.5 * (ends[0] - ends[1]) * normal).astype(np.float32)
    apparent = np.clip(0.5 * (ends[0] + ends[1]), HALF_THICKNESS, HALF_THICKNESS_ON_LINES)
    half = np.where(spatial, np.float32(HALF_THICKNESS), apparent)
    return FaultPoints(middle, normal, (planarity >= MIN_PLANARITY) & spatial, half)


def _continued(mask: NDArray[np.bool_], known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Continue a mask from known traces to the nearest unknown ones."""
    traces: NDArray[np.bool_] = np.any(known, axis=2)
    if traces.all() or not traces.any():
        return mask
    i3, i2 = distance_transform_edt(~traces, return_distances=False, return_indices=True)
    continued: NDArray[np.bool_] = mask[i3, i2]
    return continued


def _normals(
    filled: NDArray[np.bool_], mask: NDArray[np.bool_], known: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Normals (3, N), planarity (N,) and whether the normal is known in space (N,)."""
    solid = filled.astype(np.float32)
    # Differences of neighbours would turn the gradient towards the axes.
    gradient = [
        gaussian_filter(solid, GRADIENT_SCALE, order=[int(axis == other) for other in range(3)])
        for axis in range(3)
    ]
    # Gradients across lines are real only where lines on both sides are known.
    traces: NDArray[np.bool_] = np.any(known, axis=2)
    reach = 3
    around = binary_erosion(traces, np.ones((2 * reach + 1,) * 2, bool), border_value=1)
    both = np.array([n > 2 * reach for n in traces.shape]).all() and around.any()
    inside = around[:, :, None] if both else np.zeros((*traces.shape, 1), bool)
    spatial = _tensors([g * inside for g in gradient], mask) if both else None
    flat = _tensors(gradient, mask)
    if spatial is None:
        seen = np.zeros(flat.shape[1], bool)
        tensor = flat
    else:
        # Enough of the window must count for the orientation to be that of the surface.
        trace = spatial[:3].sum(axis=0)
        seen = trace > 0.5 * flat[:3].sum(axis=0)
        tensor = np.where(seen, spatial, flat)
    normal = principal_normal(tensor)
    largest = sum(
        (1 if i == j else 2) * normal[i] * normal[j] * component
        for (i, j), component in zip(TENSOR_COMPONENTS, tensor, strict=True)
    )
    share = largest / np.maximum(tensor[:3].sum(axis=0), 1e-12)
    return normal, np.clip(1.5 * share - 0.5, 0, 1).astype(np.float32), seen


def _tensors(gradient: list[Array], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Smoothed products of gradients (6, N) at the voxels of `mask`."""
    return np.stack(
        [
            gaussian_filter(gradient[i] * gradient[j], TENSOR_SCALE)[mask]
            for i, j in TENSOR_COMPONENTS
        ]
    )


def _length_inside(
    smooth: Array, at: NDArray[np.float32], direction: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Length (N,) from points `at` (3, N) along `direction` (3, N) until the mask ends."""
    length = np.zeros(at.shape[1], np.float32)
    going = np.arange(at.shape[1])
    for step in np.arange(STEP, REACH + STEP / 2, STEP, dtype=np.float32):
        points = at[:, going] + step * direction[:, going]
        inside = map_coordinates(smooth, points, order=1, mode="nearest") >= 0.5
        going = going[inside]
        if not going.size:
            break
        length[going] = step
    return length
