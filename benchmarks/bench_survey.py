"""A large synthetic survey through the whole workflow: time, memory and disk space of each stage.

Writes results/benchmarks/survey.csv and .md. A survey of SIDE cubed is generated as SEG-Y, of which
only every fourth inline is new: the generated inlines are repeated forwards and backwards. Then
`strataflow run` interprets it with the shipped weights. `make bench` leaves this out, because it
takes half an hour or more. A run that is stopped continues.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from results_table import benchmark_parser, write_table
from watched_run import disk_space, watch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))

from strataflow.segy.new_survey import write_survey
from strataflow.synthetic.survey import survey_sidecar
from strataflow.volume.raw import Shape
from strataflow.volume.volume import open_volume
from strataflow.workflow.plan import snakemake_environment

HOME = Path(__file__).resolve().parents[1]
SCRIPTS = HOME / "workflow_scripts"
SEED = 1
# The survey consists of so many copies of the generated inlines, every other one mirrored.
COPIES = 4

# Table of the jobs so far.
JOBS = "jobs.csv"


def generate(folder: Path, shape: Shape) -> None:
    """Write the survey as `folder`/survey.sgy, which must not exist."""
    part = folder / "part"
    n3 = -(-shape.n3 // COPIES)
    image = part / "image.sgy"
    if not image.exists():
        sides = ["--n1", shape.n1, "--n2", shape.n2, "--n3", n3]
        words = ["--output", part, "--seed", SEED, *sides]
        _run("synthesize_survey", *words)
    _run("segy_to_binary", "--input", image, "--output", part / "image.bin")
    values = open_volume(part / "image.bin").values
    write_survey(folder, {"survey": _repeated(values, shape.n3)}, survey_sidecar(shape), "REPEATED")
    shutil.rmtree(part)


def _run(script: str, *words: object) -> None:
    subprocess.run([sys.executable, SCRIPTS / f"{script}.py", *map(str, words)], check=True)


def _repeated(values: NDArray[np.float32], count: int) -> Iterator[NDArray[np.float32]]:
    """So many inlines: `values` forwards, backwards, forwards and so on."""
    there_and_back = [*range(len(values)), *reversed(range(len(values)))]
    for number in range(count):
        yield values[there_and_back[number % len(there_and_back)]]


def interpret(folder: Path, cores: int, settings: list[str], targets: list[str]) -> None:
    """Run the workflow over the survey, and add what its jobs take to `folder`/JOBS."""
    project = folder / "interpretation"
    command = [sys.executable, "-m", "strataflow", "run", str(folder / "survey.sgy")]
    command += ["--output", str(project), "--cores", str(cores)]
    command += [word for setting in settings for word in ("--set", setting)]
    if targets:
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(HOME / "Snakefile")]
        command += ["--directory", str(project), "--cores", str(cores), "--quiet", "rules"]
        command += ["--", *targets]
    watch(command, folder, folder / JOBS, snakemake_environment() | {"PYTHONPATH": str(SCRIPTS)})


def table_of(jobs: pd.DataFrame) -> pd.DataFrame:
    """What each stage took: sums of time over its jobs, and maxima of memory and disk space."""
    stages = jobs.groupby("stage", sort=False)
    sums = stages[["seconds", "CPU seconds"]].sum()
    maxima = stages[["resident", "anonymous", "disk"]].max()
    table = pd.DataFrame(
        {
            "jobs": stages.size(),
            "minutes": sums["seconds"] / 60,
            "CPU minutes": sums["CPU seconds"] / 60,
            "resident, GB": maxima["resident"] / 1e9,
            "not mapped from files, GB": maxima["anonymous"] / 1e9,
            "disk, GB": maxima["disk"] / 1e9,
        }
    )
    return table.reset_index()


def main() -> None:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="folder for the survey")
    parser.add_argument("--side", type=int, default=1000)
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    parser.add_argument(
        "--set", action="append", default=[], help="KEY=VALUE of the configuration; repeatable"
    )
    parser.add_argument("--targets", nargs="*", default=[], help="only these files")
    a = parser.parse_args()
    folder, shape = a.folder.resolve(), Shape(a.side, a.side, a.side)
    folder.mkdir(parents=True, exist_ok=True)
    a.output.mkdir(parents=True, exist_ok=True)
    if not (folder / "survey.sgy").exists():
        generate(folder, shape)
    interpret(folder, a.cores, a.set, a.targets)
    jobs = pd.read_csv(folder / JOBS)
    table = table_of(jobs)
    minutes = (jobs["began"] + jobs["seconds"]).groupby(jobs["run"]).max().sum() / 60
    total = f"The jobs took {minutes:.0f} minutes, {table['CPU minutes'].sum():.0f} of the CPU."
    kept = f"At the end {disk_space(folder) / 1e9:.1f} GB are on disk, the survey included."
    settings = f"Settings: {', '.join(a.set) or 'as shipped'}."
    title = f"A survey of {a.side} cubed on {a.cores} cores"
    write_table(a.output, "survey", title, table, total, kept, settings)


if __name__ == "__main__":
    main()
