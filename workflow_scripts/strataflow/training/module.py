"""The network in training: losses, optimiser, initial weights and averaged weights."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor, nn

from ..errors import StrataflowError
from ..network.architecture import Architecture
from ..network.losses import TaskWeights, horizon_loss, task_loss
from ..network.model import MultiTaskNetwork
from ..network.weights import network_state, read_checkpoint
from ..volume.attributes import FAULT_THRESHOLD
from .figures import draw_training_sample
from .horizon_targets import HORIZONS
from .schedule import Schedule

# Gradients with a larger norm are scaled down to this norm.
MAXIMUM_GRADIENT_NORM = 1.0

# Inputs (batch, channels, n3, n2, n1), targets by task, and the input files.
Batch = tuple[Tensor, dict[str, Tensor], list[str]]


class TrainingModule(pl.LightningModule):
    """A network with its losses and its optimiser, whose learning rate follows `schedule`."""

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
        """Return the weighted loss of a batch. Raise StrataflowError if it is not finite."""
        losses, outputs = self._losses(batch)
        n = batch[0].shape[0]
        total = self._total(losses, outputs)
        if not torch.isfinite(total):
            raise StrataflowError(
                f"training: the loss is {total.item()} at step {self.global_step} for "
                f"{' '.join(batch[2])}; check these samples, or lower the learning rate (the last "
                "checkpoint is kept)"
            )
        self.log_dict(
            {f"train/{task}": loss.detach() for task, loss in losses.items()}, batch_size=n
        )
        parts = [loss.detach() for loss in losses.values()] or [total.detach()]
        self.log(
            "train/loss",
            torch.stack(parts).sum(),
            prog_bar=True,
            batch_size=n,
        )
        return total

    def _total(self, losses: dict[str, Tensor], outputs: dict[str, Tensor]) -> Tensor:
        """Weighted sum of the losses, which depends on all parameters even if a task has none.

        Processes that share a training wait for the gradient of each parameter.
        """
        absent = outputs.keys() - losses.keys()
        if not absent:
            total: Tensor = self.task_weights(losses)
            return total
        nothing = sum(
            outputs[task].float().mean() + self.task_weights.log_variance[task] for task in absent
        )
        return 0.0 * nothing + (self.task_weights(losses) if losses else 0.0)

    def on_before_optimizer_step(self, *_: Any) -> None:
        """Clip the norm of the gradients, which Lightning does not do for fused optimisers."""
        nn.utils.clip_grad_norm_(self.parameters(), MAXIMUM_GRADIENT_NORM)

    def on_train_epoch_end(self) -> None:
        """Log the weights of the tasks."""
        self.log_dict(
            {f"weight/{t}": torch.exp(-s) for t, s in self.task_weights.log_variance.items()}
        )

    def on_train_batch_end(self, *_: Any) -> None:
        """Stop at the end of the schedule, after validation and the checkpoint of the epoch."""
        if self.global_step >= self.schedule.end:
            self.trainer.should_stop = True

    def validation_step(self, batch: Batch, number: int) -> None:
        """Log the losses of a batch and the IoU of its faults."""
        losses, outputs = self._losses(batch)
        n = batch[0].shape[0]
        self.log_dict(
            {f"valid/{task}": loss for task, loss in losses.items()}, batch_size=n, sync_dist=True
        )
        total = sum(losses.values(), batch[0].new_zeros(()))
        self.log("valid/loss", total, prog_bar=True, batch_size=n, sync_dist=True)
        if "fault" in outputs:
            target = batch[1]["fault"][:, 0]
            predicted = (outputs["fault"][:, 0].sigmoid() >= FAULT_THRESHOLD) & ~target.isnan()
            label = target >= FAULT_THRESHOLD
            both, either = (predicted & label).sum(), (predicted | label).sum()
            self.log(
                "valid/fault_iou",
                both / (either + 1e-6),
                prog_bar=True,
                batch_size=n,
                sync_dist=True,
            )
        board = next((log for log in self.loggers if isinstance(log, TensorBoardLogger)), None)
        if number == 0 and board and self.trainer.is_global_zero:
            figure = draw_training_sample(batch[0][0], batch[1], outputs)
            board.experiment.add_figure("validation sample", figure, self.current_epoch)

    def _losses(self, batch: Batch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        inputs, targets, _ = batch
        outputs = self.network(inputs.to(memory_format=torch.channels_last_3d))
        losses = {task: task_loss(task, outputs[task], targets[task]) for task in outputs}
        if HORIZONS in targets:
            along = horizon_loss(outputs["rgt"], targets[HORIZONS])
            if along is not None:
                losses["rgt"] = along if losses["rgt"] is None else losses["rgt"] + along
        return {task: loss for task, loss in losses.items() if loss is not None}, outputs

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the latest metrics and the schedule in the checkpoint."""
        measured = self.trainer.callback_metrics.items()
        checkpoint["metrics"] = {name: float(value) for name, value in measured}
        checkpoint["schedule"] = asdict(self.schedule)

    def configure_optimizers(self) -> Any:
        """Return AdamW with a learning rate that follows the schedule."""
        # The fused optimiser takes half the time. With fp16 it would unscale clipped gradients.
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
    """Stop after `patience` epochs without a lower validation loss, but not during a cool-down.

    A cool-down lowers the loss again, and ends soon.
    """

    def on_train_epoch_end(self, trainer: pl.Trainer, module: Any) -> None:
        """Count the epoch unless the cool-down has begun."""
        if trainer.global_step <= module.schedule.cool_from:
            super().on_train_epoch_end(trainer, module)


@torch.no_grad()
def average(averaged: list[Tensor], current: list[Tensor], count: Tensor) -> None:
    """Update exponential moving averages in place.

    The decay grows to 0.999, so that the average is also useful in short runs. Weights and batch
    norm statistics are averaged. Counters are copied.

    Args:
        averaged: Averages to update, all of the same dtype.
        current: Current values.
        count: Number of earlier updates.
    """
    share = 1 - min(0.999, (1 + float(count)) / (10 + float(count)))
    if averaged[0].is_floating_point():
        torch._foreach_lerp_(averaged, current, share)
    else:
        torch._foreach_copy_(averaged, current)


def freeze_norm_statistics(network: MultiTaskNetwork, path: Path) -> None:
    """Keep the batch norm statistics of the weights in `path` unchanged during training.

    Lightning does not change the mode of a module that is in evaluation mode.
    """
    known = network_state(read_checkpoint(path))
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm3d) and f"{name}.running_mean" in known:
            module.eval()
