"""Timing ways in turns, each inside a process of its own, with its peak of anonymous memory."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

INTERVAL = 0.01

Measured = TypeVar("Measured")


def _anonymous_memory() -> int:
    """Anonymous memory of this process in bytes; what is mapped from files does not count."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return 1024 * int(line.split()[1])
    raise OSError("/proc/self/status: no RssAnon")


def report(work: Callable[[], object]) -> None:
    """Do `work` in this process, and print its seconds and peak memory for `measure` to read."""
    peak, done = [_anonymous_memory()], threading.Event()

    def watch() -> None:
        while not done.wait(INTERVAL):
            peak[0] = max(peak[0], _anonymous_memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    try:
        work()
        seconds = time.perf_counter() - start
    finally:
        done.set()
        watcher.join()
    print(f"RESULT {seconds} {peak[0]}")


def measure(script: str, *words: str, timeout: float = 900) -> tuple[float, int]:
    """Seconds and bytes of anonymous memory that `script`, given `words`, reports."""
    done = subprocess.run(
        [sys.executable, script, *words],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=timeout,
    )
    seconds, memory = done.stdout.rsplit("RESULT ", 1)[1].split()
    return float(seconds), int(memory)


def in_turns(
    ways: Mapping[str, Callable[[], Measured]], runs: int, title: str
) -> dict[str, list[Measured]]:
    """What each way gives, run by run: what else the machine does falls on all of them."""
    measured: dict[str, list[Measured]] = {name: [] for name in ways}
    for _ in tqdm(range(runs), title):
        for name, way in ways.items():
            measured[name].append(way())
    return measured
