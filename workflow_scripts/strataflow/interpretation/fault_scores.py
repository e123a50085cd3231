"""Scores of the fault probability against labels, per voxel.

They are strict and with a tolerance. Labelled faults are only two voxels thick, so that a strict
score penalises a pick next to the label, which is good enough in practice.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation
from scipy.spatial import KDTree
from torchmetrics.functional.classification import binary_average_precision

from ..volume.attributes import FAULT_THRESHOLD, PROBABILITY
from ..volume.raw import Array
from .matching import TOLERANCE
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
    found, true = _faults(predicted, label, live, probability)
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
    # The values are in range, and a check of that takes longer than the score.
    chances = torch.from_numpy(probability).flatten()
    precision = binary_average_precision(chances, truth, validate_args=False)
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
    found, true = _faults(predicted, label, live, probability)
    if not found.any() or not true.any():
        return {"surface_distance_mean": None, "surface_distance_p95": None}
    # Faults are thin, so a search among their voxels is faster than a distance transform.
    places = [np.argwhere(mask) for mask in (found, true)]
    away = [np.asarray(KDTree(to).query(where)[0]) for where, to in (places, places[::-1])]
    return {
        "surface_distance_mean": float(0.5 * (away[0].mean() + away[1].mean())),
        "surface_distance_p95": float(max(np.percentile(d, 95) for d in away)),
    }


def _faults(
    predicted: Array, label: Array, live: NDArray[np.bool_], probability: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Voxels (n3, n2, n1) that count and are predicted and labelled as faults."""
    counted = live if live.ndim == 3 else live[:, :, None]
    return (predicted >= probability) & counted, (label >= FAULT_THRESHOLD) & counted


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
