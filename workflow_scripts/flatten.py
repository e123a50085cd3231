"""Flatten a volume: over geologic time, or on one of its horizons."""

from pathlib import Path

from strataflow.cli.arguments import Parser, add_shape, positive, run, shape_of
from strataflow.interpretation.flattening import flatten_by_time, flatten_on_horizon
from strataflow.volume.volume import open_volume


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--input", type=Path, required=True, help="raw volume of the amplitudes")
    parser.add_argument("--rgt", type=Path, help="raw volume X.rgt: flatten over geologic time")
    parser.add_argument("--horizons", type=Path, help="table X.horizons.csv: flatten on --number")
    parser.add_argument("--number", type=positive, help="number of the horizon")
    parser.add_argument("--output", type=Path, required=True, help="raw volume to write, X.flat")
    add_shape(parser)
    a = parser.parse_args()
    if bool(a.rgt) == bool(a.horizons) or bool(a.horizons) != bool(a.number):
        parser.error("give --rgt, or --horizons and --number")
    image = open_volume(a.input, shape_of(a))
    if a.rgt:
        flatten_by_time(image, open_volume(a.rgt, image.shape, "rgt"), a.output)
    else:
        flatten_on_horizon(image, a.horizons, a.number, a.output)


if __name__ == "__main__":
    run(main)
