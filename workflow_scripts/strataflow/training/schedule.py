"""Learning rate schedule: warm-up, constant rate, linear cool-down to zero.

A constant rate with a cool-down reaches the same loss as a cosine schedule (Hägele et al., 2024,
NeurIPS, arXiv:2405.18392). Unlike a cosine, its constant part does not depend on the run length.
"""

from __future__ import annotations

from dataclasses import dataclass

# The warm-up takes this many steps, or a tenth of an epoch if that is fewer. It does not depend on
# the number of epochs, so longer and shorter runs begin with the same steps.
WARM_UP_STEPS = 200
WARM_UP_PARTS = 10

# The cool-down is the last fifth of a run, as in the paper above.
COOL_DOWN_PARTS = 5


@dataclass(frozen=True)
class Schedule:
    """Steps at which the warm-up ends, the cool-down begins and the run ends."""

    warm_up: int
    cool_from: int
    end: int

    def factor(self, step: int) -> float:
        """Return the factor of the learning rate at `step`, counted from 0."""
        rise = min((step + 1) / self.warm_up, 1.0)
        if step <= self.cool_from:
            return rise
        return rise * max(self.end - step, 0) / (self.end - self.cool_from)

    def shares(self, other: Schedule, steps: int) -> bool:
        """Whether the first `steps` steps have the same rates in both schedules."""
        return self == other or (
            self.warm_up == other.warm_up and steps <= min(self.cool_from, other.cool_from)
        )


@dataclass(frozen=True)
class Length:
    """Requested length of a run.

    Attributes:
        epochs: Epochs in total.
        steps_per_epoch: Optimiser steps per epoch.
        cool_down: If given, the run ends this many steps after the checkpoint it resumes from,
            whatever `epochs` says.
    """

    epochs: int
    steps_per_epoch: int
    cool_down: int | None = None

    def schedule(self, epoch: int = 0, batches: int = 0, step: int = 0) -> Schedule:
        """Return the schedule of a run after `step` steps, `batches` of them in `epoch`."""
        warm_up = min(WARM_UP_STEPS, -(-self.steps_per_epoch // WARM_UP_PARTS))
        if self.cool_down:
            return Schedule(warm_up, step, step + self.cool_down)
        end = step + (self.epochs - epoch) * self.steps_per_epoch - batches
        return Schedule(warm_up, max(end - end // COOL_DOWN_PARTS, step), end)
