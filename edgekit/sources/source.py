"""A loaded model and what is known about it. The other files of this folder load one by name, from a factory or a file."""

import itertools
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgekit.errors import SourceError, UsageError
from edgekit.format.schema import Activation, ImageSpec, WeightsInfo
from edgekit.sources.adapter import adapted, inner
from edgekit.sources.checkpoints import load_checkpoint
from edgekit.sources.copies import exportable, unwrapped
from edgekit.sources.inputs import InputSpec, arguments_of, check_distinct
from edgekit.sources.lists import check_lists
from edgekit.sources.samples import keeps_sample
from edgekit.sources.weights import randomize, state_digest

_log = logging.getLogger(__name__)

_MODE_MATTERS = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)


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

    `bound` are values of parameters of `forward` that are not tensors. `golden_sample` keeps the arrays of
    `inputs` as a golden case.
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
    bound: Mapping[str, Any] = field(default_factory=dict)
    golden_sample: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceModel:
    """A model in eval mode and what is known about it. `module` may be a ScriptModule.

    `keeps_sample` means that the arrays of the user become a golden case, with their bytes.
    """

    name: str
    source: str
    module: nn.Module
    inputs: tuple[InputSpec, ...]
    weights: WeightsInfo
    image: ImageSpec | None = None
    ranking: RankingRequest = RankingRequest()
    labels: tuple[str, ...] = ()
    keeps_sample: bool = False

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
        raise SourceError(f"{source} returned a {type(module).__name__}; expected a torch.nn.Module.")
    module = unwrapped(module, name)
    _check_materialized(module, source)
    module = exportable(module, name)
    _warn_of_lost_methods(module, name)
    if any(isinstance(child, _MODE_MATTERS) and child.training for child in module.modules()):
        _log.warning(
            "%s was in train mode; it is exported in eval mode (no dropout, BatchNorm with its statistics)", name
        )
    module.eval()
    if isinstance(module, torch.jit.ScriptModule):
        inputs = _named_for_script(module, request.inputs)
    else:
        arguments = arguments_of(module.forward, request.inputs, request.bound)
        inputs = tuple(spec for argument in arguments for spec in argument.specs)
        check_lists(module, arguments)
        module = adapted(module, arguments, request.bound, name)
    draft = SourceModel(
        name=re.sub(r"[^A-Za-z0-9_.-]", "_", name),
        source=source,
        module=module,
        inputs=inputs,
        weights=WeightsInfo(kind=default_kind),
        image=request.image,
        ranking=request.ranking,
        labels=request.labels,
        keeps_sample=keeps_sample(name, inputs, request.golden_sample),
    )
    weights = _apply_weights(draft, request, default_kind)
    return replace(draft, weights=weights)


def _warn_of_lost_methods(module: nn.Module, name: str) -> None:
    if isinstance(module, torch.jit.ScriptModule):
        methods = list(module._c._method_names())
    else:
        exported = torch._jit_internal.FunctionModifiers.EXPORT
        members = ((key, value) for kind in type(module).__mro__ for key, value in vars(kind).items())
        methods = [key for key, value in members if getattr(value, "_torchscript_modifier", None) == exported]
    lost = [method for method in dict.fromkeys(methods) if method != "forward"]
    if lost:
        _log.warning("%s: only forward is exported; the package will not have %s", name, ", ".join(lost))


def _check_materialized(module: nn.Module, source: str) -> None:
    for name, tensor in itertools.chain(module.named_parameters(), module.named_buffers()):
        if tensor.is_meta or torch.nn.parameter.is_lazy(tensor):
            raise SourceError(
                f"{source}: {name} has no values yet. Create the model on the CPU, and call a lazy module once in the factory."
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
        randomize(draft.module, draft.example(), request.seed)
        return WeightsInfo(kind="random", seed=request.seed, sha256=state_digest(inner(draft.module).state_dict()))
    if request.weights not in (None, "default"):
        raise UsageError(
            f"--weights {request.weights}: {draft.source} has no named weights. Pass --checkpoint FILE or --weights random."
        )
    return WeightsInfo(kind=default_kind, sha256=state_digest(inner(draft.module).state_dict()))


def _named_for_script(module: torch.jit.ScriptModule, given: Sequence[InputSpec]) -> tuple[InputSpec, ...]:
    check_distinct(given)
    if not module._c._has_method("forward"):
        raise SourceError("the TorchScript module has no method forward. Define forward before you save the module.")
    arguments = module._c._get_method("forward").schema.arguments[1:]
    names = [argument.name for argument in arguments]
    required = [argument.name for argument in arguments if not argument.has_default_value()]
    unnamed = [spec for spec in given if not spec.name]
    if len(given) > len(names) or len(given) < len(required) or (unnamed and len(unnamed) < len(given)):
        raise UsageError(
            f"{len(given)} inputs were given, and forward takes ({', '.join(names)}). Pass one --input for each, in order."
        )
    if unnamed:
        return tuple(replace(spec, name=name) for spec, name in zip(given, names, strict=False))
    by_name = {spec.name: spec for spec in given}
    if unknown := sorted(by_name.keys() - set(names)):
        raise UsageError(f"--input {unknown[0]}=…: forward has no such parameter; it takes ({', '.join(names)}).")
    return tuple(by_name[name] for name in names if name in by_name)
