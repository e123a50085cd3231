"""Choices that follow from the hardware: precision, threads and memory allocation."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from typing import Literal

import torch

# Options of glibc's mallopt, from malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8


def precision_of_hardware() -> Literal["bf16-mixed", "16-mixed", "32-true"]:
    """Lightning's name for the fastest precision that this machine supports in hardware."""
    if torch.cuda.is_available():
        in_hardware = torch.cuda.is_bf16_supported(including_emulation=False)
        return "bf16-mixed" if in_hardware else "16-mixed"
    capabilities = torch.cpu.get_capabilities()
    in_hardware = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
    return "bf16-mixed" if in_hardware else "32-true"


def precision_of_training(inlines: int) -> Literal["bf16-mixed", "16-mixed", "32-true"]:
    """Precision for training on crops with this number of inlines.

    On CPUs, PyTorch 2.13 reads uninitialised memory in the gradients of bf16 convolutions over two
    planes. The deepest level of crops of 16 and 32 inlines has at most two planes.
    """
    if not torch.cuda.is_available() and inlines < 48:
        return "32-true"
    return precision_of_hardware()


def limit_threads(processes: int = 1) -> None:
    """Limit PyTorch to the cores available to each of `processes`.

    Snakemake sets OMP_NUM_THREADS to the threads of a rule. With `--cores 8` that is 8, even on a
    machine with fewer cores.
    """
    cores = max(len(os.sched_getaffinity(0)) // processes, 1)
    torch.set_num_threads(min(torch.get_num_threads(), cores))


@contextlib.contextmanager
def single_threaded() -> Iterator[int]:
    """Let each thread that calls PyTorch use one core. Yield the number of cores available."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield before
    finally:
        torch.set_num_threads(before)


def keep_memory() -> None:
    """Let glibc reuse the memory of one tile for the next.

    By default glibc returns large blocks to the system and maps them again page by page, which took
    a fifth of the time per tile. This has no effect with other C libraries.
    """
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL("libc.so.6")
        # One arena for all threads, no separate mappings, no memory returned.
        for option, value in ((M_ARENA_MAX, 1), (M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1)):
            library.mallopt(option, value)
