"""The flags that infer.py, predict_samples.py and refine.py have in common."""

from __future__ import annotations

import argparse
from pathlib import Path

from .cli import add_shape, add_tasks, fraction, positive
from .tiles import PRECISIONS, Tiling


def add_inference(parser: argparse.ArgumentParser) -> None:
    """Add --model and --rgt --dhr --fault, the tiling and --n1 --n2 --n3."""
    parser.add_argument("--model", type=Path, required=True, help="weights, X.ckpt or X.pth")
    add_tasks(parser)
    add_tiling(parser)
    add_shape(parser)


def add_tiling(parser: argparse.ArgumentParser) -> None:
    """Add --tile --overlap --precision."""
    standard = Tiling()
    parser.add_argument(
        "--tile",
        type=positive,
        nargs=3,
        metavar=("N1", "N2", "N3"),
        default=standard.tile[::-1],
        help="size of the tiles",
    )
    parser.add_argument(
        "--overlap", type=fraction, default=standard.overlap, help="of neighbouring tiles"
    )
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default=standard.precision,
        help="auto: the fastest that the hardware computes; fp32: the same on all hardware",
    )


def tiling_of(arguments: argparse.Namespace) -> Tiling:
    """The tiling that was given."""
    n1, n2, n3 = arguments.tile
    return Tiling((n3, n2, n1), arguments.overlap, arguments.precision)
