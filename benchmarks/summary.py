"""Combine all comparisons of a run of `make bench` in one table and one picture.

Reads the results in results/benchmarks/ and writes summary.csv, .md and .png there.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from results_table import benchmark_parser, machine, write_table


def gathered(folder: Path, kind: str) -> pd.DataFrame:
    """The tables of that kind, one below the other."""
    return pd.concat([pd.read_csv(path) for path in sorted(folder.glob(f"*.{kind}.csv"))])


def draw(table: pd.DataFrame, path: Path) -> None:
    """Time of ours over that of each peer, on a logarithmic axis."""
    rows = table.to_dict("records")
    names = [f"{row['stage']}: {row['ours']}\nversus {row['peer']}" for row in rows]
    figure, panel = plt.subplots(figsize=(9, 1.2 + 0.42 * len(rows)), layout="constrained")
    for place, row in enumerate(rows):
        colour = "#1b7837" if row["ratio"] <= 1 else "#b35806"
        panel.plot([row["least"], row["greatest"]], [place, place], color=colour, lw=4, alpha=0.35)
        panel.plot(row["ratio"], place, "o", color=colour)
    panel.axvline(1, color="0.3", lw=1)
    panel.set_xscale("log")
    panel.set_yticks(range(len(table)), names, fontsize=8)
    panel.invert_yaxis()
    panel.set_xlabel("run time relative to the peer; below 1, strataflow is faster")
    panel.margins(y=0.02)
    panel.set_title(
        f"strataflow versus other tools on noise and synthetic data: median, range\n{machine()}",
        fontsize=10,
    )
    panel.grid(axis="x", which="both", alpha=0.25)
    figure.savefig(path, dpi=110)


def main() -> None:
    folder = benchmark_parser(__doc__).parse_args().output
    table = gathered(folder, "comparisons")
    draw(table, folder / "summary.png")
    exponents = gathered(folder, "exponents").to_markdown(index=False, floatfmt=".2f")
    ends = f"Run time grows with the size to the power of:\n\n{exponents}"
    write_table(folder, "summary", "strataflow versus other tools", table, ends)


if __name__ == "__main__":
    main()
