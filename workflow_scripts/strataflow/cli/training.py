"""The command line that train_infer.py and train_refine.py have in common."""

from __future__ import annotations

import argparse
import shutil
from contextlib import suppress
from functools import partial
from pathlib import Path

from pytorch_lightning.utilities import rank_zero_only

from ..files import written_whole
from ..network.architecture import PRESETS, Architecture
from ..training.dataset import SampleSource
from ..training.figures import draw_learning_curves
from ..training.trainer import TrainingSettings, train, write_metrics_table
from .arguments import Parser, add_shape, add_tasks, positive, shape_of, tasks_of


def train_command(kind: str, description: str) -> None:
    """Parse the flags and train a network of `kind` (infer or refine)."""
    parser = Parser(description)
    for split in ("train", "valid"):
        for what in ("data", "target"):
            parser.add_argument(
                f"--dir_{what}_{split}",
                type=Path,
                nargs="+",
                required=True,
                help=f"folders of the {split} {what}; several go together in their order",
            )
        parser.add_argument(
            f"--n{split}", type=positive, help="how many samples; all of them if left out"
        )
        parser.add_argument(f"--batch_{split}", type=positive, default=2, help="crops in a batch")
    parser.add_argument(
        "--dir_output",
        type=Path,
        required=True,
        help="folder for checkpoints and logs; with --resume auto, a link to a folder that is named"
        " by a hash of the network, the data and the settings",
    )
    parser.add_argument("--epochs", type=positive, default=100, help="epochs in all")
    parser.add_argument("--lr", type=float, default=1e-3, help="learning rate after the warm-up")
    parser.add_argument("--seed", type=int, default=1, help="of everything random")
    parser.add_argument(
        "--resume",
        metavar="CKPT",
        help="checkpoint to continue from, or 'auto': the newest one of the same training",
    )
    parser.add_argument(
        "--init_weights", type=Path, help="weights to start from when nothing is resumed"
    )
    parser.add_argument(
        "--patience", type=positive, help="end early after so many epochs that are no better"
    )
    parser.add_argument(
        "--minutes",
        type=positive,
        help="save and stop after so many minutes, with the learning rate as it is then",
    )
    parser.add_argument(
        "--cool_down",
        type=positive,
        metavar="STEPS",
        help="end so many steps after the checkpoint of --resume, while the learning rate falls to"
        " zero, whatever --epochs says",
    )
    parser.add_argument(
        "--preset", choices=list(PRESETS), default="base", help="size of the network"
    )
    parser.add_argument(
        "--crop", type=positive, nargs=3, metavar=("N1", "N2", "N3"), help="crop of the samples"
    )
    parser.add_argument(
        "--gpus_per_node",
        type=positive,
        default=1,
        help="processes on a node, each with a GPU where there are GPUs",
    )
    parser.add_argument("--nodes", type=positive, default=1, help="nodes of a cluster")
    parser.add_argument(
        "--final", type=Path, help="copy the last epoch's checkpoint here when done"
    )
    parser.add_argument("--metrics", type=Path, help="write losses by epoch as CSV here when done")
    parser.add_argument("--curves", type=Path, help="draw those of --metrics here as PNG")
    parser.add_argument(
        "--notices",
        type=Path,
        help="append to this file, too, how the training differs from the last",
    )
    add_shape(parser)
    add_tasks(parser)
    arguments = parser.parse_args()
    if arguments.cool_down and not arguments.resume:
        parser.error("--cool_down needs --resume, the checkpoint that it begins from")
    shape = shape_of(arguments)
    train_source, valid_source = (
        SampleSource.open(
            getattr(arguments, f"dir_data_{split}"),
            getattr(arguments, f"dir_target_{split}"),
            getattr(arguments, f"n{split}"),
            shape,
        )
        for split in ("train", "valid")
    )
    settings = TrainingSettings(
        epochs=arguments.epochs,
        batch_train=arguments.batch_train,
        batch_valid=arguments.batch_valid,
        learning_rate=arguments.lr,
        seed=arguments.seed,
        crop=tuple(arguments.crop[::-1]) if arguments.crop else None,
        patience=arguments.patience,
        gpus_per_node=arguments.gpus_per_node,
        nodes=arguments.nodes,
        cool_down=arguments.cool_down,
        minutes=arguments.minutes,
    )
    checkpoint = train(
        Architecture(kind, arguments.preset, tasks_of(arguments)),
        settings,
        train_source,
        valid_source,
        arguments.dir_output,
        arguments.resume,
        arguments.init_weights,
        partial(_notify, arguments.notices),
    )
    if checkpoint:
        _deliver(arguments, checkpoint)


def _notify(notices: Path | None, line: str) -> None:
    print(line)
    if notices:
        # It may be a descriptor that processes on other nodes do not have.
        with suppress(OSError), notices.open("a") as stream:
            stream.write(f"{line}\n")


@rank_zero_only
def _deliver(arguments: argparse.Namespace, checkpoint: Path) -> None:
    """What the command is asked to leave beside its checkpoints."""
    if arguments.metrics:
        write_metrics_table(arguments.dir_output, arguments.metrics)
        if arguments.curves:
            draw_learning_curves(arguments.metrics, arguments.curves)
    if arguments.final:
        with written_whole(arguments.final) as (temporary,):
            shutil.copyfile(checkpoint, temporary)
