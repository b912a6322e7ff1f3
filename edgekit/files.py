"""Atomic writes, and a check for free space on the disk."""

import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgekit.errors import UsageError


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yields a temporary file in the folder of `path`. It replaces `path` if the block succeeds, and is removed otherwise.

    If `path` is a link, the target of the link is replaced. If it is a device or a pipe, the content is copied into it.

    Raises:
        UsageError: the folder cannot be created or written to, or the disk is full.
    """
    temporary: Path | None = None
    made: list[Path] = []
    try:
        target = path.resolve()
        made = _make_folders(target.parent)
        if target.is_dir():
            raise UsageError(f"{path} is a directory; expected a file name to write.")
        replaced = target.is_file() or not target.exists()
        folder = target.parent if replaced else Path(tempfile.gettempdir())
        # The name is set before the file exists, so that an interrupt in between leaves no file behind.
        temporary = folder / f".{target.name}.{secrets.token_hex(4)}.tmp"
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
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
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        for new in made:
            with suppress(OSError):  # a folder that is no longer empty stays
                new.rmdir()


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Yields a new folder in `parent`, and removes it with its content at the end.

    `tempfile.TemporaryDirectory` leaves the folder behind if an interrupt comes right after it was made.
    """
    folder = parent / f".edgekit-{secrets.token_hex(4)}"
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
