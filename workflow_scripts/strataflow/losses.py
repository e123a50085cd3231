"""Losses of the tasks and the weighting between them.

Predictions and targets are in the networks' form (see `attributes`), (batch, channels, n3, n2,
n1). Each loss is computed in float32 whatever the network's precision.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def fault_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """Balanced cross-entropy, Dice and axial orientation loss of 7 channels.

    Faults fill a few per cent of the voxels; cross-entropy weights them by the square root of
    their rarity, Dice (Milletari et al., 2016) looks at the overlap. The squared distance of
    orientation tensors is 2 - 2 cos^2 of the angle between the sign-less normals; it counts on
    fault voxels only.
    """
    logit, label = predicted[:, 0].float(), target[:, 0]
    share = label.mean().clamp(1e-3, 0.5)
    entropy = functional.binary_cross_entropy_with_logits(
        logit, label, pos_weight=((1 - share) / share).sqrt()
    )
    probability = logit.sigmoid()
    overlap = 2 * (probability * label).sum() + 1
    dice = 1 - overlap / (probability.sum() + label.sum() + 1)
    return entropy + dice + orientation_loss(predicted[:, 1:], target[:, 1:], label)


def orientation_loss(predicted: Tensor, target: Tensor, label: Tensor) -> Tensor:
    """Mean squared Frobenius distance of tensors (batch, 6, ...) where `label` is 1."""
    # Off-diagonal components stand for two entries of the symmetric matrix.
    weight = predicted.new_tensor([1, 1, 1, 2, 2, 2], dtype=torch.float32).view(1, 6, 1, 1, 1)
    distance = (weight * (predicted.float() - target) ** 2).sum(1)
    return (distance * label).sum() / (label.sum() + 1)


def geologic_time_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """L1 of the layer shift, whose offset in a cube is free, and of its gradient."""
    error = predicted.float() - target
    error = error - error.mean(dim=(2, 3, 4), keepdim=True)
    # One voxel of shift between neighbours is 1/16 unit; the factor brings both terms to one size.
    gradient = sum(error.diff(dim=axis).abs().mean() for axis in (2, 3, 4))
    return error.abs().mean() + 4.0 * gradient


def image_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of the image and of its derivative along n1, which lifts resolution."""
    error = predicted.float() - target
    return (error**2).mean() + (error.diff(dim=-1) ** 2).mean()


LOSSES = {"dhr": image_loss, "rgt": geologic_time_loss, "fault": fault_loss}


class TaskWeights(nn.Module):
    """Weights of the tasks learned from their uncertainty (Kendall et al., 2018, eq. 7)."""

    def __init__(self, tasks: tuple[str, ...]) -> None:
        super().__init__()
        self.log_variance = nn.ParameterDict(
            {task: nn.Parameter(torch.zeros(())) for task in tasks}
        )

    def forward(self, losses: dict[str, Tensor]) -> Tensor:
        """Sum of exp(-s) loss + s over the tasks."""
        return torch.stack(
            [
                torch.exp(-self.log_variance[t]) * loss + self.log_variance[t]
                for t, loss in losses.items()
            ]
        ).sum()
