"""Chooses the capture mode: trace, script or hybrid. The manifest records the evidence.

Mode `auto` tries trace first, then script, then hybrid. It takes the first one that agrees with the eager model on every probe.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import torch

from edgekit.capture.attempts import Attempt, attempt, finished
from edgekit.capture.captured import CapturedModel, limited
from edgekit.capture.fewer import with_fewer_sizes
from edgekit.capture.modes import MODES, Mode, RequestedMode
from edgekit.capture.parameters import Parameters, parameters_of
from edgekit.capture.pictures import Picture, box_pictures, pictures_of
from edgekit.capture.reasons import failure, why_chosen, why_kept
from edgekit.errors import CaptureError, ParityError, UsageError
from edgekit.format.schema import CaptureEvidence, ProbeResult, Proof, Tolerance, Versions
from edgekit.parity.departure import departure_note
from edgekit.parity.fast_path import fast_path_error
from edgekit.parity.gate import measure_noise
from edgekit.parity.layers import record_module
from edgekit.parity.ranges import Ranges, check_requested
from edgekit.parity.ranking import ranking_of
from edgekit.parity.references import References, eager_references
from edgekit.sources.adapter import inner
from edgekit.sources.source import SourceModel
from edgekit.version import __version__

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The chosen attempt and the reason; `attempts` are all that were made, in order.

    `mismatch_allowed` means that the chosen one gives different answers on some probe, and the user allowed it.
    """

    requested: RequestedMode
    chosen: Attempt
    reason: str
    attempts: tuple[Attempt, ...]
    mismatch_allowed: bool = False

    @property
    def mode(self) -> Mode:
        return self.chosen.mode


class Candidates:
    """The captures of a model that agree with the eager model, best first. A mode is tried only when it is needed.

    Args:
        source: the model and its example inputs.
        mode: auto, trace, script or hybrid.
        tolerance: the largest allowed difference between the captured and the eager model.
        allow_mismatch: keep a capture that disagrees on some probe, and record the mismatch.
    """

    def __init__(
        self, source: SourceModel, mode: RequestedMode, tolerance: Tolerance, allow_mismatch: bool = False
    ) -> None:
        scripted = isinstance(source.module, torch.jit.ScriptModule)
        if scripted and mode in ("trace", "hybrid"):
            raise UsageError(f"{source.source} is TorchScript: --mode {mode} does not apply to it. Leave --mode out.")
        self._source, self._requested, self._allow_mismatch = source, mode, allow_mismatch
        self._tolerance = tolerance
        answers = eager_references(source)
        items = measure_noise(source.source, answers.items, tolerance, answers.most_cases)
        self._references = replace(answers, items=items)
        self._ranking = ranking_of(source, self._references.items)
        self._fast_path_error = fast_path_error(source, self._references.items, tolerance)
        self._modes: tuple[Mode, ...] = ("script",) if scripted else MODES if mode == "auto" else (mode,)
        self._proof: Proof | None = None
        self._untried: Iterator[Attempt] = iter(())
        self._tried: list[Attempt] = []
        self._shown: dict[Ranges, tuple[Picture, ...]] = {}

    def best(self, refused: Mapping[str, str], proof: Proof = "full") -> CapturedModel | None:
        """The first capture that agrees and is not refused, else the first that may be kept. None if all are refused.

        Args:
            refused: the modes whose capture agrees but does not survive to the saved file, with the reason.
            proof: `quick` judges a capture that took no decision on the sharpest probes alone, `full` on all.

        Raises:
            CaptureError: every mode failed. The message names the line of the source to change.
            ParityError: the requested mode gives different answers. The message names a probe that shows it.
        """
        if proof != self._proof:
            self._proof, self._tried = proof, []
            self._untried = _attempts(self._source, self._references, self._modes, self._tolerance, proof)
        try:
            decision = decide(self._source.source, self._requested, self._attempts(), self._allow_mismatch, refused)
        except (CaptureError, ParityError) as error:
            raise type(error)(f"{error}{self._departure(self._tried)}") from error.__cause__
        if decision is None:
            return None
        if decision.chosen.references or not decision.chosen.agrees:
            note = self._departure([decision.chosen]) if decision.mismatch_allowed else ""
            _log.warning("%s: %s%s", self._source.name, decision.reason, note)
        return self._captured(decision)

    def _departure(self, tried: Sequence[Attempt]) -> str:
        """Where the first of these captures that gives different answers departs from eager, as lines that follow a message."""
        found = next((each for each in tried if each.module is not None and each.failed), None)
        if found is None:
            return ""
        known = found.references or self._references
        answers = (r for r in (*known.items, *known.sizes) if r.probe.name in found.failed)
        return departure_note(next(answers), partial(record_module, found.module), self._tolerance)

    def _attempts(self) -> Iterator[Attempt]:
        """Yields the attempts that were made before, then new ones."""
        yield from list(self._tried)
        for found in self._untried:
            self._tried.append(found)
            yield found

    @cached_property
    def _parameters(self) -> Parameters:
        return parameters_of(inner(self._source.module), self._source.name)

    def _pictures(self, ranges: Ranges) -> tuple[Picture, ...]:
        if self._ranking is None:
            return ()
        key = ranges if self._ranking.is_mask else ()  # other pictures do not depend on them
        if key not in self._shown:
            meter = self._references.items[0].meter
            if self._ranking.is_boxes:
                self._shown[key] = box_pictures(self._source, self._ranking, meter, self._tolerance)
                if not self._shown[key]:
                    _log.warning(
                        "%s gets no predict method: the detector finds no box in the pictures that edgekit makes, or rounding "
                        "decides which. Pass a photograph as the sample with --input.",
                        self._source.name,
                    )
            else:
                self._shown[key] = pictures_of(self._source, self._ranking, meter, key)
        return self._shown[key]

    def _captured(self, decision: Decision) -> CapturedModel:
        source, chosen = self._source, decision.chosen
        references = chosen.references or self._references
        assert chosen.module is not None  # a decision never chooses an attempt without a module
        failures = [(r.probe, f"differs in {decision.mode}") for r in references.sizes if r.probe.name in chosen.failed]
        why = f" ({', '.join(chosen.sized_by)} takes a number from it)" if chosen.sized_by else ""
        check_requested(source, chosen.ranges, failures, f"{decision.mode} of {source.source}{why} is wrong at")
        calm = (r for r in references.items if not r.chaotic(self._tolerance))
        pictures = self._pictures(chosen.ranges)
        captured = CapturedModel(
            source=source.facts,
            module=chosen.module,
            references=tuple(r for r in calm if r.probe.name not in chosen.failed),
            sizes=references.sizes,
            ranges=chosen.ranges,
            evidence=self._evidence(decision, references),
            parameters=self._parameters,
            versions=_versions(source),
            ranking=self._ranking if pictures else None,
            pictures=pictures,
        )
        return limited(captured, chosen.ranges)

    def _evidence(self, decision: Decision, references: References) -> CaptureEvidence:
        refused = tuple(
            ProbeResult(name=name, mode="eager", verdict="refused", detail=why) for name, why in references.refused
        )
        return CaptureEvidence(
            requested=decision.requested,
            mode=decision.mode,
            reason=decision.reason,
            scripted=tuple(name or self._source.name for name in decision.chosen.scripted),
            mismatch_allowed=decision.mismatch_allowed,
            warnings=tuple(str(w) for w in decision.attempts[0].warnings),
            probes=tuple(probe for tried in decision.attempts for probe in tried.probes) + refused,
            fast_path_error=self._fast_path_error,
            methods_left_out=self._source.methods_left_out,
        )


def capture(
    source: SourceModel, mode: RequestedMode, tolerance: Tolerance, allow_mismatch: bool = False
) -> CapturedModel:
    """Captures a copy of the model in eval mode, in the first mode that agrees. `Candidates.best` lists the errors."""
    captured = Candidates(source, mode, tolerance, allow_mismatch).best({})
    assert captured is not None  # nothing is refused
    return captured


def _attempts(
    source: SourceModel, references: References, modes: Sequence[Mode], tolerance: Tolerance, proof: Proof
) -> Iterator[Attempt]:
    """Yields one attempt for each mode, in order, then some at fewer sizes. A mode is tried when its attempt is consumed.

    With several modes, a wrong attempt is unfinished at first. It is finished, and yielded again, if none agrees.
    """
    first: Attempt | None = None
    made: list[Attempt] = []
    for mode in modes:
        warnings = first.warnings if first else ()
        tried = attempt(source, references, mode, tolerance, warnings, proof=proof, to_the_end=len(modes) == 1)
        first = first or tried
        made.append(tried)
        yield tried
    for index, each in enumerate(made):
        if each.unfinished:
            warnings = first.warnings if first and each is not first else ()
            made[index] = finished(source, references, replace(each, unfinished=False), tolerance, warnings, proof)
            yield made[index]
    yield from with_fewer_sizes(source, references, made, tolerance)


def decide(
    source: str,
    requested: RequestedMode,
    attempts: Iterable[Attempt],
    allow_mismatch: bool,
    refused: Mapping[str, str] | None = None,
) -> Decision | None:
    """Takes the first attempt that agrees on every probe and is not refused, else the first that may be kept.

    An attempt may be kept if it fails only on other sizes, or if the user allows a mismatch. `attempts` is consumed lazily.

    Returns:
        None if every attempt that could be taken is refused.

    Raises:
        CaptureError: there is no such attempt.
        ParityError: the user requested one mode, and it gives different answers.
    """
    refused = refused or {}
    tried: list[Attempt] = []
    for found in attempts:
        before = next((n for n, each in enumerate(tried) if each.unfinished and each.mode == found.mode), len(tried))
        tried[before : before + 1] = [found]
        if found.agrees and found.mode not in refused:
            reason = why_kept(found) if found.references else why_chosen(requested, tried, refused)
            return Decision(requested=requested, chosen=found, reason=reason, attempts=tuple(tried))
    usable = [a for a in tried if a.module is not None and (a.agrees or a.only_sizes or allow_mismatch)]
    if not usable:
        raise failure(source, requested, tried) from tried[-1].error
    left = [a for a in usable if a.mode not in refused]
    if not left:
        return None
    kept = min(left, key=lambda a: (not a.only_sizes, len(a.pinned), a.cut, len(a.failed)))
    return Decision(
        requested=requested,
        chosen=kept,
        reason=why_kept(kept),
        attempts=tuple(tried),
        mismatch_allowed=not kept.only_sizes,
    )


def _versions(source: SourceModel) -> Versions:
    torchvision = None
    if source.source.startswith("torchvision:"):
        import torchvision as installed

        torchvision = installed.__version__
    return Versions(edgekit=__version__, torch=str(torch.__version__), torchvision=torchvision)
