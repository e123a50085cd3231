"""Settings of a training, and what Lightning needs for it: trainer and batches of crops."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from pytorch_lightning.callbacks import (
    LearningRateMonitor,
    ModelCheckpoint,
    TQDMProgressBar,
    WeightAveraging,
)
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from torch.utils.data import DataLoader

from ..hardware import precision_of_training
from .checkpoints import (
    SaveWithinEpoch,
    Start,
    ignore_stop_signals,
)
from .dataset import CountingSampler, Crops
from .module import Patience, average


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained.

    Attributes:
        epochs: Epochs in total, including those before a resume.
        batch_train: Crops per training batch of each process.
        batch_valid: Crops per validation batch of each process.
        learning_rate: Learning rate after the warm-up.
        seed: Random seed.
        crop: Size of the training crops (n3, n2, n1), or None for the whole sample.
        patience: Stop after this many epochs without a lower validation loss, and use the best
            epoch. None disables early stopping.
        gpus_per_node: Processes per node, each with its own GPU, or on CPU cores without GPUs.
        nodes: Nodes that share the training.
        cool_down: Stop this many steps after the checkpoint to resume from, instead of after
            `epochs`. The learning rate falls to zero over these steps.
        minutes: Save a checkpoint and stop after this time.
        norm_statistics: "keep" the batch norm statistics of initial weights, or "update" them with
            the samples.
    """

    epochs: int
    batch_train: int
    batch_valid: int
    learning_rate: float
    seed: int
    crop: tuple[int, int, int] | None = None
    patience: int | None = None
    gpus_per_node: int = 1
    nodes: int = 1
    cool_down: int | None = None
    minutes: float | None = None
    norm_statistics: Literal["keep", "update"] = "keep"


# Settings that may change when a run is resumed.
FREE_SETTINGS = ("epochs", "patience", "gpus_per_node", "nodes", "cool_down", "minutes")


def lightning_trainer(
    settings: TrainingSettings, output: Path, start: Start, inlines: int
) -> pl.Trainer:
    """Lightning's trainer: checkpoints and logs in `output`, crops of `inlines` inlines."""
    checkpoints = ModelCheckpoint(
        output,
        "epoch={epoch}",
        auto_insert_metric_name=False,
        save_top_k=-1,
        save_last=True,
        enable_version_counter=False,
    )
    best = ModelCheckpoint(
        output,
        "best-{epoch}",
        monitor="valid/loss",
        auto_insert_metric_name=False,
        save_top_k=3,
        enable_version_counter=False,
    )
    early = [Patience("valid/loss", patience=settings.patience)] if settings.patience else []
    gpu = torch.cuda.is_available()
    devices = settings.gpus_per_node
    if gpu:
        devices = min(devices, torch.cuda.device_count())
    return pl.Trainer(
        # The schedule ends the run.
        max_epochs=-1,
        accelerator="gpu" if gpu else "cpu",
        devices=devices,
        num_nodes=settings.nodes,
        precision=precision_of_training(inlines),
        callbacks=[
            checkpoints,
            best,
            *early,
            LearningRateMonitor("step"),
            TQDMProgressBar(refresh_rate=10),
            WeightAveraging(multi_avg_fn=average),
            SaveWithinEpoch(output, start.schedule, settings.minutes),
        ],
        logger=[
            TensorBoardLogger(output, name="", version="tensorboard"),
            # Lightning empties an existing table, so each start writes its own.
            CSVLogger(output, name="csv", version=f"from_step={start.step:08d}"),
        ],
        log_every_n_steps=1,
        num_sanity_val_steps=0,
        enable_model_summary=False,
        use_distributed_sampler=False,
        # Snakemake resubmits jobs, so Lightning must not.
        plugins=[SLURMEnvironment(auto_requeue=False)] if SLURMEnvironment.detect() else None,
        default_root_dir=output,
    )


def crop_loader(
    crops: Crops, settings: TrainingSettings, trainer: pl.Trainer, start: Start
) -> DataLoader[Any]:
    """Batches of training crops, from the next one of `start`, or of validation crops."""
    augment = crops.augment
    sampler = CountingSampler(len(crops), settings.seed, trainer.global_rank, trainer.world_size)
    # Lightning fetches the first batches before it sets the epoch of the sampler.
    sampler.begin(start.epoch, start.batches * settings.batch_train)
    items, batch = (sampler, settings.batch_train) if augment else (crops, settings.batch_valid)
    workers = min(4, max((os.cpu_count() or 1) - 1, 1))
    return DataLoader(
        crops,
        batch_size=min(batch, len(items)),
        sampler=sampler if augment else None,
        num_workers=workers,
        persistent_workers=True,
        pin_memory=torch.cuda.is_available(),
        drop_last=augment,
        worker_init_fn=ignore_stop_signals,
    )
