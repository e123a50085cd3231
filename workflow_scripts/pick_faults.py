"""Pick faults: surfaces with throws, as tables, fault sticks, meshes and volumes."""

from pathlib import Path

from strataflow.cli.arguments import (
    Parser,
    above_zero,
    add_probability,
    add_shape,
    fraction,
    not_negative,
    positive,
    run,
    shape_of,
)
from strataflow.interpretation.faults import FaultSettings, pick_faults


def _add_angles(parser: Parser, chosen: FaultSettings) -> None:
    for name, what in (("dip", "mean dip"), ("strike", "mean strike from north, either way,")):
        parser.add_argument(
            f"--{name}",
            type=float,
            nargs=2,
            default=getattr(chosen, name),
            metavar=("FIRST", "LAST"),
            help=f"keep faults whose {what} in degrees lies in this range",
        )
    parser.add_argument(
        "--velocity",
        type=above_zero,
        help="m/s that turn two-way time into depth, for dips of a survey in time",
    )


def main() -> None:
    chosen = FaultSettings()
    parser = Parser(__doc__)
    parser.add_argument("--input", type=Path, required=True, help="PREFIX of fsem, fdip, fstrike")
    parser.add_argument("--output", type=Path, required=True, help="PREFIX of the files to write")
    parser.add_argument("--image", type=Path, help="amplitudes to measure throws in")
    add_probability(parser)
    parser.add_argument(
        "--minimum_area",
        type=above_zero,
        default=chosen.min_area,
        help="minimum area of a fault, in voxel faces",
    )
    parser.add_argument(
        "--mean_probability",
        type=fraction,
        help="minimum mean probability of a fault (default: 0.4 of the way from --probability"
        " to 1)",
    )
    parser.add_argument(
        "--bridge",
        type=not_negative,
        default=chosen.bridge,
        help="number of voxels without a fault that a surface may cross",
    )
    parser.add_argument(
        "--maximum_throw",
        type=above_zero,
        default=chosen.max_throw,
        help="maximum throw that is looked for, in samples",
    )
    _add_angles(parser, chosen)
    parser.add_argument(
        "--workers", type=positive, default=1, help="number of processes that measure throws"
    )
    add_shape(parser)
    a = parser.parse_args()
    settings = FaultSettings(
        a.probability,
        a.mean_probability,
        a.minimum_area,
        a.bridge,
        a.maximum_throw,
        tuple(a.dip),
        tuple(a.strike),
        a.velocity,
    )
    pick_faults(a.input, a.output, shape_of(a), settings, a.image, a.workers)


if __name__ == "__main__":
    run(main)
