"""Faults that can hit a stage while it runs, and checks that no output is corrupted or lost.

Each function applies one fault to one stage and returns a description of the failure, or None.
After a fault, each file under a final name must be identical to that of an undisturbed run. A rerun
must produce all files and leave no temporary file.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from stages import STAGES, Stage, finished, kill, stray_files

# Description of a failure, or None.
Failure = str | None

# Files that a stage reads and that other stages wrote.
INPUTS = {
    "make_patches": ("segy_to_binary/survey.bin", "segy_to_binary/survey.fsem"),
    "train_infer": ("synthesize/data_train/1.bin", "synthesize/target_train/0_rgt.bin"),
    "predict_samples": ("synthesize/data_train/0.bin",),
    "infer": ("segy_to_binary/survey.bin",),
    "join_slabs": ("segy_to_binary/survey.bin",),
    "refine": ("infer/survey.fsem", "infer/survey.rgt"),
    "evaluate": ("infer/survey.rgt", "segy_to_binary/survey.fsem"),
    "export_segy": ("infer/survey.fsem",),
    "export_vgi": ("infer/survey.fsem",),
    "pick_faults": ("segy_to_binary/survey.fsem",),
    "pick_horizons": ("infer/survey.rgt",),
    "plot": ("infer/survey.dhr", "segy_to_binary/survey.bin"),
    "check_seams": ("infer/survey.fsem",),
    "describe_samples": ("segy_to_binary/survey.bin", "synthesize/data_train/0.bin"),
}

# Stages that accept missing attributes.
STAGES_WITH_OPTIONAL_INPUTS = ("evaluate", "plot")


@dataclass(frozen=True)
class Baseline:
    """A folder in which all stages have run without faults."""

    folder: Path

    @cached_property
    def expected(self) -> dict[str, dict[str, bytes]]:
        """Final files of each stage, with their content."""
        return {stage.name: stage.results(self.folder) for stage in STAGES}

    @cached_property
    def seconds(self) -> dict[str, float]:
        """Run time of each stage in seconds."""
        taken = {}
        for stage in STAGES:
            stage.remove_results(self.folder)
            begin = time.monotonic()
            status, line = stage.run(self.folder)
            if status:
                raise RuntimeError(f"{stage.name}: {line}")
            taken[stage.name] = time.monotonic() - begin
        return taken

    def prepare(self) -> Baseline:
        """Run all stages."""
        _ = self.seconds, self.expected
        return self

    def corrupted_output(self, stage: Stage) -> Failure:
        """Return a failure if a stopped stage left a corrupted file under a final name."""
        for name, content in stage.results(self.folder).items():
            hidden = any(part.startswith(".") for part in Path(name).parts)
            if not hidden and content != self.expected[stage.name].get(name):
                return f"{stage.name}: {name} is incomplete"
        return None

    def rerun(self, stage: Stage, failure: Failure = None) -> Failure:
        """Run a stage again. Return the earlier `failure`, or else a failure of this run."""
        status, line = stage.run(self.folder)
        found, expected = stage.results(self.folder), self.expected[stage.name]
        differing = [n for n in sorted(found | expected) if found.get(n) != expected.get(n)]
        stray = stray_files(self.folder)
        if status:
            failure = failure or f"{stage.name}: the rerun fails: {line}"
        elif stray or differing:
            failure = failure or f"{stage.name}: different files {differing}, stray files {stray}"
        if failure:
            # Restore the baseline for the next fault.
            stage.remove_results(self.folder)
            stage.run(self.folder)
        return failure


def killed(baseline: Baseline, stage: Stage, rng: np.random.Generator) -> Failure:
    """Kill all processes of a stage with SIGKILL at a random moment."""
    stage.remove_results(baseline.folder)
    process = stage.start(baseline.folder)
    time.sleep(rng.uniform(0, baseline.seconds[stage.name]))
    kill(process)
    return baseline.rerun(stage, baseline.corrupted_output(stage))


def full_disk(baseline: Baseline, stage: Stage, rng: np.random.Generator) -> Failure:
    """Run a stage on a disk with space for only a part of its output."""
    size = sum(len(content) for content in baseline.expected[stage.name].values())
    part = int(size * rng.uniform(0, 0.9))
    with _small_disk(baseline.folder / stage.name, part) as limit:
        result = stage.run(baseline.folder, limit)
        failure = _not_refused(stage, *result) or baseline.corrupted_output(stage)
    return baseline.rerun(stage, failure)


def read_only(baseline: Baseline, stage: Stage, _: np.random.Generator) -> Failure:
    """Run a stage with a read-only output folder."""
    with _read_only_folder(baseline.folder / stage.name):
        result = stage.run(baseline.folder)
        failure = _not_refused(stage, *result) or baseline.corrupted_output(stage)
    return baseline.rerun(stage, failure)


def deleted(baseline: Baseline, stage: Stage, rng: np.random.Generator) -> Failure:
    """Delete an input."""
    return _with_input(baseline, stage, rng, lambda path: path.unlink())


def truncated(baseline: Baseline, stage: Stage, rng: np.random.Generator) -> Failure:
    """Truncate an input."""

    def truncate(path: Path) -> None:
        os.truncate(path, int(rng.integers(path.stat().st_size)))

    return _with_input(baseline, stage, rng, truncate)


def flipped(baseline: Baseline, stage: Stage, rng: np.random.Generator) -> Failure:
    """Flip one bit of an input."""

    def flip(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
        path.write_bytes(content)

    return _with_input(baseline, stage, rng, flip)


def twice_at_once(baseline: Baseline, stage: Stage, rng: np.random.Generator) -> Failure:
    """Start the same command a second time while the first is running."""
    stage.remove_results(baseline.folder)
    first = stage.start(baseline.folder)
    time.sleep(rng.uniform(0, 0.5 * baseline.seconds[stage.name]))
    statuses = [finished(process) for process in (stage.start(baseline.folder), first)]
    if all(status for status, _ in statuses):
        baseline.rerun(stage)
        return f"{stage.name}: both of two processes fail: {statuses}"
    return baseline.rerun(stage, baseline.corrupted_output(stage))


Fault = Callable[[Baseline, Stage, np.random.Generator], Failure]
FAULTS: dict[str, Fault] = {
    "killed at a random moment": killed,
    "disk full": full_disk,
    "folder that is read-only": read_only,
    "input gone": deleted,
    "input cut short": truncated,
    "one bit of an input flipped": flipped,
    "started twice at once": twice_at_once,
}


def applies_to(fault: Fault, stage: Stage) -> bool:
    """Whether a fault can hit a stage."""
    if fault is deleted and stage.name in STAGES_WITH_OPTIONAL_INPUTS:
        return False
    return fault not in (deleted, truncated, flipped) or stage.name in INPUTS


def _not_refused(stage: Stage, status: int, line: str) -> Failure:
    """Return a failure if a stage that cannot succeed does not stop with an error message."""
    if status == 0:
        return f"{stage.name}: exit status 0 in spite of the fault"
    if "error: " not in line:
        return f"{stage.name}: no error message: {line}"
    return None


def _with_input(
    baseline: Baseline, stage: Stage, rng: np.random.Generator, corrupt: Callable[[Path], None]
) -> Failure:
    """Run a stage with one corrupted input, which it must detect."""
    path = baseline.folder / str(rng.choice(INPUTS[stage.name]))
    backup = path.with_name(path.name + ".safe")
    shutil.copyfile(path, backup)
    stage.remove_results(baseline.folder)
    try:
        corrupt(path)
        result = stage.run(baseline.folder)
        failure = _not_refused(stage, *result) or baseline.corrupted_output(stage)
    finally:
        os.replace(backup, path)
    return baseline.rerun(stage, failure)


@contextlib.contextmanager
def _small_disk(folder: Path, n_bytes: int) -> Iterator[str]:
    """Mount a disk of `n_bytes` at `folder`. Without permission, yield a shell limit instead."""
    # A file system with room for content has at least one page.
    if _mount(folder, f"size={n_bytes}" if n_bytes > 4096 else "nr_inodes=1"):
        try:
            yield ""
        finally:
            _unmount(folder)
    else:
        yield f"ulimit -f {n_bytes // 1024}; "


@contextlib.contextmanager
def _read_only_folder(folder: Path) -> Iterator[None]:
    """Make `folder` empty and read-only, also for root if a file system can be mounted."""
    if _mount(folder, "ro"):
        try:
            yield
        finally:
            _unmount(folder)
    else:
        folder.chmod(0o555)
        try:
            yield
        finally:
            folder.chmod(0o755)


def _mount(folder: Path, options: str) -> bool:
    """Empty `folder` and mount a file system in memory there. Return whether that is allowed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "strataflow-test", str(folder)],
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode == 0


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", str(folder)], timeout=60, check=True)
