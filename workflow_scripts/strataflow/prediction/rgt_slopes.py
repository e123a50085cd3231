"""Reflector slopes in the parts of elements, each from its own side of a fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..volume.orientation import TENSOR_COMPONENTS
from ..volume.raw import Array
from ..volume.structure_tensor import (
    UNLIMITED,
    in_cells,
    normals_of_tensor,
    reduced_products,
    tensor_scale,
)
from .rgt_convergence import MAX_SLOPE, STEP, cells_of_traces, layer_agreement
from .rgt_elements import Elements

# Smallest weight of slopes where layers converge: without any, layers would be torn.
MIN_AGREEMENT = 0.1

# Largest variance along an axis, in cells squared, of one step of smoothing.
SMOOTHING = 0.25

# Cut elements, their parts, and sums of the tensor (6, parts) over these.
PartSums = tuple[NDArray[np.integer], NDArray[np.integer], Array]


@dataclass(frozen=True)
class Reflectors:
    """Reflectors in the parts of elements.

    `slopes` (2, parts) along n3 and n2 in samples per line, and `weight` (parts,) of them from 0 to
    1. `agreement` (parts,) from 0 to 1 is low where layers converge. `confidence` (m3, m2, cells)
    from 0 to 1 is that of RGT in cells of STEP samples.
    """

    slopes: Array
    weight: Array
    agreement: Array
    confidence: Array


def reflector_slopes(
    image: Array,
    elements: Elements,
    limits: tuple[float, float] = UNLIMITED,
    fault: Array | None = None,
) -> Reflectors:
    """Estimate reflector slopes from the structure tensor.

    Voxels close to a fault surface do not count. The weight of a slope is the square of the
    planarity. It falls where layers converge, since the slope is then one of two.

    Args:
        image: Image (n3, n2, n1); it may be a memory map.
        elements: of the volume.
        limits: Amplitudes below and above these are clipped.
        fault: Fault probability (n3, n2, n1), which lowers the weight.
    """
    m3, m2, m1 = elements.counts
    tensor = np.zeros((len(TENSOR_COMPONENTS), len(elements.home)), np.float32)
    regular = tensor[:, : m3 * m2 * m1].reshape(-1, m3, m2, m1)
    cells = np.empty((len(tensor), m3, m2, m1 * elements.side // STEP), np.float32)

    def sums(lines: tuple[slice, slice], products: Array) -> tuple[Array, Array, PartSums]:
        by_part = _by_part(products, lines, elements)
        return cells_of_traces(products), products.sum(axis=(2, 4, 6)), by_part

    for lines, found in reduced_products(image, elements.side, sums, limits):
        cells[(slice(None), *lines)], regular[(slice(None), *lines)], by_part = found
        tensor[:, by_part[0]] = 0
        tensor[:, by_part[1]] = by_part[2]
    smooth = _smoothing(elements)
    for component in tensor:
        component[:] = smooth(component)
    normals, planarity = normals_of_tensor(tensor)
    weight = np.square(planarity)
    agreed, planar = layer_agreement(cells)
    confidence = agreed * planar
    least = np.maximum(agreed.reshape(m3, m2, m1, -1).min(axis=-1), MIN_AGREEMENT)
    agreement = least.ravel()[elements.home]
    if fault is not None:
        clear = 1 - _largest(fault, elements)
        weight *= np.square(clear)
        confidence *= np.repeat(_least(clear, elements), elements.side // STEP, axis=-1)
    slopes = -normals[:2] / np.maximum(normals[2], 1e-6)
    # In cut elements slopes are measured on each side alone.
    mixed = np.ones(m3 * m2 * m1, bool)
    mixed[elements.cut] = False
    weight *= np.where(mixed[elements.home], agreement, 1) * (np.hypot(*slopes) <= MAX_SLOPE)
    return Reflectors(np.clip(slopes, -MAX_SLOPE, MAX_SLOPE), weight, agreement, confidence)


def _least(values: Array, elements: Elements) -> Array:
    """The smallest of the `values` (parts,) in each element, (m3, m2, m1)."""
    least = values[: int(np.prod(elements.counts))].copy()
    np.minimum.at(least, elements.home, values)
    return least.reshape(elements.counts)


def _in_block(
    elements: Elements, lines3: slice, lines2: slice
) -> tuple[NDArray[np.intp], tuple[NDArray[np.intp], ...]]:
    """Which cut elements lie in a block of elements, and their places in it."""
    i3, i2, i1 = np.unravel_index(elements.cut, elements.counts)
    inside = (i3 >= lines3.start) & (i3 < lines3.stop) & (i2 >= lines2.start) & (i2 < lines2.stop)
    (rows,) = np.nonzero(inside)
    return rows, (i3[rows] - lines3.start, i2[rows] - lines2.start, i1[rows])


def _by_part(products: Array, lines: tuple[slice, slice], elements: Elements) -> PartSums:
    """Sums of `products` over the parts of the cut elements in a block.

    Returns:
        The cut elements, their parts, and the sums (6, parts) of these.
    """
    rows, (a, b, c) = _in_block(elements, *lines)
    values = products[:, a, :, b, :, c].reshape(rows.size, len(products), elements.side**3)
    part, far = elements.parts[rows], ~elements.near[rows]
    ids, inverse = np.unique(part, return_inverse=True)
    sums = np.zeros((len(products), ids.size), np.float32)
    for own, voxels in zip(sums, values.swapaxes(0, 1), strict=True):
        own[:] = np.bincount(inverse.ravel(), (voxels * far).ravel(), ids.size)
    return elements.cut[rows], ids, sums


def _largest(fault: Array, elements: Elements) -> Array:
    """Largest fault probability in each part, but for voxels close to a known fault."""
    result = np.zeros(len(elements.home), np.float32)
    regular = result[: int(np.prod(elements.counts))].reshape(elements.counts)
    side = elements.side
    for row in range(elements.counts[0]):
        cells = in_cells(fault[row * side : (row + 1) * side], side)
        regular[row] = cells.max(axis=(1, 3, 5))[0]
        rows, (a, b, c) = _in_block(elements, slice(row, row + 1), slice(0, elements.counts[1]))
        voxels = cells[a, :, b, :, c].reshape(rows.size, side**3) * ~elements.near[rows]
        result[elements.cut[rows]] = 0
        np.maximum.at(result, elements.parts[rows].ravel(), voxels.ravel())
    return np.clip(result, 0, 1)


def _smoothing(elements: Elements) -> Callable[[Array], Array]:
    """Smoothing of sums over parts with their neighbours, not across faults."""
    variance = tensor_scale(elements.side) ** 2
    steps = int(np.ceil(variance / SMOOTHING))
    share = variance / 2 / max(steps, 1)
    count = len(elements.home)
    first, second = elements.touching
    ones = np.full(2 * first.size, np.float32(share))
    ends = np.concatenate([first, second]), np.concatenate([second, first])
    pull = csr_array((ones, ends), shape=(count, count))
    loss = np.asarray(pull.sum(axis=0)).ravel().astype(np.float32)

    def smooth(values: Array) -> Array:
        for _ in range(steps):
            values = values + pull @ values - loss * values
        return values

    return smooth
