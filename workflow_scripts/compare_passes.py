"""Tabulate the metrics of inference and of each refinement iteration side by side."""

from pathlib import Path

from strataflow.cli.arguments import Parser, run
from strataflow.interpretation.iterations import compare_passes


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument(
        "--metrics",
        type=Path,
        nargs="+",
        required=True,
        help="metrics.json of each pass: inference first, then the refinements in order",
    )
    parser.add_argument("--output", type=Path, required=True, help="table to write, X.csv")
    arguments = parser.parse_args()
    compare_passes(arguments.metrics, arguments.output)


if __name__ == "__main__":
    run(main)
