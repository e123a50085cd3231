"""Command line of train_infer.py and train_refine.py."""

from __future__ import annotations

import argparse
import logging
import shutil
from contextlib import suppress
from functools import partial
from pathlib import Path

from pytorch_lightning.utilities import rank_zero_only

from ..files import written_whole
from ..network.architecture import PRESETS, Architecture
from ..training.figures import draw_learning_curves
from ..training.lightning import TrainingSettings
from ..training.overview import write_metrics_table
from ..training.sources import SampleSource
from ..training.surveys import open_surveys
from ..training.trainer import train
from .arguments import (
    Parser,
    above_zero,
    add_shape,
    add_tasks,
    fraction,
    not_negative,
    positive,
    shape_of,
    tasks_of,
)

logger = logging.getLogger(__name__)


def train_command(kind: str, description: str) -> None:
    """Parse the flags and train a network of `kind` (infer or refine)."""
    parser = _parser(description)
    arguments = parser.parse_args()
    if arguments.cool_down and not arguments.resume:
        parser.error("--cool_down requires --resume, the checkpoint to start the cool-down from")
    if arguments.survey_images and kind != "infer":
        parser.error("--survey_images: only the inference network trains on surveys directly")
    if arguments.curves and not arguments.metrics:
        parser.error("--curves needs --metrics")
    architecture = Architecture(kind, arguments.preset, tasks_of(arguments))
    train_source, valid_source = _sources(arguments, architecture)
    checkpoint = train(
        architecture,
        _settings(arguments),
        train_source,
        valid_source,
        arguments.dir_output,
        arguments.resume,
        arguments.init_weights,
        partial(_notify, arguments.notices),
        arguments.table,
    )
    if checkpoint:
        _deliver(arguments, checkpoint)


def _parser(description: str) -> Parser:
    parser = Parser(description)
    _add_samples(parser)
    _add_surveys(parser)
    _add_course(parser)
    parser.add_argument(
        "--preset", choices=list(PRESETS), default="base", help="size of the network"
    )
    parser.add_argument(
        "--crop",
        type=positive,
        nargs=3,
        metavar=("N1", "N2", "N3"),
        help="size of the training crops; the whole sample if omitted",
    )
    parser.add_argument(
        "--gpus_per_node",
        type=positive,
        default=1,
        help="processes per node, each with its own GPU, or on CPU cores without GPUs",
    )
    parser.add_argument(
        "--nodes", type=positive, default=1, help="number of nodes that share the training"
    )
    _add_outputs(parser)
    add_shape(parser)
    add_tasks(parser)
    return parser


def _settings(arguments: argparse.Namespace) -> TrainingSettings:
    return TrainingSettings(
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
        norm_statistics=arguments.norm_statistics,
    )


def _add_samples(parser: Parser) -> None:
    """Add the flags of the folders of samples, their numbers and batches."""
    for split, name in (("train", "training"), ("valid", "validation")):
        for what, content in (("data", "inputs"), ("target", "targets")):
            parser.add_argument(
                f"--dir_{what}_{split}",
                type=Path,
                nargs="*",
                default=[],
                help=f"folders of the {name} {content}; give data and target folders in the same"
                " order",
            )
        parser.add_argument(
            f"--n{split}", type=positive, help=f"number of {name} samples; all if omitted"
        )
        parser.add_argument(
            f"--batch_{split}", type=positive, default=2, help=f"crops per {name} batch"
        )


def _add_course(parser: Parser) -> None:
    """Add the flags of the start, the length and the end of a training."""
    parser.add_argument(
        "--epochs", type=positive, default=100, help="epochs in total, including resumed ones"
    )
    parser.add_argument(
        "--lr", type=above_zero, default=1e-3, help="learning rate after the warm-up"
    )
    parser.add_argument("--seed", type=not_negative, default=1, help="random seed")
    parser.add_argument(
        "--resume",
        metavar="CKPT",
        help="checkpoint to resume from, or 'auto' for the newest one of the same training",
    )
    parser.add_argument(
        "--init_weights", type=Path, help="weights to start from if no checkpoint is resumed"
    )
    parser.add_argument(
        "--norm_statistics",
        choices=["keep", "update"],
        default="keep",
        help="keep the batch norm statistics of --init_weights, or update them with the samples",
    )
    parser.add_argument(
        "--patience",
        type=positive,
        help="stop after this many epochs without a lower validation loss",
    )
    parser.add_argument(
        "--minutes",
        type=positive,
        help="save a checkpoint and stop after this many minutes, without a cool-down",
    )
    parser.add_argument(
        "--cool_down",
        type=positive,
        metavar="STEPS",
        help="stop this many steps after the checkpoint of --resume and ignore --epochs; the"
        " learning rate falls to zero over these steps",
    )


def _add_outputs(parser: Parser) -> None:
    """Add the flags of the files that a training writes."""
    parser.add_argument(
        "--dir_output",
        type=Path,
        required=True,
        help="folder for checkpoints and logs; with --resume auto, a link to a folder named by a"
        " hash of the network, the data and the settings",
    )
    parser.add_argument("--final", type=Path, help="copy of the final checkpoint")
    parser.add_argument("--metrics", type=Path, help="CSV file of the losses per epoch")
    parser.add_argument(
        "--curves", type=Path, help="PNG file of the learning curves; needs --metrics"
    )
    parser.add_argument(
        "--table", type=Path, help="CSV file of what joins the training, with numbers of voxels"
    )
    parser.add_argument(
        "--notices",
        type=Path,
        help="file that also gets the notice if the settings differ from the previous training,"
        " and the table of what joins the training if surveys do",
    )


def _add_surveys(parser: argparse.ArgumentParser) -> None:
    """Add the flags of surveys that training reads directly."""
    parser.add_argument(
        "--survey_images",
        type=Path,
        nargs="*",
        default=[],
        help="raw images of labelled surveys of any size; crops are drawn where labels are known",
    )
    parser.add_argument(
        "--survey_labels",
        type=Path,
        nargs="*",
        default=[],
        metavar="PREFIX",
        help="labels of these surveys, in the same order: those of PREFIX.fsem, .fdip, .fstrike,"
        " .rgt and .dhr that exist, NaN where unknown",
    )
    parser.add_argument(
        "--survey_held_out",
        nargs="*",
        default=[],
        metavar="LINES",
        help="lines of each survey whose labels are not used, such as 'inline 1200; crossline"
        " 2400', in the same order; '' for none",
    )
    parser.add_argument(
        "--survey_control",
        nargs="*",
        default=[],
        metavar="NPZ",
        help="horizons of each survey that teach RGT, as strataflow read-control writes them, in"
        " the same order; '' for none",
    )
    parser.add_argument(
        "--survey_valid_share",
        type=fraction,
        default=0.0,
        help="fraction of the labelled inlines of each survey for validation",
    )
    parser.add_argument(
        "--label_share",
        type=fraction,
        help="share of the training crops that come from the surveys; if omitted, as many crops"
        " as cover their labels",
    )


def _sources(
    arguments: argparse.Namespace, architecture: Architecture
) -> tuple[SampleSource, SampleSource]:
    """Open the training set and the validation set."""
    surveys = open_surveys(
        arguments.survey_images,
        arguments.survey_labels,
        architecture.tasks,
        arguments.survey_held_out,
        arguments.survey_valid_share,
        [Path(name) if name else None for name in arguments.survey_control],
    )
    train_source, valid_source = (
        SampleSource.open(
            getattr(arguments, f"dir_data_{split}"),
            getattr(arguments, f"dir_target_{split}"),
            getattr(arguments, f"n{split}"),
            shape_of(arguments),
            of_split,
            arguments.label_share,
            name,
        )
        for split, name, of_split in zip(
            ("train", "valid"), ("training", "validation"), surveys, strict=True
        )
    )
    return train_source, valid_source


def _notify(notices: Path | None, line: str) -> None:
    logger.info("%s", line)
    if notices:
        # The file may be a descriptor that does not exist on other nodes.
        with suppress(OSError), notices.open("a") as stream:
            stream.write(f"{line}\n")


@rank_zero_only
def _deliver(arguments: argparse.Namespace, checkpoint: Path) -> None:
    """Write the files of --metrics, --curves and --final."""
    if arguments.metrics:
        write_metrics_table(arguments.dir_output, arguments.metrics)
        if arguments.curves:
            draw_learning_curves(arguments.metrics, arguments.curves)
    if arguments.final:
        with written_whole(arguments.final) as (temporary,):
            shutil.copyfile(checkpoint, temporary)
