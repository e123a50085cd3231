"""Scores of predictions against labels: all attributes of a volume, and their file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torchmetrics.functional.image import (
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

from ..errors import StrataflowError
from ..files import written_whole
from ..volume.attributes import (
    ATTRIBUTES,
    FAULT_THRESHOLD,
    PROBABILITY,
    SHIFT_UNIT,
    TRUTH,
    layer_shift,
)
from ..volume.orientation import axial_angle, normal_from_strike_dip
from ..volume.raw import Array, Shape
from ..volume.volume import (
    Volume,
    attribute_path,
    label_path,
    open_volume,
    require_same_shape,
    statistics_of,
)
from .fault_scores import Metrics, fault_metrics, surface_distances
from .labelled_lines import traces_on
from .matching import FaultVolumes, Scores, match_faults
from .rgt_scores import horizon_scatter, scores_near_faults


def evaluate(
    prediction: Path,
    target: Path,
    output: Path,
    shape: Shape | None = None,
    image: Path | None = None,
    probability: float = PROBABILITY,
    lines: str | None = None,
) -> None:
    """Score predictions against labels and write the metrics as JSON.

    Labels that are NaN are unknown and do not count. Of `rgt` and `dhr`, traces count whose label
    is known throughout. Where both have `fault_id`, picked faults are matched with true ones;
    where both have `fthrow`, their throws are compared, and RGT is scored near faults too.

    Args:
        prediction: PREFIX of the predictions.
        target: PREFIX of the labels.
        output: JSON file to write.
        shape: Size of the volumes; required without sidecars.
        image: Raw volume of the input image; adds the gain of dhr over it.
        probability: Minimum fault probability of a predicted fault.
        lines: Lines that count, as in `parse_lines`; None for all.

    Raises:
        StrataflowError: There are no common attributes, the sizes differ, a line is not in the
            survey, or no label is known.
    """
    pairs = _pairs(prediction, target, shape)
    if not pairs:
        raise StrataflowError(f"{prediction}: no attribute in common with {target}")
    first = next(iter(pairs.values()))[0]
    live = first.sidecar.live
    if lines:
        live = live & traces_on(lines, first.sidecar)
    cubes = {name: (a.values, b.values) for name, (a, b) in pairs.items()}
    metrics: dict[str, Any] = {
        "prediction": str(prediction),
        "target": str(target),
        "source": first.sidecar.source_file,
        "voxels": int(live.sum()) * first.shape.n1,
    }
    if "fsem" in cubes:
        counted = _counted(cubes["fsem"][1], live, target)
        metrics["fault"] = {
            "probability": probability,
            **fault_metrics(*cubes["fsem"], counted, probability),
            **surface_distances(*cubes["fsem"], counted, probability),
            "labelled_voxels": int(np.count_nonzero(_voxels(counted, first.shape))),
        }
    if "fault_id" in cubes:
        metrics["faults"] = _matched_faults(cubes, live)
    if {"fsem", "fdip", "fstrike"} <= cubes.keys():
        angles = {name: cubes[name] for name in ("fsem", "fdip", "fstrike")}
        metrics["orientation"] = orientation_metrics(angles, probability, live)
    if "rgt" in cubes:
        metrics["rgt"] = _time_scores(cubes, _whole_traces(cubes["rgt"][1], live, target))
    if "dhr" in cubes:
        traces = _whole_traces(cubes["dhr"][1], live, target)
        metrics["dhr"] = image_metrics(*cubes["dhr"], traces)
        if image:
            given = open_volume(image, first.shape)
            recorded = statistics_of(given).normalise(given.values)
            before = image_metrics(recorded, cubes["dhr"][1], traces)
            metrics["dhr"] |= _gains(metrics["dhr"], before)
    with written_whole(output) as (temporary,):
        temporary.write_text(json.dumps(metrics, indent=1) + "\n")


def _time_scores(
    cubes: dict[str, tuple[Array, Array]], traces: NDArray[np.bool_]
) -> dict[str, Any]:
    """Scores of RGT on `traces` (n3, n2), also near faults if their throws are known."""
    scores: dict[str, Any] = dict(geologic_time_metrics(*cubes["rgt"], traces))
    if "fthrow" in cubes:
        known = {"fdip", "fstrike"} <= cubes.keys()
        turned = (cubes["fstrike"][1], cubes["fdip"][1]) if known else None
        scores["near_faults"] = scores_near_faults(
            *cubes["rgt"], cubes["fthrow"][1], traces, turned
        )
    return scores


def _counted(label: Array, live: NDArray[np.bool_], target: Path) -> NDArray[np.bool_]:
    """Live traces (n3, n2), or, if parts of `label` are unknown, known voxels (n3, n2, n1)."""
    unknown = np.isnan(label)
    if not unknown.any():
        return live
    counted = live[:, :, None] & ~unknown
    if not counted.any():
        raise StrataflowError(f"{target}: no known label to score with")
    return counted


def _whole_traces(label: Array, live: NDArray[np.bool_], target: Path) -> NDArray[np.bool_]:
    """Live traces whose `label` is known throughout, bool (n3, n2)."""
    traces = live & ~np.isnan(label).any(axis=2)
    if not traces.any():
        raise StrataflowError(f"{target}: no trace with a label that is known throughout")
    return traces


def _voxels(counted: NDArray[np.bool_], shape: Shape) -> NDArray[np.bool_]:
    """Voxels (n3, n2, n1) from voxels, or from traces (n3, n2)."""
    return counted if counted.ndim == 3 else np.broadcast_to(counted[:, :, None], shape.array)


def _pairs(prediction: Path, target: Path, shape: Shape | None) -> dict[str, tuple[Volume, Volume]]:
    """Volumes that both PREFIXes have, by name; StrataflowError if sizes differ."""
    pairs: dict[str, tuple[Volume, Volume]] = {}
    for name in (*ATTRIBUTES, *TRUTH):
        predicted, label = attribute_path(prediction, name), label_path(target, name)
        if predicted.is_file() and label:
            pair = (open_volume(predicted, shape, name), open_volume(label, shape, name))
            require_same_shape(*pair)
            pairs[name] = pair
    return pairs


def _matched_faults(cubes: dict[str, tuple[Array, Array]], live: NDArray[np.bool_]) -> Scores:
    """Match faults, given pairs (picked, true) of the volumes of TRUTH."""
    throws = cubes.get("fthrow", (None, None))
    picked, true = (
        FaultVolumes(ids.view("<i4"), throw)
        for ids, throw in zip(cubes["fault_id"], throws, strict=True)
    )
    return match_faults(true, picked, live).scores()


def orientation_metrics(
    angles: dict[str, tuple[Array, Array]],
    probability: float = PROBABILITY,
    live: NDArray[np.bool_] | None = None,
) -> Metrics:
    """Angles between predicted and labelled fault normals, at voxels that are faults in both.

    Voxels with an unknown orientation do not count.

    Args:
        angles: Pairs of predicted and labelled arrays (n3, n2, n1) of fsem, fdip and fstrike.
        probability: Minimum fault probability of a predicted fault.
        live: Traces that count, bool (n3, n2); None for all.

    Returns:
        Median, mean and 90th percentile of the axial angle in degrees; None without such voxels.
    """
    predicted, label = angles["fsem"]
    hit = (predicted >= probability) & (label >= FAULT_THRESHOLD)
    hit &= np.isfinite(angles["fdip"][1]) & np.isfinite(angles["fstrike"][1])
    if live is not None:
        hit &= live[:, :, None]
    if not hit.any():
        return {"voxels": 0, "median_degrees": None, "mean_degrees": None, "p90_degrees": None}
    predicted, label = (
        normal_from_strike_dip(180 * angles["fstrike"][i][hit], 180 * angles["fdip"][i][hit])
        for i in (0, 1)
    )
    error = axial_angle(predicted, label)
    return {
        "voxels": int(hit.sum()),
        "median_degrees": float(np.median(error)),
        "mean_degrees": float(error.mean()),
        "p90_degrees": float(np.percentile(error, 90)),
    }


def geologic_time_metrics(predicted: Array, label: Array, live: NDArray[np.bool_]) -> Metrics:
    """Errors of RGT on its own scale and as a vertical shift of the layers.

    Args:
        predicted: Predicted RGT (n3, n2, n1).
        label: Labelled RGT (n3, n2, n1).
        live: Live traces, bool (n3, n2).
    """
    a, b = predicted[live], label[live]
    thin = slice(None, None, max(1, a.size // 10**6))
    # In single precision, polyfit treats a narrow range of many values as constant.
    slope, offset = np.polyfit(a.ravel()[thin].astype(float), b.ravel()[thin], 1)
    shift = SHIFT_UNIT * (layer_shift(a) - layer_shift(b))
    return {
        "mean_absolute_error": float(np.abs(a - b).mean()),
        "mean_absolute_error_after_fit": float(np.abs(slope * a + offset - b).mean()),
        "horizon_scatter_samples": horizon_scatter(a, b),
        "correlation": correlation(a, b),
        "mean_absolute_shift_samples": float(np.abs(shift).mean()),
        # Baseline: the score of a prediction of flat layers.
        "mean_absolute_shift_samples_of_flat_layers": float(
            SHIFT_UNIT * np.abs(layer_shift(b)).mean()
        ),
        "share_growing_downward": float((np.diff(a, axis=-1) > 0).mean()),
    }


def _gains(after: Metrics, before: Metrics) -> Metrics:
    """Improvement of an image over the input image."""
    gains: Metrics = {}
    for name in ("psnr_db", "structural_similarity"):
        new, old = after[name], before[name]
        gains[f"{name}_gain"] = None if new is None or old is None else new - old
    return gains


def image_metrics(predicted: Array, label: Array, live: NDArray[np.bool_]) -> Metrics:
    """Score the denoised image; both images are divided by their RMS first.

    Args:
        predicted: Predicted image (n3, n2, n1).
        label: Labelled image (n3, n2, n1).
        live: Live traces, bool (n3, n2).

    Returns:
        Correlation, peak signal-to-noise ratio in dB, mean structural similarity of the inlines
        (Wang et al., 2004), and RMS error relative to the RMS.
    """
    a, b = (
        cube / max(float(np.sqrt(np.mean(cube[live] ** 2))), 1e-12) for cube in (predicted, label)
    )
    similarity, span = None, float(b.max() - b.min())
    # The Gaussian window with sigma 1.5 is 11 voxels wide.
    if min(predicted.shape[1:]) >= 11 and not np.isnan(b).any():
        similarity = float(np.mean([_similarity(x, y, span) for x, y in zip(a, b, strict=True)]))
    return {
        "correlation": correlation(a[live], b[live]),
        "psnr_db": float(
            peak_signal_noise_ratio(
                torch.from_numpy(a[live]), torch.from_numpy(b[live]), data_range=span or 1.0
            )
        ),
        "structural_similarity": similarity,
        "rms_error_over_rms": float(np.sqrt(np.mean((a[live] - b[live]) ** 2))),
    }


def _similarity(section: Array, other: Array, span: float) -> float:
    """Structural similarity of two sections with a value range of `span`."""
    x, y = (torch.from_numpy(np.ascontiguousarray(s))[None, None] for s in (section, other))
    measured = structural_similarity_index_measure(x, y, data_range=span)
    assert isinstance(measured, torch.Tensor)
    return float(measured)


def correlation(a: Array, b: Array) -> float | None:
    """Correlation of the values of two arrays; None if one of them is constant."""
    if not a.std() or not b.std():
        return None
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])
