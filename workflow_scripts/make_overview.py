"""Write an overview page of all predicted volumes, and a table of run times."""

import json
from pathlib import Path
from typing import Any

from strataflow.cli.arguments import Parser, run
from strataflow.errors import StrataflowError
from strataflow.figures.overview import Making, gather_timings, make_overview


def settings_of(text: str) -> dict[str, Any]:
    """Parse --settings, a JSON object of objects."""
    try:
        settings = json.loads(text)
    except ValueError as error:
        raise StrataflowError(f"--settings: not JSON ({error})") from error
    if not isinstance(settings, dict) or not all(isinstance(v, dict) for v in settings.values()):
        raise StrataflowError("--settings: expected sections with keys, as in the configuration")
    return settings


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument(
        "--input", type=Path, required=True, help="folder with one subfolder for each volume"
    )
    parser.add_argument("--template", type=Path, required=True, help="Jinja template of the page")
    parser.add_argument("--output", type=Path, required=True, help="page to write, X.html")
    parser.add_argument("--results", type=Path, help="folder to search for Snakemake benchmarks")
    parser.add_argument("--timings", type=Path, help="table of run times to write, X.csv")
    parser.add_argument("--settings", default="{}", help="settings of the run as JSON")
    parser.add_argument("--weights", type=Path, nargs="*", default=[], help="weights files used")
    a = parser.parse_args()
    if (a.results is None) != (a.timings is None):
        parser.error("--results and --timings: give both or neither")
    timings = gather_timings(a.results, a.timings) if a.results else None
    making = Making(settings_of(a.settings), a.weights, timings)
    make_overview(a.input, a.template, a.output, making)


if __name__ == "__main__":
    run(main)
