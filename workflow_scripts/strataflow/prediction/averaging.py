"""Test-time augmentation: average the predictions of mirrored, rotated and resampled copies.

The mean over a group of symmetries is exactly equivariant under these symmetries. A trained network
is so only approximately.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import StrataflowError

# Stronger resampling leads outside the training distribution.
MIN_FACTOR, MAX_FACTOR = 0.5, 2.0


@dataclass(frozen=True)
class Symmetry:
    """A symmetry: reverse axes, then swap the horizontal axes.

    Attributes:
        mirrored: Axes that are reversed, 0 for n3 and 1 for n2.
        swapped: Whether n3 and n2 are swapped. A rotation by 90 degrees is a swap and a mirror.
        reversed_polarity: Whether amplitudes change sign.
    """

    mirrored: tuple[int, ...] = ()
    swapped: bool = False
    reversed_polarity: bool = False

    @property
    def inverse(self) -> Symmetry:
        """The symmetry that undoes this one."""
        mirrored = tuple(1 - axis for axis in self.mirrored) if self.swapped else self.mirrored
        return Symmetry(mirrored, self.swapped, self.reversed_polarity)


# The first 1, 2, 4, 8 or 16 form a group. Each step adds: rotation by 180 degrees, mirrors,
# rotations by 90 degrees, reversed polarity.
SYMMETRIES: tuple[Symmetry, ...] = tuple(
    Symmetry(mirrored, swapped, reversed_polarity)
    for reversed_polarity in (False, True)
    for swapped in (False, True)
    for mirrored in ((), (0, 1), (0,), (1,))
)
NUMBERS_OF_SYMMETRIES = (1, 2, 4, 8, 16)


@dataclass(frozen=True)
class Scale:
    """Factors on the number of samples (`vertical`) and of lines (`lateral`) of a copy."""

    vertical: float = 1.0
    lateral: float = 1.0

    @property
    def factors(self) -> tuple[float, float, float]:
        """Factors along (n3, n2, n1)."""
        return (self.lateral, self.lateral, self.vertical)


ORIGINAL = Scale()


@dataclass(frozen=True)
class Averaging:
    """Copies of the input whose predictions are averaged.

    Each scale has all symmetries. The mean of RGT and of the denoised image is over the symmetries
    at the original scale, the mean of the fault attributes over all copies.

    Attributes:
        symmetries: Number of SYMMETRIES, one of NUMBERS_OF_SYMMETRIES.
        scales: The original scale first, then the others.
        uncertainty: Whether to write the spread of the fault probability over the copies.
    """

    symmetries: int = 1
    scales: tuple[Scale, ...] = (ORIGINAL,)
    uncertainty: bool = False

    @classmethod
    def of(
        cls, symmetries: int, scales: Sequence[float | Sequence[float]], uncertainty: bool
    ) -> Averaging:
        """Build from user settings.

        Args:
            symmetries: Number of symmetries.
            scales: Factors, or pairs [vertical, lateral]; 1 must be among them.
            uncertainty: Whether to write the spread of the fault probability.

        Raises:
            StrataflowError: A setting is invalid. The message names it and the expected values.
        """
        chosen = [_scale(factor) for factor in scales]
        if ORIGINAL not in chosen or len(set(chosen)) < len(chosen):
            raise StrataflowError(
                f"scales: expected different factors that include 1, got {scales}"
            )
        others = tuple(scale for scale in chosen if scale != ORIGINAL)
        return cls(symmetries, (ORIGINAL, *others), uncertainty)

    def __post_init__(self) -> None:
        if self.symmetries not in NUMBERS_OF_SYMMETRIES:
            raise StrataflowError(
                f"symmetries: expected {_listed(NUMBERS_OF_SYMMETRIES)}, got {self.symmetries}"
            )
        if self.uncertainty and self.copies == 1:
            raise StrataflowError(
                "uncertainty: requires at least two copies, got one; "
                "set symmetries to at least 2, or give several scales"
            )

    @property
    def copies(self) -> int:
        """Number of predictions that are averaged."""
        return self.symmetries * len(self.scales)

    @property
    def cost(self) -> float:
        """Number of voxels of all copies, relative to the original."""
        voxels = sum(scale.vertical * scale.lateral**2 for scale in self.scales)
        return self.symmetries * voxels

    def require_faults(self, tasks: tuple[str, ...]) -> None:
        """Raise StrataflowError for settings that apply to faults only, if these are off."""
        if "fault" in tasks:
            return
        for name, on in (("scales", len(self.scales) > 1), ("uncertainty", self.uncertainty)):
            if on:
                raise StrataflowError(f"{name}: applies to faults only, but the fault task is off")


def _scale(given: float | Sequence[float]) -> Scale:
    factors = [given, given] if isinstance(given, (int, float)) else list(given)
    numbers = all(type(factor) in (int, float) for factor in factors)
    if (
        len(factors) != 2
        or not numbers
        or not MIN_FACTOR <= min(factors) <= max(factors) <= MAX_FACTOR
    ):
        raise StrataflowError(
            f"scales: expected factors from {MIN_FACTOR:g} to {MAX_FACTOR:g}, "
            f"or pairs of them (vertical, lateral), got {given}"
        )
    return Scale(float(factors[0]), float(factors[1]))


def _listed(numbers: tuple[int, ...]) -> str:
    *first, last = map(str, numbers)
    return f"{', '.join(first)} or {last}"


# No averaging.
ONE_COPY = Averaging()
