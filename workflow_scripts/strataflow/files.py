"""Final files appear whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .errors import StrataflowError


@contextmanager
def written_whole(*finals: Path | str) -> Iterator[list[Path]]:
    """Yield temporary paths beside `finals`; sync and rename them when the block succeeds.

    If the block raises, the temporary files are removed and the final names stay untouched.
    Several finals are renamed in the order given, so name last the one that others look for.
    """
    targets = [Path(final) for final in finals]
    temporaries = [t.with_name(f".{t.name}.{os.getpid()}.part") for t in targets]
    try:
        for target in targets:
            target.parent.mkdir(parents=True, exist_ok=True)
        yield temporaries
        for temporary, target in zip(temporaries, targets, strict=True):
            with open(temporary, "rb") as stream:
                os.fsync(stream.fileno())
            os.replace(temporary, target)
    finally:
        for temporary in temporaries:
            temporary.unlink(missing_ok=True)


def begin_writeback(stream: IO[bytes], offset: int, length: int) -> None:
    """Let the disk begin with what has just been written, so that the sync at the end is short."""
    if hasattr(os, "posix_fadvise"):
        # Of pages that are not on disk yet this drops none, it starts their way there.
        os.posix_fadvise(stream.fileno(), offset, length, os.POSIX_FADV_DONTNEED)


def require_free_space(folder: Path | str, n_bytes: int) -> None:
    """Raise StrataflowError when fewer than `n_bytes` are free where `folder` lies."""
    folder = Path(folder)
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < n_bytes:
        raise StrataflowError(
            f"{folder}: {n_bytes / 1e9:.2f} GB needed on disk, {free / 1e9:.2f} GB free"
        )


def require_file(path: Path | str) -> Path:
    """Return `path` as a Path, or raise StrataflowError when it is no readable file."""
    path = Path(path)
    if not path.is_file():
        raise StrataflowError(f"{path}: no such file")
    return path
