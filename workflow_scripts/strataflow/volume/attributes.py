"""The five attributes, the tasks that make them, and their form inside a network.

Outside, an attribute is what the files hold. Inside, each is something that a convolution can
predict anywhere: geologic time as the shift of the layers in samples against a flat earth, and
strike and dip as the orientation tensor of the normal (see `angles`).
"""

from __future__ import annotations

import numpy as np

from .orientation import (
    TENSOR_COMPONENTS,
    normal_from_strike_dip,
    orientation_tensor,
    principal_normal,
    strike_dip_from_normal,
)
from .raw import Array

TASKS: dict[str, tuple[str, ...]] = {
    "dhr": ("dhr",),
    "rgt": ("rgt",),
    "fault": ("fsem", "fdip", "fstrike"),
}
ATTRIBUTES: tuple[str, ...] = ("dhr", "rgt", "fsem", "fdip", "fstrike")

# Channels of a task inside a network. The fault's are its probability (as a logit where it comes
# out of a network) and six of the orientation tensor.
CHANNELS: dict[str, int] = {"dhr": 1, "rgt": 1, "fault": 1 + len(TENSOR_COMPONENTS)}

# The spread of the fault probability over the copies that were averaged, which is optional.
SPREAD = "fuse"

# What is picked from faults: their thinned probability, throw in samples and number.
PICKED = ("fthin", "fthrow", "fault_id")

# Attributes that are stored as int32, not float32.
WHOLE_NUMBERS = ("fault_id",)

# A label says that a voxel is a fault where it is at least this.
FAULT_THRESHOLD = 0.5

# A prediction says so where its probability is at least this, unless users choose another one.
PROBABILITY = 0.5

# The shift of the layers in samples that is 1 inside a network.
SHIFT_UNIT = 16.0


def attributes_of(tasks: tuple[str, ...]) -> tuple[str, ...]:
    """Attributes that `tasks` make, in the order of ATTRIBUTES."""
    return tuple(a for a in ATTRIBUTES if any(a in TASKS[task] for task in tasks))


def growth_per_sample(rgt: Array) -> float:
    """Mean growth of geologic time (..., n1) from one sample to the next."""
    return float((rgt[..., -1] - rgt[..., 0]).mean()) / max(rgt.shape[-1] - 1, 1)


def layer_shift(rgt: Array) -> Array:
    """Shift of the layers against a flat earth in units of SHIFT_UNIT samples, mean 0.

    `rgt` (n3, n2, n1), on any scale, is first stretched to grow by one a sample on average, so
    the result does not depend on its scale or offset.
    """
    growth = growth_per_sample(rgt)
    depth = np.arange(rgt.shape[-1], dtype=np.float32)
    shift = rgt / np.float32(growth if growth > 1e-9 else 1.0) - depth
    return ((shift - shift.mean()) / SHIFT_UNIT).astype(np.float32)


def geologic_time(shift: Array, first: int = 0) -> Array:
    """Geologic time in samples from a layer shift (..., n1) whose first sample is at `first`."""
    depth = np.arange(first, first + shift.shape[-1], dtype=np.float32)
    return depth + SHIFT_UNIT * shift


def fault_tensor(
    fsem: Array, fdip: Array, fstrike: Array, probability: float = FAULT_THRESHOLD
) -> Array:
    """Orientation tensors (6, n3, n2, n1), zero off the faults, from the contract's attributes.

    A fault is where `fsem` is at least `probability`, or an angle is not 0.
    """
    tensor = np.zeros((len(TENSOR_COMPONENTS), *fsem.shape), np.float32)
    # Few voxels are faults, and angles of the others take most of the time to read a sample.
    there = (fdip > 0) | (fstrike > 0) | (fsem >= probability)
    normal = normal_from_strike_dip(180 * fstrike[there], 180 * fdip[there])
    tensor[:, there] = orientation_tensor(normal)
    return tensor


def fault_angles(
    fsem: Array, tensor: Array, probability: float = PROBABILITY
) -> tuple[Array, Array]:
    """`fdip` and `fstrike` (shape of `fsem`) from tensors (6, ...): 0 below `probability`."""
    fdip, fstrike = np.zeros_like(fsem), np.zeros_like(fsem)
    fault = fsem >= probability
    if fault.any():
        strike, dip = strike_dip_from_normal(principal_normal(tensor[:, fault]))
        fdip[fault], fstrike[fault] = dip / 180, strike / 180
    return fdip, fstrike


def encode(
    attributes: dict[str, Array], tasks: tuple[str, ...], probability: float = FAULT_THRESHOLD
) -> Array:
    """Input of the refinement network, (channels, n3, n2, n1), from attributes of a cube.

    Faults have an orientation where `fsem` is at least `probability`.
    """
    channels: list[Array] = []
    for task in tasks:
        if task == "dhr":
            channels.append(attributes["dhr"][None])
        elif task == "rgt":
            channels.append(layer_shift(attributes["rgt"])[None])
        else:
            fsem, fdip, fstrike = (attributes[name] for name in TASKS["fault"])
            channels += [fsem[None], fault_tensor(fsem, fdip, fstrike, probability)]
    return np.concatenate(channels).astype(np.float32)


def normalised_geologic_time(age: Array) -> Array:
    """`age` (n3, n2, n1) scaled to 0..1 over the cube: one scale a volume."""
    low, high = float(age.min()), float(age.max())
    return ((age - low) / max(high - low, 1e-9)).astype(np.float32)
