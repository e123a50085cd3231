"""Figures of a training: a sample with targets and predictions, and learning curves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..figures.style import GREY_CLIP, TIME, save_picture


def draw_training_sample(inputs: Any, targets: dict[str, Any], outputs: dict[str, Any]) -> Figure:
    """Draw the input, targets and predictions on the middle inline of a sample.

    Args:
        inputs: Network input (channels, n3, n2, n1), as a tensor on any device.
        targets: Targets by task (batch, channels, n3, n2, n1). The first of the batch is drawn.
        outputs: Network outputs by task, with the shapes of the targets.
    """
    middle = inputs.shape[1] // 2
    figure = Figure(figsize=(3.2 * (1 + len(outputs)), 6.4), layout="constrained")
    grid = figure.subplots(2, 1 + len(outputs))
    for ax in grid.ravel():
        ax.set_axis_off()
    _show_channel(grid[0, 0], inputs[0, middle], "input", "image")
    for column, (task, output) in zip(grid.T[1:], outputs.items(), strict=True):
        predicted = output[0, 0, middle].sigmoid() if task == "fault" else output[0, 0, middle]
        _show_channel(column[0], targets[task][0, 0, middle], f"{task}, target", task)
        _show_channel(column[1], predicted, f"{task}, predicted", task)
    return figure


def _show_channel(ax: Axes, plane: Any, title: str, what: str) -> None:
    values = plane.detach().float().cpu().numpy().T
    how: dict[str, Any] = {"cmap": "gray", "vmin": -GREY_CLIP, "vmax": GREY_CLIP}
    if what == "fault":
        how = {"cmap": "inferno", "vmin": 0, "vmax": 1}
    elif what == "rgt":
        how = {"cmap": TIME}
    ax.imshow(values, **how)
    ax.set_title(title, fontsize=8)


def draw_learning_curves(table: Path, picture: Path) -> None:
    """Draw the losses of `table`, a CSV file with one row per epoch, to the PNG `picture`."""
    rows = pd.read_csv(table)
    names = [str(c).removeprefix("valid/") for c in rows.columns if str(c).startswith("valid/")]
    figure = Figure(figsize=(3.4 * len(names), 3.2), layout="constrained")
    axes = figure.subplots(1, len(names), squeeze=False)
    figure.suptitle(f"Learning curves, {len(rows)} epochs")
    for ax, name in zip(axes[0], names, strict=True):
        for split in ("train", "valid"):
            if f"{split}/{name}" in rows:
                ax.plot(rows["epoch"] + 1, rows[f"{split}/{name}"], ".-", label=split)
        ax.set_title(name, fontsize=9)
        ax.set_xlabel("epoch")
        ax.legend(fontsize=8)
    axes[0, 0].set_ylabel("loss")
    save_picture(picture, figure)
