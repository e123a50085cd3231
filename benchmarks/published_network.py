"""The published architecture to race against: Gao (2024, GJI, doi 10.1093/gji/ggad424).

Written anew from the paper's description: an encoder of three levels of nested residual U-blocks
(Qin et al., 2020, Pattern Recognition 106), a decoder of two levels for each of the image, geologic
time and the fault, and below the fault a residual head each for its probability, dip and strike;
instance norm. Outputs are as published: dip and strike are plain numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

# Channels of the three levels: 14.5 million parameters.
WIDTHS = (16, 32, 64)


def _convolution(channels_in: int, channels_out: int, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(channels_in, channels_out, 3, padding="same", dilation=dilation),
        nn.InstanceNorm3d(channels_out),
        nn.LeakyReLU(inplace=True),
    )


def _grown_to(x: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(x, like.shape[2:], mode="trilinear", align_corners=True)


class ResidualU(nn.Module):
    """A small U-net whose output is added to its first features.

    `widths` are the channels going down, as multiples of `channels_out`; the last is the bottom.
    `pooled` halves the grid between levels, otherwise dilation doubles.
    """

    def __init__(
        self, channels_in: int, channels_out: int, widths: tuple[int, ...], pooled: bool
    ) -> None:
        super().__init__()
        self.pooled = pooled
        self.entry = _convolution(channels_in, channels_out)
        down = [channels_out * width for width in widths]
        dilations = [2 if level + 1 == len(down) else 1 for level in range(len(down))]
        if not pooled:
            dilations = [2**level for level in range(len(down))]
        self.down = nn.ModuleList(
            _convolution(before, after, dilation)
            for before, after, dilation in zip(
                [channels_out, *down[:-1]], down, dilations, strict=True
            )
        )
        self.up = nn.ModuleList()
        below = down[-1]
        for level in reversed(range(len(down) - 1)):
            dilation = 1 if pooled else 2**level
            self.up.append(_convolution(below + down[level], down[level], dilation))
            below = down[level]

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, n3, n2, n1) to channels_out of the same size."""
        entry = self.entry(x)
        levels: list[Tensor] = []
        x = entry
        for number, block in enumerate(self.down):
            if number and self.pooled:
                x = functional.max_pool3d(x, 2)
            x = block(x)
            levels.append(x)
        for block, skip in zip(self.up, reversed(levels[:-1]), strict=True):
            x = block(torch.cat([_grown_to(x, skip), skip], dim=1))
        return entry + x


class TaskDecoder(nn.Module):
    """From the three levels of the encoder to `channels_out` at full resolution."""

    def __init__(self, widths: tuple[int, int, int], channels_out: int) -> None:
        super().__init__()
        first, second, third = widths
        self.second = ResidualU(second + third, second, (1, 2, 8), pooled=True)
        self.first = ResidualU(first + second, first, (1, 2, 4, 16), pooled=True)
        self.out = nn.Sequential(
            nn.Conv3d(first, first, 3, padding="same"),
            nn.Conv3d(first, first, 3, padding="same"),
            nn.Conv3d(first, channels_out, 1),
        )

    def forward(self, levels: list[Tensor]) -> Tensor:
        """Finest level first."""
        x = self.second(torch.cat([_grown_to(levels[2], levels[1]), levels[1]], dim=1))
        x = self.first(torch.cat([_grown_to(x, levels[0]), levels[0]], dim=1))
        out: Tensor = self.out(x)
        return out


class Head(nn.Module):
    """One attribute of the fault from the features that all of them share."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = 2 * channels
        self.body = nn.Sequential(
            _convolution(channels, wide),
            _convolution(wide, wide),
            _convolution(wide, wide),
            _convolution(wide, channels),
        )
        self.out = nn.Conv3d(channels, 1, 3, padding="same")

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, ...) to (batch, 1, ...)."""
        out: Tensor = self.out(x + self.body(x))
        return out


class PublishedNetwork(nn.Module):
    """An image (batch, 1, n3, n2, n1) to dhr, rgt, and logits of fsem with fdip and fstrike."""

    def __init__(self) -> None:
        super().__init__()
        first, second, third = WIDTHS
        self.encoder = nn.ModuleList(
            [
                ResidualU(1, first, (1, 2, 4, 16), pooled=True),
                ResidualU(first, second, (1, 2, 8), pooled=True),
                ResidualU(second, third, (1, 2, 2, 4), pooled=False),
            ]
        )
        self.decoders = nn.ModuleDict(
            {
                task: TaskDecoder(WIDTHS, channels)
                for task, channels in (("dhr", 1), ("rgt", 1), ("fault", first))
            }
        )
        self.heads = nn.ModuleDict({name: Head(first) for name in ("fsem", "fdip", "fstrike")})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """One tensor (batch, 1, n3, n2, n1) an attribute."""
        levels: list[Tensor] = []
        for number, block in enumerate(self.encoder):
            x = block(functional.max_pool3d(x, 2) if number else x)
            levels.append(x)
        features = {task: decoder(levels) for task, decoder in self.decoders.items()}
        fault = features.pop("fault")
        return features | {name: head(fault) for name, head in self.heads.items()}
