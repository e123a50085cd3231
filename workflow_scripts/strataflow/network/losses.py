"""Losses of the tasks, and their weights.

Predictions and targets have the encoding of the networks (see `attributes`) and the shape (batch,
channels, n3, n2, n1). The losses are computed in float32, even if the
network runs in lower precision.

Targets are NaN where they are unknown. `task_loss` computes the losses from the known voxels of
each crop alone, as the masked Dice loss of Dou et al. (2022, MD loss, IEEE TGRS 60) does on a few
labelled slices. A crop with few labelled voxels has the same weight as a fully labelled one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..volume.attributes import SHIFT_UNIT

# Weight of cross-entropy relative to Dice in crops with few faults. One voxel in fifty is a fault,
# so the mean cross-entropy is ten times smaller than Dice. A larger weight keeps the probabilities
# calibrated.
ENTROPY_WEIGHT = 4.0

# Fraction of fault voxels above which the weight of cross-entropy falls in proportion. Otherwise
# cross-entropy would dominate in dense crops, where its mean is large, and faults there would stay
# below 0.5 wherever their place is not certain to a voxel.
DENSE = 0.01

# Side of the windows of structural similarity, and the step between them, in voxels.
SIMILARITY_WINDOW = 8
SIMILARITY_STEP = 4


def fault_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """Sum of overlap and orientation loss of the 7 fault channels.

    The squared distance of two orientation tensors is 2 - 2 cos^2 of the angle between the axial
    normals. It counts at fault voxels only.
    """
    label = target[:, 0]
    orientation = orientation_loss(predicted[:, 1:], target[:, 1:], label)
    return fault_overlap_loss(predicted[:, 0], label) + orientation


def fault_overlap_loss(logit: Tensor, label: Tensor) -> Tensor:
    """Cross-entropy and Dice loss (Milletari et al., 2016), the mean over the crops of a batch.

    All voxels of a crop have the same weight. Higher weights for the rare fault voxels would bias
    the probabilities upward, which results in thick and false faults. The Dice loss of a whole
    batch would leave crops with few faults to cross-entropy.

    Args:
        logit: Logits (batch, ...).
        label: Labels of the same shape, 0 or 1.
    """
    logit, label = logit.float().flatten(1), label.flatten(1)
    entropy = functional.binary_cross_entropy_with_logits(logit, label, reduction="none").mean(1)
    probability = logit.sigmoid()
    overlap = 2 * (probability * label).sum(1) + 1
    dice = 1 - overlap / (probability.sum(1) + label.sum(1) + 1)
    weight = ENTROPY_WEIGHT * DENSE / label.mean(1).clamp(min=DENSE)
    return (weight * entropy + dice).mean()


def orientation_loss(predicted: Tensor, target: Tensor, label: Tensor) -> Tensor:
    """Mean squared Frobenius distance of tensors (batch, 6, ...) where `label` is 1."""
    # An off-diagonal component represents two entries of the symmetric matrix.
    weight = predicted.new_tensor([1, 1, 1, 2, 2, 2], dtype=torch.float32)
    # Gather the few fault voxels first, which takes a quarter of the time.
    crop, voxel = label.flatten(1).nonzero(as_tuple=True)
    error = predicted.flatten(2)[crop, :, voxel].float() - target.flatten(2)[crop, :, voxel]
    distance = (weight * error**2).sum(1) * label.flatten(1)[crop, voxel]
    return distance.sum() / (label.sum() + 1)


def geologic_time_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """L1 loss of the layer shift without its mean, L1 loss of its gradient, and dissimilarity."""
    error = predicted.float() - target
    error = error - error.mean(dim=(2, 3, 4), keepdim=True)
    # One voxel of shift between neighbours is 1/16 unit; the factor balances the two terms.
    gradient = sum(error.diff(dim=axis).abs().mean() for axis in (2, 3, 4))
    return error.abs().mean() + 4.0 * gradient + dissimilarity(target + error, target, span=1.0)


def image_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean squared errors of the image and of its derivatives, and dissimilarity.

    The derivatives increase the resolution and suppress steps between network cells.
    """
    error = predicted.float() - target
    squares = (error**2).mean() + sum((error.diff(dim=axis) ** 2).mean() for axis in (2, 3, 4))
    return squares + dissimilarity(predicted, target, span=6.0)


def dissimilarity(predicted: Tensor, target: Tensor, span: float) -> Tensor:
    """One minus the mean structural similarity (Wang et al., 2004).

    The windows are boxes with a step of SIMILARITY_STEP. A window about each voxel would cost more
    than the network itself.

    Args:
        predicted: Prediction with sides of at least SIMILARITY_WINDOW voxels.
        target: Target of the same shape.
        span: Range of the values.
    """
    return _dissimilarity(predicted, target, span, None)


def _dissimilarity(predicted: Tensor, target: Tensor, span: float, known: Tensor | None) -> Tensor:
    a, b = predicted.float(), target.float()
    # Average small boxes first and combine them to windows, so that each voxel is read once.
    boxes = functional.avg_pool3d(torch.cat([a, b, a * a, b * b, a * b]), SIMILARITY_STEP)
    moments = functional.avg_pool3d(boxes, SIMILARITY_WINDOW // SIMILARITY_STEP, stride=1)
    mean_a, mean_b, square_a, square_b, product = moments.chunk(5)
    variance = square_a - mean_a**2 + square_b - mean_b**2
    covariance = product - mean_a * mean_b
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    similarity = luminance * (2 * covariance + c2) / (variance + c2)
    if known is None:
        return 1 - similarity.mean()
    boxes = functional.avg_pool3d(known.float(), SIMILARITY_STEP)
    share = functional.avg_pool3d(boxes, SIMILARITY_WINDOW // SIMILARITY_STEP, stride=1)
    whole = share > 1 - 1e-6
    return torch.where(whole, 1 - similarity, 0).sum() / whole.sum().clamp(min=1)


LOSSES = {"dhr": image_loss, "rgt": geologic_time_loss, "fault": fault_loss}


def task_loss(task: str, predicted: Tensor, target: Tensor) -> Tensor | None:
    """Return the loss of a task over the known part of a batch, or None if nothing is known.

    Args:
        task: One of LOSSES.
        predicted: Predictions (batch, channels, n3, n2, n1).
        target: Targets of the same shape, NaN where unknown.
    """
    unknown = target.isnan()
    if not unknown.any():
        return LOSSES[task](predicted, target)
    losses = []
    for crop in range(len(target)):
        part = slice(crop, crop + 1)
        if not unknown[part].any():
            losses.append(LOSSES[task](predicted[part], target[part]))
        elif not unknown[part, 0].all():
            losses.append(MASKED_LOSSES[task](predicted[part], target[part]))
    return torch.stack(losses).mean() if losses else None


def masked_fault_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """`fault_loss` over known voxels; orientations count where they are known as well."""
    known = ~target[:, 0].isnan()
    label = target[:, 0][known]
    overlap = fault_overlap_loss(predicted[:, 0][known][None], label[None])
    oriented = known & ~target[:, 1:].isnan().any(dim=1)
    faults = torch.where(oriented, target[:, 0], 0)
    tensor = torch.where(oriented[:, None], target[:, 1:], 0)
    return overlap + orientation_loss(predicted[:, 1:], tensor, faults)


def masked_geologic_time_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """`geologic_time_loss` over known voxels and pairs of known neighbours."""
    known = ~target.isnan()
    true = torch.where(known, target, 0)
    error = torch.where(known, predicted.float() - true, 0)
    error = torch.where(known, error - error.sum() / known.sum(), 0)
    gradient = sum(_mean_difference(error, known, axis, power=1) for axis in (2, 3, 4))
    unlike = _dissimilarity(true + error, true, 1.0, known)
    return error.abs().sum() / known.sum() + 4.0 * gradient + unlike


def masked_image_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """`image_loss` over known voxels and pairs of known neighbours."""
    known = ~target.isnan()
    true = torch.where(known, target, 0)
    error = torch.where(known, predicted.float() - true, 0)
    squares = (error**2).sum() / known.sum()
    squares = squares + sum(_mean_difference(error, known, axis, power=2) for axis in (2, 3, 4))
    return squares + _dissimilarity(true + error, true, 6.0, known)


def _mean_difference(error: Tensor, known: Tensor, axis: int, power: int) -> Tensor:
    """Mean power of the difference of neighbours along `axis` that are both known."""
    n = error.shape[axis]
    both = known.narrow(axis, 1, n - 1) & known.narrow(axis, 0, n - 1)
    steps = torch.where(both, error.diff(dim=axis).abs() ** power, 0)
    return steps.sum() / both.sum().clamp(min=1)


def horizon_loss(shift: Tensor, horizons: Tensor) -> Tensor | None:
    """Scatter of RGT along horizons, and the extent to which their order is wrong.

    Horizons say that RGT is the same along each, and grows from one to the next. They say nothing
    about the layers between them.

    Args:
        shift: Predicted layer shift (batch, 1, n3, n2, n1).
        horizons: Horizons (batch, 2, n3, n2, n1): number or 0, and samples below the voxel centre.
            Larger numbers are older. Negative numbers have no order.

    Returns:
        Loss in the unit of the layer shift; None without horizons.
    """
    losses = []
    for crop in range(len(shift)):
        at = horizons[crop, 0].nonzero(as_tuple=True)
        if not at[0].numel():
            continue
        place = (at[2] + horizons[crop, 1][at]) / SHIFT_UNIT
        time = place + shift[crop, 0][at].float()
        numbers, which = torch.unique(horizons[crop, 0][at], return_inverse=True)
        counts = torch.bincount(which, minlength=len(numbers))
        means = time.new_zeros(len(numbers)).index_add(0, which, time) / counts
        scatter = (time - means[which]).abs().mean()
        ordered = means[numbers > 0]
        losses.append(scatter + functional.relu(ordered[:-1] - ordered[1:]).sum())
    return torch.stack(losses).mean() if losses else None


MASKED_LOSSES = {
    "dhr": masked_image_loss,
    "rgt": masked_geologic_time_loss,
    "fault": masked_fault_loss,
}


class TaskWeights(nn.Module):
    """Trainable task weights from the uncertainty of each task (Kendall et al., 2018, eq. 7)."""

    def __init__(self, tasks: tuple[str, ...]) -> None:
        super().__init__()
        self.log_variance = nn.ParameterDict(
            {task: nn.Parameter(torch.zeros(())) for task in tasks}
        )

    def forward(self, losses: dict[str, Tensor]) -> Tensor:
        """Sum of exp(-s) loss + s over the tasks that have a loss."""
        return torch.stack(
            [
                torch.exp(-self.log_variance[t]) * loss + self.log_variance[t]
                for t, loss in losses.items()
            ]
        ).sum()
