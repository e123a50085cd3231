"""Apply faults to every stage and mutations to every input; write the reliability page."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from pathlib import Path

import jinja2
import numpy as np
import pandas as pd
from tqdm import tqdm

from conftest import PREDICTING, REPOSITORY, Workflow, copied_workflow
from faults import FAULTS, Baseline, applies_to
from interpretation_readers import interpretation_readers
from readers import EXTRA_BYTES, SECONDS, Reader, Tally, bounded_memory, readers, try_one
from stages import STAGES, kill
from survey_readers import survey_readers

PAGE = Path(__file__).with_name("page.md.jinja")


@dataclass
class Row:
    """Outcomes of one kind of fault."""

    fault: str
    tried: int = 0
    failures: list[str] = field(default_factory=list)

    def add(self, failure: str | None) -> None:
        self.tried += 1
        if failure:
            self.failures.append(failure)


def hit_stages(kills: int, rounds: int, seed: int, folder: Path) -> Iterator[Row]:
    """Apply each fault to each stage `rounds` times, and kill stages `kills` times in total."""
    baseline = Baseline(folder).prepare()
    rng = np.random.default_rng(seed)
    for name, fault in FAULTS.items():
        stages = [stage for stage in STAGES if applies_to(fault, stage)]
        count = kills if name.startswith("killed") else rounds * len(stages)
        row = Row(name)
        for number in tqdm(range(count), name):
            row.add(fault(baseline, stages[number % len(stages)], rng))
        yield row


def kill_workflows(count: int, seed: int, folder: Path) -> Iterator[Row]:
    """Kill Snakemake and all its jobs at random moments, and run the workflow again."""
    row = Row("whole workflow killed at a random moment")
    if not count:
        return
    flow = copied_workflow(folder, PREDICTING)
    begin = time.monotonic()
    done = flow.run()
    if done.returncode:
        raise RuntimeError(done.stderr)
    seconds, expected = time.monotonic() - begin, _delivered(flow)
    rng = np.random.default_rng(seed)
    for _ in tqdm(range(count), row.fault):
        _kill_workflow(flow, rng.uniform(0, seconds))
        unlocked, again = flow.run("--unlock"), flow.run()
        found = _delivered(flow)
        differing = [name for name in expected | found if expected.get(name) != found.get(name)]
        stray = [str(p) for p in (flow.folder / "results").rglob(".*.part")]
        failure = None
        if differing or stray:
            failure = f"workflow: different files {differing}, stray files {stray}"
        failed = again.returncode or unlocked.returncode
        row.add(f"workflow: the rerun fails: {again.stderr[-300:]}" if failed else failure)
    yield row


def _kill_workflow(flow: Workflow, after: float) -> None:
    """Start the workflow without results, and kill it `after` this many seconds."""
    shutil.rmtree(flow.folder / "results")
    process = flow.start()
    time.sleep(after)
    kill(process)


def _delivered(flow: Workflow) -> dict[str, bytes]:
    """Return the delivered files with their content, without run times."""
    place = flow.folder / "results" / "predictions"
    return {
        str(path.relative_to(place)): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file() and path.name != "timings.csv"
    }


def feed(reader: Reader, count: int, seed: int, folder: Path) -> Tally:
    """Read `count` random mutations."""
    rng = np.random.default_rng(seed)
    tally = Tally()
    with bounded_memory():
        for number in tqdm(range(count), reader.name):
            valid = reader.valid[number % len(reader.valid)]
            mutated = reader.mutate(valid, lambda low, high: int(rng.integers(low, high + 1)))
            try_one(reader, mutated, folder / "bad", tally)
    return tally


def feed_guided(reader: Reader, count: int, seconds: int) -> Tally:
    """Read up to `count` mutations selected by code coverage, within `seconds`."""
    with tempfile.NamedTemporaryFile(suffix=".json") as counts:
        script = str(Path(__file__).with_name("fuzz.py"))
        flags = ["--reader", reader.name, "--runs", str(count), "--seconds", str(seconds)]
        done = subprocess.run(
            [sys.executable, script, *flags, "--output", counts.name],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds + 120,
            check=False,
        )
        found = json.loads(Path(counts.name).read_text() or "{}")
    if not found:
        raise RuntimeError(f"{reader.name}: the fuzzer did not start\n{done.stderr[-2000:]}")
    return Tally(Counter(found["counts"]), [(outcome, b"") for outcome in found["failures"]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="kills of stages in total")
    parser.add_argument("--rounds", type=int, default=1, help="other faults per stage")
    parser.add_argument("--workflows", type=int, default=3, help="kills of the whole workflow")
    parser.add_argument("--inputs", type=int, default=2000, help="random mutations per reader")
    parser.add_argument("--guided", type=int, default=2000, help="guided mutations per reader")
    parser.add_argument(
        "--seconds", type=int, default=300, help="time limit of the guided mutations per reader"
    )
    parser.add_argument("--seed", type=int, default=1, help="random seed")
    parser.add_argument(
        "--output",
        type=Path,
        default=REPOSITORY / "docs" / "reference" / "reliability.md",
        help="page to write",
    )
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        stages, files, flow = (Path(scratch) / name for name in ("stages", "files", "flow"))
        for folder in (stages, files, flow):
            folder.mkdir()
        rows: list[Row] = []
        tallies: dict[tuple[str, str], Tally] = {}
        for row in chain(
            hit_stages(a.kills, a.rounds, a.seed, stages), kill_workflows(a.workflows, a.seed, flow)
        ):
            rows.append(row)
            a.output.write_text(_page(rows, tallies))
        for reader in readers(files):
            tallies[reader.name, "random"] = feed(reader, a.inputs, a.seed, files)
            if importlib.util.find_spec("atheris"):
                tallies[reader.name, "guided"] = feed_guided(reader, a.guided, a.seconds)
            a.output.write_text(_page(rows, tallies))
        # Many of these are read in a process of their own, which takes longer.
        for reader in chain(interpretation_readers(files), survey_readers(files)):
            tallies[reader.name, "random"] = feed(reader, a.inputs // 4, a.seed, files)
            a.output.write_text(_page(rows, tallies))
    print(a.output.read_text())
    sys.exit(any(row.failures for row in rows) or any(t.failures for t in tallies.values()))


def _page(rows: list[Row], tallies: dict[tuple[str, str], Tally]) -> str:
    faults = pd.DataFrame(
        [
            {
                "fault": row.fault,
                "tried": row.tried,
                "survived": row.tried - len(row.failures),
                "failed": len(row.failures),
            }
            for row in rows
        ]
    )
    inputs = pd.DataFrame(
        [
            {
                "file": name,
                "mutations": how,
                "tried": tally.counts.total(),
                "rejected": tally.counts["refused"],
                "read correctly": tally.counts["accepted"],
                "read wrongly": tally.counts["wrong"],
                "crashed": tally.counts["crashed"],
                "hung": tally.counts["hung"],
            }
            for (name, how), tally in tallies.items()
        ]
    )
    of_faults = [failure for row in rows for failure in row.failures]
    of_inputs = [f"{name}: {o}" for (name, _), tally in tallies.items() for o, _ in tally.failures]
    return jinja2.Template(PAGE.read_text(), keep_trailing_newline=True).render(
        day=date.today().isoformat(),
        cores=os.cpu_count(),
        command=" ".join(["`soak.py", *sys.argv[1:]]) + "`",
        faults=faults.to_markdown(index=False),
        failures_of_faults="\n".join(f"- {line}" for line in of_faults) or "Nothing failed.",
        inputs=inputs.to_markdown(index=False),
        failures_of_inputs="\n".join(f"- {line}" for line in of_inputs[:50]) or "Nothing failed.",
        seconds=SECONDS,
        memory=EXTRA_BYTES >> 30,
    )


if __name__ == "__main__":
    main()
