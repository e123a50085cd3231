"""What may befall a stage while it runs, and whether anything is lost by it.

Each function does one thing to one stage and says what went wrong, or nothing. Whatever happens, a
file that is there under its final name must be the one of an undisturbed run, and a rerun must end
with all of them and no temporary file.
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

Wrong = str | None

# Files that a stage reads and other stages have written.
READS = {
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

# These do with the attributes that there are.
CONTENT_WITH_LESS = ("evaluate", "plot")


@dataclass(frozen=True)
class Ground:
    """A folder in which all stages have run undisturbed."""

    folder: Path

    @cached_property
    def expected(self) -> dict[str, dict[str, bytes]]:
        """Final files of each stage."""
        return {stage.name: stage.results(self.folder) for stage in STAGES}

    @cached_property
    def seconds(self) -> dict[str, float]:
        """How long each stage takes."""
        taken = {}
        for stage in STAGES:
            stage.forget(self.folder)
            begin = time.monotonic()
            status, line = stage.run(self.folder)
            if status:
                raise RuntimeError(f"{stage.name}: {line}")
            taken[stage.name] = time.monotonic() - begin
        return taken

    def prepare(self) -> Ground:
        """Run all stages."""
        _ = self.seconds, self.expected
        return self

    def half_done(self, stage: Stage) -> Wrong:
        """What is wrong with the final files that a stopped stage has left."""
        for name, content in stage.results(self.folder).items():
            hidden = any(part.startswith(".") for part in Path(name).parts)
            if not hidden and content != self.expected[stage.name].get(name):
                return f"{stage.name}: {name} is there and not whole"
        return None

    def rerun(self, stage: Stage, wrong: Wrong = None) -> Wrong:
        """What is `wrong` already, or else after the stage has run once more, to its end."""
        status, line = stage.run(self.folder)
        found, expected = stage.results(self.folder), self.expected[stage.name]
        other = [name for name in sorted(found | expected) if found.get(name) != expected.get(name)]
        stray = stray_files(self.folder)
        if status:
            wrong = wrong or f"{stage.name}: the rerun fails: {line}"
        elif stray or other:
            wrong = wrong or f"{stage.name}: other files {other}, stray files {stray}"
        if wrong:
            # What comes next finds all as it was.
            stage.forget(self.folder)
            stage.run(self.folder)
        return wrong


def killed(ground: Ground, stage: Stage, rng: np.random.Generator) -> Wrong:
    """SIGKILL of all its processes at a random moment."""
    stage.forget(ground.folder)
    process = stage.start(ground.folder)
    time.sleep(rng.uniform(0, ground.seconds[stage.name]))
    kill(process)
    return ground.rerun(stage, ground.half_done(stage))


def full_disk(ground: Ground, stage: Stage, rng: np.random.Generator) -> Wrong:
    """A disk that takes a part of what is written, or none of it."""
    size = sum(len(content) for content in ground.expected[stage.name].values())
    part = int(size * rng.uniform(0, 0.9))
    with _small_disk(ground.folder / stage.name, part) as limit:
        stage_run = stage.run(ground.folder, limit)
        wrong = _refused(stage, *stage_run) or ground.half_done(stage)
    return ground.rerun(stage, wrong)


def read_only(ground: Ground, stage: Stage, _: np.random.Generator) -> Wrong:
    """An output folder that must not be written to."""
    with _read_only_folder(ground.folder / stage.name):
        wrong = _refused(stage, *stage.run(ground.folder)) or ground.half_done(stage)
    return ground.rerun(stage, wrong)


def vanished(ground: Ground, stage: Stage, rng: np.random.Generator) -> Wrong:
    """An input that is gone."""
    return _with_input(ground, stage, rng, lambda path: path.unlink())


def shortened(ground: Ground, stage: Stage, rng: np.random.Generator) -> Wrong:
    """An input that ends too early."""

    def shorten(path: Path) -> None:
        os.truncate(path, int(rng.integers(path.stat().st_size)))

    return _with_input(ground, stage, rng, shorten)


def flipped(ground: Ground, stage: Stage, rng: np.random.Generator) -> Wrong:
    """One bit of an input that is another one."""

    def flip(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
        path.write_bytes(content)

    return _with_input(ground, stage, rng, flip)


def twice_at_once(ground: Ground, stage: Stage, rng: np.random.Generator) -> Wrong:
    """The same command started a second time, a moment later."""
    stage.forget(ground.folder)
    first = stage.start(ground.folder)
    time.sleep(rng.uniform(0, 0.5 * ground.seconds[stage.name]))
    statuses = [finished(process) for process in (stage.start(ground.folder), first)]
    if all(status for status, _ in statuses):
        ground.rerun(stage)
        return f"{stage.name}: neither of two ends well: {statuses}"
    return ground.rerun(stage, ground.half_done(stage))


Fault = Callable[[Ground, Stage, np.random.Generator], Wrong]
FAULTS: dict[str, Fault] = {
    "killed at a random moment": killed,
    "disk full": full_disk,
    "folder that is read-only": read_only,
    "input gone": vanished,
    "input cut short": shortened,
    "one bit of an input flipped": flipped,
    "started twice at once": twice_at_once,
}


def befalls(fault: Fault, stage: Stage) -> bool:
    """Whether a fault can befall a stage."""
    if fault is vanished and stage.name in CONTENT_WITH_LESS:
        return False
    return fault not in (vanished, shortened, flipped) or stage.name in READS


def _refused(stage: Stage, status: int, line: str) -> Wrong:
    """What is wrong with how a stage ended that could not do its work."""
    if status == 0:
        return f"{stage.name}: ends well, which it cannot"
    if "error: " not in line:
        return f"{stage.name}: no reason given: {line}"
    return None


def _with_input(
    ground: Ground, stage: Stage, rng: np.random.Generator, spoil: Callable[[Path], None]
) -> Wrong:
    """Run a stage with one of its inputs spoiled, which must be noticed."""
    path = ground.folder / str(rng.choice(READS[stage.name]))
    safe = path.with_name(path.name + ".safe")
    shutil.copyfile(path, safe)
    stage.forget(ground.folder)
    try:
        spoil(path)
        wrong = _refused(stage, *stage.run(ground.folder)) or ground.half_done(stage)
    finally:
        os.replace(safe, path)
    return ground.rerun(stage, wrong)


@contextlib.contextmanager
def _small_disk(folder: Path, n_bytes: int) -> Iterator[str]:
    """A disk of `n_bytes` at `folder`, or, where none may be mounted, a limit to put before."""
    # The least that has a place for content is a page.
    if _mount(folder, f"size={n_bytes}" if n_bytes > 4096 else "nr_inodes=1"):
        try:
            yield ""
        finally:
            _unmount(folder)
    else:
        yield f"ulimit -f {n_bytes // 1024}; "


@contextlib.contextmanager
def _read_only_folder(folder: Path) -> Iterator[None]:
    """An empty folder that nobody may write to, the superuser included where it can be had."""
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
    """Mount an empty file system in memory at the emptied `folder`; whether that is allowed."""
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
