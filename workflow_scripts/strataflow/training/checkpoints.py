"""Checkpoints of a training: where it goes on, and what is saved when it is told to stop."""

from __future__ import annotations

import re
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.utilities import rank_zero_only

from ..errors import StrataflowError
from ..files import written_whole
from ..network.weights import architecture_of, read_checkpoint
from .schedule import Length, Schedule

# What is saved within an epoch: each SAVE_EVERY seconds, and when a signal or the clock asks to
# stop.
WITHIN_EPOCH = "within_epoch.ckpt"
SAVE_EVERY = 900

# What is saved where the cool-down begins within an epoch; a longer training goes on from it.
CONSTANT = "constant.ckpt"

# Slurm sends SIGTERM ahead of the kill, or what sbatch --signal says; SIGINT is Ctrl-C.
STOP_SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)


class TimeIsUp(Exception):  # noqa: N818 - it is no error
    """The minutes that a training was given are over, and it is saved."""


class SaveWithinEpoch(pl.Callback):
    """Save every SAVE_EVERY seconds, and where the cool-down of `schedule` begins.

    After one of STOP_SIGNALS it saves at once and raises StrataflowError to stop; a second Ctrl-C
    ends at once. After `minutes` it saves and raises TimeIsUp.
    """

    def __init__(self, output: Path, schedule: Schedule, minutes: float | None = None) -> None:
        self.path = output / WITHIN_EPOCH
        self.constant = output / CONSTANT
        self.schedule = schedule
        self.minutes = minutes
        self.received: signal.Signals | None = None
        self.started_at = self.saved_at = time.monotonic()
        self._handlers: dict[signal.Signals, Any] = {}
        self._flush = self._stop = False

    def on_train_start(self, trainer: pl.Trainer, *_: Any) -> None:
        """Listen, instead of Lightning; keep what a cool-down begins from."""
        self._handlers = {number: signal.signal(number, self._receive) for number in STOP_SIGNALS}
        begins_here = trainer.global_step == self.schedule.cool_from and self.path.is_file()
        if begins_here and trainer.is_global_zero:
            with written_whole(self.constant) as (temporary,):
                shutil.copyfile(self.path, temporary)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        self.received = signal.Signals(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Save if it is time to, in all processes together; an epoch that ends is saved anyway."""
        if trainer.is_last_batch or trainer.global_step >= self.schedule.end:
            return
        if trainer.global_step == self.schedule.cool_from:
            self._save(trainer, self.constant)
        decide = trainer.strategy.reduce_boolean_decision
        stop = decide(self.received is not None or self._is_late(), all=False)
        if stop or decide(time.monotonic() - self.saved_at > SAVE_EVERY, all=False):
            self._save(trainer, self.path)
            self.saved_at = time.monotonic()
            self._stop = stop

    def _is_late(self) -> bool:
        return self.minutes is not None and time.monotonic() - self.started_at >= 60 * self.minutes

    def _save(self, trainer: pl.Trainer, path: Path) -> None:
        if trainer.is_global_zero:
            with written_whole(path) as (temporary,):
                trainer.save_checkpoint(temporary)
        else:
            trainer.save_checkpoint(path)
        self._flush = True

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        """Write the tables of losses, which have the saved step only by now; stop if asked to."""
        if self._flush:
            for logger in trainer.loggers:
                logger.save()
            self._flush = False
        if not self._stop:
            return
        if self._is_late() and not self.received:
            raise TimeIsUp(
                f"training: {self.minutes:g} minutes are over at step {trainer.global_step} of"
                f" {self.schedule.end} (epoch {trainer.current_epoch + 1}); --resume auto goes on"
                f" from {self.path}, with --cool_down STEPS it ends after so many steps"
            )
        name = self.received.name if self.received else "a signal to another process"
        raise StrataflowError(
            f"training: stopped by {name} at step {trainer.global_step}; the next start with"
            f" --resume auto goes on from {self.path}"
        )

    def on_train_end(self, *_: Any) -> None:
        """What was saved within an epoch is of no more use."""
        self.path.unlink(missing_ok=True)

    def teardown(self, *_: Any, **__: Any) -> None:
        """Leave the signals to whom they belonged."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)


def leave_signals_alone(_worker: int) -> None:
    """For processes that load data: their trainer ends them, once it has saved."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@dataclass(frozen=True)
class Start:
    """Where training begins: from a `checkpoint`, or at random or initial weights where it is None.

    So many `batches` of `epoch` and so many steps in all are done, under `schedule`.
    """

    schedule: Schedule
    checkpoint: Path | None = None
    epoch: int = 0
    batches: int = 0
    step: int = 0

    @classmethod
    def after(cls, checkpoint: Path, content: dict[str, Any]) -> Start:
        """Where the run goes on that left `content` in `checkpoint`."""
        if "schedule" not in content:
            raise StrataflowError(
                f"{checkpoint}: cannot be resumed, it does not say how its learning rate was"
                " scheduled; start from it with --init_weights"
            )
        schedule, epoch = Schedule(**content["schedule"]), content["epoch"]
        step = content["global_step"]
        progress = content["loops"]["fit_loop"]["epoch_loop.batch_progress"]
        if progress["is_last_batch"]:
            return cls(schedule, checkpoint, epoch + 1, 0, step)
        return cls(schedule, checkpoint, epoch, progress["current"]["processed"], step)

    @property
    def is_constant(self) -> bool:
        """Whether the learning rate has not begun to fall."""
        return self.step <= self.schedule.cool_from

    def toward(self, length: Length) -> Start:
        """The same with the schedule that makes a training of `length` of it.

        A cool-down that has begun goes on.
        """
        if not self.is_constant:
            return self
        return replace(self, schedule=length.schedule(self.epoch, self.batches, self.step))


def find_start(
    output: Path,
    resume: str | None,
    stored: dict[str, Any],
    identity: dict[str, Any],
    length: Length,
) -> Start:
    """Where a run of `length` goes on, or the very beginning.

    `resume` is a file, or "auto" for the newest in `output` whose network and training are
    `stored` and `identity`, and whose learning rates so far are those of a run of `length`. Raises
    StrataflowError for a file of another network, for one that has had more epochs, for one whose
    learning rate has begun to fall in a run of another length, and where there is nothing to cool
    down.
    """
    if resume == "auto":
        start = _newest_in(output, stored, identity, length)
    elif resume:
        start = _of_file(Path(resume), stored, length)
    else:
        start = None
    if start:
        return start.toward(length)
    if length.cool_down:
        raise StrataflowError(
            f"{output}: no checkpoint of the same network, data and settings from before a"
            " cool-down; train without --cool_down first"
        )
    return Start(length.schedule())


def _of_file(path: Path, stored: dict[str, Any], length: Length) -> Start:
    content = read_checkpoint(path)
    if content["hyper_parameters"]["architecture"] != stored:
        raise StrataflowError(
            f"{path}: a checkpoint of another network, {architecture_of(content)}"
        )
    start = Start.after(path, content)
    if not length.cool_down and content["epoch"] >= length.epochs:
        raise StrataflowError(
            f"{path}: has had {content['epoch'] + 1} epochs, more than the {length.epochs} asked"
        )
    if not (start.is_constant or _fits(start, length)):
        raise StrataflowError(
            f"{path}: its learning rate has fallen since step {start.schedule.cool_from}; resume"
            f" from a checkpoint before that, as {CONSTANT} is, or start from it with"
            " --init_weights"
        )
    return start


def _fits(start: Start, length: Length) -> bool:
    """Whether the steps before `start` had the learning rates of a run of `length`."""
    own = start.schedule
    if length.cool_down:
        return start.is_constant or own.end - own.cool_from == length.cool_down
    return length.schedule().shares(own, start.step)


def _newest_in(
    output: Path, stored: dict[str, Any], identity: dict[str, Any], length: Length
) -> Start | None:
    """The start in `output` that has had most of a run of `length`."""
    by_epoch = sorted(output.glob("epoch=*.ckpt"), key=epoch_in_name, reverse=True)
    starts: list[Start] = []
    same = False
    for path, content in _readable([output / WITHIN_EPOCH, output / CONSTANT, *by_epoch]):
        parameters = content["hyper_parameters"]
        if (parameters["architecture"], parameters["training"]) != (stored, identity):
            continue
        same = True
        start = Start.after(path, content)
        if _fits(start, length):
            starts.append(start)
            if start.is_constant and path in by_epoch:
                break
    if starts:
        return max(starts, key=lambda s: (min(s.step, s.schedule.cool_from), s.step))
    if length.cool_down:
        return None
    if same:
        print("training: no checkpoint has the learning rates of so short a run; starting afresh")
    return None


def epoch_in_name(checkpoint: Path) -> int:
    """N of `epoch=N.ckpt` or `best-N.ckpt`."""
    return int(re.findall(r"\d+", checkpoint.stem)[-1])


def _readable(paths: list[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in paths:
        if path.is_file():
            try:
                yield path, read_checkpoint(path)
            except StrataflowError as error:
                print(f"{error}; going on from one before")


@rank_zero_only
def drop_superseded(output: Path, start: Start) -> None:
    """Remove the best checkpoints of epochs that a run from `start` has again."""
    for checkpoint in output.glob("best-*.ckpt"):
        if epoch_in_name(checkpoint) >= start.epoch:
            checkpoint.unlink()
