"""The five attributes, the tasks that predict them, and their encoding for the networks.

Files hold the attributes as users read them. The networks use an encoding that a convolution can
predict at any position: RGT becomes the shift of the layers in samples relative to flat layers.
Strike and dip become the orientation tensor of the fault normal (see `orientation`).
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

# Network channels of each task. The fault task has the probability (a logit in network outputs)
# and the six components of the orientation tensor.
CHANNELS: dict[str, int] = {"dhr": 1, "rgt": 1, "fault": 1 + len(TENSOR_COMPONENTS)}

# Optional attribute: spread of the fault probability over the averaged copies.
SPREAD = "fuse"

# Optional attribute: confidence of the fitted RGT, from 0 to 1.
CONFIDENCE = "crgt"

# Volumes of picked faults: thinned probability, throw in samples, fault number.
FAULT_ID = "fault_id"
PICKED = ("fthin", "fthrow", FAULT_ID)

# All volumes of a prediction that may be delivered, without the flattened ones.
DELIVERABLE = (*ATTRIBUTES, SPREAD, CONFIDENCE, *PICKED)

# Amplitudes over geologic time; flattened on horizon 3 they are flat_03.
FLAT = "flat"

# Those of them that the labels of synthetic surveys have too.
TRUTH = (FAULT_ID, "fthrow")

# Attributes that are stored as int32, not float32.
WHOLE_NUMBERS = (FAULT_ID,)

# Minimum value at which a label marks a fault.
FAULT_THRESHOLD = 0.5

# Default minimum probability at which a predicted voxel counts as a fault.
PROBABILITY = 0.5

# Layer shift in samples that the networks represent as 1.
SHIFT_UNIT = 16.0


def attributes_of(tasks: tuple[str, ...]) -> tuple[str, ...]:
    """Attributes that `tasks` predict, in the order of ATTRIBUTES."""
    return tuple(a for a in ATTRIBUTES if any(a in TASKS[task] for task in tasks))


def growth_per_sample(rgt: Array) -> float:
    """Mean increase of RGT (..., n1) from one sample to the next; NaN values do not count."""
    if np.isnan(rgt).any():
        steps = np.diff(rgt, axis=-1)
        known = np.isfinite(steps)
        return float(steps[known].mean()) if known.any() else 0.0
    return float((rgt[..., -1] - rgt[..., 0]).mean()) / max(rgt.shape[-1] - 1, 1)


def layer_shift(rgt: Array) -> Array:
    """Encode RGT as the shift of the layers relative to flat layers.

    RGT is first scaled to increase by one per sample on average, so that the result does not
    depend on its scale or offset.

    Args:
        rgt: RGT (n3, n2, n1) on any scale, NaN where unknown.

    Returns:
        Shift (n3, n2, n1) in units of SHIFT_UNIT samples, with mean 0; float32.
    """
    growth = growth_per_sample(rgt)
    depth = np.arange(rgt.shape[-1], dtype=np.float32)
    shift = rgt / np.float32(growth if growth > 1e-9 else 1.0) - depth
    unknown = np.isnan(shift)
    if unknown.any():
        middle = shift[~unknown].mean() if not unknown.all() else np.float32(0)
    else:
        middle = shift.mean()
    return ((shift - middle) / SHIFT_UNIT).astype(np.float32)


def geologic_time(shift: Array, first: int = 0) -> Array:
    """RGT in samples from a layer shift (..., n1) whose first sample has the index `first`."""
    depth = np.arange(first, first + shift.shape[-1], dtype=np.float32)
    return depth + SHIFT_UNIT * shift


def fault_tensor(
    fsem: Array, fdip: Array, fstrike: Array, probability: float = FAULT_THRESHOLD
) -> Array:
    """Encode dip and strike as orientation tensors.

    Args:
        fsem: Fault probability or label (n3, n2, n1).
        fdip: Dip / 180 degrees, same shape.
        fstrike: Strike / 180 degrees, same shape.
        probability: Minimum `fsem` of a fault. Voxels with an angle above 0 are faults as well.

    Returns:
        Tensor components (6, n3, n2, n1), 0 away from faults; float32.
    """
    tensor = np.zeros((len(TENSOR_COMPONENTS), *fsem.shape), np.float32)
    # Only few voxels are faults; to encode all of them would dominate the time to read a sample.
    there = (fdip > 0) | (fstrike > 0) | (fsem >= probability)
    normal = normal_from_strike_dip(180 * fstrike[there], 180 * fdip[there])
    tensor[:, there] = orientation_tensor(normal)
    return tensor


def fault_angles(
    fsem: Array, tensor: Array, probability: float = PROBABILITY
) -> tuple[Array, Array]:
    """Decode orientation tensors to dip and strike.

    Args:
        fsem: Fault probability.
        tensor: Orientation tensors, (6, *fsem.shape).
        probability: Minimum `fsem` of a fault.

    Returns:
        Dip and strike divided by 180 degrees, shaped as `fsem`, 0 away from faults.
    """
    fdip, fstrike = np.zeros_like(fsem), np.zeros_like(fsem)
    fault = fsem >= probability
    if fault.any():
        strike, dip = strike_dip_from_normal(principal_normal(tensor[:, fault]))
        fdip[fault], fstrike[fault] = dip / 180, strike / 180
    return fdip, fstrike


def apparent_dip(
    fsem: Array, tensor: Array, probability: float = PROBABILITY
) -> tuple[Array, Array]:
    """Decode orientation tensors on a single line to the dip in its plane.

    Args:
        fsem: Fault probability.
        tensor: Orientation tensors, (6, *fsem.shape).
        probability: Minimum `fsem` of a fault.

    Returns:
        Apparent dip divided by 180 degrees, and a strike of 0 everywhere: a line has none. The
        normal of a fault with these angles lies in the plane of the line.
    """
    in_plane = tensor.copy()
    in_plane[[0 in pair for pair in TENSOR_COMPONENTS]] = 0
    fdip, fstrike = fault_angles(fsem, in_plane, probability)
    # A strike of 180 degrees is one of 0 with the opposite dip.
    fdip = np.where(fstrike > 0.5, 1 - fdip, fdip)
    return fdip, np.zeros_like(fstrike)


def encode(
    attributes: dict[str, Array], tasks: tuple[str, ...], probability: float = FAULT_THRESHOLD
) -> Array:
    """Encode attributes as input of the refinement network.

    Args:
        attributes: Arrays (n3, n2, n1) by attribute.
        tasks: Tasks to encode, in this order.
        probability: Minimum `fsem` of a voxel with an orientation.

    Returns:
        float32 array (channels, n3, n2, n1).
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
    """Scale `age` (n3, n2, n1) to 0..1 over the whole array."""
    # NaN values do not count.
    low, high = float(np.fmin.reduce(age, axis=None)), float(np.fmax.reduce(age, axis=None))
    return ((age - low) / max(high - low, 1e-9)).astype(np.float32)
