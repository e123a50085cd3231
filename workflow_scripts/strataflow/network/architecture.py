"""Architecture of a network: kind, size, design and tasks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import StrataflowError
from ..volume.attributes import CHANNELS, TASKS

# Channels of the first level. The published network has 14.5 million parameters.
PRESETS: dict[str, int] = {"small": 16, "base": 32, "large": 96}


@dataclass(frozen=True)
class Design:
    """Layout of a network.

    Widths are relative to the channels of the first level, with the finest level first. An encoder
    level has two convolutions and a decoder level has one. Decoders have one level less.

    Attributes:
        encoder: Widths of the encoder levels.
        decoder: Widths of the decoder levels.
        fault_decoder: Widths of the decoder levels of the fault task.
        residual: Whether each level of the encoder and of the fault decoder has a residual block.
    """

    encoder: tuple[float, ...]
    decoder: tuple[float, ...]
    fault_decoder: tuple[float, ...]
    residual: bool


# Designs by number. The number is stored with the weights, so that older networks can be rebuilt.
DESIGNS: dict[int, Design] = {
    1: Design((1.0, 2.0, 3.0, 3.0), (0.75, 1.0, 1.5), (0.75, 1.0, 1.5), residual=False),
    2: Design((1.0, 2.0, 4.0, 4.0), (0.75, 1.0, 1.5), (1.0, 2.0, 3.0), residual=True),
}

NEWEST_DESIGN = 2

LEVELS = 4

# Side in voxels of the cells that the first level processes.
CELL = 2

KINDS = ("infer", "refine")


@dataclass(frozen=True)
class Architecture:
    """Everything that is needed to rebuild a network. It is stored with the weights.

    Attributes:
        kind: infer (MTI) or refine (MTR).
        preset: Size, one of PRESETS.
        tasks: Some of TASKS.
        design: Layout, one of DESIGNS.
    """

    kind: str
    preset: str
    tasks: tuple[str, ...]
    design: int = NEWEST_DESIGN

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise StrataflowError(
                f"network kind: expected one of {', '.join(KINDS)}, got {self.kind!r}"
            )
        if self.preset not in PRESETS:
            raise StrataflowError(
                f"preset: expected one of {', '.join(PRESETS)}, got {self.preset!r}"
            )
        if not self.tasks or not set(self.tasks) <= set(TASKS):
            raise StrataflowError(
                f"tasks: expected some of {', '.join(TASKS)}, got {', '.join(self.tasks) or 'none'}"
            )
        if self.design not in DESIGNS:
            raise StrataflowError(
                f"network design: expected one of {tuple(DESIGNS)}, got {self.design!r}"
            )

    @property
    def inputs(self) -> dict[str, slice]:
        """Input channels by name: the image or, for refinement, the attributes of each task.

        The first convolution has CELL**3 channels for each input channel, in this order.
        """
        if self.kind == "infer":
            return {"image": slice(0, 1)}
        ends = np.cumsum([CHANNELS[task] for task in self.tasks]).tolist()
        return {t: slice(end - CHANNELS[t], end) for t, end in zip(self.tasks, ends, strict=True)}


# The sides of network inputs must be multiples of this: CELL, doubled from level to level.
STRIDE = CELL * 2 ** (LEVELS - 1)
