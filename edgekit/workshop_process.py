"""What the workshop's process runs: the requests of `edgekit.runtimes.workshop.Workshop`, one function for each."""

import itertools
import logging
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO

import msgspec
import torch

from edgekit.capture.captured import CapturedModel
from edgekit.capture.folder import noise_of, read_captured
from edgekit.engines import held_engine
from edgekit.errors import OptimizeError
from edgekit.finishing import Finished, Job, finish
from edgekit.format.archive import Archive
from edgekit.format.compare import Array
from edgekit.format.schema import Proof
from edgekit.memory import release_memory
from edgekit.parity.noise import Answer, Noise
from edgekit.parity.probes import Probe
from edgekit.recording import Recording
from edgekit.runtimes.frames import Frame, Message, receive, send
from edgekit.runtimes.lite import LiteModule, LiteRuntime
from edgekit.runtimes.results import BenchRequest, CaseRow
from edgekit.runtimes.workshop import has_kernels
from edgekit.threads import held_threads


class User:
    """The process that made this one. This one ends at once when that one ends, in the middle of a request too."""

    def __init__(self, stdin: BinaryIO, stdout: BinaryIO) -> None:
        self._stdin, self._stdout = stdin, stdout
        self._received: queue.Queue[Frame] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            while True:
                self._received.put(receive(self._stdin))
        except EOFError:
            os._exit(0)

    def receive(self) -> Frame:
        return self._received.get()

    def send(self, kind: str, message: Message, arrays: tuple[Array, ...] = ()) -> None:
        send(self._stdout, {"kind": kind, **message}, arrays)

    def ask(self, what: str, **details: object) -> Frame:
        self.send("ask", {"ask": what, **details})
        return self.receive()


class _Log(logging.Handler):
    """Hands the messages for people to the user's process."""

    def __init__(self, user: User) -> None:
        super().__init__()
        self._user = user

    def emit(self, record: logging.LogRecord) -> None:
        self._user.send("log", {"logger": record.name, "level": record.levelno, "text": record.getMessage()})


class _Captures:
    """The captures of a method, which the user's process makes."""

    def __init__(self, user: User, method: int) -> None:
        self._user, self._method = user, method
        self._unfit: dict[str, str] = {}  # the modes whose module could not be saved there, or loaded here

    def best(self, refused: Mapping[str, str], proof: Proof) -> CapturedModel | None:
        while True:
            reply, _ = self._user.ask("best", method=self._method, refused={**self._unfit, **refused}, proof=proof)
            if reply["folder"] is not None:
                try:
                    return read_captured(Path(reply["folder"]), self._measuring, self._recording)
                except OptimizeError as error:
                    self._unfit[reply["mode"]] = str(error)
            elif "unfit" in reply:
                self._unfit[reply["mode"]] = reply["unfit"]
            elif self._unfit and not refused:
                raise OptimizeError(next(iter(self._unfit.values())))
            else:
                return None

    def _recording(self, probe: Probe) -> Recording:
        return Recording.from_frame(*self._user.ask("record", method=self._method, probe=probe.name))

    def _measuring(self, probe: Probe, _: Answer) -> Noise:
        reply, arrays = self._user.ask("noise", method=self._method, probe=probe.name)
        return noise_of(reply["noise"], dict(zip(reply["arrays"], arrays, strict=True)))


def _finish(user: User, request: Message, _: list[Array]) -> Frame:
    logging.getLogger("edgekit").setLevel(request["level"])
    methods = [partial(_Captures, user, method) for method in range(request["methods"])]
    with held_threads("xnnpack"), held_engine(request["engine"]):
        made: Finished = finish(Job.from_plain(request["job"]), methods, lambda stage: _stage(user, stage))
    return made.to_plain(), []


def _stage(user: User, stage: str) -> None:
    release_memory()  # the user's process needs some at the same time
    user.ask("progress", stage=stage)


class _Modules:
    """The packages that stay loaded."""

    def __init__(self) -> None:
        self._loaded: dict[int, LiteModule] = {}
        self._numbers = itertools.count()

    def load(self, _: User, request: Message, __: list[Array]) -> Frame:
        number = next(self._numbers)
        self._loaded[number] = LiteModule(request["path"], request["pool"], request["engine"])
        return {"number": number}, []

    def call(self, _: User, request: Message, arrays: list[Array]) -> Frame:
        structure, outputs = self._loaded[request["number"]].run(request["method"], arrays)
        return {"structure": structure, "outputs": list(outputs)}, list(outputs.values())

    def record(self, _: User, request: Message, arrays: list[Array]) -> Frame:
        return self._loaded[request["number"]].record(request["method"], arrays).to_frame()

    def drop(self, numbers: list[int]) -> None:
        for number in numbers:
            self._loaded.pop(number, None)


def _verify(_: User, request: Message, __: list[Array]) -> Frame:
    with Archive(request["path"]) as archive:
        results = LiteRuntime(name=request["runtime"]).verify(archive)
    return {"rows": msgspec.to_builtins([CaseRow.of(result) for result in results])}, []


def _run(_: User, request: Message, arrays: list[Array]) -> Frame:
    outputs = LiteRuntime().run(request["path"], request["method"], arrays)
    return {"outputs": list(outputs)}, list(outputs.values())


def _bench(_: User, request: Message, __: list[Array]) -> Frame:
    asked = msgspec.convert(request["request"], BenchRequest)
    return msgspec.to_builtins(LiteRuntime(name=request["runtime"]).bench(request["path"], asked)), []


def main() -> None:
    """Serves requests until the user's process ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both processes, and the user's one ends this one
    stdout = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what torch prints is not a message
    user = User(sys.stdin.buffer, stdout)
    log = logging.getLogger("edgekit")
    log.addHandler(_Log(user))
    log.propagate = False
    user.send("hello", {"torch": str(torch.__version__), "has_kernels": has_kernels()})
    modules = _Modules()
    verbs = {
        "finish": _finish,
        "load": modules.load,
        "call": modules.call,
        "record": modules.record,
        "verify": _verify,
        "run": _run,
        "bench": _bench,
    }
    while True:
        request, arrays = user.receive()
        modules.drop(request["dropped"])
        try:
            message, answers = verbs[request["verb"]](user, request, arrays)
            user.send("done", message, tuple(answers))
        except Exception as error:
            user.send("failed", _described(error))


def _described(error: Exception) -> Message:
    is_system = isinstance(error, OSError) and error.errno is not None
    return {
        "type": "OSError" if is_system else type(error).__name__,
        "errno": error.errno if isinstance(error, OSError) else None,
        "text": (error.strerror or str(error)) if isinstance(error, OSError) else str(error),
        "traceback": traceback.format_exc(),
    }
