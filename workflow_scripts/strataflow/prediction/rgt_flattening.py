"""Correction of RGT so that it follows the reflectors of the whole survey: seismic flattening.

A network sees one tile and cannot know the structure beyond it. The image gives the reflector dip
everywhere, and RGT is constant along a reflector. A least-squares fit over cells of voxels combines
both, like the flattening of Lomask et al. (2006, Geophysics 71). Reflector dips dominate where
reflectors are planar and continuous. The prediction of the network fills faults and areas without
signal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn
from scipy.ndimage import binary_erosion
from scipy.sparse import csr_array, diags_array, eye_array, kron, vstack
from scipy.sparse.linalg import LinearOperator, cg

from ..volume.raw import Array
from ..volume.structure_tensor import HALO, count_cells, in_cells, texture_normals

# Side of a cell in voxels; doubled until there are at most MAX_CELLS cells.
CELL = 8
MAX_CELLS = 2_000_000

# Maximum slope of a reflector in samples per line.
MAX_SLOPE = 4.0

# Weights of the predicted gradient along lines and along traces; a planar reflector has weight 1.
LATERAL_PRIOR, VERTICAL_PRIOR = 0.2, 0.1

# Weight of a cell without a visible reflector.
UNSEEN = 1e-4

# Rounds of least squares, and iterations and tolerance of the conjugate gradients in each.
ROUNDS, ITERATIONS, TOLERANCE = 3, 100, 1e-3

# Limits of the vertical RGT gradient that scales the slope of a reflector.
GROWTH = (0.2, 3.0)

# Minimum increase of RGT per sample; the mean is 1.
MIN_GROWTH = 0.05


def follow_reflectors(
    time: Array, image: Array, fault: Array | None, live: NDArray[np.bool_]
) -> Iterator[Array]:
    """Compute the correction that makes RGT follow the reflectors.

    All volumes have the shape (n3, n2, n1) and may be memory maps. The caller may overwrite an
    inline of `time` once its correction has been yielded.

    Args:
        time: RGT in samples.
        image: Image with the reflectors.
        fault: Fault probability, if known.
        live: Live traces, bool (n3, n2).

    Yields:
        The correction of each inline (n2, n1) in samples, to be added to `time`.
    """
    cell = CELL
    while np.prod(count_cells(image.shape, cell)) > MAX_CELLS:
        cell *= 2
    depth = np.arange(time.shape[2], dtype=np.float32)
    shift = _over_cells(time, cell, np.mean, less=depth)
    normals, weight = texture_normals(image, cell)
    weight = np.square(weight) * _seen(live, cell)[..., None]
    if fault is not None:
        weight *= np.square(1 - _over_cells(fault, cell, np.max))
    slopes = -normals[:2] / np.maximum(normals[2], 1e-6)
    weight *= np.hypot(*slopes) <= MAX_SLOPE
    slopes = np.clip(slopes, -MAX_SLOPE, MAX_SLOPE)
    cells = _solve(shift, slopes, weight + UNSEEN, cell) - shift
    along3, along2, along1 = (_interpolation(n, cell) for n in time.shape)
    for row in along3:
        (between,) = np.nonzero(row)
        plane = np.tensordot(row[between], cells[between].astype(np.float32), 1)
        yield along2 @ plane @ along1.T


def growing(time: Array) -> Array:
    """Raise `time` (..., n1) in samples where it increases by less than MIN_GROWTH per sample."""
    floor = MIN_GROWTH * np.arange(time.shape[-1], dtype=np.float32)
    return np.maximum.accumulate(time - floor, axis=-1) + floor


def _over_cells(
    values: Array, cell: int, reduce: Callable[..., Array], less: Array | float = 0.0
) -> Array:
    """Apply `reduce` (such as np.mean) to `values` minus `less` in each cell, row by row."""
    return np.concatenate(
        [
            reduce(in_cells(values[first : first + cell] - less, cell), axis=(1, 3, 5))
            for first in range(0, values.shape[0], cell)
        ]
    )


def _seen(live: NDArray[np.bool_], cell: int) -> NDArray[np.bool_]:
    """Mask of cells (m3, m2) whose gradients involve no dead traces."""
    reach = np.ones((2 * HALO + 1, 2 * HALO + 1), bool)
    well = binary_erosion(live, reach, border_value=1)
    return in_cells(well[..., None].astype(np.float32), cell).min(axis=(1, 3, 5))[..., 0] > 0


def _solve(shift: Array, slopes: Array, weight: Array, cell: int) -> NDArray[np.float64]:
    """Fit the layer shift to the reflector slopes.

    Along a reflector with slope p in samples per line, z + s is constant: ds/dx = -p (1 + ds/dz).
    The factor 1 + ds/dz is taken from the previous round. As a free unknown it would tend to 0.

    Args:
        shift: Layer shift predicted by the network (m3, m2, m1), in samples.
        slopes: Reflector slopes along n3 and n2 (2, m3, m2, m1), in samples per line.
        weight: Weight of each cell (m3, m2, m1).
        cell: Side of a cell in voxels.

    Returns:
        Fitted shift s (m3, m2, m1) in samples.
    """
    shape, n = weight.shape, weight.size
    steps, means = zip(*(_along(shape, axis) for axis in (0, 1)), strict=True)
    vertical = _matrix(shape, 2, _gradient(shape[2])) / cell
    # The harmonic mean is large only if both cells have large weights.
    trusted = [np.sqrt(1 / (mean @ (1 / weight.ravel()))) for mean in means]
    dips = [t * (mean @ p.ravel()) for t, mean, p in zip(trusted, means, slopes, strict=True)]
    equations = [diags_array(t) @ step / cell for t, step in zip(trusted, steps, strict=True)]
    priors = (LATERAL_PRIOR, LATERAL_PRIOR, VERTICAL_PRIOR)
    equations += [prior / cell * _along(shape, axis)[0] for axis, prior in enumerate(priors)]
    kept = [equation @ shift.ravel() for equation in equations[2:]]
    system = vstack(equations).tocsr()
    adjoint = system.T
    lateral = float(weight.mean()) + LATERAL_PRIOR**2
    approximately = _inverse_laplacian(shape, cell, (lateral, lateral, VERTICAL_PRIOR**2))
    solution = shift.ravel().astype(np.float64)
    for _ in range(ROUNDS):
        growth = np.clip(1 + np.asarray(vertical @ solution), *GROWTH)
        right = [-dip * (mean @ growth) for dip, mean in zip(dips, means, strict=True)]
        solution, _ = cg(
            LinearOperator((n, n), lambda s: adjoint @ (system @ s), dtype=np.float64),
            adjoint @ np.concatenate([*right, *kept]),
            x0=solution,
            rtol=TOLERANCE,
            maxiter=ITERATIONS,
            M=LinearOperator((n, n), approximately, dtype=np.float64),
        )
    return solution.reshape(shape)


def _matrix(shape: tuple[int, ...], axis: int, matrix: csr_array) -> csr_array:
    """Operator that applies `matrix` along one axis of flattened arrays of `shape`."""
    before, after = int(np.prod(shape[:axis])), int(np.prod(shape[axis + 1 :]))
    return kron(kron(eye_array(before), matrix), eye_array(after)).tocsr()


def _along(shape: tuple[int, ...], axis: int) -> tuple[csr_array, csr_array]:
    """Operators for differences and means of neighbouring cells along an axis."""
    n = shape[axis]
    here, there = eye_array(n - 1, n), eye_array(n - 1, n, k=1)
    step, mean = csr_array(there - here), csr_array(0.5 * (there + here))
    return _matrix(shape, axis, step), _matrix(shape, axis, mean)


def _gradient(n: int) -> csr_array:
    """Matrix (n, n) of central differences, one-sided at the ends."""
    return csr_array(np.gradient(np.eye(n), axis=0) if n > 1 else np.zeros((1, 1)))


def _inverse_laplacian(
    shape: tuple[int, ...], cell: int, stiffness: tuple[float, float, float]
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Preconditioner: the solution for constant weights, by cosine transform."""
    eigenvalues = np.zeros(shape)
    for axis, (n, s) in enumerate(zip(shape, stiffness, strict=True)):
        waves = s * (2 - 2 * np.cos(np.pi * np.arange(n) / n)) / cell**2
        eigenvalues += waves.reshape([-1 if a == axis else 1 for a in range(3)])
    # The mean of the solution is free.
    eigenvalues[0, 0, 0] = 1

    def solve(residual: NDArray[np.float64]) -> NDArray[np.float64]:
        waves = dctn(residual.reshape(shape), norm="ortho") / eigenvalues
        return idctn(waves, norm="ortho").ravel()

    return solve


def _interpolation(n: int, cell: int) -> Array:
    """Matrix (n, m) that interpolates linearly from m cell centres to n voxels."""
    (m,) = count_cells((n,), cell)
    middles = cell * np.arange(m) + (cell - 1) / 2
    return np.stack([np.interp(np.arange(n), middles, unit) for unit in np.eye(m)], axis=1).astype(
        np.float32
    )
