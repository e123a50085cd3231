"""Training of either network with Lightning: resumable, and never more epochs than asked."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from pytorch_lightning.callbacks import (
    EarlyStopping,
    LearningRateMonitor,
    ModelCheckpoint,
    TQDMProgressBar,
    WeightAveraging,
)
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ..code import code_checksum, modules
from ..errors import StrataflowError
from ..files import claimed_folder, file_checksum, require_file, written_whole
from ..hardware import limit_threads, precision_of_training
from ..network.architecture import CELL, Architecture
from ..network.losses import LOSSES, TaskWeights
from ..network.model import MultiTaskNetwork, grown
from ..network.weights import architecture_of, load_state, network_state, read_checkpoint
from ..volume.attributes import FAULT_THRESHOLD
from .checkpoints import (
    SaveWithinEpoch,
    Start,
    TimeIsUp,
    drop_superseded,
    find_start,
    leave_signals_alone,
)
from .dataset import CountingSampler, Crops, SampleSource
from .figures import draw_lesson
from .runs import Identity, folder_of_run, make_current, require_unused
from .schedule import Length, Schedule

# Runs of no more steps that begin with weights leave the norms' statistics alone: so few steps
# would replace what thousands of samples gave with what a few give (data/README.md has figures).
NORMS_KEPT_STEPS = 1000

# Gradients of a larger norm are scaled down to it.
LARGEST_GRADIENT = 1.0

# Modules that decide what is learned from the same samples: a run does not go on across a change.
LEARNING_CODE = (
    *("volume/amplitudes", "volume/attributes", "volume/orientation"),
    *("network/architecture", "network/losses", "network/model"),
    *("training/dataset", "training/schedule", "training/trainer"),
)


# Inputs, targets by task, and the files that they come from.
Batch = tuple[Tensor, dict[str, Tensor], list[str]]


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained; sizes as n3, n2, n1, `epochs` in all and not on top.

    Training ends early once the loss of validation has not fallen for `patience` epochs; then the
    best epoch counts. Where `cool_down` is given, training ends so many steps after the checkpoint
    that it goes on from, instead of after `epochs`; its learning rate falls to zero until then.
    After `minutes` it saves and stops, to be resumed. A node has one process for each of its
    `gpus_per_node`, or, where there is no GPU, as many processes on its cores; each of them takes
    batches of `batch_train` crops.
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


# Settings that another start of the same run may change.
FREE_SETTINGS = ("epochs", "patience", "gpus_per_node", "nodes", "cool_down", "minutes")


class Lesson(pl.LightningModule):
    """A network with the losses of its tasks and its optimiser, whose rate follows `schedule`."""

    def __init__(
        self,
        architecture: dict[str, Any],
        learning_rate: float,
        schedule: Schedule,
        training: dict[str, Any] | None = None,  # noqa: ARG002 - kept in the checkpoint
    ) -> None:
        super().__init__()
        self.save_hyperparameters(ignore="schedule")
        self.schedule = schedule
        self.architecture = Architecture(**architecture | {"tasks": tuple(architecture["tasks"])})
        self.learning_rate = learning_rate
        self.network = MultiTaskNetwork(self.architecture).to(  # type: ignore[call-overload] # torch leaves it out of its stubs
            memory_format=torch.channels_last_3d
        )
        self.task_weights = TaskWeights(self.architecture.tasks)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """The weighted loss of a batch; StrataflowError, with its files, when it is not finite."""
        losses, _outputs = self._losses(batch)
        n = batch[0].shape[0]
        total = self.task_weights(losses)
        if not torch.isfinite(total):
            raise StrataflowError(
                f"training: the loss is {total.item()} at step {self.global_step}, on "
                f"{' '.join(batch[2])}; the last checkpoint is kept"
            )
        self.log_dict(
            {f"train/{task}": loss.detach() for task, loss in losses.items()}, batch_size=n
        )
        self.log(
            "train/loss",
            torch.stack(list(losses.values())).sum().detach(),
            prog_bar=True,
            batch_size=n,
        )
        return total

    def on_before_optimizer_step(self, *_: Any) -> None:
        """Limit the gradients' norm; Lightning does not where the optimiser is fused."""
        nn.utils.clip_grad_norm_(self.parameters(), LARGEST_GRADIENT)

    def on_train_epoch_end(self) -> None:
        """Log the tasks' weights, which change slowly."""
        self.log_dict(
            {f"weight/{t}": torch.exp(-s) for t, s in self.task_weights.log_variance.items()}
        )

    def on_train_batch_end(self, *_: Any) -> None:
        """End with the schedule; validation and the checkpoint of the epoch follow."""
        if self.global_step >= self.schedule.end:
            self.trainer.should_stop = True

    def validation_step(self, batch: Batch, number: int) -> None:
        """Log the losses of a batch and the overlap of its faults."""
        losses, outputs = self._losses(batch)
        n = batch[0].shape[0]
        self.log_dict(
            {f"valid/{task}": loss for task, loss in losses.items()}, batch_size=n, sync_dist=True
        )
        self.log("valid/loss", sum(losses.values()), prog_bar=True, batch_size=n, sync_dist=True)
        if "fault" in outputs:
            found = outputs["fault"][:, 0].sigmoid() >= FAULT_THRESHOLD
            label = batch[1]["fault"][:, 0] >= FAULT_THRESHOLD
            both, either = (found & label).sum(), (found | label).sum()
            self.log(
                "valid/fault_iou",
                both / (either + 1e-6),
                prog_bar=True,
                batch_size=n,
                sync_dist=True,
            )
        board = next((log for log in self.loggers if isinstance(log, TensorBoardLogger)), None)
        if number == 0 and board and self.trainer.is_global_zero:
            figure = draw_lesson(batch[0][0], batch[1], outputs)
            board.experiment.add_figure("validation sample", figure, self.current_epoch)

    def _losses(self, batch: Batch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        given, targets, _ = batch
        outputs = self.network(given.to(memory_format=torch.channels_last_3d))
        return {task: LOSSES[task](outputs[task], targets[task]) for task in outputs}, outputs

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the last measures and the schedule beside the weights."""
        measured = self.trainer.callback_metrics.items()
        checkpoint["metrics"] = {name: float(value) for name, value in measured}
        checkpoint["schedule"] = asdict(self.schedule)

    def configure_optimizers(self) -> Any:
        """AdamW whose learning rate follows the schedule."""
        # Fused, it takes half the time. With fp16 it would undo their scaling after the limit.
        optimiser = torch.optim.AdamW(
            self.parameters(),
            self.learning_rate,
            weight_decay=1e-4,
            fused=self.trainer.precision != "16-mixed",
        )
        rates = torch.optim.lr_scheduler.LambdaLR(
            optimiser, partial(Schedule.factor, self.schedule)
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": rates, "interval": "step"}}


class Patience(EarlyStopping):
    """Stop once the loss of validation has not fallen for `patience` epochs, but in no cool-down.

    A cool-down brings the loss down once more, and ends soon.
    """

    def on_train_epoch_end(self, trainer: pl.Trainer, module: Any) -> None:
        """Count the epoch if the learning rate is still constant."""
        if trainer.global_step <= module.schedule.cool_from:
            super().on_train_epoch_end(trainer, module)


@torch.no_grad()
def average(averaged: list[Tensor], current: list[Tensor], count: Tensor) -> None:
    """Move averages in place toward `current`, after `count` such moves.

    It is an exponential moving average whose memory grows to 1000 steps, so short runs profit too.
    The statistics of norms are averaged with the weights. Counters are taken as they are.
    """
    share = 1 - min(0.999, (1 + float(count)) / (10 + float(count)))
    if averaged[0].is_floating_point():
        torch._foreach_lerp_(averaged, current, share)
    else:
        torch._foreach_copy_(averaged, current)


def train(
    architecture: Architecture,
    settings: TrainingSettings,
    train_source: SampleSource,
    valid_source: SampleSource,
    output: Path,
    resume: str | None = None,
    init_weights: Path | None = None,
    notify: Callable[[str], None] = print,
) -> Path | None:
    """Train and return the checkpoint of the last epoch, `epoch=N.ckpt` in the run's folder.

    The folder also holds `last.ckpt`, the three best by validation, `best-N.ckpt`, and the logs,
    `csv` and `tensorboard`. No checkpoint of another training is removed or written over.

    Args:
        architecture: the network.
        settings: how it is trained.
        train_source: samples to learn from.
        valid_source: samples to validate with.
        output: folder of the run. With `resume` "auto" it becomes a link to a folder beside it,
            which is named by a hash of all that changes what is learned.
        resume: a checkpoint, or "auto" for the newest one of the same training.
        init_weights: weights to start from when nothing is resumed.
        notify: called with one line if `output` was another training before.

    Returns:
        The checkpoint, or None if the minutes of the settings are over first.

    Raises:
        StrataflowError: a checkpoint that the run cannot go on from, samples that cannot teach,
            or an `output` that holds another training.
    """
    identity = {
        **{k: v for k, v in asdict(settings).items() if k not in FREE_SETTINGS},
        # Each takes batches of its own, and their mean is one step.
        "processes": settings.gpus_per_node * settings.nodes,
        "crop": list(settings.crop) if settings.crop else None,
        "data": train_source.fingerprint(architecture),
        "init_weights": file_checksum(require_file(init_weights)) if init_weights else None,
        "code": code_checksum(modules(LEARNING_CODE)),
    }
    valid_source.fingerprint(architecture)
    for source in (train_source, valid_source):
        source.require_intact(architecture)
    if "fault" in architecture.tasks:
        train_source.require_faults()
    taught, validated = (
        Crops(source, architecture, settings.crop, settings.seed, augment)
        for source, augment in ((train_source, True), (valid_source, False))
    )
    stored = asdict(architecture) | {"tasks": list(architecture.tasks)}
    steps = settings.epochs * _steps_per_epoch(taught, settings)
    identity["keeps_norms"] = init_weights is not None and steps <= NORMS_KEPT_STEPS
    length = Length(settings.epochs, _steps_per_epoch(taught, settings), settings.cool_down)
    run = Run(stored, identity, settings, length, init_weights)
    with ExitStack() as stack:
        folder = folder_of_run(output, run.everything) if resume == "auto" else output
        if resume != "auto":
            require_unused(output, resume, run.everything)
        _work_alone(stack, folder)
        if resume == "auto":
            make_current(output, folder, run.everything, notify)
        begin = find_start(folder, resume, stored, identity, length)
        if begin.checkpoint and begin.step >= begin.schedule.end:
            print(f"training: {begin.checkpoint} has had its {begin.step} steps; nothing to train")
            return begin.checkpoint
        return _fit(run, begin, taught, validated, folder)


@dataclass(frozen=True)
class Run:
    """One training: its network, as checkpoints store it, and how and on what it is trained."""

    architecture: dict[str, Any]
    identity: dict[str, Any]
    settings: TrainingSettings
    length: Length
    init_weights: Path | None

    @property
    def everything(self) -> Identity:
        """What tells this run from any other."""
        return {**self.identity, "architecture": self.architecture}


@rank_zero_only
def _work_alone(stack: ExitStack, folder: Path) -> None:
    """Keep a second training out of `folder`; the first of the processes does it for all."""
    stack.enter_context(claimed_folder(folder))


def _fit(run: Run, begin: Start, taught: Crops, validated: Crops, folder: Path) -> Path | None:
    """Train from `begin` on, see `train`."""
    settings, init_weights = run.settings, run.init_weights
    drop_superseded(folder, begin)
    limit_threads(settings.gpus_per_node)
    pl.seed_everything(settings.seed, verbose=False)
    lesson = Lesson(run.architecture, settings.learning_rate, begin.schedule, run.identity)
    if begin.checkpoint:
        print(
            f"training: resuming from {begin.checkpoint} at step {begin.step} of"
            f" {begin.schedule.end}; the learning rate falls from step {begin.schedule.cool_from}"
        )
    elif init_weights:
        start_from(lesson.network, init_weights)
    if init_weights and run.identity["keeps_norms"]:
        _keep_norms(lesson.network, init_weights)
    trainer = _trainer(settings, folder, begin, taught.crop[0])
    with warnings.catch_warnings():
        # The data is read through memory maps: more workers than this only take cores away.
        warnings.filterwarnings("ignore", ".*does not have many workers.*")
        # It is: the sampler begins with the batch that comes next.
        warnings.filterwarnings("ignore", ".*your dataloader is not resumable.*")
        try:
            trainer.fit(
                lesson,
                _loader(taught, settings, trainer, begin),
                _loader(validated, settings, trainer, begin),
                ckpt_path=begin.checkpoint,
                weights_only=True,
            )
        except TimeIsUp as notice:
            print(notice)
            return None
        except StrataflowError as error:
            # From a process that loads data it comes wrapped in that one's traceback.
            reason = str(error).strip().splitlines()[-1].split("StrataflowError: ")[-1]
            raise StrataflowError(reason) from None
    if trainer.global_step >= begin.schedule.end:
        return folder / f"epoch={trainer.current_epoch - 1}.ckpt"
    best = min(folder.glob("best-*.ckpt"), key=_validation_loss)
    print(f"training: no better for {settings.patience} epochs, {best} is best")
    return best


def _steps_per_epoch(crops: Crops, settings: TrainingSettings) -> int:
    """Batches of each process in an epoch; `_loader` drops what does not fill one."""
    items = max(len(crops) // (settings.gpus_per_node * settings.nodes), 1)
    return items // min(settings.batch_train, items)


def _validation_loss(checkpoint: Path) -> float:
    return float(read_checkpoint(checkpoint)["metrics"]["valid/loss"])


def start_from(network: MultiTaskNetwork, path: Path) -> None:
    """Load `path` as far as its network is the same; tasks that it lacks start at random."""
    content = read_checkpoint(require_file(path))
    given, wanted = architecture_of(content), network.architecture
    if (given.kind, given.preset) != (wanted.kind, wanted.preset):
        raise StrataflowError(f"{path}: initial weights of another network, {given}, not {wanted}")
    weights, random = network_state(content), network.state_dict()
    entry = next(iter(random))
    known = weights.pop(entry)
    state = grown({k: v for k, v in weights.items() if k in random}, network)
    # The first convolution has input channels for each task where it reads attributes.
    for name in wanted.inputs.keys() & given.inputs.keys():
        to, of = (
            slice(CELL**3 * part.start, CELL**3 * part.stop)
            for part in (wanted.inputs[name], given.inputs[name])
        )
        state[entry][: len(known), to] = known[:, of].to(state[entry])
    load_state(network, state, path)


def _keep_norms(network: MultiTaskNetwork, path: Path) -> None:
    """Leave the statistics of norms as the weights of `path` have them.

    Lightning leaves a module in the mode that it finds.
    """
    known = network_state(read_checkpoint(path))
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm3d) and f"{name}.running_mean" in known:
            module.eval()


def _trainer(settings: TrainingSettings, output: Path, begin: Start, inlines: int) -> pl.Trainer:
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
        # The schedule ends it.
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
            SaveWithinEpoch(output, begin.schedule, settings.minutes),
        ],
        logger=[
            TensorBoardLogger(output, name="", version="tensorboard"),
            # Lightning empties the table of a version that it finds, so each start has its own.
            CSVLogger(output, name="csv", version=f"from_step={begin.step:08d}"),
        ],
        log_every_n_steps=1,
        num_sanity_val_steps=0,
        enable_model_summary=False,
        use_distributed_sampler=False,
        # Snakemake decides what is sent again.
        plugins=[SLURMEnvironment(auto_requeue=False)] if SLURMEnvironment.detect() else None,
        default_root_dir=output,
    )


def _loader(
    crops: Crops, settings: TrainingSettings, trainer: pl.Trainer, begin: Start
) -> DataLoader[Any]:
    augment = crops.augment
    sampler = CountingSampler(len(crops), settings.seed, trainer.global_rank, trainer.world_size)
    # Lightning begins to fetch the first batches before it tells the sampler the epoch.
    sampler.begin(begin.epoch, begin.batches * settings.batch_train)
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
        worker_init_fn=leave_signals_alone,
    )


def _modified(path: Path) -> int:
    return path.stat().st_mtime_ns


def write_metrics_table(output: Path, table: Path) -> None:
    """Write one row an epoch, losses of training and validation, to the CSV file `table`."""
    parts = sorted((output / "csv").glob("from_step=*/metrics.csv"), key=_modified)
    logged = pd.DataFrame(columns=["epoch", "step"])
    for part in parts:
        # A start has all steps from its own on anew, whatever an earlier one had of them.
        first = int(part.parent.name.split("=")[1])
        logged = pd.concat([logged[logged["step"] < first], pd.read_csv(part)])
    names = [c for c in logged.columns if c.startswith(("train/", "valid/"))]
    # Steps that a stopped run had taken are there again, with the same losses.
    by_step = logged.groupby(["epoch", "step"])[names].last()
    rows = by_step.groupby("epoch").mean().reset_index()
    with written_whole(table) as (temporary,):
        rows.to_csv(temporary, index=False)
