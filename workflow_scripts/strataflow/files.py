"""Atomic writes, locks, checksums and free space."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from xxhash import xxh3_64

from .errors import StrataflowError

# What NumPy raises for a damaged .npz file.
NPZ_ERRORS = (KeyError, ValueError, TypeError, OSError, zipfile.BadZipFile, zlib.error)

# Seconds to wait for a file that another process is writing.
PATIENCE = 10.0


@contextmanager
def written_whole(*finals: Path | str) -> Iterator[list[Path]]:
    """Write files atomically: each appears complete under its final name, or not at all.

    The temporary files are synced and renamed when the block succeeds. If the block raises, they
    are removed and the final files stay untouched. If the process is killed, the next run
    overwrites its temporary files.

    Args:
        finals: Final paths. They are renamed in this order, so pass the one that other programs
            wait for last.

    Yields:
        One temporary path in the same folder for each final path.

    Raises:
        StrataflowError: Another process is writing one of the files, or writing fails for a reason
            that the system gives without a file, as on a full disk.
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
        except BaseException as error:
            for temporary in temporaries:
                temporary.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.filename is None:
                reason = error.strerror or error
                raise StrataflowError(f"{targets[0]}: cannot be written: {reason}") from error
            raise
        for folder in {target.parent for target in targets}:
            _sync(folder)


@contextmanager
def hard_link(source: Path, temporary: Path) -> Iterator[bool]:
    """Make `temporary`, which `written_whole` yields, a hard link to `source` and lock that.

    Yields:
        Whether this is possible. If not, `temporary` stays as it is.
    """
    link = temporary.with_name(f"{temporary.name}.link")
    with _claimed(source, temporary, _opened_file):
        try:
            link.unlink(missing_ok=True)
            os.link(source, link)
            os.replace(link, temporary)
        except OSError:
            yield False
        else:
            yield True


@contextmanager
def scratch_folder(beside: Path) -> Iterator[Path]:
    """Yield an empty folder next to `beside` and remove it when the block ends.

    The next run removes the files that a killed process left there.

    Raises:
        StrataflowError: Another process is using the folder.
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
    """Lock `folder` for this process. Create it first, and remove it afterwards if it is empty.

    Raises:
        StrataflowError: Another process has locked the folder.
    """
    with _claimed(folder, folder, _opened_folder):
        try:
            yield
        finally:
            with suppress(OSError):
                folder.rmdir()


@contextmanager
def _claimed(path: Path, target: Path, opened: Callable[[Path], int]) -> Iterator[None]:
    """Hold the lock on `path`. The system releases it when the process ends, even if killed.

    Wait up to PATIENCE, because child processes may outlive a killed parent by seconds.
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
    """Whether we hold the lock and `path` is still the same file, not one renamed meanwhile."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except (BlockingIOError, FileNotFoundError):
        return False
    except OSError as error:
        # Some network file systems do not support locks.
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
    """Start writing `length` bytes at `offset` to disk, so that the final sync is short."""
    if hasattr(os, "posix_fadvise"):
        # This starts the writeback of dirty pages; it drops only pages already on disk.
        os.posix_fadvise(stream.fileno(), offset, length, os.POSIX_FADV_DONTNEED)


def file_checksum(path: Path) -> str:
    """Hexadecimal 64-bit XXH3 checksum of a file (Collet, github.com/Cyan4973/xxHash)."""
    digest = xxh3_64()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()


def require_free_space(folder: Path | str, n_bytes: int) -> None:
    """Raise StrataflowError if the disk of `folder` has fewer than `n_bytes` free."""
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
    """Raise StrataflowError if the format `found` in `path` differs from the `known` format."""
    if found != known:
        raise StrataflowError(f"{path}: unsupported format {found!r}, expected {known!r}")


def require_file(path: Path | str) -> Path:
    """Return `path` as a Path, or raise StrataflowError if there is no such file."""
    path = Path(path)
    if not path.is_file():
        raise StrataflowError(f"{path}: no such file")
    return path
