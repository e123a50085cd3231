"""Hit every stage and feed every reader; writes docs/reference/reliability.md."""

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
from faults import FAULTS, Ground, befalls
from readers import EXTRA_BYTES, SECONDS, Reader, Tally, bounded_memory, readers, try_one
from stages import STAGES, kill
from tqdm import tqdm

from conftest import PREDICTING, REPOSITORY, Workflow, copied_workflow

PAGE = Path(__file__).with_name("page.md.jinja")


@dataclass
class Row:
    """What came of one fault."""

    fault: str
    tried: int = 0
    lost: list[str] = field(default_factory=list)

    def note(self, wrong: str | None) -> None:
        self.tried += 1
        if wrong:
            self.lost.append(wrong)


def hit_stages(kills: int, rounds: int, seed: int, folder: Path) -> Iterator[Row]:
    """Every fault on every stage that it can befall, `rounds` times; `kills` kills in all."""
    ground = Ground(folder).prepare()
    rng = np.random.default_rng(seed)
    for name, fault in FAULTS.items():
        stages = [stage for stage in STAGES if befalls(fault, stage)]
        count = kills if name.startswith("killed") else rounds * len(stages)
        row = Row(name)
        for number in tqdm(range(count), name):
            row.note(fault(ground, stages[number % len(stages)], rng))
        yield row


def kill_workflows(count: int, seed: int, folder: Path) -> Iterator[Row]:
    """The whole workflow, Snakemake included, killed at random moments and started again."""
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
        other = [name for name in expected | found if expected.get(name) != found.get(name)]
        stray = [str(p) for p in (flow.folder / "results").rglob(".*.part")]
        wrong = f"workflow: other files {other}, stray {stray}" if other or stray else None
        failed = again.returncode or unlocked.returncode
        row.note(f"workflow: the rerun fails: {again.stderr[-300:]}" if failed else wrong)
    yield row


def _kill_workflow(flow: Workflow, after: float) -> None:
    """Start all from nothing, and kill Snakemake and its jobs `after` so many seconds."""
    shutil.rmtree(flow.folder / "results")
    process = flow.start()
    time.sleep(after)
    kill(process)


def _delivered(flow: Workflow) -> dict[str, bytes]:
    """What is delivered, run times left out."""
    place = flow.folder / "results" / "predictions"
    return {
        str(path.relative_to(place)): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file() and path.name != "timings.csv"
    }


def feed(reader: Reader, count: int, seed: int, folder: Path) -> Tally:
    """Give `count` mutations drawn from `seed` to a reader."""
    rng = np.random.default_rng(seed)
    tally = Tally()
    with bounded_memory():
        for number in tqdm(range(count), reader.name):
            good = reader.good[number % len(reader.good)]
            mutated = reader.mutate(good, lambda low, high: int(rng.integers(low, high + 1)))
            try_one(reader, mutated, folder / "bad", tally)
    return tally


def feed_guided(reader: Reader, count: int, seconds: int) -> Tally:
    """Give `count` mutations to a reader, bred by their coverage, or what `seconds` allow."""
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
        raise RuntimeError(f"{reader.name}: the fuzzer tried nothing\n{done.stderr[-2000:]}")
    return Tally(Counter(found["counts"]), [(outcome, b"") for outcome in found["lost"]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="kills of stages in all")
    parser.add_argument("--rounds", type=int, default=1, help="other faults of each stage")
    parser.add_argument("--workflows", type=int, default=3, help="kills of the whole workflow")
    parser.add_argument("--inputs", type=int, default=2000, help="mutations for each reader")
    parser.add_argument("--guided", type=int, default=2000, help="the same, led by coverage")
    parser.add_argument("--seconds", type=int, default=300, help="longest time for those of each")
    parser.add_argument("--seed", type=int, default=1, help="of everything random")
    parser.add_argument(
        "--output",
        type=Path,
        default=REPOSITORY / "docs" / "reference" / "reliability.md",
        help="page to write",
    )
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        ground, files, flow = (Path(scratch) / name for name in ("ground", "files", "flow"))
        for folder in (ground, files, flow):
            folder.mkdir()
        rows: list[Row] = []
        tallies: dict[tuple[str, str], Tally] = {}
        for row in chain(
            hit_stages(a.kills, a.rounds, a.seed, ground), kill_workflows(a.workflows, a.seed, flow)
        ):
            rows.append(row)
            a.output.write_text(_page(rows, tallies))
        for reader in readers(files):
            tallies[reader.name, "drawn"] = feed(reader, a.inputs, a.seed, files)
            if importlib.util.find_spec("atheris"):
                tallies[reader.name, "guided"] = feed_guided(reader, a.guided, a.seconds)
            a.output.write_text(_page(rows, tallies))
    print(a.output.read_text())
    sys.exit(any(row.lost for row in rows) or any(tally.lost for tally in tallies.values()))


def _page(rows: list[Row], tallies: dict[tuple[str, str], Tally]) -> str:
    faults = pd.DataFrame(
        [
            {
                "fault": row.fault,
                "tried": row.tried,
                "survived": row.tried - len(row.lost),
                "failed": len(row.lost),
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
                "read correctly": tally.counts["taken"],
                "read wrongly": tally.counts["wrong"],
                "crashed": tally.counts["crashed"],
                "hung": tally.counts["hung"],
            }
            for (name, how), tally in tallies.items()
        ]
    )
    lost = [wrong for row in rows for wrong in row.lost]
    other = [f"{name}: {o}" for (name, _), tally in tallies.items() for o, _ in tally.lost]
    return jinja2.Template(PAGE.read_text(), keep_trailing_newline=True).render(
        day=date.today().isoformat(),
        cores=os.cpu_count(),
        command=" ".join(["`soak.py", *sys.argv[1:]]) + "`",
        faults=faults.to_markdown(index=False),
        lost_to_faults="\n".join(f"- {line}" for line in lost) or "Nothing failed.",
        inputs=inputs.to_markdown(index=False),
        lost_to_inputs="\n".join(f"- {line}" for line in other[:50]) or "Nothing failed.",
        seconds=SECONDS,
        memory=EXTRA_BYTES >> 30,
    )


if __name__ == "__main__":
    main()
