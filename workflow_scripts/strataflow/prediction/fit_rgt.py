"""RGT of a whole survey that follows reflectors, jumps at faults and honours control."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ..errors import StrataflowError
from ..files import require_free_space, written_whole
from ..interpretation.control import ControlSet
from ..interpretation.surfaces import Surface
from ..volume.attributes import growth_per_sample
from ..volume.raw import Array
from ..volume.volume import (
    Volume,
    attribute_path,
    require_same_shape,
    sidecar_path,
    statistics_of,
    write_sidecar,
)
from .rgt_control import honour_control
from .rgt_flattening import follow_reflectors

# Traces along each lateral axis that the growth of predicted RGT is measured on, at most.
THIN = 64


def fit_rgt(
    predicted: Volume,
    image: Volume,
    output: Path,
    fault: Volume | None = None,
    surfaces: Sequence[Surface] = (),
    control: Sequence[ControlSet] = (),
) -> None:
    """Fit RGT to the reflectors, the faults and the control, and write it to `output`.rgt.

    Args:
        predicted: RGT of the network on any scale; it decides where nothing else is known.
        image: Image with the reflectors.
        output: PREFIX of the result, which is scaled to 0..1.
        fault: Fault probability.
        surfaces: Fault surfaces with throws.
        control: Points that have one RGT each.

    Raises:
        StrataflowError: The volumes differ in size, or predicted RGT does not increase downward.
    """
    for volume in (image, fault):
        if volume is not None:
            require_same_shape(volume, predicted)
    shape, live = predicted.shape, predicted.sidecar.live
    growth = _growth(predicted)
    final = attribute_path(output, "rgt")
    require_free_space(final.parent, shape.n_bytes)
    with written_whole(sidecar_path(final), final) as (beside, raw):
        with open(raw, "wb") as stream:
            for plane in predicted.values:
                (np.asarray(plane, np.float32) / np.float32(growth)).tofile(stream)
        time = np.memmap(raw, "<f4", "r+", shape=shape.array)
        # With one BLAS thread the result does not depend on the number of cores.
        with threadpool_limits(1, "blas"):
            known = fault.values if fault is not None else None
            follow_in_place(time, image, known, live, surfaces, control)
        scale_in_place(time, live)
        write_sidecar(beside, predicted.sidecar.of_attribute("rgt"), raw)


def follow_in_place(
    time: Array,
    image: Volume,
    fault: Array | None,
    live: NDArray[np.bool_],
    surfaces: Sequence[Surface] = (),
    control: Sequence[ControlSet] = (),
) -> None:
    """Change `time` (n3, n2, n1) in samples, writable, as `follow_reflectors` says."""
    known = statistics_of(image)
    limits = (known.clip_low, known.clip_high)
    values = image.values
    corrections = follow_reflectors(time, values, fault, live, limits, surfaces, control)
    for plane, correction in zip(time, corrections, strict=True):
        plane += correction
    honour_control(time, control)


def scale_in_place(time: Array, live: NDArray[np.bool_]) -> None:
    """Scale `time` (n3, n2, n1) to 0..1 over the live traces, and set dead ones to 0."""
    low, high = np.inf, -np.inf
    for plane, alive in zip(time, live, strict=True):
        if alive.any():
            low, high = min(low, float(plane[alive].min())), max(high, float(plane[alive].max()))
    for plane, alive in zip(time, live, strict=True):
        plane[:] = np.clip((plane - low) / max(high - low, 1e-9), 0, 1) * alive[:, None]
    if isinstance(time, np.memmap):
        time.flush()


def _growth(predicted: Volume) -> float:
    """Mean increase of predicted RGT per sample."""
    thin3, thin2 = (max(n // THIN, 1) for n in predicted.values.shape[:2])
    live = predicted.sidecar.live[::thin3, ::thin2]
    some = np.asarray(predicted.values[::thin3, ::thin2])[live]
    growth = growth_per_sample(some) if some.size else 1.0
    if growth <= 0:
        raise StrataflowError(f"{predicted.path}: RGT does not increase downward")
    return growth
