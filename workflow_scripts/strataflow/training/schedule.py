"""The learning rate of a training, step by step: warm-up, constant, linear cool-down to zero.

The constant rate with a cool-down ends where a cosine ends (Hägele et al., 2024, NeurIPS,
arXiv:2405.18392). Unlike a cosine, its constant part does not depend on how long the training is.
"""

from __future__ import annotations

from dataclasses import dataclass

# The warm-up takes this many steps, or a tenth of an epoch where that is less. It does not depend
# on the number of epochs, so a longer training begins with the same steps as a shorter one.
WARM_UP_STEPS = 200
WARM_UP_PARTS = 10

# The cool-down is the last fifth of a training, as in the paper above.
COOL_DOWN_PARTS = 5


@dataclass(frozen=True)
class Schedule:
    """Steps at which the warm-up ends, the cool-down begins, and the training ends."""

    warm_up: int
    cool_from: int
    end: int

    def factor(self, step: int) -> float:
        """What the learning rate is multiplied by at `step`, which counts from 0."""
        rise = min((step + 1) / self.warm_up, 1.0)
        if step <= self.cool_from:
            return rise
        return rise * max(self.end - step, 0) / (self.end - self.cool_from)

    def shares(self, other: Schedule, steps: int) -> bool:
        """Whether the first `steps` steps have the same rate in both."""
        return self == other or (
            self.warm_up == other.warm_up and steps <= min(self.cool_from, other.cool_from)
        )


@dataclass(frozen=True)
class Length:
    """How long a training is asked to be.

    It has `epochs` in all, or, where `cool_down` is given, ends so many steps after the checkpoint
    that it goes on from.
    """

    epochs: int
    steps_per_epoch: int
    cool_down: int | None = None

    def schedule(self, epoch: int = 0, batches: int = 0, step: int = 0) -> Schedule:
        """The schedule of a training that has had `step` steps, `batches` of them in `epoch`."""
        warm_up = min(WARM_UP_STEPS, -(-self.steps_per_epoch // WARM_UP_PARTS))
        if self.cool_down:
            return Schedule(warm_up, step, step + self.cool_down)
        end = step + (self.epochs - epoch) * self.steps_per_epoch - batches
        return Schedule(warm_up, max(end - end // COOL_DOWN_PARTS, step), end)
