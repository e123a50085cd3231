"""The multi-task networks: MTI (image to attributes) and MTR (attributes to better attributes).

One encoder is shared and each task has a decoder of its own, after Gao (2024, GJI, doi
10.1093/gji/ggad424), from whose networks these differ in what keeps them cheap and free of seams:
all convolutions work on cells of 2 x 2 x 2 voxels, whose values are put into channels at the input
and taken out of channels at the output (sub-pixel convolution, Shi et al., 2016, CVPR); skips are
added instead of concatenated; decoders are narrow; and the norm is batch norm, whose result at
inference is one affine map for all voxels and so does not depend on the tile.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..errors import StrataflowError
from ..volume.attributes import CHANNELS
from .architecture import CELL, DESIGNS, LEVELS, NEWEST_DESIGN, PRESETS, STRIDE, Architecture

assert CELL * 2 ** (LEVELS - 1) == STRIDE

# Share of a batch in the running statistics of the norms. Batches of a few crops differ much: at
# PyTorch's 0.1 the last ten of them decide what is predicted.
NORM_MOMENTUM = 0.01

# A refinement network corrects probabilities as logits, and believes none more than this.
MAX_PROBABILITY = 0.98


def _convolution(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(channels_in, channels_out, 3, stride, padding=1, bias=False),
        nn.BatchNorm3d(channels_out, momentum=NORM_MOMENTUM),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """Two convolutions whose result is added to their input (He et al., 2016, CVPR).

    It begins as a block that changes nothing.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _convolution(channels, channels)
        self.second = _convolution(channels, channels)
        del self.second[2]
        nn.init.zeros_(self.second[1].weight)  # type: ignore[arg-type] # that of the norm

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, n3, n2, n1) to the same shape."""
        return functional.relu(x + self.second(self.first(x)))


def cells_to_channels(x: Tensor) -> Tensor:
    """(batch, channels, n3, n2, n1) to (batch, 8 channels, n3 / 2, n2 / 2, n1 / 2)."""
    batch, channels, n3, n2, n1 = x.shape
    cells = x.reshape(batch, channels, n3 // CELL, CELL, n2 // CELL, CELL, n1 // CELL, CELL)
    return cells.permute(0, 1, 3, 5, 7, 2, 4, 6).flatten(1, 4)


def channels_to_cells(x: Tensor) -> Tensor:
    """The inverse of `cells_to_channels`."""
    batch, _, n3, n2, n1 = x.shape
    voxels = x.reshape(batch, -1, CELL, CELL, CELL, n3, n2, n1).permute(0, 1, 5, 2, 6, 3, 7, 4)
    return voxels.reshape(batch, -1, n3 * CELL, n2 * CELL, n1 * CELL)


class Decoder(nn.Module):
    """From the encoder's levels back to full resolution for one task."""

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
        """Levels of the encoder, finest first, to (batch, channels, n3, n2, n1)."""
        x = levels[-1]
        for level in reversed(range(len(self.rises))):
            x = functional.interpolate(self.rises[level](x), scale_factor=2, mode="nearest")
            x = self.convolutions[level](x + self.skips[level](levels[level]))
            if self.residuals:
                x = self.residuals[level](x)
        return channels_to_cells(self.head(x))


class MultiTaskNetwork(nn.Module):
    """Shared encoder and task decoders; fully convolutional, sides in multiples of STRIDE."""

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
            # It begins as a network that changes nothing.
            for parameter in (p for d in decoders.values() for p in d.head.parameters()):
                nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(batch, channels, n3, n2, n1) to one tensor a task, (batch, CHANNELS[task], n3, n2, n1).

        The fault's first channel is a logit, the others the orientation tensor. A refinement
        network corrects what it is given rather than making it.
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
    """A copy of `network` for inference, whose norms have become part of its convolutions.

    It predicts the same up to rounding, a fifth faster.
    """
    folded = copy.deepcopy(network).eval()
    for block in [module for module in folded.modules() if isinstance(module, nn.Sequential)]:
        convolution, norm = block[0], block[1]
        if isinstance(convolution, nn.Conv3d) and isinstance(norm, nn.BatchNorm3d):
            block[0] = fuse_conv_bn_eval(convolution, norm)
            del block[1]
    return folded


def grown(state: dict[str, Tensor], network: MultiTaskNetwork) -> dict[str, Tensor]:
    """The `state` of a smaller network as one of `network`, which then computes the same.

    Channels that are new are read by nobody at first, and residual blocks change nothing
    (Net2Net: Chen et al., 2016, ICLR), so that training goes on from what was learned.
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
    """Channels of a task as refinement reads them, in the form in which networks predict them."""
    if task != "fault":
        return given
    probability = given[:, :1].clamp(1 - MAX_PROBABILITY, MAX_PROBABILITY)
    return torch.cat([probability.logit(), given[:, 1:]], dim=1)


def receptive_field(design: int = NEWEST_DESIGN) -> int:
    """Voxels along a side of the input that one output voxel sees, from the layers' kernels."""
    further = 2 if DESIGNS[design].residual else 0
    deepest = LEVELS - 1
    reach = 0
    for level in range(deepest + 1):
        # The strided convolution works on the grid of the level above, the others on their own.
        reach += (1 + further) * 2**level + 2 ** max(level - 1, 0)
    # Nearest-neighbour upsampling can shift a voxel by one less than a coarse cell.
    for level in range(deepest):
        reach += (1 + further) * 2**level + 2**level
    return CELL * (2 * reach + 1)
