"""Fault orientation: strike and dip as axial data, in the form of unit normals without a sign.

With strike phi and dip delta in [0, 180) degrees, the normal along (n3, n2, n1) is
(sin(delta) sin(phi), -sin(delta) cos(phi), cos(delta)), where n1 points down. (phi, delta) and
(phi +- 180, 180 - delta) are the same plane, and n and -n are the same normal. Averages, tiles and
networks therefore use the orientation tensor n n^T, which is independent of the sign. It is the
structure tensor of Bigun & Granlund (1987) for a single direction.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Components of the symmetric 3 x 3 tensor over (n3, n2, n1), in the stored order.
TENSOR_COMPONENTS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))

# Number of tensors in a block that fits into the processor cache.
BLOCK = 1 << 13


def normal_from_strike_dip(strike: ArrayLike, dip: ArrayLike) -> NDArray[np.float32]:
    """Unit normals, float32 (3, ...) along (n3, n2, n1), from strike and dip (...) in degrees."""
    phi = np.radians(np.asarray(strike, np.float32))
    delta = np.radians(np.asarray(dip, np.float32))
    horizontal = np.sin(delta)
    return np.stack([horizontal * np.sin(phi), -horizontal * np.cos(phi), np.cos(delta)])


def strike_dip_from_normal(normal: NDArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Strike and dip in degrees, both in [0, 180), from normals (3, ...) of any length."""
    n3, n2, n1 = (np.asarray(component, np.float32) for component in normal)
    # sin(phi) and sin(delta) are not negative for n3 > 0 (for n2 < 0 if n3 is 0).
    sign = np.where((n3 < 0) | ((n3 == 0) & (n2 > 0)), np.float32(-1), np.float32(1))
    strike = np.degrees(np.arctan2(sign * n3, -sign * n2))
    dip = np.degrees(np.arctan2(np.hypot(n3, n2), sign * n1))
    return np.where(strike >= 180, 0, strike), np.where(dip >= 180, 0, dip)


def axial_angle(normal: NDArray, other: NDArray) -> NDArray[np.float32]:
    """Angle in degrees, 0 to 90, between axial unit normals (3, ...)."""
    cosine = np.abs(np.sum(normal * other, axis=0))
    return np.degrees(np.arccos(np.clip(cosine, 0.0, 1.0))).astype(np.float32)


def orientation_tensor(normal: NDArray) -> NDArray[np.float32]:
    """Orientation tensors n n^T (6, ...), as TENSOR_COMPONENTS, of unit normals (3, ...)."""
    return np.stack([normal[i] * normal[j] for i, j in TENSOR_COMPONENTS]).astype(np.float32)


def turned_fault_channels(mirrored: Sequence[int], swapped: bool) -> tuple[list[int], list[float]]:
    """How the fault channels change when the survey is mirrored and rotated.

    Args:
        mirrored: Axes that are reversed first (0: n3, 1: n2).
        swapped: Whether n3 and n2 are then swapped.

    Returns:
        For each channel of the result (probability, then tensor components), the index of its
        source channel and its sign.
    """
    axes = (1, 0, 2) if swapped else (0, 1, 2)
    sign = [-1.0 if axis in mirrored else 1.0 for axis in range(3)]
    order, signs = [0], [1.0]
    for i, j in TENSOR_COMPONENTS:
        a, b = sorted((axes[i], axes[j]))
        order.append(1 + TENSOR_COMPONENTS.index((a, b)))
        signs.append(sign[a] * sign[b])
    return order, signs


def principal_normal(tensor: NDArray) -> NDArray[np.float32]:
    """Unit normals (3, N): eigenvectors of the largest eigenvalue of tensors (6, N).

    The closed form is about ten times as fast as one LAPACK call per tensor. The eigenvalue is that
    of Smith (1961, Comm. ACM 4, 168). The eigenvector is the longest cross product of two rows of
    the shifted, singular matrix (Kopp, 2008, Int. J. Mod. Phys. C 19, 523). LAPACK solves the
    cases with two nearly equal eigenvalues, where these cross products almost vanish.
    """
    normals = np.empty((3, tensor.shape[1]), np.float32)
    for first in range(0, tensor.shape[1], BLOCK):
        block = np.asarray(tensor[:, first : first + BLOCK], np.float64)
        normals[:, first : first + BLOCK] = _principal_normal(block)
    return normals


def _principal_normal(tensor: NDArray[np.float64]) -> NDArray[np.float64]:
    xx, yy, zz, xy, xz, yz = tensor
    mean = (xx + yy + zz) / 3
    x, y, z = xx - mean, yy - mean, zz - mean
    spread = np.sqrt((x * x + y * y + z * z + 2 * (xy * xy + xz * xz + yz * yz)) / 6)
    determinant = x * (y * z - yz * yz) - xy * (xy * z - yz * xz) + xz * (xy * yz - y * xz)
    with np.errstate(divide="ignore", invalid="ignore"):
        angle = np.arccos(np.clip(determinant / (2 * spread**3), -1, 1)) / 3
    largest = 2 * spread * np.cos(angle)
    rows = [
        np.stack(row)
        for row in ([x - largest, xy, xz], [xy, y - largest, yz], [xz, yz, z - largest])
    ]
    products = [np.cross(rows[i], rows[j], axis=0) for i, j in ((0, 1), (0, 2), (1, 2))]
    squares = np.stack([np.square(product).sum(axis=0) for product in products])
    longest = squares.argmax(axis=0)
    normal = np.choose(longest, products)
    square = squares.max(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        normal = normal / np.sqrt(square)
    unsure = ~(square > 1e-8 * spread**4)
    if unsure.any():
        matrix = np.empty((np.count_nonzero(unsure), 3, 3))
        for component, (i, j) in enumerate(TENSOR_COMPONENTS):
            matrix[:, i, j] = matrix[:, j, i] = tensor[component, unsure]
        normal[:, unsure] = np.linalg.eigh(matrix)[1][:, :, -1].T
    return normal
