"""Work in forked processes, which inherit open volumes and arrays instead of getting copies."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

# What the processes of a pool work on.
_tasks: Sequence[Callable[[], Any]] = []


def results_of(tasks: Sequence[Callable[[], T]], workers: int) -> Iterator[T]:
    """Do `tasks` in up to `workers` processes and yield their results in the same order.

    One worker does them in this process.

    Raises:
        Exception: The first error of a task.
    """
    global _tasks
    if min(workers, len(tasks)) <= 1:
        for task in tasks:
            yield task()
        return
    _tasks = tasks
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(min(workers, len(tasks)), fork) as pool:
        yield from pool.map(_result_of, range(len(tasks)))


def _result_of(number: int) -> Any:
    return _tasks[number]()
