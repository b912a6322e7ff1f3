"""The cut as a folder: `captured.json`, `module.pt` (TorchScript) and `arrays.npz`. Nothing in it is pickled."""

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from edgekit.capture.captured import CapturedModel
from edgekit.capture.operators import OperatorUse, lacking, operators_of, unlike
from edgekit.capture.parameters import Parameters, Weight
from edgekit.capture.pictures import Picture
from edgekit.capture.remedies import operator_remedy
from edgekit.errors import OptimizeError, first_line
from edgekit.files import reserve
from edgekit.format.axes import AxisRange
from edgekit.format.codec import from_json, to_json
from edgekit.format.golden import GoldenInput
from edgekit.format.schema import SCHEMA_VERSION, CaptureEvidence, DType, Versions, WeightsInfo
from edgekit.parity.comparison import Reference
from edgekit.parity.layers import Recorder
from edgekit.parity.noise import Noise, NoiseMeter, OutputNoise
from edgekit.parity.probes import Axes, Probe
from edgekit.parity.ranges import SizeRange
from edgekit.parity.ranking import Ranking
from edgekit.sources.facts import SourceFacts
from edgekit.sources.inputs import InputSpec

Array = npt.NDArray[np.generic]
Measuring = Callable[[Probe, Mapping[str, Array]], Noise]

FACTS, MODULE, ARRAYS = "captured.json", "module.pt", "arrays.npz"
_CODE_BYTES = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class _Input:
    name: str
    dtype: DType
    shape: tuple[int, ...]
    low: int | float
    high: int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Requested:
    input: int
    axis: int
    sizes: AxisRange


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """A reference, whose inputs and outputs are in the arrays."""

    name: str
    axes: Axes
    golden: tuple[GoldenInput, ...] | None
    stress: bool
    structure: str
    inputs: int
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    schema_version: str
    name: str
    source: str
    method: str
    inputs: tuple[_Input, ...]
    weights: WeightsInfo
    labels: tuple[str, ...]
    dynamic: tuple[_Requested, ...]
    references: tuple[_Answer, ...]
    sizes: tuple[_Answer, ...]
    pictures: tuple[_Answer, ...]
    given: tuple[GoldenInput, ...]  # the pictures themselves
    noise: dict[str, "NoiseFacts"]
    ranges: tuple[SizeRange, ...]
    evidence: CaptureEvidence
    versions: Versions
    ranking: Ranking | None
    state_bytes: int
    parameters: dict[str, str]  # the names by digests
    scaled: tuple[tuple[str, tuple[int, ...]], ...]  # the names and shapes of weights, whose rows are in the arrays
    shifts: tuple[str, ...]
    operators: tuple[OperatorUse, ...]


NoiseFacts = dict[str, tuple[float, float, str | None]]  # for each output: norm, max, and the mask among the arrays


def write_captured(captured: CapturedModel, folder: Path) -> None:
    """Writes the cut to an empty folder.

    Raises:
        OptimizeError: torch cannot save the module.
        OSError: the disk is full.
    """
    arrays: dict[str, Array] = {}
    source, parameters = captured.source, captured.parameters
    meter = next((reference.meter for reference in (*captured.references, *captured.sizes)), None)
    facts = _Facts(
        schema_version=SCHEMA_VERSION,
        name=source.name,
        source=source.source,
        method=source.method,
        inputs=tuple(
            _Input(name=spec.name, dtype=spec.dtype, shape=spec.shape, low=spec.low, high=spec.high)
            for spec in source.inputs
        ),
        weights=source.weights,
        labels=source.labels,
        dynamic=tuple(_Requested(input=i, axis=axis, sizes=sizes) for (i, axis), sizes in source.dynamic.items()),
        references=_stored("reference", captured.references, arrays),
        sizes=_stored("size", captured.sizes, arrays),
        pictures=_stored("picture", [picture.answer for picture in captured.pictures], arrays),
        given=tuple(picture.given for picture in captured.pictures),
        noise={name: noise_facts(noise, arrays) for name, noise in (meter.found if meter else {}).items()},
        ranges=captured.ranges,
        evidence=captured.evidence,
        versions=captured.versions,
        ranking=captured.ranking,
        state_bytes=parameters.size_bytes,
        parameters=dict(parameters.names),
        scaled=tuple((name, weight.shape) for name, weight in parameters.weights.items()),
        shifts=tuple(parameters.shifts),
        operators=operators_of(captured.module),
    )
    arrays |= {f"rows/{index}": weight.rows for index, weight in enumerate(parameters.weights.values())}
    arrays |= {f"shift/{index}": shift for index, shift in enumerate(parameters.shifts.values())}
    reserve(folder, _CODE_BYTES + 2 * parameters.size_bytes + sum(array.nbytes for array in arrays.values()))
    (folder / FACTS).write_text(to_json(facts, indent=None), encoding="ascii")
    np.savez(folder / ARRAYS, **arrays)  # type: ignore[arg-type]  # no array has the name of an option
    _save(captured.module, folder / MODULE)


def read_captured(folder: Path, measuring: Measuring, recorder: Recorder) -> CapturedModel:
    """Reads what `write_captured` wrote.

    Args:
        folder: the folder.
        measuring: is asked for the noise of answers that was not yet measured.
        recorder: is asked for the operators of the eager model.

    Raises:
        PackageError: the facts are damaged.
        OptimizeError: this torch lacks an operator of the module, or cannot load it.
    """
    facts = from_json((folder / FACTS).read_bytes(), _Facts, str(folder / FACTS))
    module = _load(folder / MODULE, facts)
    with np.load(folder / ARRAYS, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    meter = NoiseMeter(measuring)
    meter.found |= {name: noise_of(found, arrays) for name, found in facts.noise.items()}
    pictures = _answers("picture", facts.pictures, arrays, meter, recorder)
    return CapturedModel(
        source=SourceFacts(
            name=facts.name,
            source=facts.source,
            method=facts.method,
            inputs=tuple(
                InputSpec(name=spec.name, dtype=spec.dtype, shape=spec.shape, low=spec.low, high=spec.high)
                for spec in facts.inputs
            ),
            weights=facts.weights,
            labels=facts.labels,
            dynamic={(each.input, each.axis): each.sizes for each in facts.dynamic},
        ),
        module=module,
        references=_answers("reference", facts.references, arrays, meter, recorder),
        sizes=_answers("size", facts.sizes, arrays, meter, recorder),
        ranges=facts.ranges,
        evidence=facts.evidence,
        parameters=Parameters(
            size_bytes=facts.state_bytes,
            names=facts.parameters,
            weights={
                name: Weight(shape=shape, rows=arrays[f"rows/{index}"])
                for index, (name, shape) in enumerate(facts.scaled)
            },
            shifts={name: arrays[f"shift/{index}"] for index, name in enumerate(facts.shifts)},
        ),
        versions=facts.versions,
        ranking=facts.ranking,
        pictures=tuple(
            Picture(given=given, answer=answer) for given, answer in zip(facts.given, pictures, strict=True)
        ),
    )


def noise_facts(noise: Noise, arrays: dict[str, Array]) -> NoiseFacts:
    """The noise of an answer as facts; its masks go to the arrays."""
    facts: NoiseFacts = {}
    for name, each in noise.outputs.items():
        key = None if each.undecided is None else f"mask/{len(arrays)}"
        if key is not None and each.undecided is not None:
            arrays[key] = each.undecided
        facts[name] = (each.norm, each.max, key)
    return facts


def noise_of(facts: NoiseFacts, arrays: Mapping[str, Array]) -> Noise:
    """What `noise_facts` described."""
    return Noise(
        outputs={
            name: OutputNoise(norm=norm, max=largest, undecided=None if key is None else arrays[key].astype(np.bool_))
            for name, (norm, largest, key) in facts.items()
        }
    )


def _stored(kind: str, references: Sequence[Reference], arrays: dict[str, Array]) -> tuple[_Answer, ...]:
    """The references as facts; their inputs and outputs go to the arrays."""
    for index, reference in enumerate(references):
        arrays |= {f"{kind}/{index}/input/{i}": tensor.numpy() for i, tensor in enumerate(reference.probe.inputs)}
        arrays |= {f"{kind}/{index}/output/{i}": value for i, value in enumerate(reference.outputs.values())}
    return tuple(
        _Answer(
            name=reference.probe.name,
            axes=reference.probe.axes,
            golden=reference.probe.golden,
            stress=reference.probe.stress,
            structure=reference.structure,
            inputs=len(reference.probe.inputs),
            outputs=tuple(reference.outputs),
        )
        for reference in references
    )


def _answers(
    kind: str, answers: Sequence[_Answer], arrays: Mapping[str, Array], meter: NoiseMeter, recorder: Recorder
) -> tuple[Reference, ...]:
    return tuple(
        Reference(
            probe=Probe(
                name=answer.name,
                inputs=tuple(torch.from_numpy(arrays[f"{kind}/{index}/input/{i}"]) for i in range(answer.inputs)),
                axes=answer.axes,
                golden=answer.golden,
                stress=answer.stress,
            ),
            structure=answer.structure,
            outputs={name: arrays[f"{kind}/{index}/output/{i}"] for i, name in enumerate(answer.outputs)},
            meter=meter,
            recorder=recorder,
        )
        for index, answer in enumerate(answers)
    )


def _save(module: torch.jit.ScriptModule, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        try:
            torch.jit.save(module, str(path))
        except RuntimeError as error:
            raise OptimizeError(f"torch cannot save the captured model: {first_line(error)}") from error


def _load(path: Path, facts: _Facts) -> torch.jit.ScriptModule:
    if missing := lacking(facts.operators):
        raise OptimizeError(f"{facts.name}: torch {torch.__version__} of the workshop does not have {_listed(missing)}")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        try:
            module: torch.jit.ScriptModule = torch.jit.load(str(path), map_location="cpu")
        except RuntimeError as error:
            made = f"what torch {facts.versions.torch} captured"
            message = f"{facts.name}: torch {torch.__version__} of the workshop cannot load {made}: "
            suspects = [use for use in unlike(facts.operators) if re.search(rf"\b{re.escape(use.name)}\b", str(error))]
            if suspects:
                raise OptimizeError(f"{message}it has other arguments for {_listed(suspects)}") from error
            raise OptimizeError(message + _cause(error)) from error
    return module


def _listed(uses: Sequence[OperatorUse]) -> str:
    """The operators with their places, and what to do about them."""
    remedies = dict.fromkeys(operator_remedy(use.name) for use in uses)
    return f"{', '.join(map(str, uses))}. {' '.join(remedies)}"


def _cause(error: Exception) -> str:
    """Torch's message, and the line of the captured code that it marks."""
    lines = [line.rstrip() for line in str(error).strip().splitlines() if line.strip()]
    at = [line.strip() for line in lines if line.lstrip().startswith("File ")]
    code = [lines[i - 1].strip() for i, line in enumerate(lines) if "<--- HERE" in line and i]
    return f"{first_line(error).rstrip('.: ')} ({', '.join(at[:1] + code[:1]) or 'no source line is known'})."
