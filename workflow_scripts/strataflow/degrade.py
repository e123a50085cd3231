"""Inputs of the refinement network: targets spoiled the way a first network spoils them.

After Gao (2024, GJI, doi 10.1093/gji/ggad424): missing and false pieces of faults, noisy angles,
a blurred image and a warped geologic time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from .angles import normal_from_strike_dip, strike_dip_from_normal
from .seismic import smooth_field

Array = NDArray[np.float32]


def degrade(rng: np.random.Generator, image: Array, target: dict[str, Array]) -> dict[str, Array]:
    """Spoiled copies of the attributes in `target`, arrays (n3, n2, n1); `image` has RMS 1."""
    spoiled: dict[str, Array] = {}
    if "dhr" in target:
        spoiled["dhr"] = _degrade_image(rng, image, target["dhr"])
    if "rgt" in target:
        spoiled["rgt"] = _degrade_geologic_time(rng, target["rgt"])
    if "fsem" in target:
        spoiled.update(_degrade_faults(rng, target))
    return spoiled


def _degrade_image(rng: np.random.Generator, image: Array, dhr: Array) -> Array:
    """Between the recorded image and the clean one, blurred."""
    share = rng.uniform(0.1, 0.6)
    blur = rng.uniform(0.3, 0.9)
    mixed = gaussian_filter((1 - share) * dhr + share * image, blur)
    return mixed * np.float32(np.sqrt(np.mean(dhr**2) / max(np.mean(mixed**2), 1e-12)))


def _degrade_geologic_time(rng: np.random.Generator, rgt: Array) -> Array:
    """Blurred across faults and warped by smooth errors of a few samples."""
    per_sample = (rgt[..., -1].mean() - rgt[..., 0].mean()) / rgt.shape[-1]
    error = rng.uniform(0.5, 4.0) * smooth_field(rng, rgt.shape, rng.uniform(12, 40))
    blurred = gaussian_filter(rgt, rng.uniform(0.5, 2.5), mode="nearest")
    return np.clip(blurred + per_sample * error, 0, 1).astype(np.float32)


def _degrade_faults(rng: np.random.Generator, target: dict[str, Array]) -> dict[str, Array]:
    """Lose pieces, add false planes of limited extent, disturb the angles and soften the edges."""
    shape = target["fsem"].shape
    fault = target["fsem"] > 0.5
    normal = normal_from_strike_dip(180 * target["fstrike"], 180 * target["fdip"])
    lost = smooth_field(rng, shape, rng.uniform(8, 24)) > rng.uniform(0.4, 2.0)
    fault &= ~lost
    for _ in range(rng.integers(0, 4)):
        false_normal = normal_from_strike_dip(rng.uniform(0, 180), rng.uniform(30, 150))
        from_centre = np.stack(
            np.meshgrid(*(np.arange(n) - rng.uniform(0, n) for n in shape), indexing="ij")
        ).astype(np.float32)
        distance = np.tensordot(false_normal, from_centre, 1)
        near = (from_centre**2).sum(0) < rng.uniform(6, 24) ** 2
        piece = near & (np.abs(distance) <= rng.uniform(0.7, 1.5)) & ~fault
        normal[:, piece] = false_normal[:, None]
        fault |= piece
    spread = np.tan(np.radians(rng.uniform(2, 15)))
    for component in range(3):
        normal[component] += spread * smooth_field(rng, shape, 8.0)
    strike, dip = strike_dip_from_normal(normal)
    soft = gaussian_filter(fault.astype(np.float32), rng.uniform(0.3, 0.8))
    confidence = np.clip(1 + 0.3 * smooth_field(rng, shape, 12.0), 0.3, 1.5)
    # Softened, a clean zone two voxels thick would peak below the 0.5 that makes it a fault.
    fsem = np.clip(1.3 * soft * confidence, 0, 1).astype(np.float32)
    return {
        "fsem": fsem,
        "fdip": np.where(fault, dip / 180, 0).astype(np.float32),
        "fstrike": np.where(fault, strike / 180, 0).astype(np.float32),
    }
