"""What edgekit builds once and keeps in the user's cache folder, `XDG_CACHE_HOME` or `~/.cache`."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edgekit.errors import DeviceError


def cache_folder(*parts: str) -> Path:
    """A folder in the cache, whether it exists or not."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "edgekit", *parts)


@contextlib.contextmanager
def build_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder to build in, which becomes `folder` at the end: whole, or not at all.

    Where another process was first, its folder stays.

    Raises:
        DeviceError: the folder cannot be made.
    """
    temporary: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        yield temporary
        try:
            temporary.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    except OSError as error:
        raise DeviceError(
            f"{folder} cannot be made: {error.strerror or error}. Free some disk space, or set XDG_CACHE_HOME."
        ) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
