"""The loss of the fault probability, crop by crop."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from strataflow.network.losses import fault_overlap_loss

pytestmark = pytest.mark.unit


def crop(fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    """Logits and labels (1, 16, 16, 16) of a crop with this fraction of fault voxels."""
    random = torch.Generator().manual_seed(seed)
    label = (torch.rand(1, 16, 16, 16, generator=random) < fraction).float()
    return 2 * label - 3 + torch.randn(label.shape, generator=random), label


def test_crops_count_alike_however_many_faults_they_have() -> None:
    crops = [crop(fraction, seed) for seed, fraction in enumerate((0.0, 0.01, 0.3))]
    alone = [fault_overlap_loss(*one) for one in crops]
    logits, labels = (torch.cat(parts) for parts in zip(*crops, strict=True))
    torch.testing.assert_close(fault_overlap_loss(logits, labels), torch.stack(alone).mean())


@pytest.mark.parametrize("fraction", [0.01, 0.1, 0.3])
def test_likely_faults_are_worth_a_probability_above_a_half(fraction: float) -> None:
    """Half of the faults are certain, and the place of the others is known to a probability."""
    chance, count = 0.45, 40_000
    certain = round(0.5 * fraction * count)
    likely = round(certain / chance)
    label = torch.zeros(1, count)
    label[0, :certain] = 1
    label[0, certain : certain + round(chance * likely)] = 1

    def loss(probability: float) -> float:
        logit = torch.full((1, count), -8.0)
        logit[0, :certain] = 8
        logit[0, certain : certain + likely] = torch.tensor(probability).logit()
        return float(fault_overlap_loss(logit, label))

    assert min(np.arange(0.3, 1, 0.05), key=loss) > 0.5
