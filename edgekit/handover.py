"""Finishing in the workshop's process: this process captures, that one asks for each capture and for the noise of answers."""

import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from edgekit.capture.captured import CapturedModel
from edgekit.capture.folder import noise_facts, write_captured
from edgekit.errors import OptimizeError
from edgekit.finishing import Finished, Job
from edgekit.format.schema import Proof
from edgekit.memory import release_memory
from edgekit.parity.comparison import Reference
from edgekit.proving import Captures, Method, Progress
from edgekit.runtimes.frames import Frame, Message
from edgekit.runtimes.workshop import Workshop

Array = npt.NDArray[np.generic]

_log = logging.getLogger(__name__)


def finish_in_workshop(job: Job, methods: Sequence[Method], progress: Progress, engine: str | None) -> Finished:
    """Does what `edgekit.finishing.finish` does, in a process of the workshop.

    Args:
        job: what to make.
        methods: the methods to capture, when the process asks for them.
        progress: is called with each stage.
        engine: the engine for quantized weights.

    Raises:
        EdgekitError: what `finish` raises.
        DeviceError: there is no workshop, or its process died.
    """
    # What the process writes is in the scratch folder, so that nothing stays if it is killed.
    made = replace(job, package=job.scratch / job.package.name)
    workshop, capturing = Workshop(), _Capturing(methods, job.scratch, progress)
    try:
        capturing.begin()  # while the other process imports torch
        _log.warning(
            "torch %s has no XNNPACK: torch %s of the workshop %s finishes the package",
            torch.__version__,
            workshop.torch,
            workshop.python,
        )
        arguments = {
            "job": made.to_plain(),
            "engine": engine,
            "methods": len(methods),
            "level": logging.getLogger("edgekit").getEffectiveLevel(),
        }
        done, _ = workshop.call("finish", arguments, answer=capturing.answer)
    finally:
        workshop.close()
    made.package.replace(job.package)
    return Finished.from_plain(done)


class _Capturing:
    """Answers what the workshop's process asks."""

    def __init__(self, methods: Sequence[Method], scratch: Path, progress: Progress) -> None:
        self._methods, self._progress = methods, progress
        self._folder = scratch / "captured"
        self._stage = ""
        self._captures: dict[int, Captures] = {}
        self._references: dict[int, dict[str, Reference]] = {}

    def begin(self) -> None:
        """Takes the eager model's answers for the first method, which the process will ask for first."""
        self._tell("capture")
        self._captures[0] = self._methods[0]()

    def answer(self, message: Message, _: list[Array]) -> Frame:
        match message["ask"]:
            case "best":
                return self._best(message["method"], message["refused"], message["proof"]), []
            case "noise":
                reference = self._references[message["method"]][message["probe"]]
                noise, arrays = reference.noise(), dict[str, Array]()
                assert noise is not None  # every reference of a capture has a meter
                return {"noise": noise_facts(noise, arrays), "arrays": list(arrays)}, list(arrays.values())
            case "record":
                reference = self._references[message["method"]][message["probe"]]
                assert reference.recorder is not None  # only answers with one are asked for
                return reference.recorder(reference.probe).to_frame()
            case _:
                self._tell(message["stage"])
                return {}, []

    def _tell(self, stage: str) -> None:
        if stage != self._stage:
            self._stage = stage
            self._progress(stage)

    def _best(self, method: int, refused: Mapping[str, str], proof: Proof) -> Message:
        shutil.rmtree(self._folder, ignore_errors=True)  # of the capture before, which the process has in memory
        if method not in self._captures:
            self._captures[method] = self._methods[method]()
        captured = self._captures[method].best(refused, proof)
        if captured is None:
            return {"folder": None}
        self._references.setdefault(method, {}).update(_by_name(captured))
        self._folder.mkdir()
        try:
            write_captured(captured, self._folder)
        except OptimizeError as error:
            return {"folder": None, "mode": captured.evidence.mode, "unfit": str(error)}
        release_memory()  # the workshop's process needs some at the same time
        return {"folder": str(self._folder), "mode": captured.evidence.mode}


def _by_name(captured: CapturedModel) -> dict[str, Reference]:
    pictures = (picture.answer for picture in captured.pictures)
    return {reference.probe.name: reference for reference in (*captured.references, *captured.sizes, *pictures)}
