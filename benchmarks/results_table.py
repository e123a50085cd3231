"""How the benchmarks give their figures: tables with the machine named, as CSV and Markdown."""

from __future__ import annotations

import argparse
import os
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

# Instruction sets that the networks are faster with.
INSTRUCTIONS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")


def benchmark_parser(doc: str) -> argparse.ArgumentParser:
    """For a program with that docstring, with the folder that all of them write to."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks"))
    return parser


def machine() -> str:
    """What the figures were measured on."""
    described = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.*)$", described, re.MULTILINE)
    cpu = model[1] if model else platform.machine()
    able = " ".join(name for name in INSTRUCTIONS if re.search(rf"\b{name}\b", described))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    cores = f"{os.cpu_count()} cores ({able})" if able else f"{os.cpu_count()} cores"
    return f"{cpu}, {cores}, {memory:.0f} GB, Python {platform.python_version()}"


def comparison(
    stage: str, runs: Mapping[str, Sequence[float]], ours: str, peer: str
) -> dict[str, Any]:
    """One row: seconds of `ours` and of a `peer`, whose runs took turns, and their ratio.

    The ratio is that of the medians; its spread is over pairs of runs that followed each other.
    """
    ratios = [a / b for a, b in zip(runs[ours], runs[peer], strict=True)]
    return {
        "stage": stage,
        "ours": ours,
        "peer": peer,
        "seconds": median(runs[ours]),
        "peer's seconds": median(runs[peer]),
        "ratio": median(runs[ours]) / median(runs[peer]),
        "least": min(ratios),
        "greatest": max(ratios),
        "runs": len(ratios),
    }


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """The power of the size that the time grows with."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def write_comparisons(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    """Write rows of `comparison` to `folder`/NAME.comparisons.csv, for the summary."""
    pd.DataFrame(rows).to_csv(folder / f"{name}.comparisons.csv", index=False)


def write_exponents(folder: Path, name: str, exponents: Mapping[str, float], over: str) -> None:
    """Write the exponent of each stage over a size to `folder`/NAME.exponents.csv."""
    rows = [{"stage": stage, "exponent": e, "over": over} for stage, e in exponents.items()]
    pd.DataFrame(rows).to_csv(folder / f"{name}.exponents.csv", index=False)


def write_table(folder: Path, name: str, what: str, table: pd.DataFrame, *ends: str) -> None:
    """Write `table` to `folder`/NAME.csv and .md, under what was measured and above `ends`."""
    table.to_csv(folder / f"{name}.csv", index=False)
    lines = [
        f"*{what}. {machine()}. {date.today()}.*",
        table.to_markdown(index=False, floatfmt=".2f"),
        *ends,
    ]
    text = "\n\n".join(lines)
    (folder / f"{name}.md").write_text(text + "\n")
    print(text)
