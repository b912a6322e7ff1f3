"""Judges a written file in the lite interpreter: on every golden case, on every other probe, and on every size of its ranges."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from edgekit.capture.captured import CapturedModel
from edgekit.errors import DeviceError, ParityError
from edgekit.format.compare import Comparison
from edgekit.format.golden import GoldenCase, GoldenInput
from edgekit.nested import named_tensors
from edgekit.packaging.draft import PackageDraft
from edgekit.parity.comparison import Reference, compare_answer, describe, worst
from edgekit.parity.departure import departure_note
from edgekit.parity.gate import judges_rounding
from edgekit.parity.ranges import Ranges, check_requested, narrowed
from edgekit.recording import Recording
from edgekit.runtimes.lite import LiteModule, compare_case, replay
from edgekit.runtimes.results import CaseResult

_log = logging.getLogger(__name__)

Inputs = tuple[GoldenInput, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileVerdict:
    """What a written file proves: the result of each golden case, and the ranges within which each method is right.

    The file is `final` if its golden cases and its methods are those that this verdict allows. If not, it is written again.
    """

    results: tuple[CaseResult, ...]
    ranges: tuple[Ranges, ...]
    final: bool


def judge_file(draft: PackageDraft) -> FileVerdict:
    """Runs a written file on its golden cases, and on the other probes and the sizes of each method, each of them once.

    A wrong answer at another size than the example's cuts a range; any other one refuses the file.

    Raises:
        ParityError: the file gives different answers from the eager model.
    """
    judge = _FileJudge(draft)
    judge.replay_cases()
    judge.check_others()
    ranges = judge.proved_ranges()
    final = not judge.has_new_noise and ranges == tuple(each.ranges for each in judge.captured)
    if final:
        judge.check_cases()
    return FileVerdict(results=judge.results, ranges=ranges, final=final)


class _FileJudge:
    def __init__(self, draft: PackageDraft) -> None:
        self._draft, self._module = draft, _Watched(draft.path)
        self._methods = {method.name: method for method in draft.methods}
        self.captured = [model.captured for model in (draft.optimized, *draft.others)]
        self._found: dict[str, tuple[Comparison, ...]] = {}
        self.has_new_noise = False  # measured after the golden cases were made, which have other bounds with it

    @property
    def results(self) -> tuple[CaseResult, ...]:
        """The results of the cases that were run so far."""
        return tuple(
            CaseResult(runtime="lite", case=case.name, comparison=comparison)
            for case in self._draft.cases
            for comparison in self._found.get(case.name, ())
        )

    def replay_cases(self) -> None:
        """Runs the golden cases of the example's sizes. The others are compared when their size is judged."""
        sized = {(each.source.method, r.probe.golden) for each in self.captured for r in _sized(each)}
        for case in self._draft.cases:
            if (case.method, case.inputs) not in sized:
                self._found[case.name] = replay(self._module, case, self._methods[case.method], self._draft.tolerance)
        self.check_cases()

    def check_cases(self) -> None:
        failed = next((result for result in self.results if not result.comparison.passed), None)
        if failed is not None:
            case = next(case for case in self._draft.cases if case.name == failed.case)
            bounds = case.tolerance or self._draft.tolerance
            answers = (r for each in self.captured if each.source.method == case.method for r in each.references)
            departures = (self._departure(case.method, r) for r in answers if r.probe.golden == case.inputs)
            raise ParityError(
                f"{self._draft.optimized.captured.source.name}: the saved file disagrees with the eager model on case "
                f"{failed.case!r}, {describe(failed.comparison, bounds)}. Nothing was written.{next(departures, '')}"
            )

    def _departure(self, method: str, reference: Reference) -> str:
        def recorded(inputs: Sequence[torch.Tensor]) -> Recording:
            return self._module.record(method, [tensor.clone().numpy() for tensor in inputs])

        return departure_note(reference, recorded, self._draft.tolerance)

    def check_others(self) -> None:
        """Runs the probes of the example's sizes that are not golden cases.

        Raises:
            ParityError: an answer is wrong.
        """
        cases = {(case.method, case.inputs) for case in self._draft.cases}
        for each in self.captured:
            for reference in each.references:
                probe = reference.probe
                if probe.axes or (each.source.method, probe.golden) in cases or not judges_rounding(reference):
                    continue
                wrong = self._judged(each.source.method, reference, {})
                if wrong and not reference.chaotic(self._draft.tolerance):
                    raise ParityError(
                        f"{each.source.name}: the saved file disagrees with the eager model on probe {probe.name!r}, {wrong}. "
                        f"Nothing was written.{self._departure(each.source.method, reference)}"
                    )

    def proved_ranges(self) -> tuple[Ranges, ...]:
        """Runs every size, and returns the ranges of each method within which the file agrees; see `_ranges_of`."""
        return tuple(map(self._ranges_of, self.captured))

    def _ranges_of(self, captured: CapturedModel) -> Ranges:
        """The ranges of sizes of a method within which the file agrees with the eager model.

        Raises:
            ParityError: a size that the user asked for is not among them.
        """
        source, good, bad = captured.source, [], []
        cases = {case.inputs: case for case in self._draft.cases if case.method == source.method}
        for reference in _sized(captured):
            wrong = self._judged(source.method, reference, cases)
            if reference.chaotic(self._draft.tolerance):
                continue
            if wrong:
                bad.append((reference.probe, wrong))
            else:
                good.append(reference.probe)
        if bad:
            _log.warning(
                "%s: the saved file disagrees in %s on %s, %s (one of %d sizes), so the manifest leaves out such sizes",
                *(source.name, source.method, bad[0][0].name, bad[0][1], len(bad)),
            )
        ranges = narrowed(captured.ranges, good=good, bad=[probe for probe, _ in bad])
        check_requested(source, ranges, bad, f"the saved file of {source.name} is wrong at")
        return ranges

    def _judged(self, method: str, reference: Reference, cases: Mapping[Inputs, GoldenCase]) -> str:
        """What is wrong with the file's answer at a size, in one line; an empty text if nothing is."""
        case = cases.get(reference.probe.golden) if reference.probe.golden is not None else None
        tolerance, noise = self._draft.tolerance, reference.measured
        try:
            structure, outputs = self._module.run(method, [tensor.clone().numpy() for tensor in reference.probe.inputs])
        except (DeviceError, ParityError) as error:
            return str(error)
        found = worst(compare_answer(reference, structure, outputs, tolerance))
        if case is not None and reference.measured is not noise:
            self.has_new_noise, case = True, None
        if not found.passed:
            return describe(found, reference.bounds(found.output, tolerance))
        if case is None:
            return ""
        compared = compare_case(case, structure, outputs, self._methods[method], tolerance)
        self._found[case.name] = compared
        failed = worst(compared)
        return "" if failed.passed else describe(failed, case.tolerance or tolerance)


def _sized(captured: CapturedModel) -> list[Reference]:
    """The answers at other sizes than the example's."""
    return [reference for reference in (*captured.references, *captured.sizes) if reference.probe.axes]


class _Watched(LiteModule):
    """Runs the written file, and checks what a comparison of values does not see: written inputs, and strides of outputs."""

    def call(self, method: str, inputs: Sequence[torch.Tensor]) -> Any:
        before = [tensor.numpy().tobytes() for tensor in inputs]
        value = super().call(method, inputs)
        for index, tensor in enumerate(inputs):
            if tensor.numpy().tobytes() != before[index]:
                raise ParityError(
                    f"{method} of the saved file writes to its input {index}, which would change the caller's buffer. Clone "
                    "the input in the model, or use a recipe that freezes the model. Nothing was written."
                )
        for name, output in named_tensors(value).items():
            if not output.is_contiguous():
                raise ParityError(
                    f"output {name} of {method} in the saved file is not contiguous (strides {list(output.stride())}), so a "
                    "program that reads its raw memory would get wrong values. Add .contiguous() in the model, or use "
                    "--recipe mobile-nchw. Nothing was written."
                )
        return value
