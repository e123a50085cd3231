"""Pick horizons from relative geologic time (RGT): write a table and Irap grids."""

from pathlib import Path

from strataflow.cli.arguments import Parser, add_shape, positive, run, shape_of
from strataflow.interpretation.horizons import COUNT, pick_horizons


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--input", type=Path, required=True, help="raw volume X.rgt")
    parser.add_argument("--output", type=Path, required=True, help="PREFIX of the files to write")
    parser.add_argument("--count", type=positive, default=COUNT, help="number of horizons")
    add_shape(parser)
    a = parser.parse_args()
    pick_horizons(a.input, a.output, a.count, shape_of(a))


if __name__ == "__main__":
    run(main)
