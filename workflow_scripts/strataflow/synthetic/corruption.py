"""Inputs of the refinement network: targets with errors typical of an inference network.

The errors follow Gao (2024, GJI, doi 10.1093/gji/ggad424) and the sample published with it: missing
and false pieces of faults, noisy angles, a blurred and noisy image with dim patches, and a warped
RGT.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..volume.attributes import FAULT_THRESHOLD, growth_per_sample
from ..volume.orientation import normal_from_strike_dip, strike_dip_from_normal
from ..volume.raw import Array
from .filters import along_axes, gaussian_matrix, smooth_field
from .imaging import unit_rms


def degrade(rng: np.random.Generator, image: Array, target: dict[str, Array]) -> dict[str, Array]:
    """Corrupt copies of target attributes; all arrays have the shape (n3, n2, n1).

    Args:
        rng: Random generator.
        image: Image with an RMS of 1.
        target: Target attributes by name.

    Returns:
        Corrupted attributes by name.
    """
    corrupted: dict[str, Array] = {}
    if "dhr" in target:
        corrupted["dhr"] = _degrade_image(rng, image, target["dhr"])
    if "rgt" in target:
        corrupted["rgt"] = _degrade_geologic_time(rng, target["rgt"])
    if "fsem" in target:
        corrupted.update(_degrade_faults(rng, target))
    return corrupted


def _blur(values: Array, sigma: float) -> Array:
    return along_axes(values, *(gaussian_matrix(n, sigma, 1) for n in values.shape))


def _degrade_image(rng: np.random.Generator, image: Array, dhr: Array) -> Array:
    """Mix the recorded and the clean image, blur it, and dim patches; RMS 1."""
    share = np.float32(rng.uniform(0.1, 0.6))
    mixed = _blur((1 - share) * dhr + share * image, rng.uniform(0.3, 0.9))
    if rng.random() < 0.5:
        dim = smooth_field(rng, dhr.shape, rng.uniform(10, 40))
        mixed *= np.clip(1 - np.float32(rng.uniform(0.2, 0.6)) * dim, 0.1, 1.2)
    return unit_rms(mixed)


def _degrade_geologic_time(rng: np.random.Generator, rgt: Array) -> Array:
    """Blur RGT across faults and warp it by smooth errors of a few samples."""
    error = np.float32(rng.uniform(0.5, 4.0) * growth_per_sample(rgt))
    warp = smooth_field(rng, rgt.shape, rng.uniform(12, 40))
    return np.clip(_blur(rgt, rng.uniform(0.2, 2.5)) + error * warp, 0, 1)


def _degrade_faults(rng: np.random.Generator, target: dict[str, Array]) -> dict[str, Array]:
    """Remove pieces of faults, add small false planes, perturb the angles and soften the edges."""
    shape = target["fsem"].shape
    fault = target["fsem"] >= FAULT_THRESHOLD
    normal = np.zeros((3, *shape), np.float32)
    normal[:, fault] = normal_from_strike_dip(
        180 * target["fstrike"][fault], 180 * target["fdip"][fault]
    )
    fault &= smooth_field(rng, shape, rng.uniform(8, 24)) <= rng.uniform(0.4, 2.0)
    for _ in range(rng.integers(0, 6)):
        _add_false_piece(rng, fault, normal)
    spread = np.tan(np.radians(rng.uniform(2, 15)))
    strike, dip = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    disturbed = normal[:, fault]
    for component in disturbed:
        component += np.float32(spread) * smooth_field(rng, shape, 8.0)[fault]
    strike[fault], dip[fault] = strike_dip_from_normal(disturbed)
    return {
        "fsem": _soften(rng, fault),
        "fdip": dip / np.float32(180),
        "fstrike": strike / np.float32(180),
    }


def _add_false_piece(rng: np.random.Generator, fault: NDArray[np.bool_], normal: Array) -> None:
    """Add a small false fault to `fault` and its `normal` (3, n3, n2, n1), in place."""
    direction = normal_from_strike_dip(rng.uniform(0, 180), rng.uniform(30, 150))
    radius, thickness = rng.uniform(4, 24), rng.uniform(0.7, 1.5)
    centre = [rng.uniform(0, n) for n in fault.shape]
    box = tuple(
        slice(max(0, int(c - radius)), min(n, int(c + radius) + 2))
        for c, n in zip(centre, fault.shape, strict=True)
    )
    x = np.ogrid[box]
    away = [place.astype(np.float32) - c for place, c in zip(x, centre, strict=True)]
    distance = sum(component * step for component, step in zip(direction, away, strict=True))
    near = sum(step**2 for step in away) < radius**2
    piece = near & (np.abs(distance) <= thickness) & ~fault[box]
    normal[(slice(None), *box)][:, piece] = direction[:, None]
    fault[box] |= piece


def _soften(rng: np.random.Generator, fault: NDArray[np.bool_]) -> Array:
    """Fault probability with soft edges and varying confidence; in a quarter of cases, 0 and 1."""
    if rng.random() < 0.25:
        return fault.astype(np.float32)
    soft = _blur(fault.astype(np.float32), rng.uniform(0.3, 0.8))
    confidence = np.clip(1 + 0.3 * smooth_field(rng, fault.shape, 12.0), 0.3, 1.5)
    # Without the factor, a softened zone of two voxels would stay below the threshold of 0.5.
    return np.clip(np.float32(1.3) * soft * confidence, 0, 1)
