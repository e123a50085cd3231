"""Filters along the axes of a cube, and random fields, of blocks of inlines that fit together.

Filters along an axis are matrices: exact at the edges, free to change along the axis (a wavelet
whose frequency falls with depth), and as fast as the processor multiplies.
"""

from __future__ import annotations

import numpy as np

from ..volume.raw import Array

# Scale of random fields of gain, dimming and dip, in voxels.
PATCH = 24.0


def gaussian_matrix(n: int, sigma: float, norm: int, inside: slice = slice(None)) -> Array:
    """Matrix (rows of `inside`, n) that smooths `n` values; its rows have `norm` (1 or 2) one."""
    i = np.arange(n)
    weight = np.exp(-0.5 * np.square((i[inside, None] - i) / max(sigma, 1e-3)))
    weight[weight < 1e-4] = 0
    return (weight / np.linalg.norm(weight, norm, axis=1, keepdims=True)).astype(np.float32)


def along_axes(
    values: Array, m3: Array | None = None, m2: Array | None = None, m1: Array | None = None
) -> Array:
    """`values` (n3, n2, n1) with matrices (out, in) applied along their axes; None leaves one."""
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
    """Random field of about unit variance over `shape` (n3, n2, n1), smooth over `scale` voxels.

    `inlines` picks the part of it that is returned; the field is the same whatever the part.
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
        # 26/35 is the mean of the two squared weights, which is what they leave of the variance.
        matrices.append(matrix * np.float32((26 / 35) ** -0.5))
    return along_axes(coarse, matrices[0][inlines], *matrices[1:])


def widened(inlines: slice, sigma: float, n3: int) -> slice:
    """`inlines` of `n3` and as many on either side as `gaussian_matrix` reaches with `sigma`."""
    # Its weights fall below 1e-4 at 4.3 times sigma.
    halo = int(np.ceil(4.3 * sigma))
    return slice(max(0, inlines.start - halo), min(n3, inlines.stop + halo))


def within(inlines: slice, block: slice) -> slice:
    """Where `inlines` lie in the `block` that holds them."""
    return slice(inlines.start - block.start, inlines.stop - block.start)
