"""Filters along the axes of a volume, and random fields, in consistent blocks of inlines.

Filters along an axis are matrices. They are exact at the edges, can vary along the axis (such as a
wavelet whose frequency decreases with depth), and run at the speed of matrix multiplication.
"""

from __future__ import annotations

import numpy as np

from ..volume.raw import Array

# Correlation length of random fields of gain, dimming and dip in voxels.
PATCH = 24.0


def gaussian_matrix(n: int, sigma: float, norm: int, inside: slice = slice(None)) -> Array:
    """Matrix of a Gaussian smoothing filter.

    Args:
        n: Number of input values.
        sigma: Standard deviation in voxels.
        norm: Norm of each row that is scaled to 1, the 1-norm or the 2-norm.
        inside: Rows to return.

    Returns:
        Matrix (rows, n).
    """
    i = np.arange(n)
    weight = np.exp(-0.5 * np.square((i[inside, None] - i) / max(sigma, 1e-3)))
    weight[weight < 1e-4] = 0
    return (weight / np.linalg.norm(weight, norm, axis=1, keepdims=True)).astype(np.float32)


def along_axes(
    values: Array, m3: Array | None = None, m2: Array | None = None, m1: Array | None = None
) -> Array:
    """Apply matrices (out, in) along the axes of `values` (n3, n2, n1); None skips an axis."""
    if m1 is not None:
        values = values @ m1.T
    if m2 is not None:
        values = np.matmul(m2, values)
    if m3 is not None:
        values = (m3 @ values.reshape(values.shape[0], -1)).reshape(-1, *values.shape[1:])
    return values


def smooth_field(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    scale: float,
    inlines: slice = slice(None),
) -> Array:
    """Smooth random field with about unit variance.

    Args:
        rng: Random generator.
        shape: Shape of the survey (n3, n2, n1).
        scale: Correlation length in voxels.
        inlines: Inlines to return. The field does not depend on this selection.
    """
    coarse = rng.standard_normal([int(np.ceil(n / scale)) + 3 for n in shape], dtype=np.float32)
    matrices = []
    for n, knots in zip(shape, coarse.shape, strict=True):
        at = np.arange(n) / scale + 1
        low = at.astype(int)
        part = at - low
        weight = part * part * (3 - 2 * part)
        matrix = np.zeros((n, knots), np.float32)
        matrix[np.arange(n), low] = 1 - weight
        matrix[np.arange(n), low + 1] = weight
        # The interpolation reduces the variance to the mean sum of squared weights, 26/35.
        matrices.append(matrix * np.float32((26 / 35) ** -0.5))
    return along_axes(coarse, matrices[0][inlines], *matrices[1:])


def widened(inlines: slice, sigma: float, n3: int) -> slice:
    """Extend `inlines` of `n3` on both sides by the half width of `gaussian_matrix`."""
    # The weights fall below 1e-4 at 4.3 times sigma.
    halo = int(np.ceil(4.3 * sigma))
    return slice(max(0, inlines.start - halo), min(n3, inlines.stop + halo))


def within(inlines: slice, block: slice) -> slice:
    """Position of `inlines` within the `block` that contains them."""
    return slice(inlines.start - block.start, inlines.stop - block.start)
