"""Put the metrics of inference and of each iteration of refinement side by side in a table."""

from pathlib import Path

from strataflow.cli.arguments import Parser, run
from strataflow.interpretation.iterations import compare_passes


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument(
        "--metrics", type=Path, nargs="+", required=True, help="metrics.json of pass after pass"
    )
    parser.add_argument("--output", type=Path, required=True, help="table, passes.csv")
    arguments = parser.parse_args()
    compare_passes(arguments.metrics, arguments.output)


if __name__ == "__main__":
    run(main)
