"""The flags that infer.py, predict_samples.py and refine.py have in common."""

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
        help="auto: the fastest of the hardware; fp32: the same for any number of CPU cores",
    )


def add_averaging(parser: argparse.ArgumentParser, uncertainty: bool = True) -> None:
    """Add --symmetries --scales and, if wanted, --uncertainty."""
    parser.add_argument(
        "--symmetries",
        type=int,
        default=ONE_COPY.symmetries,
        help="mean over so many mirrored and turned copies: 1, 2, 4, 8, or 16 for both polarities",
    )
    parser.add_argument(
        "--scales",
        nargs="*",
        default=["1"],
        metavar="FACTOR",
        help="mean of faults over resampled copies: factors, or VERTICAL,LATERAL; 1 among them",
    )
    if uncertainty:
        parser.add_argument(
            "--uncertainty",
            type=boolean,
            default=ONE_COPY.uncertainty,
            metavar="BOOL",
            help="write the spread of the fault probability over the copies too: PREFIX.fuse",
        )


def averaging_of(arguments: argparse.Namespace) -> Averaging:
    """The copies that were asked for; StrataflowError when they make no sense."""
    scales = [_scale(text) for text in arguments.scales]
    uncertainty = getattr(arguments, "uncertainty", False)
    return Averaging.of(arguments.symmetries, scales, uncertainty)


def _scale(text: str) -> float | list[float]:
    try:
        factors = [float(factor) for factor in text.split(",")]
    except ValueError as error:
        raise StrataflowError(
            f"scales: a factor or VERTICAL,LATERAL expected, got {text!r}"
        ) from error
    return factors[0] if len(factors) == 1 else factors


def add_slab(parser: argparse.ArgumentParser) -> None:
    """Add --slab."""
    parser.add_argument(
        "--slab",
        type=not_negative,
        nargs=2,
        metavar=("NUMBER", "COUNT"),
        help="predict only slab NUMBER (from 0) of COUNT along the inlines, for join_slabs.py",
    )


def predict(
    network: MultiTaskNetwork,
    source: Source,
    tasks: tuple[str, ...],
    arguments: argparse.Namespace,
    averaging: Averaging = ONE_COPY,
) -> None:
    """Predict to --output all of a volume or, where --slab is given, that slab of it."""
    tiling, output, probability = tiling_of(arguments), arguments.output, arguments.probability
    if arguments.slab is None:
        predict_volume(
            *(network, source, output, tasks, tiling), averaging=averaging, probability=probability
        )
        return
    number, count = arguments.slab
    if number >= count:
        raise StrataflowError(f"--slab: {number} {count}: slabs are numbered from 0 to {count - 1}")
    predict_slab(
        *(network, source, output, tasks, tiling, number, count),
        averaging=averaging,
        probability=probability,
    )


def tiling_of(arguments: argparse.Namespace) -> Tiling:
    """The tiling that was given."""
    n1, n2, n3 = arguments.tile
    return Tiling((n3, n2, n1), arguments.overlap, arguments.precision)
