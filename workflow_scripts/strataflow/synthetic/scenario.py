"""What may happen in a synthetic survey: ranges and probabilities to draw from."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from ..errors import StrataflowError

Range = tuple[float, float]


def _limits(least: float, most: float, what: str) -> dict[str, Any]:
    return {"least": least, "most": most, "what": what}


@dataclass(frozen=True)
class Scenario:
    """Ranges and probabilities that random surveys are drawn from.

    Raises StrataflowError, which names the setting, for ranges that are turned over and for
    values out of their limits.
    """

    faults: Range = field(default=(0, 15), metadata=_limits(0, 60, "number of faults"))
    fault_dip: Range = field(
        default=(30, 89), metadata=_limits(1, 90, "dip of the faults in degrees")
    )
    throw: Range = field(
        default=(0.5, 40),
        metadata=_limits(
            0, 200, "throw at the centre of faults in samples; of strike-slip, the slip"
        ),
    )
    reverse: float = field(
        default=0.2,
        metadata=_limits(0, 1, "share of faults that are reverse; those of no kind are normal"),
    )
    strike_slip: float = field(
        default=0.1, metadata=_limits(0, 1, "share of faults that slip along strike")
    )
    rigid: float = field(
        default=0.0,
        metadata=_limits(
            0, 1, "share of faults along which blocks move as one, without tips or drag"
        ),
    )
    layer_dip: Range = field(
        default=(0, 60), metadata=_limits(0, 70, "steepest dip of the layers in degrees")
    )
    tilt: Range = field(
        default=(0, 0.6),
        metadata=_limits(0, 1, "share of that dip that is the same everywhere, not of folds"),
    )
    layer_thickness: Range = field(
        default=(1.2, 7),
        metadata=_limits(1, 50, "mean thickness of the layers of a package in samples"),
    )
    package: Range = field(
        default=(20, 100),
        metadata=_limits(5, 10000, "thickness of packages of like layers in samples"),
    )
    unconformity: float = field(
        default=0.35, metadata=_limits(0, 1, "probability of an unconformity")
    )
    channel: float = field(default=0.3, metadata=_limits(0, 1, "probability of channels"))
    frequency: Range = field(
        default=(0.05, 0.2),
        metadata=_limits(0.02, 0.25, "peak frequency in cycles a sample; 0.12 is 30 Hz at 4 ms"),
    )
    noise: Range = field(
        default=(0.03, 1.0), metadata=_limits(0, 10, "RMS of the noise over that of the signal")
    )
    lateral_smear: Range = field(
        default=(0.2, 3),
        metadata=_limits(0.01, 20, "loss of lateral resolution, sigma of a Gaussian in voxels"),
    )
    drag: float = field(
        default=0.3,
        metadata=_limits(0, 1, "share of faults that bend layers beside them as well"),
    )
    damage: float = field(
        default=0.3,
        metadata=_limits(0, 1, "share of faults with a zone of crushed layers about them"),
    )
    clinoform: float = field(
        default=0.15, metadata=_limits(0, 1, "probability of clinoforms, layers that build out")
    )
    chaotic: float = field(
        default=0.2,
        metadata=_limits(0, 1, "probability of chaotic bodies, such as mass-transport deposits"),
    )
    bright: float = field(
        default=0.25,
        metadata=_limits(0, 1, "probability of bodies with sharp edges that are bright or dim"),
    )
    collapse: float = field(
        default=0.15, metadata=_limits(0, 1, "probability of round collapses, as above karst")
    )
    sag: float = field(
        default=0.2, metadata=_limits(0, 1, "probability of broad sags and pull-ups of velocity")
    )
    bins: Range = field(
        default=(0.6, 1.7),
        metadata=_limits(
            0.2, 5, "length of a bin over that for which all other settings are, along each axis"
        ),
    )
    fault_thickness: float = field(
        default=2.0, metadata=_limits(1, 10, "thickness of labelled faults in voxels")
    )
    defects: float = field(
        default=1.0,
        metadata=_limits(
            0, 3, "factor on the probability of each defect of acquisition and processing"
        ),
    )

    def __post_init__(self) -> None:
        for setting in fields(self):
            value, limits = getattr(self, setting.name), setting.metadata
            values = (value,) if isinstance(value, (int, float)) else tuple(value)
            if list(values) != sorted(values):
                raise StrataflowError(
                    f"{setting.name}: {value[0]} to {value[1]}: the smaller number comes first"
                )
            for number in values:
                if not limits["least"] <= number <= limits["most"]:
                    raise StrataflowError(
                        f"{setting.name}: {number} is not in {limits['least']} to {limits['most']}"
                    )
        if self.reverse + self.strike_slip > 1:
            raise StrataflowError(
                f"reverse and strike_slip: {self.reverse} + {self.strike_slip} is more than 1"
            )


# What happens where nothing else is asked for.
ANYTHING = Scenario()
