"""Reflector dip from the structure tensor of an image, averaged over cells of voxels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import TypeVar

import numpy as np
from scipy.ndimage import gaussian_filter

from ..threads import in_order, usable_cores
from .orientation import TENSOR_COMPONENTS, principal_normal
from .raw import Array

# Standard deviations in voxels of the smoothing before the gradient and of the tensor.
GRADIENT_SCALE, TENSOR_SCALE = 1.0, 4.0

# Inlines and crosslines in a block, and the halo in voxels that the gradient needs.
BLOCK = (32, 128)
HALO = 5

UNLIMITED = (-np.inf, np.inf)

Result = TypeVar("Result")


def count_cells(shape: tuple[int, ...], cell: int) -> tuple[int, ...]:
    """Number of cells of `cell` voxels along each axis of `shape`; the last one may be smaller."""
    return tuple(-(-n // cell) for n in shape)


def in_cells(values: Array, cell: int) -> Array:
    """Reshape `values` (n3, n2, n1) to (m3, cell, m2, cell, m1, cell), padded with edge values."""
    counts = count_cells(values.shape, cell)
    missing = [(0, m * cell - n) for m, n in zip(counts, values.shape, strict=True)]
    if any(after for _, after in missing):
        values = np.pad(values, missing, mode="edge")
    return values.reshape([side for m in counts for side in (m, cell)])


def texture_normals(
    image: Array, cell: int, limits: tuple[float, float] = UNLIMITED
) -> tuple[Array, Array]:
    """Estimate reflector normals and planarity from the structure tensor.

    The method is that of Bigun & Granlund (1987). Van Vliet & Verbeek (1995) and Fehmers & Hocker
    (2003, Geophysics 68) apply it to seismic images.

    Args:
        image: Image (n3, n2, n1). It may be a memory map, because it is read in blocks.
        cell: Side of a cell in voxels.
        limits: Values below and above these are clipped.

    Returns:
        Unit normals (3, m3, m2, m1) with components along (n3, n2, n1), where n1 is not negative.
        Planarity (m3, m2, m1): 1 for parallel layers, 0 for isotropic texture or no signal.
    """
    tensor = np.empty((len(TENSOR_COMPONENTS), *count_cells(image.shape, cell)), np.float32)

    def means(_: tuple[slice, slice], products: Array) -> Array:
        return np.asarray(products.mean(axis=(2, 4, 6)))

    for lines, mean in reduced_products(image, cell, means, limits):
        tensor[(slice(None), *lines)] = mean
    for component in tensor:
        gaussian_filter(component, tensor_scale(cell), output=component)
    return normals_of_tensor(tensor)


def tensor_scale(cell: int) -> float:
    """Standard deviation, in cells, of the smoothing of a tensor that is averaged over cells."""
    # The average over a cell already smooths with the variance of a box.
    return float(max(TENSOR_SCALE**2 - cell**2 / 12, 0) ** 0.5 / cell)


def normals_of_tensor(tensor: Array) -> tuple[Array, Array]:
    """Reflector normals (3, ...) and planarity (...) of structure tensors (6, ...)."""
    trace = tensor[:3].sum(axis=0)
    # Single precision does not resolve directions of much weaker gradients.
    seen = trace > 1e-7 * trace.max(initial=0)
    normals = np.zeros((3, *trace.shape), np.float32)
    normals[2] = 1
    normals[:, seen] = principal_normal(tensor[:, seen])
    normals *= np.where(normals[2] < 0, np.float32(-1), np.float32(1))
    largest = sum(
        (1 if i == j else 2) * normals[i] * normals[j] * component
        for (i, j), component in zip(TENSOR_COMPONENTS, tensor, strict=True)
    )
    share = np.divide(largest, trace, out=np.full_like(trace, 1 / 3), where=seen)
    return normals, np.clip(1.5 * share - 0.5, 0, 1)


def reduced_products(
    image: Array,
    cell: int,
    reduce: Callable[[tuple[slice, slice], Array], Result],
    limits: tuple[float, float] = UNLIMITED,
) -> Iterator[tuple[tuple[slice, slice], Result]]:
    """Reduce the products of the gradients of an image, block by block, on all cores.

    The result does not depend on the number of cores.

    Args:
        image: Image (n3, n2, n1); it may be a memory map.
        cell: Side of a cell in voxels.
        reduce: Gets the cells of a block along n3 and n2, and the products of its gradients (6, m3,
            cell, m2, cell, m1, cell). It is called in several threads.
        limits: Values below and above these are clipped.

    Yields:
        The cells of a block along n3 and n2, and what `reduce` returns for it.
    """
    steps = [max(side // cell, 1) for side in BLOCK]
    counts = count_cells(image.shape[:2], cell)

    def reduced(firsts: tuple[int, ...]) -> tuple[tuple[slice, slice], Result]:
        cells3, cells2 = (
            slice(first, min(first + step, count))
            for first, step, count in zip(firsts, steps, counts, strict=True)
        )
        return (cells3, cells2), reduce(
            (cells3, cells2), _products(image, cell, (cells3, cells2), limits)
        )

    firsts = product(*(range(0, n, step) for n, step in zip(counts, steps, strict=True)))
    return in_order(reduced, firsts, usable_cores())


def _products(
    image: Array, cell: int, block: tuple[slice, slice], limits: tuple[float, float]
) -> Array:
    """Products of the gradients (6, m3, cell, m2, cell, m1, cell) of the cells in a block."""
    read, inside = [], []
    for cells, n in zip(block, image.shape, strict=False):
        begin, end = cells.start * cell, min(cells.stop * cell, n)
        low = max(begin - HALO, 0)
        read.append(slice(low, end + HALO))
        inside.append(slice(begin - low, end - low))
    clipped = np.clip(np.asarray(image[tuple(read)], np.float32), *limits)
    smooth = gaussian_filter(clipped, GRADIENT_SCALE)
    gradient = [_gradient(smooth, axis)[tuple(inside)] for axis in range(3)]
    return np.stack([in_cells(gradient[i] * gradient[j], cell) for i, j in TENSOR_COMPONENTS])


def _gradient(values: Array, axis: int) -> Array:
    """Gradient along `axis`; 0 if there is only one line."""
    return np.gradient(values, axis=axis) if values.shape[axis] > 1 else np.zeros_like(values)
