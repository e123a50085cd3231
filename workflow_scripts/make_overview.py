"""Write an overview page of all predicted volumes, and a table of run times."""

from pathlib import Path

from strataflow.cli.arguments import Parser, run
from strataflow.figures.overview import gather_timings, make_overview


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument(
        "--input", type=Path, required=True, help="folder with one subfolder for each volume"
    )
    parser.add_argument("--template", type=Path, required=True, help="Jinja template of the page")
    parser.add_argument("--output", type=Path, required=True, help="page to write, X.html")
    parser.add_argument("--results", type=Path, help="folder to search for Snakemake benchmarks")
    parser.add_argument("--timings", type=Path, help="table of run times to write, X.csv")
    a = parser.parse_args()
    if (a.results is None) != (a.timings is None):
        parser.error("--results and --timings: give both or neither")
    make_overview(a.input, a.template, a.output)
    if a.results:
        gather_timings(a.results, a.timings)


if __name__ == "__main__":
    run(main)
