"""Weights files from the checkpoints of a training."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ..errors import StrataflowError
from ..files import written_whole
from ..volume.amplitudes import CLIP_PERCENTILES
from .architecture import Architecture
from .initial import load_initial_weights
from .model import MultiTaskNetwork, receptive_field
from .weights import FORMAT, architecture_of, load_state, network_state, read_checkpoint

logger = logging.getLogger(__name__)


def write_weights(
    checkpoint: Path, output: Path, initial: Path | None = None, share: float = 1.0
) -> None:
    """Write the weights of a checkpoint and the metadata that rebuild the network.

    The weights are the moving average of the training. They are stored in half precision, whose
    rounding error is far below the uncertainty of the training.

    With `initial`, they are the weighted mean of the trained and the initial weights. The mean
    keeps most of what a short training learned and forgets less (Wortsman et al., 2022, Robust
    fine-tuning of zero-shot models, CVPR, section 4).

    Args:
        checkpoint: Checkpoint of a training.
        output: Weights file to write.
        initial: Weights that the training started from.
        share: Share of the trained weights in the mean, more than 0 and at most 1.

    Raises:
        StrataflowError: A file is damaged, `share` is out of range, or `initial` is of another
            network.
    """
    if not 0 < share <= 1:
        raise StrataflowError(
            f"share of the trained weights: expected more than 0 and at most 1, got {share}"
        )
    content = read_checkpoint(checkpoint)
    state = network_state(content)
    architecture = architecture_of(content)
    load_state(MultiTaskNetwork(architecture), state, checkpoint)
    training = dict(content["hyper_parameters"].get("training", {}))
    if initial and share < 1:
        logger.info("weights: %g of %s and %g of %s", share, checkpoint, 1 - share, initial)
        state = _mean(state, initial, share, architecture)
        training["trained_share"] = share
    weights = {
        "format": FORMAT,
        "hyper_parameters": {
            "architecture": asdict(architecture) | {"tasks": list(architecture.tasks)},
            "training": training,
        },
        "receptive_field": receptive_field(architecture.design),
        "normalisation": f"clipped at the percentiles {CLIP_PERCENTILES}, mean 0, deviation 1",
        "metrics": content.get("metrics", {}),
        "epoch": content.get("epoch"),
        "steps": content.get("global_step"),
        "state_dict": {
            f"network.{k}": v.half() if v.is_floating_point() else v for k, v in state.items()
        },
    }
    with written_whole(output) as (temporary,), open(temporary, "wb") as stream:
        # Pass a stream: PyTorch stores a file name in the file, which would change its bytes.
        torch.save(weights, stream)


def _mean(
    trained: dict[str, Any], initial: Path, share: float, architecture: Architecture
) -> dict[str, Any]:
    """Mean of trained and initial weights. Weights that `initial` lacks are the trained ones."""
    network = MultiTaskNetwork(architecture)
    load_initial_weights(network, initial)
    known = network_state(read_checkpoint(initial)).keys()
    return {
        name: torch.lerp(before.float(), trained[name].float(), share)
        if name in known and before.is_floating_point()
        else trained[name]
        for name, before in network.state_dict().items()
    }
