"""The multi-task networks: MTI (image to attributes) and MTR (refinement of attributes).

As in Gao (2024, GJI, doi 10.1093/gji/ggad424), the tasks share one encoder, and each task has its
own decoder. These networks differ in order to be fast and free of seams:

- All convolutions work on cells of 2 x 2 x 2 voxels, which become channels at the input and voxels
  again at the output (sub-pixel convolution, Shi et al., 2016, CVPR).
- Skip connections are added, not concatenated, and decoders are narrow.
- The norm is batch norm. At inference it is the same affine map for all voxels, so that it does not
  depend on the tile.
"""

from __future__ import annotations

import copy

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..errors import StrataflowError
from ..volume.attributes import CHANNELS
from .architecture import CELL, DESIGNS, LEVELS, NEWEST_DESIGN, PRESETS, Architecture

# Momentum of the running statistics of batch norm. Batches of a few crops vary a lot. With the
# default of PyTorch, 0.1, the last ten batches would determine the predictions.
NORM_MOMENTUM = 0.01

# A refinement network corrects probabilities as logits, and clips them at this value first.
MAX_PROBABILITY = 0.98


def _convolution(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(channels_in, channels_out, 3, stride, padding=1, bias=False),
        nn.BatchNorm3d(channels_out, momentum=NORM_MOMENTUM),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """Residual block of two convolutions (He et al., 2016, CVPR), initialised as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _convolution(channels, channels)
        self.second = _convolution(channels, channels)
        del self.second[2]
        nn.init.zeros_(self.second[1].weight)  # type: ignore[arg-type] # that of the norm

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, n3, n2, n1) to the same shape."""
        return functional.relu(x + self.second(self.first(x)))


def cells_to_channels(x: Tensor) -> Tensor:
    """Rearrange (batch, channels, n3, n2, n1) to (batch, 8 * channels, n3 / 2, n2 / 2, n1 / 2)."""
    return rearrange(x, "b c (n3 i) (n2 j) (n1 k) -> b (c i j k) n3 n2 n1", i=CELL, j=CELL, k=CELL)


def channels_to_cells(x: Tensor) -> Tensor:
    """Invert `cells_to_channels`."""
    return rearrange(x, "b (c i j k) n3 n2 n1 -> b c (n3 i) (n2 j) (n1 k)", i=CELL, j=CELL, k=CELL)


class Decoder(nn.Module):
    """Decoder of one task: from the encoder levels to the full resolution."""

    def __init__(
        self, encoder: list[int], widths: list[int], channels_out: int, residual: bool = False
    ) -> None:
        super().__init__()
        self.skips = nn.ModuleList(
            nn.Conv3d(e, w, 1) for e, w in zip(encoder, widths, strict=False)
        )
        below = [*widths[1:], encoder[-1]]
        self.rises = nn.ModuleList(nn.Conv3d(b, w, 1) for b, w in zip(below, widths, strict=True))
        self.convolutions = nn.ModuleList(_convolution(w, w) for w in widths)
        self.residuals = nn.ModuleList(Residual(w) for w in widths if residual)
        self.head = nn.Conv3d(widths[0], CELL**3 * channels_out, 1)

    def forward(self, levels: list[Tensor]) -> Tensor:
        """Map the encoder levels, finest first, to (batch, channels, n3, n2, n1)."""
        x = levels[-1]
        for level in reversed(range(len(self.rises))):
            x = functional.interpolate(self.rises[level](x), scale_factor=2, mode="nearest")
            x = self.convolutions[level](x + self.skips[level](levels[level]))
            if self.residuals:
                x = self.residuals[level](x)
        return channels_to_cells(self.head(x))


class MultiTaskNetwork(nn.Module):
    """Fully convolutional network with a shared encoder and one decoder per task.

    The sides of the input must be multiples of STRIDE.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        design, width = DESIGNS[architecture.design], PRESETS[architecture.preset]
        encoder = [round(width * share) for share in design.encoder]
        inputs = max(channels.stop for channels in architecture.inputs.values())
        channels = [CELL**3 * inputs, *encoder]
        self.encoder = nn.ModuleList(
            nn.Sequential(
                _convolution(channels[level], width_, 1 if level == 0 else 2),
                _convolution(width_, width_),
                *([Residual(width_)] if design.residual else []),
            )
            for level, width_ in enumerate(encoder)
        )
        decoders = {}
        for task in architecture.tasks:
            shares = design.fault_decoder if task == "fault" else design.decoder
            widths = [round(width * share) for share in shares]
            residual = task == "fault" and design.residual
            decoders[task] = Decoder(encoder, widths, CHANNELS[task], residual)
        self.decoders = nn.ModuleDict(decoders)
        if architecture.kind == "refine":
            # Initialise the network as the identity.
            for parameter in (p for d in decoders.values() for p in d.head.parameters()):
                nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Predict one tensor (batch, CHANNELS[task], n3, n2, n1) per task.

        The first fault channel is a logit, and the others are the orientation tensor. A refinement
        network adds corrections to its input.

        Args:
            x: Input (batch, channels, n3, n2, n1).
        """
        levels: list[Tensor] = []
        given, x = x, cells_to_channels(x)
        for block in self.encoder:
            x = block(x)
            levels.append(x)
        outputs = {task: decoder(levels) for task, decoder in self.decoders.items()}
        if self.architecture.kind == "refine":
            for task, channels in self.architecture.inputs.items():
                outputs[task] = outputs[task] + _as_output(task, given[:, channels])
        return outputs


def with_fused_norms(network: MultiTaskNetwork) -> MultiTaskNetwork:
    """Copy `network` for inference, with batch norm fused into the convolutions.

    The predictions are the same up to rounding, and a fifth faster.
    """
    fused = copy.deepcopy(network).eval()
    for block in [module for module in fused.modules() if isinstance(module, nn.Sequential)]:
        convolution, norm = block[0], block[1]
        if isinstance(convolution, nn.Conv3d) and isinstance(norm, nn.BatchNorm3d):
            block[0] = fuse_conv_bn_eval(convolution, norm)
            del block[1]
    return fused


def grown(state: dict[str, Tensor], network: MultiTaskNetwork) -> dict[str, Tensor]:
    """Expand the weights of a smaller network to a larger one that computes the same.

    New channels start with zero weights in the layers that read them, and residual blocks start as
    the identity (Net2Net: Chen et al., 2016, ICLR). Training therefore continues from the smaller
    network.

    Args:
        state: State of the smaller network.
        network: The larger network.

    Raises:
        StrataflowError: The weights do not fit into the larger network.
    """
    larger = network.state_dict()
    for name, given in state.items():
        wanted = larger.get(name)
        if wanted is None or wanted.shape == given.shape:
            larger |= {name: given} if wanted is not None else {}
            continue
        if wanted.dim() != given.dim() or any(
            w < g for w, g in zip(wanted.shape, given.shape, strict=True)
        ):
            raise StrataflowError(
                f"network: {name}: weights of shape {tuple(given.shape)} do not fit into "
                f"{tuple(wanted.shape)}"
            )
        known = tuple(slice(side) for side in given.shape)
        if given.dim() > 1:
            wanted[: given.shape[0], given.shape[1] :] = 0
        wanted[known] = given.to(wanted)
    return larger


def _as_output(task: str, given: Tensor) -> Tensor:
    """Convert input channels of a refinement network to the encoding of its outputs."""
    if task != "fault":
        return given
    probability = given[:, :1].clamp(1 - MAX_PROBABILITY, MAX_PROBABILITY)
    return torch.cat([probability.logit(), given[:, 1:]], dim=1)


def receptive_field(design: int = NEWEST_DESIGN) -> int:
    """Receptive field along one axis in voxels, computed from the kernels of the layers."""
    further = 2 if DESIGNS[design].residual else 0
    deepest = LEVELS - 1
    reach = 0
    for level in range(deepest + 1):
        # The kernel of a strided convolution spans voxels of the finer level.
        reach += (1 + further) * 2**level + 2 ** max(level - 1, 0)
    # Nearest-neighbour upsampling can shift a voxel by up to one coarse cell minus one.
    for level in range(deepest):
        reach += (1 + further) * 2**level + 2**level
    return CELL * (2 * reach + 1)
