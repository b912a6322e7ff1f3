"""Which files this machine exported: a text file in the user's cache folder with one fingerprint in each line, newest last.

A fingerprint is the SHA-256 of the manifest, which has the digests of all other records; without a manifest, of the whole file.
"""

import contextlib
import hashlib
import logging
import os
from pathlib import Path

from edgekit.errors import PackageError, UsageError
from edgekit.files import atomic, exclusive
from edgekit.format.archive import MANIFEST, Archive
from edgekit.runtimes.cache import cache_folder

MOST_FILES = 10_000  # the newest ones; an older file is isolated again
_log = logging.getLogger(__name__)


def fingerprint(path: str | os.PathLike[str]) -> str:
    """What identifies the content of a `.ptl` or `.pt`, in hex. The digests in a manifest are not checked here.

    Raises:
        OSError: the file cannot be read.
    """
    with contextlib.suppress(PackageError), Archive(path) as archive:
        if MANIFEST in archive:
            return hashlib.sha256(archive.read(MANIFEST)).hexdigest()
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remember_exported(*paths: Path) -> None:
    """Records files that an export has written. Without a cache folder, they are later run in a process of their own."""
    record = _record()
    try:
        new = dict.fromkeys(map(fingerprint, paths))
        record.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(record.with_suffix(".lock")), atomic(record) as temporary:  # two exports may end at once
            lines = [*(each for each in _known() if each not in new), *new][-MOST_FILES:]
            temporary.write_text("".join(f"{each}\n" for each in lines), encoding="ascii")
    except (OSError, UsageError) as error:
        _log.info("%s cannot be written: %s", record, error)


def is_exported(path: str | os.PathLike[str]) -> bool:
    """Whether this machine exported the file.

    Raises:
        OSError: the file cannot be read.
    """
    known = _known()
    return bool(known) and fingerprint(path) in set(known)


def _record() -> Path:
    return cache_folder("exported.txt")


def _known() -> list[str]:
    try:
        return _record().read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return []
