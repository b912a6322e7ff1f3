"""The state of a sweep: a file of JSON lines, a header and a row for each model that is finished, so that a sweep can go on."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import msgspec

from edgekit.errors import UsageError
from edgekit.files import lock_file
from edgekit.sweep.rows import SweepOptions, SweepRow, SweepVersions


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The first line. A sweep goes on only with the same versions and options."""

    versions: SweepVersions
    options: SweepOptions


class SweepState:
    """The open file. `rows` are the finished models; `add` writes one more, which then survives any end of this process.

    Args:
        path: the file, which is made if it does not exist.
        header: the versions and options of this sweep.
        resume: whether to keep the rows that are in the file.
        again: the statuses of rows to drop, so that their models run again.

    Raises:
        UsageError: there are rows and `resume` is false; they are of another sweep; or the file is in use or damaged.
    """

    def __init__(self, path: Path, header: Header, *, resume: bool, again: Collection[str] = ()) -> None:
        self.path = path
        self.rows: dict[str, SweepRow] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: BinaryIO = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
        except OSError as error:
            raise UsageError(f"{path} cannot be opened: {error.strerror}. Choose another folder with -o.") from error
        try:
            self._lock()
            found = self._read(header, resume)
            self.rows = {name: row for name, row in found.items() if row.status not in again}
            if len(self.rows) < len(found) or not found:
                self._write_all(header)
        except BaseException:
            self._file.close()
            raise

    def add(self, row: SweepRow) -> None:
        """Writes the row of a model."""
        self._write(row)
        self.rows[row.model] = row

    def __enter__(self) -> "SweepState":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _lock(self) -> None:
        try:
            lock_file(self._file.fileno())
        except BlockingIOError as error:
            raise UsageError(f"{self.path}: another sweep is at work there. Choose another folder with -o.") from error
        except OSError:  # a file system without locks
            return

    def _read(self, header: Header, resume: bool) -> Mapping[str, SweepRow]:
        """The rows in the file. A last line without its end is what an interrupted write left, and is cut off."""
        text = self._file.read()
        whole = text[: text.rfind(b"\n") + 1]
        if len(whole) < len(text):
            self._file.truncate(len(whole))
            self._file.seek(len(whole))
        first, *lines = whole.splitlines() or [b""]
        if not lines:
            return {}
        if not resume:
            raise UsageError(
                f"{self.path} has the results of {len(lines)} models. Go on with --resume, or remove the file to start again."
            )
        try:
            _check_same(self.path, msgspec.json.decode(first, type=Header), header)
            rows = [msgspec.json.decode(line, type=SweepRow) for line in lines]
        except msgspec.MsgspecError as error:
            raise UsageError(f"{self.path} is not the state of a sweep: {error}. Remove it to start again.") from error
        return {row.model: row for row in rows}

    def _write_all(self, header: Header) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._write(header, *self.rows.values())

    def _write(self, *values: Header | SweepRow) -> None:
        try:
            self._file.write(b"".join(msgspec.json.encode(value) + b"\n" for value in values))
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise UsageError(f"{self.path} cannot be written: {error.strerror}. Free some disk space.") from error


def _check_same(path: Path, before: Header, now: Header) -> None:
    for old, new in ((before.versions, now.versions), (before.options, now.options)):
        for field in fields(old):
            was, is_now = getattr(old, field.name), getattr(new, field.name)
            if was != is_now:
                raise UsageError(
                    f"{path} is of a sweep with {field.name} {_text(was)}, and this one has {_text(is_now)}. Give the same, or "
                    "choose another folder with -o."
                )


def _text(value: object) -> str:
    return ", ".join(value) or "none" if isinstance(value, tuple) else "none" if value is None else str(value)
