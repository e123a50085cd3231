"""Scores of inference and of each refinement iteration, side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from ..errors import StrataflowError
from ..files import require_file, written_whole


def compare_passes(metrics: list[Path], output: Path) -> None:
    """Write a CSV table of scores with one row per pass.

    Args:
        metrics: metrics.json of inference, then of each refinement.
        output: Table to write.

    Raises:
        StrataflowError: A file does not hold metrics from evaluate.py.
    """
    scores = []
    for path in metrics:
        try:
            content = json.loads(require_file(path).read_text())
        except ValueError as error:
            raise StrataflowError(f"{path}: not metrics from evaluate.py ({error})") from error
        if not isinstance(content, dict) or not content:
            raise StrataflowError(f"{path}: not metrics from evaluate.py")
        scores.append(pd.json_normalize(content))
    table = pd.concat(scores, ignore_index=True)
    table.insert(0, "pass", ["infer", *(f"refine {n}" for n in range(1, len(scores)))])
    with written_whole(output) as (temporary,):
        table.to_csv(temporary, index=False, float_format="%.4g")
