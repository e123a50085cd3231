"""Scores of predictions against labels.

Faults are scored per voxel, both strictly and with a tolerance. Labelled faults are only two voxels
thick, so that a strict score penalises a pick next to the label, which is good enough in practice.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, distance_transform_edt
from torchmetrics.functional.classification import binary_average_precision
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
from .labelled_lines import traces_on
from .matching import TOLERANCE, FaultVolumes, Scores, match_faults
from .rgt_scores import horizon_scatter, scores_near_faults
from .thickness import median_thickness

Metrics = dict[str, float | None]

# Thresholds of the fault probability for the search of the best one.
THRESHOLDS = torch.linspace(0.01, 0.99, 99)

# Metrics over all thresholds; None if no fault is labelled.
OVER_THRESHOLDS = (
    "average_precision",
    "best_threshold",
    "best_f1",
    "best_iou",
    "best_threshold_within_2_voxels",
    "best_f1_within_2_voxels",
)

# Number of probability bins for calibration, and minimum probability of a probable fault voxel.
CALIBRATION_BINS, PROBABLE = 15, 0.05


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
        metrics["fault"] = {"probability": probability}
        counted = _counted(cubes["fsem"][1], live, target)
        metrics["fault"] |= fault_metrics(*cubes["fsem"], counted, probability)
        metrics["fault"] |= surface_distances(*cubes["fsem"], counted, probability)
        metrics["fault"]["labelled_voxels"] = int(np.count_nonzero(_voxels(counted, first.shape)))
    if "fault_id" in cubes:
        metrics["faults"] = _matched_faults(cubes, live)
    if {"fsem", "fdip", "fstrike"} <= cubes.keys():
        angles = {name: cubes[name] for name in ("fsem", "fdip", "fstrike")}
        metrics["orientation"] = orientation_metrics(angles, probability, live)
    if "rgt" in cubes:
        traces = _whole_traces(cubes["rgt"][1], live, target)
        metrics["rgt"] = geologic_time_metrics(*cubes["rgt"], traces)
        if "fthrow" in cubes:
            known = {"fdip", "fstrike"} <= cubes.keys()
            turned = (cubes["fstrike"][1], cubes["fdip"][1]) if known else None
            truth = cubes["fthrow"][1]
            metrics["rgt"]["near_faults"] = scores_near_faults(*cubes["rgt"], truth, traces, turned)
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
    # Numbers from SEG-Y are float32; their bits are different positive integers too.
    picked, true = (
        FaultVolumes(ids.view("<i4"), throw)
        for ids, throw in zip(cubes["fault_id"], throws, strict=True)
    )
    return match_faults(true, picked, live).scores()


def fault_metrics(
    predicted: Array, label: Array, live: NDArray[np.bool_], probability: float = PROBABILITY
) -> Metrics:
    """Score the fault probability.

    The metrics are precision, recall, F1 and IoU at `probability`, the best F1 over all THRESHOLDS,
    each with and without tolerance, average precision, calibration error, and the median thickness
    of predicted and labelled faults. Predicted faults count for the thickness only within the
    tolerance. The IoU with tolerance is F1 / (2 - F1) of the F1 with tolerance (Tol-IoU of radius
    TOLERANCE).

    Args:
        predicted: Fault probability (n3, n2, n1).
        label: Fault label (n3, n2, n1).
        live: Traces that count, bool (n3, n2), or voxels that count, (n3, n2, n1).
        probability: Minimum fault probability of a predicted fault.

    Returns:
        Metrics by name; None where undefined.
    """
    counted = live if live.ndim == 3 else live[:, :, None]
    chances = np.where(counted, np.clip(predicted, 0, 1), np.float32(0))
    found = chances >= probability
    true = (label >= FAULT_THRESHOLD) & counted
    # Shares are of the whole volume, or of the voxels with a known label.
    n_counted = int(np.count_nonzero(live)) if live.ndim == 3 else true.size
    near_true = within_tolerance(true)
    both, n_found, n_true = (int(np.count_nonzero(x)) for x in (found & true, found, true))
    right = int(np.count_nonzero(found & near_true))
    reached = int(np.count_nonzero(true & within_tolerance(found)))
    precision, recall = _ratio(both, n_found), _ratio(both, n_true)
    precision_near, recall_near = _ratio(right, n_found), _ratio(reached, n_true)
    f1_near = _harmonic(precision_near, recall_near)
    over_thresholds = dict.fromkeys(OVER_THRESHOLDS)
    if n_true:
        over_thresholds = _over_thresholds(chances[live], true[live])
        over_thresholds |= _over_thresholds_near(chances, true, near_true)
    return {
        "precision": precision,
        "recall": recall,
        "f1": _harmonic(precision, recall),
        "iou": _ratio(both, n_found + n_true - both),
        "precision_within_2_voxels": precision_near,
        "recall_within_2_voxels": recall_near,
        "f1_within_2_voxels": f1_near,
        "iou_within_2_voxels": None if f1_near is None else f1_near / (2 - f1_near),
        **over_thresholds,
        **_calibration(chances[live], true[live]),
        "thickness": median_thickness(chances, near_true if n_true else None, probability),
        "thickness_of_label": median_thickness(true.astype(np.float32)),
        "labelled_share": n_true / n_counted,
        "predicted_share": n_found / n_counted,
    }


def _over_thresholds(probability: Array, true: NDArray[np.bool_]) -> Metrics:
    """Average precision, and F1 and IoU at the best threshold."""
    found, right = _reaching(probability), _reaching(probability[true])
    f1 = 2 * right / (found + int(np.count_nonzero(true)))
    best = int(f1.argmax())
    truth = torch.from_numpy(true.astype(np.int64)).flatten()
    precision = binary_average_precision(torch.from_numpy(probability).flatten(), truth)
    return {
        "average_precision": float(precision),
        "best_threshold": round(float(THRESHOLDS[best]), 2),
        "best_f1": float(f1[best]),
        "best_iou": float(f1[best] / (2 - f1[best])),
    }


def _over_thresholds_near(
    probability: Array, true: NDArray[np.bool_], near_true: NDArray[np.bool_]
) -> Metrics:
    """F1 within TOLERANCE at the best threshold; arrays (n3, n2, n1)."""
    found, right = _reaching(probability), _reaching(probability[near_true])
    # A labelled voxel is found if the maximum probability within the tolerance reaches it.
    reached = _reaching(_largest_near(probability, true))
    precision, recall = right / found.clamp(min=1), reached / int(np.count_nonzero(true))
    f1 = 2 * precision * recall / (precision + recall).clamp(min=1e-12)
    best = int(f1.argmax())
    return {
        "best_threshold_within_2_voxels": round(float(THRESHOLDS[best]), 2),
        "best_f1_within_2_voxels": float(f1[best]),
    }


def _reaching(probability: Array) -> torch.Tensor:
    """Number of values that reach each of THRESHOLDS, float64 (99,)."""
    # One pass, instead of one for each threshold.
    reached = torch.bucketize(torch.from_numpy(probability).flatten(), THRESHOLDS, right=True)
    counts = torch.bincount(reached, minlength=len(THRESHOLDS) + 1)
    return (counts.sum() - counts.cumsum(0))[:-1].double()


def _largest_near(probability: Array, where: NDArray[np.bool_]) -> Array:
    """Maximum probability within TOLERANCE of each voxel of the mask `where`, (N,)."""
    padded = np.pad(probability, TOLERANCE)
    at = np.argwhere(where).T
    largest = np.zeros(at.shape[1], np.float32)
    for offset in np.argwhere(_ball()):
        np.maximum(largest, padded[tuple(at + offset[:, None])], out=largest)
    return largest


def _calibration(probability: Array, true: NDArray[np.bool_]) -> Metrics:
    errors = {}
    for name, minimum in (("", 0.0), ("_where_probable", PROBABLE)):
        mean, share, count = reliability(probability, true, minimum)
        error = np.nansum(count * np.abs(mean - share)) / count.sum() if count.any() else None
        errors[f"calibration_error{name}"] = None if error is None else float(error)
    return errors


def reliability(
    probability: Array, true: NDArray[np.bool_], minimum: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Reliability diagram: mean probability, fault fraction and voxel count in each bin.

    The expected calibration error (Guo et al., 2017, ICML) is the mean absolute difference of the
    first two, weighted by the count.

    Args:
        probability: Fault probability, any shape.
        true: Labelled faults, bool of the same shape.
        minimum: Minimum probability of the voxels that are counted.

    Returns:
        Three arrays (CALIBRATION_BINS,); the first two are NaN in empty bins.
    """
    seen = probability >= minimum
    values = probability[seen]
    bins = np.minimum((values * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    count = np.bincount(bins, minlength=CALIBRATION_BINS)
    sums = (np.bincount(bins, w, CALIBRATION_BINS) for w in (values, true[seen]))
    with np.errstate(invalid="ignore"):
        mean, share = (total / count for total in sums)
    return mean, share, count


def surface_distances(
    predicted: Array, label: Array, live: NDArray[np.bool_], probability: float = PROBABILITY
) -> Metrics:
    """Distances in voxels between predicted and labelled faults.

    Args:
        predicted: Fault probability (n3, n2, n1).
        label: Fault label (n3, n2, n1).
        live: Traces that count, bool (n3, n2), or voxels that count, (n3, n2, n1).
        probability: Minimum fault probability of a predicted fault.

    Returns:
        The mean of both directions, and the larger of both 95th percentiles; None without faults.
    """
    pairs = ((predicted, probability), (label, FAULT_THRESHOLD))
    counted = live if live.ndim == 3 else live[:, :, None]
    found, true = ((values >= minimum) & counted for values, minimum in pairs)
    if not found.any() or not true.any():
        return {"surface_distance_mean": None, "surface_distance_p95": None}
    away = [distance_transform_edt(~to)[where] for where, to in ((found, true), (true, found))]
    return {
        "surface_distance_mean": float(0.5 * (away[0].mean() + away[1].mean())),
        "surface_distance_p95": float(max(np.percentile(d, 95) for d in away)),
    }


def within_tolerance(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Voxels within TOLERANCE of the voxels of `mask` (n3, n2, n1)."""
    return binary_dilation(mask, _ball())


def _ball() -> NDArray[np.bool_]:
    reach = np.arange(-TOLERANCE, TOLERANCE + 1) ** 2
    return reach[:, None, None] + reach[None, :, None] + reach[None, None, :] <= TOLERANCE**2


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _harmonic(a: float | None, b: float | None) -> float | None:
    if a is None or b is None:
        return None
    return 2 * a * b / (a + b) if a + b else 0.0


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
