"""Resumable training of both networks with Lightning."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities import rank_zero_only

from ..code import code_checksum, modules
from ..errors import StrataflowError
from ..files import claimed_folder, file_checksum, require_file, written_whole
from ..hardware import limit_threads
from ..network.architecture import Architecture
from ..network.initial import load_initial_weights
from ..network.weights import read_checkpoint
from .checkpoints import (
    Start,
    TimeLimitReached,
    find_start,
    remove_superseded,
)
from .dataset import Crops
from .lightning import FREE_SETTINGS, TrainingSettings, crop_loader, lightning_trainer
from .module import TrainingModule, freeze_norm_statistics
from .overview import as_text, training_table
from .runs import Identity, folder_of_run, make_current, require_unused
from .schedule import Length
from .sources import SampleSource

logger = logging.getLogger(__name__)

# Modules that affect the result of a training. A run is not resumed after a change to one of them.
LEARNING_CODE = (
    *("volume/amplitudes", "volume/attributes", "volume/orientation", "volume/raw"),
    *("volume/units", "volume/volume", "hardware", "prediction/tiling"),
    *("interpretation/control", "interpretation/horizon_columns", "interpretation/horizon_files"),
    *("interpretation/horizon_grids", "interpretation/horizon_units"),
    *("interpretation/labelled_lines", "interpretation/surface_grids"),
    *("network/architecture", "network/initial", "network/losses", "network/model"),
    *("network/weights", "training/dataset", "training/horizon_targets", "training/module"),
    *("training/lightning", "training/schedule", "training/sources", "training/surveys"),
    "training/trainer",
)


def train(
    architecture: Architecture,
    settings: TrainingSettings,
    train_source: SampleSource,
    valid_source: SampleSource,
    output: Path,
    resume: str | None = None,
    init_weights: Path | None = None,
    notify: Callable[[str], None] = print,
    table: Path | None = None,
) -> Path | None:
    """Train a network, or resume its training.

    The folder of the run holds a checkpoint of each epoch (`epoch=N.ckpt`), `last.ckpt`, the three
    checkpoints with the lowest validation loss (`best-N.ckpt`) and the logs (`csv` and
    `tensorboard`). Checkpoints of other runs are never removed or overwritten.

    Args:
        architecture: Architecture of the network.
        settings: How it is trained.
        train_source: Training set.
        valid_source: Validation set.
        output: Folder of the run. With `resume` "auto" it becomes a link to a folder next to it,
            named by a hash of all settings that change the result.
        resume: A checkpoint, or "auto" for the newest one of the same run.
        init_weights: Weights to start from if there is no checkpoint to resume from.
        notify: Called with one line if `output` was another run before, and with the table of
            what joins the training if surveys do.
        table: CSV file of that table.

    Returns:
        The checkpoint of the last epoch, the best one after early stopping, or None if the time
        limit was reached.

    Raises:
        StrataflowError: The run cannot resume from the checkpoint, a sample is invalid, or
            `output` holds another run.
    """
    for source in (train_source, valid_source):
        source.require_intact(architecture)
    identity = {
        **{k: v for k, v in asdict(settings).items() if k not in FREE_SETTINGS},
        # Each process has its own batch, and a step averages over all processes.
        "processes": settings.gpus_per_node * settings.nodes,
        "crop": list(settings.crop) if settings.crop else None,
        "data": train_source.fingerprint(architecture),
        "init_weights": file_checksum(require_file(init_weights)) if init_weights else None,
        "code": code_checksum(modules(LEARNING_CODE)),
    }
    train_source.require_tasks(architecture)
    training_crops, validation_crops = (
        Crops(source, architecture, settings.crop, settings.seed, augment)
        for source, augment in ((train_source, True), (valid_source, False))
    )
    _report(
        training_table({"train": training_crops, "valid": validation_crops}, architecture),
        table,
        notify if train_source.surveys else print,
    )
    stored = asdict(architecture) | {"tasks": list(architecture.tasks)}
    steps_per_epoch = _steps_per_epoch(training_crops, settings)
    length = Length(settings.epochs, steps_per_epoch, settings.cool_down)
    run = Run(stored, identity, settings, length, init_weights)
    with ExitStack() as stack:
        folder = folder_of_run(output, run.everything) if resume == "auto" else output
        if resume != "auto":
            require_unused(output, resume, run.everything)
        _claim_folder(stack, folder)
        if resume == "auto":
            make_current(output, folder, run.everything, notify)
        start = find_start(folder, resume, stored, identity, length)
        if start.checkpoint and start.step >= start.schedule.end:
            logger.info("training: %s is complete after %d steps", start.checkpoint, start.step)
            return start.checkpoint
        return _fit(run, start, training_crops, validation_crops, folder)


@rank_zero_only
def _report(content: pd.DataFrame, table: Path | None, notify: Callable[[str], None]) -> None:
    """Print what joins the training, and write it to the CSV file `table`."""
    notify(f"training: voxels with a label:\n{as_text(content)}")
    if table:
        with written_whole(table) as (temporary,):
            content.to_csv(temporary, index=False)


@dataclass(frozen=True)
class Run:
    """A training run.

    Attributes:
        architecture: Network, as checkpoints store it.
        identity: Settings and data that change the result, without the network.
        settings: How the network is trained.
        length: Length of the run.
        init_weights: Weights to start from.
    """

    architecture: dict[str, Any]
    identity: dict[str, Any]
    settings: TrainingSettings
    length: Length
    init_weights: Path | None

    @property
    def everything(self) -> Identity:
        """The identity of the run, including the network."""
        return {**self.identity, "architecture": self.architecture}


@rank_zero_only
def _claim_folder(stack: ExitStack, folder: Path) -> None:
    """Lock `folder` against a second run. The first process locks it for all processes."""
    stack.enter_context(claimed_folder(folder))


def _fit(
    run: Run, start: Start, training_crops: Crops, validation_crops: Crops, folder: Path
) -> Path | None:
    """Train from `start` to the end of its schedule. Returns what `train` returns."""
    settings, init_weights = run.settings, run.init_weights
    remove_superseded(folder, start)
    limit_threads(settings.gpus_per_node)
    pl.seed_everything(settings.seed, verbose=False)
    module = TrainingModule(run.architecture, settings.learning_rate, start.schedule, run.identity)
    if start.checkpoint:
        logger.info(
            "training: resuming from %s at step %d of %d; the cool-down begins at step %d",
            start.checkpoint,
            start.step,
            start.schedule.end,
            start.schedule.cool_from,
        )
    elif init_weights:
        load_initial_weights(module.network, init_weights)
    if init_weights and settings.norm_statistics == "keep":
        freeze_norm_statistics(module.network, init_weights)
    trainer = lightning_trainer(settings, folder, start, training_crops.crop[0])
    with warnings.catch_warnings():
        # Data are read through memory maps. More workers would only compete for cores.
        warnings.filterwarnings("ignore", ".*does not have many workers.*")
        # The warning does not apply: the sampler starts with the next batch.
        warnings.filterwarnings("ignore", ".*your dataloader is not resumable.*")
        try:
            trainer.fit(
                module,
                crop_loader(training_crops, settings, trainer, start),
                crop_loader(validation_crops, settings, trainer, start),
                ckpt_path=start.checkpoint,
                weights_only=True,
            )
        except TimeLimitReached as notice:
            logger.info("%s", notice)
            return None
        except torch.OutOfMemoryError as error:
            raise StrataflowError(
                f"training: crops of {training_crops.crop} (n3, n2, n1) in batches of"
                f" {settings.batch_train} need more memory than the GPU has; choose smaller ones"
                " (training.crop, training.batch_size)"
            ) from error
        except StrataflowError as error:
            # An error of a data loader process includes the traceback of that process.
            reason = str(error).strip().splitlines()[-1].split("StrataflowError: ")[-1]
            raise StrataflowError(reason) from None
    if trainer.global_step >= start.schedule.end:
        return folder / f"epoch={trainer.current_epoch - 1}.ckpt"
    best = min(folder.glob("best-*.ckpt"), key=_validation_loss)
    logger.info(
        "training: the validation loss did not improve for %s epochs; using the best checkpoint,"
        " %s",
        settings.patience,
        best,
    )
    return best


def _steps_per_epoch(crops: Crops, settings: TrainingSettings) -> int:
    """Return the batches per process in an epoch. `crop_loader` drops an incomplete last batch."""
    items = max(len(crops) // (settings.gpus_per_node * settings.nodes), 1)
    return items // min(settings.batch_train, items)


def _validation_loss(checkpoint: Path) -> float:
    return float(read_checkpoint(checkpoint)["metrics"]["valid/loss"])
