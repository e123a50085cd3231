"""Checkpoints of a training: where it goes on, and what is saved when it is told to stop."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.utilities import rank_zero_only

from .errors import StrataflowError
from .files import written_whole
from .weights import architecture_of, read_checkpoint

# What is saved within an epoch: each SAVE_EVERY seconds, and when a signal asks to stop.
WITHIN_EPOCH = "within_epoch.ckpt"
SAVE_EVERY = 900

# Slurm sends SIGTERM ahead of the kill, or what sbatch --signal says; SIGINT is Ctrl-C.
STOP_SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)


class SaveWithinEpoch(pl.Callback):
    """Save every SAVE_EVERY seconds; after one of STOP_SIGNALS save at once and stop.

    Raises StrataflowError to stop. A second Ctrl-C ends at once.
    """

    def __init__(self, output: Path) -> None:
        self.path = output / WITHIN_EPOCH
        self.received: signal.Signals | None = None
        self.saved_at = time.monotonic()
        self._handlers: dict[signal.Signals, Any] = {}
        self._flush = self._stop = False

    def on_train_start(self, *_: Any) -> None:
        """Listen, instead of Lightning."""
        self._handlers = {number: signal.signal(number, self._receive) for number in STOP_SIGNALS}

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        self.received = signal.Signals(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Save if it is time to, in all processes together; an epoch that ends is saved anyway."""
        if trainer.is_last_batch:
            return
        decide = trainer.strategy.reduce_boolean_decision
        stop = decide(self.received is not None, all=False)
        if not stop and not decide(time.monotonic() - self.saved_at > SAVE_EVERY, all=False):
            return
        if trainer.is_global_zero:
            with written_whole(self.path) as (temporary,):
                trainer.save_checkpoint(temporary)
        else:
            trainer.save_checkpoint(self.path)
        self.saved_at = time.monotonic()
        self._flush, self._stop = True, stop

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        """Write the tables of losses, which have the saved step only by now; stop if asked to."""
        if self._flush:
            for logger in trainer.loggers:
                logger.save()
            self._flush = False
        if self._stop:
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

    So many `batches` of `epoch` and so many steps in all are done.
    """

    checkpoint: Path | None = None
    epoch: int = 0
    batches: int = 0
    step: int = 0

    @classmethod
    def after(cls, checkpoint: Path, content: dict[str, Any]) -> Start:
        """Where the run goes on that left `content` in `checkpoint`."""
        epoch, step = content["epoch"], content["global_step"]
        progress = content["loops"]["fit_loop"]["epoch_loop.batch_progress"]
        if progress["is_last_batch"]:
            return cls(checkpoint, epoch + 1, 0, step)
        return cls(checkpoint, epoch, progress["current"]["processed"], step)


def find_start(
    output: Path, resume: str | None, stored: dict[str, Any], identity: dict[str, Any], epochs: int
) -> Start:
    """Where a run goes on, or the very beginning; an automatic start over clears `output`.

    `resume` is a file, or "auto" for the newest in `output` whose network and training are
    `stored` and `identity`. Raises StrataflowError for a file of another network, and for one
    that has had more than `epochs`.
    """
    if resume is None:
        return Start()
    if resume != "auto":
        content = read_checkpoint(Path(resume))
        if content["hyper_parameters"]["architecture"] != stored:
            raise StrataflowError(
                f"{resume}: a checkpoint of another network, {architecture_of(content)}"
            )
        if content["epoch"] >= epochs:
            raise StrataflowError(
                f"{resume}: has had {content['epoch'] + 1} epochs, more than the {epochs} asked"
            )
        return Start.after(Path(resume), content)
    whole = [output / f"epoch={epoch}.ckpt" for epoch in reversed(range(epochs))]
    found = [c for c in (_first_readable(whole), _first_readable([output / WITHIN_EPOCH])) if c]
    if found:
        path, content = max(found, key=lambda pair: pair[1]["global_step"])
        parameters = content["hyper_parameters"]
        if (parameters["architecture"], parameters["training"]) == (stored, identity):
            return Start.after(path, content)
        print("training: network, data or settings have changed; starting afresh")
    _clear(output)
    return Start()


def _first_readable(paths: Iterable[Path]) -> tuple[Path, dict[str, Any]] | None:
    for path in paths:
        if path.is_file():
            try:
                return path, read_checkpoint(path)
            except StrataflowError as error:
                print(f"{error}; going on from one before")
    return None


@rank_zero_only
def _clear(output: Path) -> None:
    for stale in ("tensorboard", "csv"):
        shutil.rmtree(output / stale, ignore_errors=True)
    for pattern in ("epoch=*.ckpt", "best-*.ckpt", "last.ckpt", WITHIN_EPOCH):
        for checkpoint in output.glob(pattern):
            checkpoint.unlink()
