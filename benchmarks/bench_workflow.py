"""The workflow itself: what its stages take as surveys grow, and what Snakemake adds.

`make bench` writes results/benchmarks/workflow.csv and .md. The workflow predicts and scores
synthetic surveys of several sizes from the shipped weights; its own timings give the exponent of
each stage, start-up (the time over a tiny survey) taken off. Then a second run, which has nothing
to do, and dry runs of a sheet of many surveys, each beside a workflow of the same number of jobs
that have one input, one output and nothing else: what Snakemake takes for itself.
"""

from __future__ import annotations

import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from own_process import in_turns
from results_table import (
    benchmark_parser,
    comparison,
    exponent,
    write_comparisons,
    write_exponents,
    write_table,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from conftest import PREDICTING, Workflow, copied_workflow, synthetic_row

TINY_SIDE = 32
SLABS = 16

FLOOR = """
rule all:
    input: expand("b/{{n}}", n=range({count}))
rule first:
    output: "a/{{n}}"
    shell: "touch {{output}}"
rule second:
    input: "a/{{n}}"
    output: "b/{{n}}"
    shell: "cp {{input}} {{output}}"
"""


def seconds_of(flow: Workflow, *words: str, target: str = "results/predictions/") -> float:
    """Seconds of a run that must succeed."""
    start = time.perf_counter()
    done = flow.run(*words, target=target)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return seconds


def floor(folder: Path, jobs: int) -> Workflow:
    """A workflow of so many jobs that are as simple as can be."""
    folder.mkdir()
    (folder / "Snakefile").write_text(FLOOR.format(count=jobs // 2))
    return Workflow(folder)


def stages(folder: Path, sides: list[int]) -> tuple[Workflow, pd.DataFrame]:
    """The workflow after its run over surveys of `sides`, and seconds by stage and side."""
    names = {f"s{side}": side for side in [TINY_SIDE, *sides]}
    surveys = {name: {"size": [side] * 3, "seed": 1} for name, side in names.items()}
    tile = {"prediction.tile": [128, 128, 128], "prediction.slabs": 1}
    flow = copied_workflow(folder, PREDICTING | tile | {"synthetic.surveys": surveys})
    flow.list_volumes(*(synthetic_row(name) for name in names))
    # One job at a time, or they would share the cores.
    seconds_of(flow, "--jobs", "1")
    table = pd.read_csv(flow.folder / "results" / "predictions" / "timings.csv")
    table["side"] = table["job"].str.extract(r"\bs(\d+)\b")[0].astype(float)
    return flow, table.groupby(["stage", "side"])["seconds"].sum().unstack()


def exponents_of(seconds: pd.DataFrame) -> dict[str, float]:
    """Exponent of each stage over voxels, of what it takes beyond its start-up."""
    found = {}
    for stage, row in seconds.iterrows():
        grown = (row - row[TINY_SIDE]).drop(TINY_SIDE)
        if (grown > 0.2).all():
            found[str(stage)] = exponent([side**3 for side in grown.index], list(grown))
    return found


def second_run(flow: Workflow, folder: Path, runs: int) -> dict[str, list[float]]:
    """Seconds of a run that has nothing to do, ours and the floor's."""
    simple = floor(folder, len(list((flow.folder / "results").rglob("*.log"))))
    seconds_of(simple, target="all")
    ways = {
        "second run": partial(seconds_of, flow),
        "simplest rules": partial(seconds_of, simple, target="all"),
    }
    return in_turns(ways, runs, "second run")


def dry_runs(folder: Path, volumes: int, runs: int) -> tuple[dict[str, list[float]], int]:
    """Seconds of dry runs of so many volumes in slabs, ours and the floor's, and the jobs."""
    (folder / "ours").mkdir(parents=True)
    sheet = "".join(f"v{number}\tmade.sgy\n" for number in range(volumes))
    settings = PREDICTING | {"prediction.slabs": SLABS}
    flow = copied_workflow(folder / "ours", settings, f"volume\tsegy\n{sheet}")
    (flow.folder / "made.sgy").touch()
    jobs = sum(flow.jobs().values())
    simple = floor(folder / "simple", jobs)
    words = ("--dry-run", "--quiet", "all")
    ways = {
        "dry run": partial(seconds_of, flow, *words),
        "simplest rules": partial(seconds_of, simple, *words, target="all"),
    }
    return in_turns(ways, runs, f"dry run of {volumes}"), jobs


def main() -> None:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--sides", type=int, nargs="+", default=[128, 256, 512])
    parser.add_argument("--volumes", type=int, nargs="+", default=[25, 50, 100])
    parser.add_argument("--runs", type=int, default=5)
    a = parser.parse_args()
    a.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        (place / "stages").mkdir()
        flow, seconds = stages(place / "stages", a.sides)
        nothing = second_run(flow, place / "floor", a.runs)
        planned = {n: dry_runs(place / f"dry{n}", n, a.runs) for n in a.volumes}
    medians = {jobs: median(times["dry run"]) for times, jobs in planned.values()}
    times, jobs = planned[max(planned)]
    rows = [
        comparison("nothing to do", nothing, "second run", "simplest rules"),
        comparison(f"dry run, {jobs:,} jobs", times, "dry run", "simplest rules"),
    ]
    grown = exponent(list(medians), list(medians.values()))
    slope, start = np.polyfit(list(medians), list(medians.values()), 1)
    thousand = 1000 * jobs / max(planned)
    write_comparisons(a.output, "workflow", rows)
    write_exponents(a.output, "workflow", exponents_of(seconds), "voxels")
    write_exponents(a.output, "dry_run", {"dry run": grown}, "jobs")
    ends = (
        f"Dry runs: {1e3 * slope:.1f} ms a job, so {start + slope * thousand:.0f} s for the"
        f" {thousand:,.0f} jobs of 1,000 volumes in {SLABS} slabs.",
        pd.DataFrame(rows).to_markdown(index=False, floatfmt=".2f"),
    )
    table = seconds.rename(columns=lambda side: f"{side:.0f} cubed, s").reset_index()
    write_table(a.output, "workflow", "Stages, one job at a time", table, *ends)


if __name__ == "__main__":
    main()
