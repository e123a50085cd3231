"""How the benchmarks give their figures: a table with the machine named, as CSV and Markdown."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pandas as pd


def write_table(folder: Path, name: str, what: str, table: pd.DataFrame, *ends: str) -> None:
    """Write `table` to `folder`/NAME.csv and .md, under what was measured and above `ends`."""
    table.to_csv(folder / f"{name}.csv", index=False)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    lines = [f"{what}, {machine}", table.to_markdown(index=False, floatfmt=".2f"), *ends]
    text = "\n\n".join(lines)
    (folder / f"{name}.md").write_text(text + "\n")
    print(text)
