"""Scenarios: ranges and probabilities of random synthetic surveys."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from ..errors import StrataflowError

Range = tuple[float, float]


def _limits(minimum: float, maximum: float, what: str) -> dict[str, Any]:
    return {"minimum": minimum, "maximum": maximum, "what": what}


@dataclass(frozen=True)
class Scenario:
    """Ranges (minimum, maximum) and probabilities of random surveys.

    Raises:
        StrataflowError: A setting is out of its limits, or a maximum is below its minimum. The
            message names the setting.
    """

    faults: Range = field(default=(0, 15), metadata=_limits(0, 60, "number of faults"))
    fault_dip: Range = field(
        default=(30, 89), metadata=_limits(1, 90, "dip of the faults in degrees")
    )
    throw: Range = field(
        default=(0.5, 40),
        metadata=_limits(
            0, 200, "throw at the fault centre in samples; for strike-slip faults, the slip"
        ),
    )
    reverse: float = field(
        default=0.2,
        metadata=_limits(0, 1, "fraction of reverse faults; the rest are normal or strike-slip"),
    )
    strike_slip: float = field(
        default=0.1, metadata=_limits(0, 1, "fraction of strike-slip faults")
    )
    rigid: float = field(
        default=0.0,
        metadata=_limits(0, 1, "fraction of faults that move rigid blocks, without tips or drag"),
    )
    layer_dip: Range = field(
        default=(0, 60), metadata=_limits(0, 70, "maximum dip of the layers in degrees")
    )
    tilt: Range = field(
        default=(0, 0.6),
        metadata=_limits(0, 1, "fraction of the layer dip that is regional tilt, not folds"),
    )
    layer_thickness: Range = field(
        default=(1.2, 7),
        metadata=_limits(1, 50, "mean layer thickness within a package in samples"),
    )
    package: Range = field(
        default=(20, 100),
        metadata=_limits(5, 10000, "thickness of packages of similar layers in samples"),
    )
    unconformity: float = field(
        default=0.35, metadata=_limits(0, 1, "probability of an unconformity")
    )
    channel: float = field(default=0.3, metadata=_limits(0, 1, "probability of channels"))
    frequency: Range = field(
        default=(0.05, 0.2),
        metadata=_limits(0.02, 0.25, "peak frequency in cycles per sample; 0.12 is 30 Hz at 4 ms"),
    )
    noise: Range = field(
        default=(0.03, 1.0), metadata=_limits(0, 10, "ratio of noise RMS to signal RMS")
    )
    lateral_smear: Range = field(
        default=(0.2, 3),
        metadata=_limits(0.01, 20, "lateral smoothing, sigma of a Gaussian in voxels"),
    )
    drag: float = field(
        default=0.3,
        metadata=_limits(0, 1, "fraction of faults with drag"),
    )
    damage: float = field(
        default=0.3,
        metadata=_limits(0, 1, "fraction of faults with a damage zone"),
    )
    clinoform: float = field(default=0.15, metadata=_limits(0, 1, "probability of clinoforms"))
    chaotic: float = field(
        default=0.2,
        metadata=_limits(0, 1, "probability of chaotic bodies, e.g. mass-transport deposits"),
    )
    bright: float = field(
        default=0.25,
        metadata=_limits(0, 1, "probability of bright or dim bodies with sharp edges"),
    )
    collapse: float = field(
        default=0.15, metadata=_limits(0, 1, "probability of round collapses, e.g. above karst")
    )
    sag: float = field(
        default=0.2, metadata=_limits(0, 1, "probability of broad velocity sags and pull-ups")
    )
    bins: Range = field(
        default=(0.6, 1.7),
        metadata=_limits(
            0.2, 5, "relative bin size along each axis; all other settings are for a size of 1"
        ),
    )
    fault_thickness: float = field(
        default=2.0, metadata=_limits(1, 10, "thickness of labelled faults in voxels")
    )
    defects: float = field(
        default=1.0,
        metadata=_limits(
            0, 3, "factor on the probability of each acquisition or processing defect"
        ),
    )

    def __post_init__(self) -> None:
        for setting in fields(self):
            value, limits = getattr(self, setting.name), setting.metadata
            is_number, is_range = (
                isinstance(value, (int, float)),
                isinstance(setting.default, tuple),
            )
            values = (value,) if is_number else tuple(value)
            if is_number == is_range or len(values) > 2:
                expected = "minimum and maximum" if is_range else "one number"
                given = " ".join(map(str, values))
                raise StrataflowError(f"{setting.name}: expected {expected}, got {given}")
            if list(values) != sorted(values):
                raise StrataflowError(
                    f"{setting.name}: expected minimum <= maximum, got {value[0]} {value[1]}"
                )
            for number in values:
                if not limits["minimum"] <= number <= limits["maximum"]:
                    raise StrataflowError(
                        f"{setting.name}: expected {limits['minimum']} to {limits['maximum']}, "
                        f"got {number}"
                    )
        if self.reverse + self.strike_slip > 1:
            raise StrataflowError(
                "reverse and strike_slip: expected a sum of at most 1, "
                f"got {self.reverse} + {self.strike_slip}"
            )


# The default scenario.
ANYTHING = Scenario()


def scenario_schema() -> dict[str, Any]:
    """JSON schema of the settings of a scenario, all of them optional."""
    properties: dict[str, Any] = {}
    for setting in fields(Scenario):
        limits = setting.metadata
        number = {"type": "number", "minimum": limits["minimum"], "maximum": limits["maximum"]}
        if isinstance(setting.default, tuple):
            number = {"type": "array", "minItems": 2, "maxItems": 2, "items": number}
        properties[setting.name] = {**number, "description": limits["what"]}
    return {"type": "object", "additionalProperties": False, "properties": properties}
