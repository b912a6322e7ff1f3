"""The workshop: a Python environment whose torch has XNNPACK, for a process whose own torch lacks it.

torch 2.13 and later are built without XNNPACK. There, models are captured in the user's process and finished in one of the
workshop's Python, where packages run too. It uses the files of edgekit that the user's process has.
"""

import atexit
import contextlib
import logging
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, BinaryIO, cast

import edgekit
from edgekit import errors
from edgekit.errors import DeviceError, EdgekitError
from edgekit.runtimes.environments import INDEX, Environment
from edgekit.runtimes.frames import Array, Frame, Message, receive, send
from edgekit.runtimes.hosts import Completed
from edgekit.runtimes.writing import size_bytes
from edgekit.threads import VARIABLE as THREADS

VARIABLE = "EDGEKIT_WORKSHOP"
TORCH = "2.12.1"
_LOCK = Path(__file__).with_name("workshop.txt")
# With the default index. tests/runtimes/test_environments.py measures what stays; the peak was measured by hand.
_PEAK_BYTES, _KEPT_BYTES = 7_760_000_000, 3_520_000_000
ENDING_S = 10  # from the end of its messages to the end of a process
_OLDEST = (2, 9)
_BOOT = """
import importlib.util, sys
package = sys.argv[1]
spec = importlib.util.spec_from_file_location("edgekit", package + "/__init__.py", submodule_search_locations=[package])
sys.modules["edgekit"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["edgekit"])
from edgekit.workshop_process import main
main()
"""  # not by a folder in sys.path, where the other torch lies beside edgekit

Answer = Callable[[Message, list[Array]], Frame]

_log = logging.getLogger(__name__)


@cache
def has_kernels() -> bool:
    """Whether this process's torch has XNNPACK: whether it can finish packages and run them itself."""
    import torch

    return hasattr(torch.ops.prepacked, "conv2d_clamp_prepack")


def own_environment() -> Environment:
    """The workshop that edgekit makes."""
    lines = (line.partition("#")[0].strip() for line in _LOCK.read_text(encoding="ascii").splitlines())
    return Environment(
        name=f"workshop-torch-{TORCH}",
        torch=TORCH,
        others=tuple(filter(None, lines)),
        modules=("torch", "numpy", "msgspec"),
        newest_python=(3, 13),
        size=f"{_PEAK_BYTES / 1e9:.0f} GB of disk, of which {_KEPT_BYTES / 1e9:.1f} GB stay, or much less if {INDEX} names an "
        "index of CPU builds",
        written_bytes=_PEAK_BYTES,
        remedy=_remedy(),
    )


def named_python() -> Path | None:
    """The Python that `EDGEKIT_WORKSHOP` names, itself or by the folder of its environment; None if it is not set."""
    value = os.environ.get(VARIABLE)
    if not value:
        return None
    path = Path(value)
    return path / "bin" / "python" if path.is_dir() else path


def _remedy() -> str:
    """The two ways out."""
    unset = f"Unset {VARIABLE} and run" if named_python() else "Run"
    return (
        f"{unset} `edgekit workshop make` where a package index can be reached, or set {VARIABLE} to a Python that has torch "
        "2.9 to 2.12, numpy and msgspec."
    )


def missing() -> str:
    """Why there is no workshop on this machine, and the remedy; empty where there is one, or it can be made."""
    python = named_python()
    if python is None:
        return own_environment().missing()
    return "" if python.is_file() else f"{VARIABLE}={os.environ[VARIABLE]}: there is no Python there. {_remedy()}"


def existing_python() -> Path | None:
    """The workshop's Python if it is there."""
    own = own_environment()
    found = named_python() or (own.python() if own.made else None)
    return found if found is not None and found.is_file() else None


def workshop_python() -> Path:
    """The workshop's Python, which is made on first use.

    Raises:
        DeviceError: there is none, and it cannot be made.
    """
    if why := missing():
        raise DeviceError(why)
    return named_python() or own_environment().python()


def described() -> str:
    """Where the workshop is, and whether it is needed here, for people."""
    own, named = own_environment(), named_python()
    if named is not None:
        where = f"{VARIABLE} names {named}: {missing() or 'it is there'}"
    elif own.made:
        where = f"{own.folder} has torch {own.torch} and takes {size_bytes(own.folder) / 1e9:.1f} GB"
    else:
        where = f"{own.folder} is not made yet; it takes {own.size}"
    need = "is not needed: this torch has XNNPACK" if has_kernels() else "is needed: this torch has no XNNPACK"
    return f"{where}\nThe workshop {need}."


class Workshop:
    """A process of the workshop's Python, which starts at once. It does one request after the other, until `close`."""

    def __init__(self) -> None:
        self.python = workshop_python()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  `close` closes it
        command = [str(self.python), "-I", "-W", "ignore", "-c", _BOOT, str(Path(edgekit.__file__).parent)]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                env={THREADS: "1", **os.environ},
            )
        except OSError as error:
            raise DeviceError(
                f"the workshop {self.python} does not start: {error.strerror or error}. {_remedy()}"
            ) from error
        self._lock = threading.Lock()
        self.dropped: list[int] = []  # modules that nobody uses any more, which the next request lets go

    @cached_property
    def torch(self) -> str:
        """The version of its torch. Waits until the process has imported it.

        Raises:
            DeviceError: the process does not start, or its torch has no XNNPACK.
        """
        with self._closing():
            match self._receive(_remedy())[0]:
                case {"kind": "hello", "torch": str(version), "has_kernels": bool(has)}:
                    pass
                case _:
                    raise self._not_a_message()
            if not has or _release(version) < _OLDEST:
                lacks = "" if has else " without XNNPACK"
                raise DeviceError(
                    f"the workshop {self.python} has torch {version}{lacks}; expected 2.9 to 2.12. {_remedy()}"
                )
        return version

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def call(
        self, verb: str, arguments: Mapping[str, Any], arrays: Sequence[Array] = (), answer: Answer | None = None
    ) -> Frame:
        """Does a request.

        Args:
            verb: a function of `edgekit.workshop_process`.
            arguments: its arguments, as JSON.
            arrays: its arrays.
            answer: answers what the process asks meanwhile.

        Raises:
            EdgekitError: what the process raised.
            DeviceError: the process died.
        """
        assert self.torch  # it has greeted
        with self._lock, self._closing():
            dropped, self.dropped = self.dropped, []
            self._send({"verb": verb, "dropped": dropped, **arguments}, arrays)
            while True:
                message, given = self._receive("Its memory may not have been enough.")
                match message:
                    case {"kind": "log", "logger": str(logger), "level": int(level), "text": str(text)}:
                        logging.getLogger(logger).log(level, "%s", text)
                    case {"kind": "ask", "ask": str()} if answer is not None:
                        self._send(*answer(message, given))
                    case {"kind": "done"}:
                        return message, given
                    case {"kind": "failed", "type": str(), "text": str()}:
                        break
                    case _:
                        raise self._not_a_message()
        raise _failure(message)

    def close(self) -> None:
        """Ends the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._stderr):
            with contextlib.suppress(OSError):
                stream.close()  # type: ignore[union-attr]  # all of them are pipes or files

    @contextlib.contextmanager
    def _closing(self) -> Iterator[None]:
        """Ends the process if the block raises: then nobody knows what it waits for."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _send(self, message: Message, arrays: Sequence[Array]) -> None:
        with contextlib.suppress(BrokenPipeError):  # the next `_receive` says how it ended
            send(cast(BinaryIO, self._process.stdin), message, arrays)

    def _receive(self, remedy: str) -> Frame:
        try:
            return receive(cast(BinaryIO, self._process.stdout))
        except EOFError:
            self._stderr.seek(0)
            done = Completed(exit_code=self._ended(), stderr=self._stderr.read().decode(errors="replace"))
            why = done.last_line.rstrip(".")
            raise DeviceError(f"the process of the workshop {self.python} ended: {why}. {remedy}") from None
        except ValueError as error:
            raise self._not_a_message() from error

    def _ended(self) -> int:
        """The exit code of the process, which has closed its stdout."""
        try:
            return self._process.wait(timeout=ENDING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _not_a_message(self) -> DeviceError:
        return DeviceError(f"the workshop {self.python} printed what is not a message of edgekit. {_remedy()}")


def _release(version: str) -> tuple[int, ...]:
    """The major and minor of torch's version."""
    return tuple(int(part) if part.isdigit() else 0 for part in version.split(".")[:2])


def _failure(message: Message) -> BaseException:
    """The exception that a process raised, of the same kind where it is one for the user."""
    kind, text = message["type"], message["text"]
    cause = RuntimeError(f"in the workshop's process:\n{message['traceback']}")
    found = getattr(errors, kind, None)
    error: BaseException
    if isinstance(found, type) and issubclass(found, EdgekitError):
        error = found(text)
    elif kind == "MemoryError":
        error = MemoryError(text)
    elif kind == "OSError":
        error = OSError(message["errno"], text)
    else:
        return cause
    error.__cause__ = cause
    return error


_warm: list[Workshop] = []
_starting = threading.Lock()


def warm_workshop() -> Workshop:
    """A process that stays until this one ends, for requests that follow each other."""
    with _starting:
        if not _warm or not _warm[0].alive:
            _warm[:] = [Workshop()]
            _log.warning("this torch has no XNNPACK: packages run in torch %s of %s", _warm[0].torch, _warm[0].python)
            atexit.register(_warm[0].close)
        return _warm[0]
