"""What the layers consist of: impedance by age, channels, clinoforms and other bodies.

Ages are in samples of deposited thickness, lengths in voxels, angles in degrees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..volume.raw import Array
from .events import Wave

# Entries per sample of the table of integrated layers.
TABLE_DENSITY = 8

# Minimum age interval over which layers are averaged; samples in a fault may span less.
MIN_THICKNESS = 0.05


@dataclass(frozen=True)
class Layers:
    """Layers by age.

    Attributes:
        boundaries: Increasing ages of the layer boundaries.
        log_impedance: Log impedance of each layer.
        variation: Relative lateral variation of the log impedance of each layer.
        lateral: Waves of the lateral variation, with a sum of at most 1.
    """

    boundaries: NDArray[np.float64]
    log_impedance: NDArray[np.float64]
    variation: NDArray[np.float64]
    lateral: tuple[Wave, ...] = ()


class LayerTable:
    """Integrals of layers over age, which give exact means over samples.

    Point values would alias dipping layers into steps.
    """

    def __init__(self, layers: Layers) -> None:
        bounds = layers.boundaries
        self.start = np.float32(bounds[0])
        self.lateral = layers.lateral
        ages = np.arange(bounds[0], bounds[-1], 1 / TABLE_DENSITY)
        self.tables = []
        for values in (layers.log_impedance, layers.log_impedance * layers.variation):
            integral = np.concatenate([[0.0], np.cumsum(values * np.diff(bounds))])
            table = np.interp(ages, bounds, integral)
            self.tables.append((table.astype(np.float32), np.diff(table).astype(np.float32)))

    def mean(self, age: Array, x: Array) -> Array:
        """Mean log impedance over the samples of `age` (n3, n2, n1) that formed at `x` (3, N)."""
        edges = np.empty((*age.shape[:2], age.shape[2] + 1), np.float32)
        edges[..., 1:-1] = 0.5 * (age[..., 1:] + age[..., :-1])
        edges[..., 0] = 2 * edges[..., 1] - edges[..., 2]
        edges[..., -1] = 2 * edges[..., -2] - edges[..., -3]
        thickness = np.diff(edges, axis=-1)
        thin = np.abs(thickness) < MIN_THICKNESS
        if thin.any():
            thickness[thin] = MIN_THICKNESS
        place = (edges - self.start) * np.float32(TABLE_DENSITY)
        np.clip(place, 0, len(self.tables[0][1]) - 1, out=place)
        low = place.astype(np.int32)
        place -= low
        mean = self._average(0, low, place, thickness)
        if self.lateral:
            x3, x2 = x[0].reshape(age.shape), x[1].reshape(age.shape)
            share = sum(wave.at(x3, x2) for wave in self.lateral)
            mean += share * self._average(1, low, place, thickness)
        return mean

    def _average(self, which: int, low: NDArray[np.int32], part: Array, thickness: Array) -> Array:
        table, step = self.tables[which]
        summed = table[low] + part * step[low]
        return np.diff(summed, axis=-1) / thickness


@dataclass(frozen=True)
class Turbulence:
    """A rough field with about unit variance: sines with `wavevectors` (K, 3) in radians."""

    wavevectors: NDArray[np.float32]
    phases: NDArray[np.float32]

    def at(self, x: Array) -> Array:
        """Value of the field (N,) at points `x` (3, N)."""
        turns = self.wavevectors @ x + self.phases[:, None]
        field: Array = np.sin(turns, out=turns).sum(0) * np.float32((2 / len(turns)) ** 0.5)
        return field


@dataclass(frozen=True)
class Clinoforms:
    """Layers that prograde along `azimuth` between the ages `age` and `age + thickness`.

    A fraction `share` of the thickness is deposited by progradation, over `length` voxels about
    `centre` (n3, n2), and the rest by aggradation. The layers end at both bounding layers by toplap
    and downlap.
    """

    age: float
    thickness: float
    centre: tuple[float, float]
    azimuth: float
    length: float
    share: float

    def lay(self, age: Array, x: Array) -> tuple[NDArray[np.intp], Array, Array]:
        """Find the points in the clinoforms and their ages.

        Args:
            age: Ages (N,).
            x: Positions of deposition (3, N).

        Returns:
            Indices of the points inside, their ages in the clinoforms, and the ages at which their
            layers are looked up.
        """
        inside = np.flatnonzero((age >= self.age) & (age < self.age + self.thickness))
        turn = np.radians(self.azimuth)
        up = (age[inside] - np.float32(self.age)) / np.float32(self.thickness)
        # Sigmoids: low dips at the bounding layers and higher ones between them.
        up += np.float32(0.1) * np.sin(np.float32(2 * np.pi) * up)
        front = np.cos(turn) * (x[0][inside] - self.centre[0])
        front += np.sin(turn) * (x[1][inside] - self.centre[1])
        front = np.clip(front / np.float32(self.length) + np.float32(0.5), 0, 1)
        laid = (1 - self.share) * up + self.share * front
        within = np.float32(self.thickness) * laid.astype(np.float32)
        return inside, self.age + within, self.age + within / np.float32(1 - self.share)


@dataclass(frozen=True)
class Body:
    """A lens between the ages `age` and `age + thickness` with a different interior.

    Attributes:
        age: Youngest age of the lens.
        thickness: Range of ages.
        centre: Centre (n3, n2).
        radii: Radii along its two axes.
        azimuth: Rotation of the axes in degrees.
        roughness: Random displacement of the layers inside, in samples; it makes them chaotic,
            like a mass-transport deposit.
        log_impedance: Added to the log impedance inside, for gas or another lithology.
    """

    age: float
    thickness: float
    centre: tuple[float, float]
    radii: tuple[float, float]
    azimuth: float
    roughness: float = 0.0
    log_impedance: float = 0.0

    def inside(self, age: Array, x: Array) -> NDArray[np.intp]:
        """Indices of the points of `age` (N,), deposited at `x` (3, N), that lie in the lens."""
        near = np.flatnonzero((age > self.age) & (age < self.age + self.thickness))
        turn = np.radians(self.azimuth)
        dx3, dx2 = x[0][near] - self.centre[0], x[1][near] - self.centre[1]
        along = np.cos(turn) * dx3 + np.sin(turn) * dx2
        across = np.cos(turn) * dx2 - np.sin(turn) * dx3
        away = np.square(along / self.radii[0]) + np.square(across / self.radii[1])
        # The lens thins towards its edge.
        share = (age[near] - self.age) / self.thickness
        return near[away + np.square(share) < 1]


def fill_bodies(bodies: Sequence[Body], age: Array, log_impedance: Array, x: Array) -> None:
    """Add the impedance of `bodies` to `log_impedance` (n3, n2, n1), in place; `age` is (N,)."""
    for body in bodies:
        if body.log_impedance:
            inside = body.inside(age, x)
            log_impedance.reshape(-1)[inside] += np.float32(body.log_impedance)


@dataclass(frozen=True)
class Channel:
    """A meandering channel that was cut into the surface at `age` and then filled.

    The centreline is a sine along `azimuth` (degrees from n3) through `centre` (n3, n2), with
    amplitude `swing`. The cross-section is a parabola of `depth` samples and `half_width` voxels.
    """

    age: float
    centre: tuple[float, float]
    azimuth: float
    swing: float
    wavelength: float
    half_width: float
    depth: float
    log_impedance: float

    def cut(self, x3: Array, x2: Array) -> Array:
        """Depth of the cut (N,) in samples at the positions `x3`, `x2`; at most 0 outside."""
        turn = np.radians(self.azimuth)
        dx3, dx2 = x3 - np.float32(self.centre[0]), x2 - np.float32(self.centre[1])
        along = np.float32(np.cos(turn)) * dx3 + np.float32(np.sin(turn)) * dx2
        across = np.float32(np.cos(turn)) * dx2 - np.float32(np.sin(turn)) * dx3
        wavenumber = np.float32(2 * np.pi / self.wavelength)
        slope = self.swing * wavenumber * np.cos(wavenumber * along)
        off = (across - self.swing * np.sin(wavenumber * along)) / np.sqrt(1 + slope**2)
        return np.float32(self.depth) * (1 - np.square(off / np.float32(self.half_width)))


def fill_channels(channels: Sequence[Channel], age: Array, log_impedance: Array, x: Array) -> None:
    """Cut channels into `age` and `log_impedance` (n3, n2, n1), in place; youngest first."""
    for channel in sorted(channels, key=lambda channel: channel.age):
        below = age.ravel() - np.float32(channel.age)
        index = np.flatnonzero((below > -1) & (below < channel.depth + 1))
        below = below[index]
        cut = channel.cut(x[0][index], x[1][index])
        # Fraction of each sample that is fill, for smooth channel banks.
        cover = np.clip(cut - below + 0.5, 0, 1) * np.clip(below + 0.5, 0, 1) * (cut > 0)
        flat_age, flat_impedance = age.reshape(-1), log_impedance.reshape(-1)
        flat_impedance[index] += cover * (np.float32(channel.log_impedance) - flat_impedance[index])
        # All fill has about the same age, which increases slightly downward.
        filled = (below > 0) & (below < cut)
        flat_age[index[filled]] = channel.age + 0.01 * below[filled]
