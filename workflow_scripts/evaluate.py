"""Score predictions against labels, with and without a tolerance, and write the metrics as JSON."""

from pathlib import Path

from strataflow.cli.arguments import Parser, add_probability, add_shape, run, shape_of
from strataflow.interpretation.metrics import evaluate


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--prediction", type=Path, required=True, help="PREFIX of the predictions")
    parser.add_argument(
        "--target",
        type=Path,
        required=True,
        help="PREFIX of the labels: PREFIX.fsem or PREFIX_fsem.bin",
    )
    parser.add_argument(
        "--image",
        type=Path,
        help="raw volume of the input image; adds the gain of dhr over it to the metrics",
    )
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    parser.add_argument(
        "--lines",
        help="lines that count, such as 'inline 1200-1210; crossline 2400'; all if omitted",
    )
    add_probability(parser)
    add_shape(parser)
    a = parser.parse_args()
    evaluate(a.prediction, a.target, a.output, shape_of(a), a.image, a.probability, a.lines)


if __name__ == "__main__":
    run(main)
