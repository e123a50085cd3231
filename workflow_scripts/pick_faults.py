"""Pick faults: write a table of faults, their surfaces as points, and fault sticks."""

from pathlib import Path

from strataflow.cli.arguments import Parser, add_probability, add_shape, positive, run, shape_of
from strataflow.interpretation.faults import MIN_VOXELS, pick_faults


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--input", type=Path, required=True, help="PREFIX of fsem, fdip, fstrike")
    parser.add_argument("--output", type=Path, required=True, help="PREFIX of the files to write")
    parser.add_argument(
        "--least_voxels", type=positive, default=MIN_VOXELS, help="minimum number of fault voxels"
    )
    add_probability(parser)
    add_shape(parser)
    a = parser.parse_args()
    pick_faults(a.input, a.output, shape_of(a), a.least_voxels, a.probability)


if __name__ == "__main__":
    run(main)
