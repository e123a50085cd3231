"""Checkpoints: save within an epoch, stop on signals, and find the checkpoint to resume from."""

from __future__ import annotations

import logging
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

logger = logging.getLogger(__name__)

# Checkpoint within an epoch, saved every SAVE_EVERY seconds and before training stops on a signal
# or a time limit.
WITHIN_EPOCH = "within_epoch.ckpt"
SAVE_EVERY = 900

# Checkpoint saved when the cool-down begins within an epoch. A longer run resumes from it.
CONSTANT = "constant.ckpt"

# Slurm sends SIGTERM before SIGKILL, or the signal of sbatch --signal. Ctrl-C sends SIGINT.
STOP_SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)


class TimeLimitReached(Exception):  # noqa: N818 - it is not an error
    """Training reached its time limit and saved a checkpoint."""


class SaveWithinEpoch(pl.Callback):
    """Save every SAVE_EVERY seconds, and when the cool-down of `schedule` begins.

    After one of STOP_SIGNALS, save immediately and raise StrataflowError to stop. A second Ctrl-C
    stops without saving. After `minutes`, save and raise TimeLimitReached.
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
        """Install our signal handlers, and keep a copy of the checkpoint before a cool-down."""
        self._handlers = {number: signal.signal(number, self._receive) for number in STOP_SIGNALS}
        begins_here = trainer.global_step == self.schedule.cool_from and self.path.is_file()
        if begins_here and trainer.is_global_zero:
            with written_whole(self.constant) as (temporary,):
                shutil.copyfile(self.path, temporary)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        self.received = signal.Signals(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Save if it is due, in all processes together. Lightning saves at the end of an epoch."""
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
        """Flush the loss tables, which only now include the saved step, and stop if requested."""
        if self._flush:
            for logger in trainer.loggers:
                logger.save()
            self._flush = False
        if not self._stop:
            return
        if self._is_late() and not self.received:
            raise TimeLimitReached(
                f"training: time limit of {self.minutes:g} minutes reached in epoch"
                f" {trainer.current_epoch + 1} at step {trainer.global_step} of"
                f" {self.schedule.end}; --resume auto continues from {self.path}, and --cool_down"
                " STEPS finishes within that many steps"
            )
        name = self.received.name if self.received else "a signal to another process"
        raise StrataflowError(
            f"training: stopped by {name} at step {trainer.global_step}; --resume auto continues"
            f" from {self.path}"
        )

    def on_train_end(self, *_: Any) -> None:
        """Remove the checkpoint within an epoch, which is no longer needed."""
        self.path.unlink(missing_ok=True)

    def teardown(self, *_: Any, **__: Any) -> None:
        """Restore the previous signal handlers."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)


def ignore_stop_signals(_worker: int) -> None:
    """Ignore STOP_SIGNALS in a data loader process: the trainer ends it after saving."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@dataclass(frozen=True)
class Start:
    """Point at which a run starts or resumes.

    Attributes:
        schedule: Learning rate schedule of the run.
        checkpoint: Checkpoint to resume from, or None to start from random or initial weights.
        epoch: Epoch to continue, counted from 0.
        batches: Batches of this epoch that are done.
        step: Optimiser steps that are done in total.
    """

    schedule: Schedule
    checkpoint: Path | None = None
    epoch: int = 0
    batches: int = 0
    step: int = 0

    @classmethod
    def after(cls, checkpoint: Path, content: dict[str, Any]) -> Start:
        """Return the point after `checkpoint`, whose content is `content`."""
        if "schedule" not in content:
            raise StrataflowError(
                f"{checkpoint}: cannot be resumed, because it has no learning rate schedule; start"
                " from its weights with --init_weights"
            )
        schedule, epoch = Schedule(**content["schedule"]), content["epoch"]
        step = content["global_step"]
        progress = content["loops"]["fit_loop"]["epoch_loop.batch_progress"]
        if progress["is_last_batch"]:
            return cls(schedule, checkpoint, epoch + 1, 0, step)
        return cls(schedule, checkpoint, epoch, progress["current"]["processed"], step)

    @property
    def is_constant(self) -> bool:
        """Whether the cool-down has not begun yet."""
        return self.step <= self.schedule.cool_from

    def with_length(self, length: Length) -> Start:
        """Return this point with the schedule of a run of `length`.

        If the cool-down has begun, the schedule stays unchanged.
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
    """Find the point from which a run starts or resumes.

    Args:
        output: Folder of the run.
        resume: A checkpoint, or "auto" for the newest suitable one in `output`, or None to start
            from the beginning. A checkpoint is suitable if its network, its training and its
            learning rates so far match the run.
        stored: Network of the run, as checkpoints store it.
        identity: All settings that change the result of the training.
        length: Length of the run.

    Raises:
        StrataflowError: The checkpoint has another network or more epochs, its cool-down belongs to
            a run of another length, or there is no checkpoint to cool down from.
    """
    if resume == "auto":
        start = _newest_in(output, stored, identity, length)
    elif resume:
        start = _of_file(Path(resume), stored, length)
    else:
        start = None
    if start:
        return start.with_length(length)
    if length.cool_down:
        raise StrataflowError(
            f"{output}: no checkpoint before a cool-down with the same network, data and settings;"
            " train without --cool_down first"
        )
    return Start(length.schedule())


def _of_file(path: Path, stored: dict[str, Any], length: Length) -> Start:
    content = read_checkpoint(path)
    if content["hyper_parameters"]["architecture"] != stored:
        raise StrataflowError(
            f"{path}: checkpoint of another network, {architecture_of(content)}; set --preset and"
            " the tasks to match, or name another checkpoint"
        )
    start = Start.after(path, content)
    if not length.cool_down and content["epoch"] >= length.epochs:
        raise StrataflowError(
            f"{path}: already trained for {content['epoch'] + 1} epochs, but --epochs is"
            f" {length.epochs}; raise --epochs"
        )
    if not (start.is_constant or _fits(start, length)):
        raise StrataflowError(
            f"{path}: its learning rate has fallen since step {start.schedule.cool_from}; resume"
            f" from an earlier checkpoint, such as {CONSTANT}, or start from its weights with"
            " --init_weights"
        )
    return start


def _fits(start: Start, length: Length) -> bool:
    """Whether the learning rates up to `start` are those of a run of `length`."""
    own = start.schedule
    if length.cool_down:
        return start.is_constant or own.end - own.cool_from == length.cool_down
    return length.schedule().shares(own, start.step)


def _newest_in(
    output: Path, stored: dict[str, Any], identity: dict[str, Any], length: Length
) -> Start | None:
    """Find the checkpoint in `output` that is furthest along a run of `length`."""
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
        logger.info(
            "training: no checkpoint is early enough for a run of %d epochs; starting afresh",
            length.epochs,
        )
    return None


def epoch_in_name(checkpoint: Path) -> int:
    """Return N of `epoch=N.ckpt` or `best-N.ckpt`."""
    return int(re.findall(r"\d+", checkpoint.stem)[-1])


def _readable(paths: list[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in paths:
        if path.is_file():
            try:
                yield path, read_checkpoint(path)
            except StrataflowError as error:
                logger.warning("%s; trying an earlier checkpoint", error)


@rank_zero_only
def remove_superseded(output: Path, start: Start) -> None:
    """Remove the best checkpoints of the epochs that a run from `start` repeats."""
    for checkpoint in output.glob("best-*.ckpt"):
        if epoch_in_name(checkpoint) >= start.epoch:
            checkpoint.unlink()
