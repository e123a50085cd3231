"""Summarise synthetic samples in tables and figures, and compare their images with surveys."""

from pathlib import Path

from strataflow.cli.arguments import Parser, add_shape, run
from strataflow.synthetic.statistics import describe_samples
from strataflow.volume.raw import Shape


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--dir_data", type=Path, required=True, help="folder of images")
    parser.add_argument("--dir_target", type=Path, required=True, help="folder of targets")
    parser.add_argument(
        "--survey", type=Path, nargs="*", default=[], help="raw volumes to compare with"
    )
    parser.add_argument(
        "--output", type=Path, required=True, help="folder for the tables and figures"
    )
    add_shape(parser, default=128)
    a = parser.parse_args()
    describe_samples(a.dir_data, a.dir_target, Shape(a.n1, a.n2, a.n3), a.survey, a.output)


if __name__ == "__main__":
    run(main)
