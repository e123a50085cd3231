"""Random fault systems: sets, conjugate sets, relays, splays and abutting faults.

The numbers come from reviews of field data. Fault length is ten to several hundred times the slip
(Kim and Sanderson, 2005, Earth-Sci. Rev. 68). Faults of a set differ in strike and dip by a few
degrees. Fault segments overlap at their tips by a fraction of their length (Peacock and Sanderson,
1991, J. Struct. Geol. 13). Younger faults often abut against older ones (Nixon et al., 2014,
J. Struct. Geol. 66).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..volume.raw import Array
from .events import Fault
from .scenario import Scenario

# Styles of fault systems, with their probabilities; `conjugate` is a conjugate set.
STYLES = {"set": 0.3, "conjugate": 0.2, "relay": 0.2, "scattered": 0.2, "polygonal": 0.1}

# Fraction of faults with a kind (normal, reverse, strike-slip) drawn anew.
OTHER_KIND = 0.15

# Fraction of faults that abut against an older fault.
ABUTTING = 0.3


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Log-uniform random number between `low` and `high`."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def random_count(rng: np.random.Generator, minimum: int, maximum: int) -> int:
    """Random number of faults, log-uniform above `minimum`: few in most surveys, many in some."""
    return minimum + int(log_uniform(rng, 1.0, maximum - minimum + 2.0 - 1e-9)) - 1


def random_faults(
    rng: np.random.Generator, shape: tuple[float, float, float], count: int, scenario: Scenario
) -> list[Fault]:
    """Draw a random fault system.

    Args:
        rng: Random generator.
        shape: Extent of the survey (n3, n2, n1) in voxels.
        count: Number of faults.
        scenario: Ranges of the random parameters.

    Returns:
        Faults, oldest first.
    """
    style = str(rng.choice(list(STYLES), p=list(STYLES.values())))
    regional = _Regional(
        strike=float(rng.uniform(0, 360)),
        dip=float(rng.uniform(*scenario.fault_dip)),
        kind=_kind(rng, scenario),
        shape=shape,
        scenario=scenario,
    )
    faults: list[Fault] = []
    while len(faults) < count:
        if faults and style != "polygonal" and rng.random() < ABUTTING:
            faults.append(_abutting(rng, regional, faults))
        elif style == "relay":
            faults += _relay(rng, regional)
        else:
            faults.append(_single(rng, regional, style))
    return faults[:count]


@dataclass(frozen=True)
class _Regional:
    """Common properties of the faults of a survey; angles in degrees, `shape` (n3, n2, n1)."""

    strike: float
    dip: float
    kind: str
    shape: tuple[float, float, float]
    scenario: Scenario


def _kind(rng: np.random.Generator, scenario: Scenario) -> str:
    drawn = rng.random()
    if drawn < scenario.strike_slip:
        return "strike-slip"
    return "reverse" if drawn < scenario.strike_slip + scenario.reverse else "normal"


def _single(rng: np.random.Generator, regional: _Regional, style: str) -> Fault:
    """A single fault at a random position."""
    scenario = regional.scenario
    strike, dip = regional.strike + rng.normal(0, 8), regional.dip + rng.normal(0, 5)
    if style in ("scattered", "polygonal"):
        strike, dip = rng.uniform(0, 360), rng.uniform(*scenario.fault_dip)
    elif rng.random() < (0.5 if style == "conjugate" else 0.1):
        strike += 180
    fault = _fault(rng, regional, strike, dip, _anywhere(rng, regional.shape))
    if style == "polygonal" and not _is_rigid(fault, regional):
        # Polygonal faults: short, of all strikes, in one interval (Cartwright, 1994, Geology 22).
        size = float(rng.uniform(14, 40))
        slip = _allowed_slip(min(fault.slip, 0.4 * size), fault.dip, fault.kind, scenario)
        height = float(rng.uniform(0.4, 0.9) * size)
        fault = replace(fault, half_length=size, half_height=height, slip=slip, listric=0.0)
    return fault


def _anywhere(
    rng: np.random.Generator, shape: tuple[float, float, float]
) -> tuple[float, float, float]:
    n3, n2, n1 = shape
    return (
        float(rng.uniform(0.02, 0.98) * n3),
        float(rng.uniform(0.02, 0.98) * n2),
        float(rng.uniform(0.05, 0.95) * n1),
    )


def _fault(
    rng: np.random.Generator,
    regional: _Regional,
    strike: float,
    dip: float,
    centre: tuple[float, float, float],
    slip: float | None = None,
) -> Fault:
    """A fault at `centre` whose size scales with its slip in samples; None draws the slip."""
    scenario = regional.scenario
    dip = float(np.clip(dip, *scenario.fault_dip))
    kind = regional.kind if rng.random() > OTHER_KIND else _kind(rng, scenario)
    if slip is None:
        slip = log_uniform(rng, max(scenario.throw[0], 1e-3), max(scenario.throw[1], 1e-3))
        if kind != "strike-slip":
            slip /= float(np.sin(np.radians(dip)))
    slip = _allowed_slip(slip, dip, kind, scenario)
    rake = {"normal": 90.0, "reverse": -90.0, "strike-slip": float(rng.choice([0.0, 180.0]))}[kind]
    largest = 3.0 * max(regional.shape)
    half_length = float(np.clip(slip / (2 * log_uniform(rng, 0.003, 0.1)), 16, largest))
    half_height = float(half_length * rng.uniform(0.5, 1.0))
    wavelength = float(rng.uniform(60, 200))
    fault = Fault(
        centre=centre,
        strike=float(strike % 360),
        dip=dip,
        slip=float(slip),
        rake=rake + float(rng.normal(0, 10)),
        half_length=half_length,
        half_height=half_height,
        listric=_random_listric(rng, dip, half_height),
        undulation=float(rng.uniform(0, 0.03) * wavelength) if rng.random() < 0.5 else 0.0,
        wavelength=wavelength,
        phase=float(rng.uniform(0, 2 * np.pi)),
        growth=float(rng.uniform(0, 0.9)) if rng.random() < 0.3 else 0.0,
        reach=float(rng.uniform(0.8, 4.0) * half_height),
        drag=float(rng.uniform(0.1, 0.5)) if rng.random() < scenario.drag else 0.0,
        drag_width=float(rng.uniform(3, 15)),
        damage=log_uniform(rng, 1.5, 8.0) if rng.random() < scenario.damage else 0.0,
    )
    if scenario.rigid and rng.random() < scenario.rigid:
        far = 30.0 * largest
        fault = replace(
            fault, half_length=far, half_height=far, reach=far, growth=0.0, drag=0.0, damage=0.0
        )
    return fault


def _allowed_slip(slip: float, dip: float, kind: str, scenario: Scenario) -> float:
    """Limit `slip` in samples to the throws of the scenario."""
    factor = 1.0 if kind == "strike-slip" else 1 / float(np.sin(np.radians(dip)))
    return float(np.clip(slip, factor * scenario.throw[0], factor * scenario.throw[1]))


def _is_rigid(fault: Fault, regional: _Regional) -> bool:
    """Whether `fault` moves rigid blocks, because its tips lie far outside the survey."""
    return fault.half_length > 20 * max(regional.shape)


def _random_listric(rng: np.random.Generator, dip: float, half_height: float) -> float:
    """Listric curvature of 30 % of the faults: 5 to 40 degrees over the half height or 128 voxels.

    The dip at the top stays below 90 degrees.
    """
    turn = min(rng.uniform(5, 40), 88 - dip)
    if rng.random() > 0.3 or turn <= 0:
        return 0.0
    return float(np.tan(np.radians(turn)) / min(half_height, 128.0))


def _relay(rng: np.random.Generator, regional: _Regional) -> list[Fault]:
    """A relay: two to four en echelon segments with overlapping tips, similar strike and slip."""
    first = _fault(
        rng,
        regional,
        regional.strike + rng.normal(0, 8),
        regional.dip + rng.normal(0, 5),
        _anywhere(rng, regional.shape),
    )
    extent = max(regional.shape[:2])
    if _is_rigid(first, regional):
        # Faults of rigid blocks have no tips.
        return [first]
    half_length = float(np.clip(first.half_length, 0.2 * extent, 0.7 * extent))
    first = replace(first, half_length=half_length, half_height=max(first.half_height, half_length))
    along, _, normal = first.frame()
    step = float(rng.choice([-1, 1]) * rng.uniform(5, 25))
    overlap = rng.uniform(0.1, 0.5)
    segments = [first]
    for number in range(1, int(rng.integers(2, 5))):
        moved = number * 2 * half_length * (1 - overlap) * along + number * step * normal
        centre = np.array(first.centre) + moved
        slip = first.slip * float(rng.uniform(0.6, 1.2))
        segments.append(
            replace(
                first,
                centre=(float(centre[0]), float(centre[1]), float(centre[2])),
                strike=float((first.strike + rng.normal(0, 5)) % 360),
                slip=_allowed_slip(slip, first.dip, first.kind, regional.scenario),
                phase=float(rng.uniform(0, 2 * np.pi)),
            )
        )
    return segments


def _abutting(rng: np.random.Generator, regional: _Regional, faults: list[Fault]) -> Fault:
    """A smaller fault that abuts against one of `faults`: a splay or an antithetic fault."""
    slips = np.array([abs(fault.slip) for fault in faults])
    host = faults[int(rng.choice(len(faults), p=slips / slips.sum()))]
    # Mostly in the hanging wall, where distances are negative.
    side = -1 if rng.random() < 0.7 else 1
    antithetic = rng.random() < 0.5
    strike = host.strike + (180 if antithetic else 0) + rng.choice([-1, 1]) * rng.uniform(0, 40)
    dip = host.dip + rng.normal(0, 8)
    along, down, normal = host.frame()
    reach = [0.7 * min(host.half_length, 0.5 * max(regional.shape)), 0.35 * regional.shape[2]]
    place: Array = np.array(host.centre, np.float32)
    place = place + rng.uniform(-1, 1) * reach[0] * along + rng.uniform(-1, 1) * reach[1] * down
    place = place + side * rng.uniform(5, 40) * normal
    centre = (float(place[0]), float(place[1]), float(place[2]))
    slip = abs(host.slip) * float(rng.uniform(0.2, 0.8))
    fault = _fault(rng, regional, float(strike), float(dip), centre, slip)
    if host.host is not None or _is_rigid(host, regional):
        # Faults of rigid blocks, and faults of a third generation, cross instead.
        return fault
    return replace(fault, host=host, side=side)
