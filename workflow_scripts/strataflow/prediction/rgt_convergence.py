"""Where layers converge or end: slopes of reflectors above and below each point are compared.

At an unconformity geologic time is missing, and the image does not say how much. A structure tensor
around it mixes the layers on both sides. Tensors averaged over the samples above a point and over
those below it see one side each, and their normals differ there (Wu & Hale, 2015, Geophysics 80,
IM35-IM44).
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from ..volume.raw import Array
from ..volume.structure_tensor import normals_of_tensor

# Samples of a cell along a trace, and cells above and below a point that are averaged: together
# about a period of the reflections.
STEP, WINDOW = 2, 4

# Standard deviation of the smoothing in cells along both lines.
LATERAL_SCALE = 1.0

# Difference of the slopes above and below, in samples per line, at which layers agree by half.
HALF = 0.1

# Maximum slope of a reflector in samples per line.
MAX_SLOPE = 4.0


def cells_of_traces(products: Array) -> Array:
    """Sums over cells of STEP samples in all traces of an element.

    Args:
        products: of gradients, (6, m3, side, m2, side, m1, side).

    Returns:
        (6, m3, m2, m1 * side / STEP).
    """
    columns = products.sum(axis=(2, 4))
    return np.asarray(columns.reshape(*columns.shape[:3], -1, STEP).sum(axis=-1))


def layer_agreement(tensor: Array) -> tuple[Array, Array]:
    """Compare the layers above and below each cell.

    Args:
        tensor: Structure tensors (6, m3, m2, cells), as from `cells_of_traces`; overwritten.

    Returns:
        Agreement (m3, m2, cells): 1 for parallel layers, 0.5 where their slopes differ by HALF, and
        less for larger differences; and the planarity of the less planar side, 0 to 1.
    """
    for component in tensor:
        gaussian_filter(component, (LATERAL_SCALE, LATERAL_SCALE, 0), output=component)
    agreement, planarity = np.empty((2, *tensor.shape[1:]), np.float32)
    for row in range(tensor.shape[1]):
        sides = [normals_of_tensor(side) for side in _sides(tensor[:, row])]
        slopes = [-normal[:2] / np.maximum(normal[2], 1 / MAX_SLOPE) for normal, _ in sides]
        agreement[row] = 1 / (1 + np.square((slopes[1] - slopes[0]) / HALF).sum(axis=0))
        planarity[row] = np.minimum(sides[0][1], sides[1][1])
    return agreement, planarity


def _sides(tensor: Array) -> tuple[Array, Array]:
    """Sums of `tensor` (6, m2, cells) over WINDOW cells above and below each one."""
    n = tensor.shape[-1]
    # Each cell has the same energy: one strong reflector would hide the others.
    energy = tensor[:3].sum(axis=0)
    alike = tensor / np.maximum(energy, 1e-6 * energy.max(initial=0) + np.float32(1e-30))
    padded = np.pad(alike, [(0, 0), (0, 0), (WINDOW, WINDOW)], mode="symmetric")
    total = np.cumsum(padded, axis=-1, dtype=np.float64)
    total = np.concatenate([np.zeros_like(total[..., :1]), total], axis=-1)
    above, below = (
        (total[..., first + WINDOW : first + WINDOW + n] - total[..., first : first + n])
        for first in (0, WINDOW + 1)
    )
    return above.astype(np.float32), below.astype(np.float32)
