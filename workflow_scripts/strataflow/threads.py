"""Work in threads, with results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def usable_cores() -> int:
    """Cores that this process may use, at most OMP_NUM_THREADS, which Snakemake sets for a job."""
    cores = len(os.sched_getaffinity(0))
    given = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, int(given)) if given.isdecimal() and int(given) else cores


def in_order(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[Result]:
    """Map `function` over `items` in order, with at most `workers` calls at a time."""
    remaining = iter(items)
    with ThreadPoolExecutor(workers) as threads:
        running = deque(threads.submit(function, item) for item in islice(remaining, workers))
        while running:
            result = running.popleft().result()
            running.extend(threads.submit(function, item) for item in islice(remaining, 1))
            yield result


def prefetched(items: Iterator[Item]) -> Iterator[Item]:
    """Compute the next of `items` in a thread while the caller uses the current one."""
    with ThreadPoolExecutor(1) as thread:
        following = thread.submit(next, items, None)
        while (item := following.result()) is not None:
            following = thread.submit(next, items, None)
            yield item
