"""A run of the workflow, watched from outside: time, memory and disk space of each job."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import psutil  # type: ignore[import-untyped] # it has no stubs

INTERVAL = 0.5


@dataclass
class Job:
    """What a job has taken so far.

    Attributes:
        stage: Name of its script.
        run: When the run started, in seconds since 1970.
        began: Seconds since the start of the run.
        ended: The same, when it was last seen.
        cpu: CPU seconds of each of its processes.
        resident: Peak of resident memory in bytes, with pages that are mapped from files.
        anonymous: Peak of memory in bytes that is not mapped from files.
        disk: Peak of the space of the watched folder in bytes.
    """

    stage: str
    run: float
    began: float
    ended: float
    cpu: dict[int, float] = field(default_factory=dict)
    resident: int = 0
    anonymous: int = 0
    disk: int = 0

    def add(self, processes: Sequence[psutil.Process], seconds: float, disk: int) -> None:
        """Take account of its `processes` at `seconds`."""
        resident = anonymous = 0
        for process in processes:
            with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
                times = process.cpu_times()
                self.cpu[process.pid] = times.user + times.system
                sizes = _memory(process.pid)
                resident += sizes.get("VmRSS", 0)
                anonymous += sizes.get("RssAnon", 0)
        self.ended = seconds
        self.resident = max(self.resident, resident)
        self.anonymous = max(self.anonymous, anonymous)
        self.disk = max(self.disk, disk)

    def write(self, log: Path) -> None:
        """Add a row to the table `log`."""
        row = {
            "stage": self.stage,
            "run": self.run,
            "began": self.began,
            "seconds": self.ended - self.began,
            "CPU seconds": sum(self.cpu.values()),
            "resident": self.resident,
            "anonymous": self.anonymous,
            "disk": self.disk,
        }
        pd.DataFrame([row]).to_csv(log, mode="a", index=False, header=not log.exists())


def _memory(pid: int) -> dict[str, int]:
    """Memory of a process in bytes by its names in /proc/PID/status."""
    lines = (line.split() for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {w[0].rstrip(":"): 1024 * int(w[1]) for w in lines if w and w[-1] == "kB"}


def disk_space(folder: Path) -> int:
    """Bytes that the files below `folder` take on disk; a file with several names counts once."""
    sizes = {}
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                found = os.lstat(os.path.join(place, name))
                sizes[found.st_dev, found.st_ino] = 512 * found.st_blocks
    return sum(sizes.values())


def _found(root: psutil.Process) -> Iterator[tuple[int, tuple[str, psutil.Process]]]:
    """Process number, stage and first process of each job that runs below `root`."""
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        for child in root.children():
            words = child.cmdline()
            if any(word.endswith(".py") for word in words[1:2]):
                yield child.pid, (Path(words[1]).stem, child)
            elif words[:1] == ["cp"]:
                yield child.pid, ("deliver", child)
            else:
                yield from _found(child)


def watch(
    command: Sequence[str], folder: Path, log: Path, environment: Mapping[str, str] | None = None
) -> float:
    """Run `command` in `folder`, and watch its jobs and the space of the folder.

    Args:
        command: Command that starts Snakemake.
        folder: Working directory.
        log: CSV file to which a row is added when a job has ended.
        environment: Environment of the command.

    Returns:
        CPU seconds of Snakemake itself.

    Raises:
        RuntimeError: The command fails.
    """
    start, run = time.monotonic(), time.time()
    process = subprocess.Popen(command, cwd=folder, env=environment)
    root, running = psutil.Process(process.pid), dict[int, Job]()
    own, disk, looked = 0.0, 0, -1e9
    while process.poll() is None:
        seconds = time.monotonic() - start
        if seconds - looked > 10 * INTERVAL:
            disk, looked = disk_space(folder), seconds
        found = dict(_found(root))
        for pid in running.keys() - found.keys():
            running.pop(pid).write(log)
        for pid, (stage, first) in found.items():
            job = running.setdefault(pid, Job(stage, run, seconds, seconds))
            with suppress(psutil.NoSuchProcess):
                job.add([first, *first.children(recursive=True)], seconds, disk)
        own = _cpu_of_snakemake(root) or own
        time.sleep(INTERVAL)
    for job in running.values():
        job.write(log)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit status {process.returncode}")
    return own


def _cpu_of_snakemake(root: psutil.Process) -> float:
    """CPU seconds of Snakemake, `root` or a process below it, without those of its jobs."""
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        commands = [p for p in (root, *root.children()) if "snakemake" in p.cmdline()]
        return sum(sum(p.cpu_times()[:2]) for p in commands)
    return 0.0
