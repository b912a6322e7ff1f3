"""A host for tests. It records commands and returns prepared answers."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgekit.runtimes.hosts import Completed


@dataclass
class FakeHost:
    """Returns the next item of `answers` for each command, or raises it if it is an exception."""

    answers: list[Completed | Exception] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    why_missing: str = ""
    commands: list[list[str]] = field(default_factory=list)
    timeouts: list[float | None] = field(default_factory=list)

    def missing(self) -> str:
        return self.why_missing

    def put(self, file: Path) -> str:
        path = f"/there/{file.name}"
        self.files[path] = file.read_bytes()
        return path

    def get(self, path: str) -> bytes:
        return self.files[path]

    @contextlib.contextmanager
    def folder(self) -> Iterator[str]:
        yield "/there/folder"

    def run(
        self, command: Sequence[str], *, timeout_s: float | None = None, env: Mapping[str, str] | None = None
    ) -> Completed:
        assert not env
        self.commands.append(list(command))
        self.timeouts.append(timeout_s)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer
