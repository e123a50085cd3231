"""Put the metrics of inference and of each iteration of refinement side by side in a table."""

import json
from pathlib import Path

import pandas as pd

from strataflow.cli import Parser, run
from strataflow.errors import StrataflowError
from strataflow.files import require_file, written_whole


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument(
        "--metrics", type=Path, nargs="+", required=True, help="metrics.json of pass after pass"
    )
    parser.add_argument("--output", type=Path, required=True, help="table, passes.csv")
    a = parser.parse_args()
    try:
        scores = [json.loads(require_file(path).read_text()) for path in a.metrics]
    except ValueError as error:
        raise StrataflowError(f"--metrics: not metrics of evaluate.py ({error})") from error
    table = pd.json_normalize(scores)
    names = ["infer", *(f"refine {iteration}" for iteration in range(1, len(scores)))]
    table.insert(0, "pass", names)
    with written_whole(a.output) as (path,):
        table.to_csv(path, index=False, float_format="%.4g")


if __name__ == "__main__":
    run(main)
