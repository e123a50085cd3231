"""Synthetic samples of another generator, which training never sees.

After Wu, Liang, Shi and Fomel (2019, FaultSeg3D, Geophysics 84, IM35): random reflectivities,
folded by vertical shear (Gaussian bumps that grow with depth, and a plane), cut by planar faults,
and convolved with a wavelet after faulting. It shares no code with `strataflow.geology`, so that
an error there is no advantage here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from strataflow.volume.raw import Array

Range = tuple[float, float]

# Samples above and below that the wavelet and the faults reach into.
MARGIN = 32

# Samples of throw from which on a fault is labelled: less is not seen.
VISIBLE_THROW = 1.0

# Samples of the column of reflectivities a sample of the image.
OVERSAMPLING = 4


@dataclass(frozen=True)
class Variant:
    """Ranges: number of faults, throw in samples, noise over signal, lateral smear in voxels."""

    faults: tuple[int, int]
    throw: Range
    noise: Range
    smear: Range = (0, 0)


VARIANTS = {
    "clear": Variant(faults=(3, 6), throw=(6, 30), noise=(0.05, 0.25)),
    "dense": Variant(faults=(8, 16), throw=(2, 15), noise=(0.2, 0.5), smear=(1, 2.5)),
}


def sample(seed: int, variant: Variant, side: int = 128) -> tuple[Array, dict[str, Array]]:
    """The image and its labels fsem, fdip, fstrike and rgt, cubes of `side`, of a seed.

    Labels are two voxels wide and follow the conventions of strataflow.
    """
    rng = np.random.default_rng(seed)
    axes = [np.arange(n, dtype=np.float32) for n in (side, side)]
    down = np.arange(-MARGIN, side + MARGIN, dtype=np.float32)
    x = np.stack(np.meshgrid(*axes, down, indexing="ij"))
    labels = {name: np.zeros(x.shape[1:], np.float32) for name in ("fsem", "fdip", "fstrike")}
    # Backward in time: the last fault first.
    for _ in range(rng.integers(variant.faults[0], variant.faults[1] + 1)):
        _take_back_fault(rng, x, labels, variant, side)
    age = x[2] + _fold(rng, x, side)
    reflectivity = _reflectivity(rng, float(age.min()), float(age.max()))(age)
    image = _convolved(reflectivity, float(rng.uniform(0.05, 0.14)))
    smear = float(rng.uniform(*variant.smear))
    image = gaussian_filter(image, (smear, smear, 0)) if smear else image
    noise = gaussian_filter(rng.normal(size=image.shape), 0.5)
    image += rng.uniform(*variant.noise) * image.std() / noise.std() * noise
    labels["rgt"] = age
    cut = {name: cube[:, :, MARGIN:-MARGIN] for name, cube in labels.items()}
    young, old = float(cut["rgt"].min()), float(cut["rgt"].max())
    cut["rgt"] = (cut["rgt"] - young) / (old - young)
    image = image[:, :, MARGIN:-MARGIN]
    return (image / image.std()).astype(np.float32), cut


def _take_back_fault(
    rng: np.random.Generator, x: Array, labels: dict[str, Array], variant: Variant, side: int
) -> None:
    """Label a random planar fault at points `x` (3, ...) and move those above it back.

    The slip is Gaussian on the plane, or grows linearly down the dip.
    """
    strike, dip = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(50, 85))
    along = np.array([np.cos(strike), np.sin(strike), 0])
    down = np.array([-np.cos(dip) * np.sin(strike), np.cos(dip) * np.cos(strike), np.sin(dip)])
    normal = np.array([np.sin(dip) * np.sin(strike), -np.sin(dip) * np.cos(strike), np.cos(dip)])
    centre = rng.uniform(0.15, 0.85, 3) * side
    u, w, distance = (
        np.einsum("i,i...->...", axis.astype(np.float32), x) - np.float32(axis @ centre)
        for axis in (along, down, normal)
    )
    if rng.random() < 0.5:
        half_length, half_height = rng.uniform(0.3, 0.8, 2) * side
        share = np.exp(-((u / half_length) ** 2 + (w / half_height) ** 2) / 2)
    else:
        share = np.clip(0.6 + 0.4 * w / side, 0.2, 1)
    throw = np.exp(rng.uniform(*np.log(variant.throw))) * share
    seen = (np.abs(distance) <= 1) & (throw >= VISIBLE_THROW)
    degrees = np.degrees([strike % np.pi, dip if strike < np.pi else np.pi - dip])
    labels["fsem"][seen] = 1
    labels["fstrike"][seen], labels["fdip"][seen] = degrees / 180
    # Most faults are normal: what lies above them has come down.
    slip = (1 if rng.random() < 0.7 else -1) * throw / np.sin(dip) * (distance < 0)
    x -= down.astype(np.float32)[:, None, None, None] * slip.astype(np.float32)


def _fold(rng: np.random.Generator, x: Array, side: int) -> Array:
    """The vertical shear at points `x`: Gaussian bumps that grow with depth, and a plane."""
    bumps = np.zeros(x.shape[1:], np.float32)
    for _ in range(rng.integers(4, 10)):
        height, width = rng.uniform(-0.15, 0.15) * side, rng.uniform(0.12, 0.35) * side
        centre3, centre2 = rng.uniform(0, side, 2)
        bumps += height * np.exp(
            -((x[0] - centre3) ** 2 + (x[1] - centre2) ** 2) / np.float32(2 * width**2)
        )
    # Steeper, layers would turn over.
    bumps = np.clip(bumps, -0.35 * side, 0.35 * side)
    slope3, slope2 = rng.uniform(-0.2, 0.2, 2)
    depth = np.clip(x[2] / side, 0, 1.5)
    plane: Array = np.float32(slope3) * x[0] + np.float32(slope2) * x[1]
    return plane + np.float32(1.5) * depth * bumps


def _reflectivity(rng: np.random.Generator, top: float, base: float) -> Callable[[Array], Array]:
    """Reflectivity by age: random coefficients at the boundaries of layers of random thickness."""
    ages = np.arange(top - 2, base + 2, 1 / OVERSAMPLING)
    thickness = rng.gamma(2, rng.uniform(1, 3), ages.size) + 1
    boundaries = np.cumsum(thickness) * OVERSAMPLING
    at = boundaries[boundaries < ages.size - 1].astype(int)
    column = np.zeros(ages.size)
    column[at] = rng.uniform(-1, 1, at.size)
    column = gaussian_filter1d(column, 0.5 * OVERSAMPLING)
    return lambda age: np.interp(age, ages, column).astype(np.float32)


def _convolved(reflectivity: Array, frequency: float) -> Array:
    """Traces convolved with a Ricker wavelet of peak `frequency` in cycles a sample."""
    response = np.fft.rfftfreq(reflectivity.shape[-1]) / frequency
    spectrum = np.fft.rfft(reflectivity, axis=-1) * response**2 * np.exp(-(response**2))
    return np.fft.irfft(spectrum, reflectivity.shape[-1], axis=-1).astype(np.float32)
