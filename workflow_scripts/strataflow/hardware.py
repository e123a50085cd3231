"""What the machine has, used without a setting: precision, device, cores."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from typing import Literal

import torch

# Options of glibc's mallopt, as in malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8


def precision_of_hardware() -> Literal["bf16-mixed", "16-mixed", "32-true"]:
    """Lightning's name of the fastest precision that this machine computes in hardware."""
    if torch.cuda.is_available():
        in_hardware = torch.cuda.is_bf16_supported(including_emulation=False)
        return "bf16-mixed" if in_hardware else "16-mixed"
    capabilities = torch.cpu.get_capabilities()
    in_hardware = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
    return "bf16-mixed" if in_hardware else "32-true"


def precision_of_training(inlines: int) -> Literal["bf16-mixed", "16-mixed", "32-true"]:
    """The same for training on crops of so many `inlines`.

    On CPUs, PyTorch 2.13 takes gradients of bf16 convolutions over two planes from memory that
    nobody wrote. Crops of 16 and 32 inlines come down to two.
    """
    if not torch.cuda.is_available() and inlines < 48:
        return "32-true"
    return precision_of_hardware()


def limit_threads(processes: int = 1) -> None:
    """Use no more threads than each of `processes` has cores, whatever OMP_NUM_THREADS says.

    Snakemake sets that to a rule's threads, which `--cores 8` makes 8 on any machine.
    """
    cores = max(len(os.sched_getaffinity(0)) // processes, 1)
    torch.set_num_threads(min(torch.get_num_threads(), cores))


@contextlib.contextmanager
def single_threaded() -> Iterator[int]:
    """Let each thread that calls PyTorch use one core; yields how many cores there are for them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield before
    finally:
        torch.set_num_threads(before)


def keep_memory() -> None:
    """Let the C library keep the memory that a tile has used for the next one.

    glibc gives large pieces back to the system and gets them anew, page by page, which took a fifth
    of the time of a tile. Other libraries do as they like.
    """
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL("libc.so.6")
        # One pool for all threads, nothing mapped by itself, nothing given back.
        for option, value in ((M_ARENA_MAX, 1), (M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1)):
            library.mallopt(option, value)
