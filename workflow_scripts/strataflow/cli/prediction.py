"""Flags that infer.py, predict_samples.py, refine.py and check_seams.py share."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import StrataflowError
from ..network.model import MultiTaskNetwork
from ..prediction.averaging import ONE_COPY, Averaging
from ..prediction.engine import predict_slab
from ..prediction.predict import predict_volume
from ..prediction.sources import Source
from ..prediction.tiling import PRECISIONS, Tiling
from .arguments import add_shape, add_tasks, boolean, fraction, not_negative, positive


def add_inference(parser: argparse.ArgumentParser) -> None:
    """Add --model, --rgt --dhr --fault, --n1 --n2 --n3 and the flags of `add_tiling`."""
    parser.add_argument(
        "--model", type=Path, required=True, help="weights or checkpoint, X.pth or X.ckpt"
    )
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
        help="size of a tile in voxels",
    )
    parser.add_argument(
        "--overlap",
        type=fraction,
        default=standard.overlap,
        help="overlap of neighbouring tiles, as a fraction of the tile",
    )
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default=standard.precision,
        help="auto: the fastest that the hardware supports; fp32: reproducible for any number of"
        " CPU cores",
    )


def add_averaging(parser: argparse.ArgumentParser, uncertainty: bool = True) -> None:
    """Add --symmetries, --scales and, with `uncertainty`, --uncertainty."""
    parser.add_argument(
        "--symmetries",
        type=int,
        default=ONE_COPY.symmetries,
        help="number of mirrored and rotated copies to average: 1, 2, 4, 8, or 16 with reversed"
        " polarity",
    )
    parser.add_argument(
        "--scales",
        nargs="*",
        default=["1"],
        metavar="FACTOR",
        help="resampled copies to average for the faults: factors, or VERTICAL,LATERAL pairs; 1"
        " must be included",
    )
    if uncertainty:
        parser.add_argument(
            "--uncertainty",
            type=boolean,
            default=ONE_COPY.uncertainty,
            metavar="BOOL",
            help="also write the spread of the fault probability over the copies: PREFIX.fuse",
        )


def averaging_of(arguments: argparse.Namespace) -> Averaging:
    """Return the copies from --symmetries, --scales and --uncertainty.

    Raises:
        StrataflowError: A flag is invalid.
    """
    scales = [_scale(text) for text in arguments.scales]
    uncertainty = getattr(arguments, "uncertainty", False)
    return Averaging.of(arguments.symmetries, scales, uncertainty)


def _scale(text: str) -> float | list[float]:
    try:
        factors = [float(factor) for factor in text.split(",")]
    except ValueError as error:
        raise StrataflowError(
            f"--scales: expected a factor or VERTICAL,LATERAL, got {text!r}"
        ) from error
    return factors[0] if len(factors) == 1 else factors


def add_slab(parser: argparse.ArgumentParser) -> None:
    """Add --slab."""
    parser.add_argument(
        "--slab",
        type=not_negative,
        nargs=2,
        metavar=("NUMBER", "COUNT"),
        help="predict only slab NUMBER (from 0) of COUNT along the inlines; join_slabs.py joins"
        " them",
    )


def predict(
    network: MultiTaskNetwork,
    source: Source,
    tasks: tuple[str, ...],
    arguments: argparse.Namespace,
    averaging: Averaging = ONE_COPY,
) -> None:
    """Predict a volume to --output, or only one slab of it if --slab is given.

    Args:
        network: Network to predict with.
        source: Input of the network.
        tasks: Tasks to predict.
        arguments: Parsed flags of `add_tiling`, `add_slab`, `add_probability` and --output.
        averaging: Copies to average.

    Raises:
        StrataflowError: The number in --slab is not below the count.
    """
    tiling, output, probability = tiling_of(arguments), arguments.output, arguments.probability
    if arguments.slab is None:
        predict_volume(
            *(network, source, output, tasks, tiling), averaging=averaging, probability=probability
        )
        return
    number, count = arguments.slab
    if not count:
        raise StrataflowError("--slab: expected COUNT of at least 1, got 0")
    if number >= count:
        raise StrataflowError(
            f"--slab: expected NUMBER from 0 to {count - 1} for COUNT {count}, got {number}"
        )
    predict_slab(
        *(network, source, output, tasks, tiling, number, count),
        averaging=averaging,
        probability=probability,
    )


def tiling_of(arguments: argparse.Namespace) -> Tiling:
    """Return the tiling from --tile, --overlap and --precision."""
    n1, n2, n3 = arguments.tile
    return Tiling((n3, n2, n1), arguments.overlap, arguments.precision)
