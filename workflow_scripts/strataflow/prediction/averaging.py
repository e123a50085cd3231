"""Copies of a survey whose predictions are averaged: mirrored, turned and resampled ones.

The mean over a set of copies that belongs to a group of symmetries has these symmetries itself,
which no trained network has exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import StrataflowError

# Resampled further than this, a survey is unlike all that the networks have learned from.
MIN_FACTOR, MAX_FACTOR = 0.5, 2.0


@dataclass(frozen=True)
class Symmetry:
    """A copy: mirrored along axes, then with its horizontal axes swapped.

    Attributes:
        mirrored: Axes that are reversed, 0 for n3 and 1 for n2.
        swapped: Whether n3 and n2 change places. A quarter turn is such a swap and a mirror.
        reversed_polarity: Whether amplitudes change their sign.
    """

    mirrored: tuple[int, ...] = ()
    swapped: bool = False
    reversed_polarity: bool = False

    @property
    def inverse(self) -> Symmetry:
        """The copy of this copy that is the original."""
        mirrored = tuple(1 - axis for axis in self.mirrored) if self.swapped else self.mirrored
        return Symmetry(mirrored, self.swapped, self.reversed_polarity)


# Each number of them is a group: the half turn; both mirrors; quarter turns; either polarity.
SYMMETRIES: tuple[Symmetry, ...] = tuple(
    Symmetry(mirrored, swapped, reversed_polarity)
    for reversed_polarity in (False, True)
    for swapped in (False, True)
    for mirrored in ((), (0, 1), (0,), (1,))
)
NUMBERS_OF_SYMMETRIES = (1, 2, 4, 8, 16)


@dataclass(frozen=True)
class Scale:
    """Factors by which a copy has more samples (`vertical`) and lines (`lateral`)."""

    vertical: float = 1.0
    lateral: float = 1.0

    @property
    def factors(self) -> tuple[float, float, float]:
        """Along (n3, n2, n1)."""
        return (self.lateral, self.lateral, self.vertical)


ORIGINAL = Scale()


@dataclass(frozen=True)
class Averaging:
    """Which copies of the input are predicted and averaged.

    All symmetries are taken at each scale. Geologic time and the denoised image are the mean over
    the symmetries at the original scale, the fault's attributes that over all copies.

    Attributes:
        symmetries: How many of SYMMETRIES, one of NUMBERS_OF_SYMMETRIES.
        scales: The original scale first, then others.
        uncertainty: Whether the spread of the fault probability over the copies is written too.
    """

    symmetries: int = 1
    scales: tuple[Scale, ...] = (ORIGINAL,)
    uncertainty: bool = False

    @classmethod
    def of(
        cls, symmetries: int, scales: Sequence[float | Sequence[float]], uncertainty: bool
    ) -> Averaging:
        """From settings as users write them; scales are factors or [vertical, lateral].

        Raises:
            StrataflowError: Names the setting that makes no sense, and what is expected.
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
        """How many predictions are averaged."""
        return self.symmetries * len(self.scales)

    @property
    def cost(self) -> float:
        """Voxels of all copies over those of the original."""
        voxels = sum(scale.vertical * scale.lateral**2 for scale in self.scales)
        return self.symmetries * voxels

    def require_faults(self, tasks: tuple[str, ...]) -> None:
        """Raise StrataflowError for settings that say nothing where faults are not predicted."""
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
    *most, last = map(str, numbers)
    return f"{', '.join(most)} or {last}"


# No averaging: the prediction of the input itself.
ONE_COPY = Averaging()
