"""Final files appear whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from xxhash import xxh3_64

from .errors import StrataflowError

# Seconds that a file is waited for which another process is writing.
PATIENCE = 10.0


@contextmanager
def written_whole(*finals: Path | str) -> Iterator[list[Path]]:
    """Yield temporary paths beside `finals`; sync and rename them when the block succeeds.

    If the block raises, the temporary files are removed and the final names stay untouched; what a
    killed process left is overwritten by the next one. Several finals are renamed in the order
    given, so name last the one that others look for. Raises StrataflowError while another process
    writes one of them.
    """
    targets = [Path(final) for final in finals]
    temporaries = [t.with_name(f".{t.name}.part") for t in targets]
    with ExitStack() as claims:
        for target, temporary in zip(targets, temporaries, strict=True):
            target.parent.mkdir(parents=True, exist_ok=True)
            claims.enter_context(_claimed(temporary, target, _opened_file))
        try:
            yield temporaries
            for temporary, target in zip(temporaries, targets, strict=True):
                _sync(temporary)
                os.replace(temporary, target)
        except BaseException:
            for temporary in temporaries:
                temporary.unlink(missing_ok=True)
            raise
        for folder in {target.parent for target in targets}:
            _sync(folder)


@contextmanager
def scratch_folder(beside: Path) -> Iterator[Path]:
    """An empty folder beside `beside`, removed when the block ends.

    What a killed process left in it is removed by the next one. Raises StrataflowError while
    another process has it.
    """
    folder = beside.with_name(f".{beside.name}.scratch")
    with _claimed(folder, beside, _opened_folder):
        for left in folder.iterdir():
            if left.is_dir():
                shutil.rmtree(left)
            else:
                left.unlink()
        try:
            yield folder
        finally:
            shutil.rmtree(folder)


@contextmanager
def claimed_folder(folder: Path) -> Iterator[None]:
    """Keep other processes from working in `folder`; they get StrataflowError.

    It is made, and removed again if it is still empty in the end.
    """
    with _claimed(folder, folder, _opened_folder):
        try:
            yield
        finally:
            with suppress(OSError):
                folder.rmdir()


@contextmanager
def _claimed(path: Path, target: Path, opened: Callable[[Path], int]) -> Iterator[None]:
    """Hold the lock on `path`, which ends with the process that has it, killed or not.

    It is waited for a little: processes that a killed one had started may outlive it by seconds.
    """
    last = time.monotonic() + PATIENCE
    while True:
        descriptor = opened(path)
        if _is_locked(descriptor, path):
            break
        os.close(descriptor)
        if time.monotonic() > last:
            raise StrataflowError(
                f"{target}: another process is writing it; wait until it ends, or stop it"
            )
        time.sleep(0.05)
    try:
        yield
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int, path: Path) -> bool:
    """Whether the file is ours now, and still the one of that name: another may have renamed it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except (BlockingIOError, FileNotFoundError):
        return False
    except OSError as error:
        # Some network file systems have no locks.
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        return True


def _opened_file(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)


def _opened_folder(path: Path) -> int:
    path.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDONLY)


def _sync(path: Path) -> None:
    """Wait until the file or folder is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def begin_writeback(stream: IO[bytes], offset: int, length: int) -> None:
    """Let the disk begin with what has just been written, so that the sync at the end is short."""
    if hasattr(os, "posix_fadvise"):
        # Of pages that are not on disk yet this drops none, it starts their way there.
        os.posix_fadvise(stream.fileno(), offset, length, os.POSIX_FADV_DONTNEED)


def file_checksum(path: Path) -> str:
    """XXH3 of 64 bits (Collet, github.com/Cyan4973/xxHash) of the file at `path`, hexadecimal."""
    sum_so_far = xxh3_64()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 22):
            sum_so_far.update(block)
    return sum_so_far.hexdigest()


def require_free_space(folder: Path | str, n_bytes: int) -> None:
    """Raise StrataflowError when fewer than `n_bytes` are free where `folder` lies."""
    folder = Path(folder)
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < n_bytes:
        raise StrataflowError(
            f"{folder}: not enough disk space: {n_bytes / 1e9:.2f} GB needed, "
            f"{free / 1e9:.2f} GB free"
        )


def require_format(path: Path, found: object, known: str) -> None:
    """Raise StrataflowError when `path` says that it is of format `found`, and not `known`."""
    if found != known:
        raise StrataflowError(f"{path}: unsupported format {found!r}, expected {known!r}")


def require_file(path: Path | str) -> Path:
    """Return `path` as a Path, or raise StrataflowError when it is no readable file."""
    path = Path(path)
    if not path.is_file():
        raise StrataflowError(f"{path}: no such file")
    return path
