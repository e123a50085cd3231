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
from ..volume.attributes import CONFIDENCE, growth_per_sample
from ..volume.raw import Array
from ..volume.sidecar import sidecar_path, write_sidecar
from ..volume.volume import Volume, attribute_path, require_same_shape, statistics_of
from .rgt_confidence import Confidence
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
    confidence: bool = False,
) -> None:
    """Fit RGT to the reflectors, the faults and the control, and write it to `output`.rgt.

    Args:
        predicted: RGT of the network on any scale; it decides where nothing else is known.
        image: Image with the reflectors.
        output: PREFIX of the result, which is scaled to 0..1.
        fault: Fault probability.
        surfaces: Fault surfaces with throws.
        control: Points that have one RGT each.
        confidence: Whether to write `output`.crgt, the confidence of the result, too.

    Raises:
        StrataflowError: The volumes differ in size, or predicted RGT does not increase downward.
    """
    for volume in (image, fault):
        if volume is not None:
            require_same_shape(volume, predicted)
    shape, live = predicted.shape, predicted.sidecar.live
    growth = _growth(predicted)
    names = ["rgt", CONFIDENCE] if confidence else ["rgt"]
    finals = [attribute_path(output, name) for name in names]
    require_free_space(finals[0].parent, len(names) * shape.n_bytes)
    with written_whole(*map(sidecar_path, finals), *finals) as paths:
        besides, raws = paths[: len(names)], paths[len(names) :]
        with open(raws[0], "wb") as stream:
            for plane in predicted.values:
                (np.asarray(plane, np.float32) / np.float32(growth)).tofile(stream)
        time = np.memmap(raws[0], "<f4", "r+", shape=shape.array)
        # With one BLAS thread the result does not depend on the number of cores.
        with threadpool_limits(1, "blas"):
            known = fault.values if fault is not None else None
            trusted = follow_in_place(time, image, known, live, surfaces, control)
            scale_in_place(time, live)
            if confidence:
                _write_confidence(raws[1], trusted, live)
        for name, beside, raw in zip(names, besides, raws, strict=True):
            write_sidecar(beside, predicted.sidecar.of_attribute(name), raw)


def _write_confidence(raw: Path, confidence: Confidence, live: NDArray[np.bool_]) -> None:
    """Write the confidence to the file `raw`, 0 in dead traces."""
    with open(raw, "wb") as stream:
        for plane, alive in zip(confidence.planes(), live, strict=True):
            (plane * alive[:, None]).astype("<f4").tofile(stream)


def follow_in_place(
    time: Array,
    image: Volume,
    fault: Array | None,
    live: NDArray[np.bool_],
    surfaces: Sequence[Surface] = (),
    control: Sequence[ControlSet] = (),
) -> Confidence:
    """Change `time` (n3, n2, n1) in samples, writable, as `follow_reflectors` says.

    Returns:
        The confidence of the result.
    """
    known = statistics_of(image)
    limits = (known.clip_low, known.clip_high)
    values = image.values
    corrections = follow_reflectors(time, values, fault, live, limits, surfaces, control)
    for plane, correction in zip(time, corrections, strict=True):
        plane += correction
    honour_control(time, control)
    return corrections.confidence


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
