"""Atomic writes, which also remove what killed processes left, and a check for free space on the disk."""

import errno
import glob
import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgekit.errors import UsageError

try:
    import fcntl
except ImportError:  # on Windows nothing is removed
    fcntl = None  # type: ignore[assignment]  # checked before each use

_FRESH_S = 60  # a process locks a file right after it made it, so only older ones are without an owner


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yields a temporary file in the folder of `path`. It replaces `path` if the block succeeds, and is removed otherwise.

    If `path` is a link, the target of the link is replaced. If it is a device or a pipe, the content is copied into it.

    Raises:
        UsageError: the folder cannot be created or written to, or the disk is full.
    """
    temporary: Path | None = None
    made: list[Path] = []
    lock = -1
    try:
        target = path.resolve()
        made = _make_folders(target.parent)
        if target.is_dir():
            raise UsageError(f"{path} is a directory; expected a file name to write.")
        replaced = target.is_file() or not target.exists()
        folder = target.parent if replaced else Path(tempfile.gettempdir())
        _sweep(folder, f".{glob.escape(target.name)}.????????.tmp")
        # The name is set before the file exists, so that an interrupt in between leaves no file behind.
        temporary = folder / f".{target.name}.{secrets.token_hex(4)}.tmp"
        lock = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        with suppress(OSError):  # some file systems have no locks, and nothing is swept there
            lock_file(lock)
        yield temporary
        if replaced:
            _publish(temporary, target)
        else:
            shutil.copyfile(temporary, target)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror or error}. Check the folder and the free space, or choose another "
            "file with -o."
        ) from error
    finally:
        if lock >= 0:
            os.close(lock)
        if temporary is not None:
            with suppress(OSError):  # in a read-only folder, also where nothing was made
                temporary.unlink()
        for new in made:
            with suppress(OSError):  # a folder that is no longer empty stays
                new.rmdir()


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Yields a new folder in `parent`, and removes it with its content at the end.

    `tempfile.TemporaryDirectory` leaves the folder behind if an interrupt comes right after it was made.
    """
    folder, lock = parent / f".edgekit-{secrets.token_hex(4)}", -1
    _sweep(parent, ".edgekit-????????")
    try:
        folder.mkdir(mode=0o700)
        lock = os.open(folder, os.O_RDONLY)
        with suppress(OSError):
            lock_file(lock)
        yield folder
    finally:
        if lock >= 0:
            os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def lock_file(descriptor: int) -> None:
    """Locks a file or folder as long as this process lives.

    Raises:
        OSError: another process has locked it.
    """
    if fcntl is not None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Waits until no other process is in such a block with this file, which is made and stays."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o666)
    try:
        if fcntl is not None:
            with suppress(OSError):  # some file systems have no locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sweep(folder: Path, pattern: str) -> None:
    """Removes files and folders that a killed process left."""
    if fcntl is None:
        return
    for left in folder.glob(pattern):
        with suppress(OSError):  # of another user, or in use
            if time.time() - left.stat().st_mtime < _FRESH_S:
                continue
            descriptor = os.open(left, os.O_RDONLY)
            try:
                lock_file(descriptor)
                if left.is_dir():
                    shutil.rmtree(left)
                else:
                    left.unlink()
            finally:
                os.close(descriptor)


def may_never_end(path: Path) -> bool:
    """Whether this is a pipe or a device, which reading may wait for without end.

    Raises:
        OSError: the path does not exist.
    """
    mode = path.stat().st_mode
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _make_folders(folder: Path) -> list[Path]:
    """Creates a folder and its parents. Returns those that did not exist before, the innermost first."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def reserve(folder: Path, size_bytes: int) -> None:
    """Checks that the disk has room for a file of this size. torch's writer aborts the process when the disk is full.

    Raises:
        OSError: there is not enough room.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size_bytes)
        elif shutil.disk_usage(folder).free < size_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _publish(temporary: Path, path: Path) -> None:
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
