"""A loaded model and what is known about it. The other files of this folder load one by name, from a factory or a file."""

import itertools
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgekit.errors import SourceError, UsageError, kind_of
from edgekit.format.schema import Activation, ImageSpec, WeightsInfo
from edgekit.sources.adapter import adapted, inner
from edgekit.sources.arguments import arguments_of
from edgekit.sources.checkpoints import load_checkpoint
from edgekit.sources.compiled import uncompiled
from edgekit.sources.copies import exportable, unwrapped
from edgekit.sources.detection import HEADS, Detector, as_detector, check_picture, is_detector, picture_inputs
from edgekit.sources.dynamic import DynamicAxis, requested_sizes
from edgekit.sources.facts import SourceFacts
from edgekit.sources.hidden import MODE_MATTERS
from edgekit.sources.inputs import InputSpec, parse_input
from edgekit.sources.lists import check_lists
from edgekit.sources.methods import FORWARD, exported_methods, requested_methods, scripted_method
from edgekit.sources.quantized import check_converted
from edgekit.sources.random_heads import randomize_detector
from edgekit.sources.samples import SAMPLE_BYTES, room_of_sample
from edgekit.sources.weights import randomize, state_digest

_log = logging.getLogger(__name__)

_LAYOUTS = (torch.strided, torch.sparse_coo, torch._mkldnn)  # type: ignore[attr-defined]  # torch gives the last one no type


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingRequest:
    """What the user asked of `predict`: the output to rank and the activation. None means that edgekit finds it.

    `image_given` is false if the image contract, if any, belongs to a torchvision name.
    """

    output: str | None = None
    activation: Activation | None = None
    image_given: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRequest:
    """The options of the user for a source. `weights` None means the default of the source.

    `arguments` are those of a factory. `bound` are values of parameters of `forward` that are not tensors. `golden_sample`
    keeps the arrays of `inputs` as a golden case. `methods` are methods to export beside `forward`, with their inputs.
    `dynamic` are the sizes that the package must take.
    """

    inputs: Sequence[InputSpec] = ()
    weights: str | None = None
    checkpoint: Path | None = None
    checkpoint_key: str | None = None
    trust_checkpoint: bool = False
    quantized_engine: str | None = None
    seed: int = 0
    require_pretrained: bool = False
    image: ImageSpec | None = None
    ranking: RankingRequest = RankingRequest()
    labels: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    bound: Mapping[str, Any] = field(default_factory=dict)
    golden_sample: bool = True
    methods: Mapping[str, Sequence[InputSpec]] = field(default_factory=dict)
    dynamic: Sequence[DynamicAxis] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceModel(SourceFacts):
    """A model in eval mode and what is known about it. `module` may be a ScriptModule.

    `module` has the exported method as its `forward`. `others` are the other methods to export, each as a model that shares
    the weights, and `methods_left_out` those that the package will not have. The arrays of the user become a golden case,
    with their bytes, if `sample_room` is not 0. `picture_room` is the most bytes that the picture of a detector's sample has.
    """

    module: nn.Module
    image: ImageSpec | None = None
    ranking: RankingRequest = RankingRequest()
    others: tuple["SourceModel", ...] = ()
    methods_left_out: tuple[str, ...] = ()
    sample_room: int = 0
    picture_room: int = 0

    @property
    def facts(self) -> SourceFacts:
        """What later stages take: neither the module nor the arrays of the user."""
        known = {each.name: getattr(self, each.name) for each in fields(SourceFacts)}
        return SourceFacts(**{**known, "inputs": tuple(replace(spec, sample=None) for spec in self.inputs)})

    @property
    def keeps_sample(self) -> bool:
        return self.sample_room > 0

    @property
    def sampled(self) -> bool:
        """Whether the user gave an array for at least one input."""
        return any(spec.sample is not None for spec in self.inputs)

    def example(self, seed: int | None = None) -> tuple[torch.Tensor, ...]:
        """The inputs as tensors: the arrays of the user, else generated ones. With a seed, all are generated from it.

        Each generated input gets different numbers.
        """
        arrays = (
            spec.generate(input_seed(seed or 1, index))
            if seed is not None or spec.sample is None
            else spec.sample.copy()
            for index, spec in enumerate(self.inputs)
        )
        return tuple(map(torch.from_numpy, arrays))


def input_seed(seed: int, index: int) -> int:
    """The seed of the input at `index` in the case `seed`."""
    return seed + 1000 * index


def from_module(
    module: object, *, name: str, source: str, request: SourceRequest, default_kind: str = "embedded"
) -> SourceModel:
    """Makes a SourceModel: sets eval mode, loads a checkpoint or random weights if requested, and names the inputs."""
    if not isinstance(module, nn.Module):
        raise SourceError(f"{source} returned {kind_of(module)}; expected a torch.nn.Module. Return the model alone.")
    module = unwrapped(module, name)
    if is_detector(module):
        check_picture(request.inputs, name, request.image)
        module, inputs = as_detector(module, request.inputs, name), picture_inputs(request.inputs)
        methods = {HEADS: inputs, **request.methods}
        request = replace(request, inputs=inputs, methods=methods, image=module.pictures())
    if request.image is not None and not request.inputs:
        shape = f"1x{request.image.channels}x{request.image.crop}x{request.image.crop}"
        request = replace(request, inputs=(parse_input(shape),))
    _check_tensors(module, source)
    check_converted(module, source)
    module = exportable(uncompiled(module, name), name)
    requested = requested_methods(module, name, request.inputs, request.methods)
    left_out = tuple(method for method in exported_methods(module) if method not in requested)
    if left_out:
        _log.warning("%s: the package will not have %s; --method NAME:SHAPE exports them", name, ", ".join(left_out))
    if any(isinstance(child, MODE_MATTERS) and child.training for child in module.modules()):
        _log.warning(
            "%s was in train mode; it is exported in eval mode (no dropout, BatchNorm with its statistics)", name
        )
    module.eval()
    sharing = len(requested) + isinstance(module, Detector)  # its sample becomes a picture for predict too
    parts = [
        _part(module, method, given, request, name=name, source=source, methods=sharing)
        for method, given in requested.items()
    ]
    first = replace(
        parts[0],
        name=_file_name(name),
        source=source,
        image=request.image,
        ranking=request.ranking,
        labels=request.labels,
        others=tuple(parts[1:]),
        methods_left_out=left_out,
        picture_room=SAMPLE_BYTES // sharing if request.golden_sample and parts[0].sampled else 0,
        dynamic=requested_sizes(request.dynamic, parts[0].inputs),
    )
    return replace(first, weights=_apply_weights(first, request, default_kind))


def _part(
    module: nn.Module,
    method: str,
    given: Sequence[InputSpec],
    request: SourceRequest,
    *,
    name: str,
    source: str,
    methods: int,
) -> SourceModel:
    """One method as a model."""
    bound = request.bound if method == FORWARD else {}
    if method != FORWARD:
        name, source = f"{name}.{method}", f"{source}.{method}"
    called: nn.Module
    if isinstance(module, torch.jit.ScriptModule):
        called, inputs = scripted_method(module, method, given)
    else:
        arguments = arguments_of(getattr(module, method), given, bound, method)
        inputs = tuple(spec for argument in arguments for spec in argument.specs)
        check_lists(module, arguments, method)
        called = adapted(module, arguments, bound, name, method)
    return SourceModel(
        name=_file_name(name),
        source=source,
        module=called,
        inputs=inputs,
        weights=WeightsInfo(kind="embedded"),
        method=method,
        sample_room=room_of_sample(name, inputs, request.golden_sample, methods),
    )


def _file_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)


def _check_tensors(module: nn.Module, source: str) -> None:
    for name, tensor in itertools.chain(module.named_parameters(), module.named_buffers()):
        if tensor.is_meta or torch.nn.parameter.is_lazy(tensor):
            raise SourceError(
                f"{source}: {name} has no values yet. Create the model on the CPU, and call a lazy module once in the factory."
            )
        if tensor.layout not in _LAYOUTS:
            layout = str(tensor.layout).removeprefix("torch.")
            raise SourceError(
                f"{source}: {name} has the layout {layout}, which torch can neither copy nor save; expected strided or "
                "sparse_coo. Convert it in the factory, for example with .to_sparse_coo() or .to_dense()."
            )


def _apply_weights(draft: SourceModel, request: SourceRequest, default_kind: str) -> WeightsInfo:
    if request.checkpoint_key is not None and request.checkpoint is None:
        raise UsageError("--checkpoint-key needs --checkpoint. Pass both, or leave it out.")
    if request.checkpoint is not None:
        load_checkpoint(inner(draft.module), request.checkpoint, request.checkpoint_key, request.trust_checkpoint)
        return WeightsInfo(
            kind="checkpoint", name=request.checkpoint.name, sha256=state_digest(inner(draft.module).state_dict())
        )
    if request.weights == "random":
        if request.require_pretrained:
            raise UsageError("--weights random and --require-pretrained exclude each other. Pass one of them.")
        if isinstance(draft.module, Detector):
            pictures = [draft.example()[0], *(draft.example(seed)[0] for seed in (2, 3))]  # those of the first probes
            randomize_detector(draft.module, pictures, request.seed)
        else:
            randomize(draft.module, draft.example(), request.seed)
        return WeightsInfo(kind="random", seed=request.seed, sha256=state_digest(inner(draft.module).state_dict()))
    if request.weights not in (None, "default"):
        raise UsageError(
            f"--weights {request.weights}: {draft.source} has no named weights. Pass --checkpoint FILE or --weights random."
        )
    return WeightsInfo(kind=default_kind, sha256=state_digest(inner(draft.module).state_dict()))
