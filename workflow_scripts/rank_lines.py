"""List the inlines and crosslines where labels would teach most: where faults are least sure."""

from pathlib import Path

from strataflow.cli.arguments import Parser, add_shape, positive, run, shape_of
from strataflow.interpretation.line_ranking import COUNT, rank_lines


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument(
        "--prediction",
        type=Path,
        required=True,
        help="PREFIX of the predictions; PREFIX.fuse if it is there, or else PREFIX.fsem",
    )
    parser.add_argument(
        "--labels", type=Path, help="PREFIX of labels; lines near labelled ones come later"
    )
    parser.add_argument("--count", type=positive, default=COUNT, help="number of lines")
    parser.add_argument("--output", type=Path, required=True, help="CSV file to write")
    add_shape(parser)
    a = parser.parse_args()
    table = rank_lines(a.prediction, a.output, shape_of(a), a.labels, a.count)
    print(table.to_string(index=False))


if __name__ == "__main__":
    run(main)
