"""Shared fixtures: run scripts and the workflow as a user does, and write tiny SEG-Y files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import segyio
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "soak"))

from strataflow.samples.files import Folders
from strataflow.workflow import plan

REPOSITORY = Path(__file__).resolve().parents[1]
SCRIPTS = REPOSITORY / "workflow_scripts"
ATTRIBUTES = ("dhr", "rgt", "fsem", "fdip", "fstrike")
Finished = subprocess.CompletedProcess[str]


# Markers of tests that take long or need more than Python. All other tests are marked `unit`.
TIERS = ("smoke", "workflow", "training", "cluster", "reliability", "display")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test without a marker of TIERS as `unit`."""
    for item in items:
        if not any(item.get_closest_marker(tier) for tier in TIERS):
            item.add_marker("unit")


@pytest.fixture
def run_script(tmp_path: Path) -> Callable[..., Finished]:
    """Run a script of workflow_scripts with flags in an empty folder. Failures do not raise."""

    def run(name: str, *words: object) -> Finished:
        command = [sys.executable, str(SCRIPTS / f"{name}.py"), *map(str, words)]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        return subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    return run


# Files and folders that a copy of the repository needs to run the workflow.
WORKFLOW = (
    "Snakefile",
    "rules",
    "config",
    "envs",
    "profiles",
    "report",
    "workflow_scripts",
    "data/pretrained",
)


def folders_below(place: Path) -> Folders:
    """Return the four sample folders in `place`, each named after its field."""
    return Folders(*(place / field.name for field in fields(Folders)))


# Changes to the shipped configuration, so that all stages together take a minute or two.
TINY: dict[str, Any] = {
    "synthetic.train": 2,
    "synthetic.valid": 1,
    "synthetic.surveys": {
        "north": {"size": [48, 48, 40], "seed": 12},
        "south": {"size": [40, 32, 48], "seed": 4},
    },
    "patches.size": [32, 32, 32],
    "model.preset": "small",
    "training.crop": [32, 32, 32],
    "training.init_weights": None,
    "prediction.tile": [32, 32, 32],
    "refinement.iterations": 1,
}


# Further changes to predict without training: with the shipped weights, in two slabs.
PREDICTING: dict[str, Any] = {
    "model.preset": "base",
    "training.epochs": 0,
    "training.init_weights": "data/pretrained",
    "prediction.slabs": 2,
}


def snakemake_environment() -> dict[str, str]:
    """Return the environment of an activated .venv.

    Waiting OpenMP threads sleep, because spinning threads would slow down parallel tests.
    """
    return plan.snakemake_environment() | {"OMP_WAIT_POLICY": "passive"}


@dataclass(frozen=True)
class Workflow:
    """A copy of the workflow in its own folder, run as a user runs it."""

    folder: Path

    def command(self, *words: str, target: str = "results/predictions/") -> list[str]:
        """Return the command `snakemake --cores 2 TARGET` with further `words`."""
        return [sys.executable, "-m", "snakemake", "--cores", "2", target, *words]

    def run(self, *words: str, target: str = "results/predictions/") -> Finished:
        """Run `command` and wait for it."""
        return subprocess.run(
            self.command(*words, target=target),
            cwd=self.folder,
            env=snakemake_environment(),
            capture_output=True,
            text=True,
            timeout=1500,
            check=False,
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start `command` in its own session, so that all its processes can be killed."""
        return subprocess.Popen(
            self.command(*words),
            cwd=self.folder,
            env=snakemake_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def jobs(self, *words: str, target: str = "results/predictions/") -> dict[str, int]:
        """Return the number of jobs of each rule that a run would start, without target rules."""
        done = self.run("-n", *words, target=target)
        assert done.returncode == 0, done.stdout + done.stderr
        table = re.search(r"^-+ +-+\n(.*?)\n\n", done.stdout, re.MULTILINE | re.DOTALL)
        rows = [line.split() for line in table[1].splitlines()] if table else []
        return {
            row[0]: int(row[1])
            for row in rows
            if row[0] != "total" and not row[0].startswith("results/")
        }

    def configure(self, settings: dict[str, Any]) -> None:
        """Set keys of config.yaml, given as `section.key`."""
        path = self.folder / "config" / "config.yaml"
        content = yaml.safe_load(path.read_text())
        for key, value in settings.items():
            section = content
            *sections, name = key.split(".")
            for part in sections:
                section = section[part]
            section[name] = value
        path.write_text(yaml.safe_dump(content))

    def list_volumes(self, *rows: dict[str, str]) -> None:
        """Write a sample sheet with these `rows`."""
        columns = list(dict.fromkeys(column for row in rows for column in row))
        lines = ["\t".join(row.get(column, "") for column in columns) for row in rows]
        self.write_sheet("\n".join(["\t".join(columns), *lines]) + "\n")

    def write_sheet(self, text: str) -> None:
        """Write `text` as the sample sheet."""
        (self.folder / "config" / "volumes.tsv").write_text(text)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Workflow]:
    """Copy the workflow to a new folder with the TINY configuration, changed by `settings`."""

    def make(settings: dict[str, Any] | None = None, sheet: str | None = None) -> Workflow:
        return copied_workflow(tmp_path_factory.mktemp("workflow"), settings, sheet)

    return make


def copied_workflow(
    folder: Path, settings: dict[str, Any] | None = None, sheet: str | None = None
) -> Workflow:
    """Copy the workflow to `folder` with the TINY configuration, changed by `settings`."""
    for name in WORKFLOW:
        source = REPOSITORY / name
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, folder / name)
    flow = Workflow(folder)
    flow.configure(TINY | (settings or {}))
    if sheet is not None:
        flow.write_sheet(sheet)
    else:
        flow.list_volumes(synthetic_row("north", train="false"), synthetic_row("south"))
    return flow


def synthetic_row(survey: str, labels: tuple[str, ...] = ATTRIBUTES, **more: str) -> dict[str, str]:
    """Return the row of the sample sheet for a synthetic survey and its labels."""
    folder = f"results/synthesize_survey/{survey}"
    row = {"volume": survey, "segy": f"{folder}/image.sgy"}
    return row | {name: f"{folder}/{name}.sgy" for name in labels} | more


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data next to the repository. Skip the test if there is none."""
    folder = Path(os.environ.get("STRATAFLOW_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}")
    return folder


def write_segy(
    path: Path,
    values: np.ndarray,
    inlines: list[int] | None = None,
    crosslines: list[int] | None = None,
    format_code: int = 5,
    drop: set[tuple[int, int]] = frozenset(),  # type: ignore[assignment]
) -> Path:
    """Write a SEG-Y with a sample interval of 4 ms, using only segyio.

    Args:
        path: File to write.
        values: Samples (n3, n2, n1).
        inlines: Inline numbers.
        crosslines: Crossline numbers.
        format_code: Sample format code; 5 is IEEE float.
        drop: (inline, crossline) indices of traces that are left out.
    """
    n3, n2, n1 = values.shape
    inlines = inlines or list(range(10, 10 + n3))
    crosslines = crosslines or list(range(100, 100 + n2))
    kept = [(i, j) for i in range(n3) for j in range(n2) if (i, j) not in drop]
    spec = segyio.spec()
    spec.samples = np.arange(n1) * 4.0
    spec.tracecount = len(kept)
    spec.format = format_code
    path.parent.mkdir(parents=True, exist_ok=True)
    with segyio.create(path, spec) as file:
        file.text[0] = segyio.tools.create_text_header({1: "A TINY SURVEY"})
        file.bin.update({segyio.BinField.Interval: 4000, segyio.BinField.Format: format_code})
        for trace, (i, j) in enumerate(kept):
            file.header[trace] = {
                segyio.TraceField.INLINE_3D: inlines[i],
                segyio.TraceField.CROSSLINE_3D: crosslines[j],
                segyio.TraceField.CDP_X: 1000 + 25 * i,
                segyio.TraceField.CDP_Y: 5000 + 50 * j,
                segyio.TraceField.SourceGroupScalar: 1,
                segyio.TraceField.TRACE_SAMPLE_COUNT: n1,
                segyio.TraceField.TRACE_SAMPLE_INTERVAL: 4000,
            }
            file.trace[trace] = values[i, j].astype(np.float32)
    return path


def refused_in_one_line(done: Finished, *words: str) -> None:
    """Assert that a script failed with a single line on standard error with all `words`."""
    assert done.returncode not in (0, None)
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert all(word in lines[0] for word in words), lines[0]


def folder_flags(root: Path) -> list[object]:
    """Return the flags of the four sample folders in `root`."""
    folders = vars(folders_below(root))
    return [word for name, folder in folders.items() for word in (f"--dir_{name}", folder)]


def stopped_at_once(done: Finished, *words: str) -> None:
    """Assert that a run failed before any job with a single line with all `words`."""
    assert done.returncode != 0
    lines = [line for line in (done.stdout + done.stderr).splitlines() if "profile" not in line]
    assert len(lines) == 1, lines
    assert all(word in lines[0] for word in words), lines
