"""Where a model comes from: a factory, a TorchScript file, or a module at hand; `zoo` adds torchvision's names."""

import contextlib
import difflib
import importlib
import importlib.util
import itertools
import logging
import re
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgekit.errors import SourceError, UsageError, first_line
from edgekit.format.schema import ImageSpec, WeightsInfo
from edgekit.sources.inputs import InputSpec, check_distinct, named_for
from edgekit.sources.weights import load_state, randomize, read_checkpoint, seeded, state_digest

_log = logging.getLogger(__name__)

_MODE_MATTERS = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRequest:
    """What the user asked for; `weights` None means the source's default."""

    inputs: Sequence[InputSpec] = ()
    weights: str | None = None
    checkpoint: Path | None = None
    seed: int = 0
    require_pretrained: bool = False
    image: ImageSpec | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceModel:
    """A model in eval mode with all that is known of it; `module` may be a ScriptModule."""

    name: str
    source: str
    module: nn.Module
    inputs: tuple[InputSpec, ...]
    weights: WeightsInfo
    image: ImageSpec | None = None
    labels: tuple[str, ...] = ()

    def example(self, seed: int = 1) -> tuple[torch.Tensor, ...]:
        """The inputs as tensors, generated from a seed; each input has bits of its own."""
        return tuple(torch.from_numpy(spec.generate(input_seed(seed, index))) for index, spec in enumerate(self.inputs))


def input_seed(seed: int, index: int) -> int:
    """The seed of the input at `index` in the case `seed`."""
    return seed + 1000 * index


def load_code_source(text: str, request: SourceRequest) -> SourceModel:
    """Resolves a source that the user wrote.

    Args:
        text: `pkg.module:factory`, `path/file.py:factory` or `path/model.pt`.

    Raises:
        UsageError: unknown name, or inputs that do not fit the signature.
        SourceError: the factory, the file or the weights cannot be had.
    """
    location, colon, attribute = text.rpartition(":")
    if colon:
        module = _from_factory(location, attribute, request.seed)
        name = attribute
        source = f"{Path(location).name if location.endswith('.py') else location}:{attribute}"
        return from_module(module, name=name, source=source, request=request)
    if text.endswith((".pt", ".pth", ".ts", ".torchscript")):
        path = Path(text)
        return from_module(_from_torchscript(path), name=path.stem, source=path.name, request=request)
    raise UsageError(
        f"{text} names no model. Expected FILE.py:FACTORY, PKG.MODULE:FACTORY, MODEL.pt or the name of a torchvision model."
    )


def from_module(
    module: object, *, name: str, source: str, request: SourceRequest, default_kind: str = "embedded"
) -> SourceModel:
    """A SourceModel of a module at hand: eval mode, a checkpoint or random weights where asked for, inputs named."""
    if not isinstance(module, nn.Module):
        raise SourceError(f"{source} gave a {type(module).__name__}; expected a torch.nn.Module.")
    _check_materialized(module, source)
    if any(isinstance(child, _MODE_MATTERS) and child.training for child in module.modules()):
        _log.warning(
            "%s was in train mode: exporting it in eval mode (dropout off, BatchNorm with its statistics)", name
        )
    module.eval()
    if isinstance(module, torch.jit.ScriptModule):
        inputs = _named_for_script(module, request.inputs)
    else:
        inputs = named_for(module.forward, request.inputs)
    draft = SourceModel(
        name=re.sub(r"[^A-Za-z0-9_.-]", "_", name),
        source=source,
        module=module,
        inputs=inputs,
        weights=WeightsInfo(kind=default_kind),
        image=request.image,
        labels=request.labels,
    )
    weights = _apply_weights(draft, request, default_kind)
    return replace(draft, weights=weights)


def _check_materialized(module: nn.Module, source: str) -> None:
    for name, tensor in itertools.chain(module.named_parameters(), module.named_buffers()):
        if tensor.is_meta or torch.nn.parameter.is_lazy(tensor):
            raise SourceError(
                f"{source}: {name} has no values yet. Make the model on the CPU, and call a lazy module once in the factory."
            )


def _apply_weights(draft: SourceModel, request: SourceRequest, default_kind: str) -> WeightsInfo:
    if request.checkpoint is not None:
        load_state(draft.module, read_checkpoint(request.checkpoint), f"checkpoint {request.checkpoint}")
        return WeightsInfo(
            kind="checkpoint", name=request.checkpoint.name, sha256=state_digest(draft.module.state_dict())
        )
    if request.weights == "random":
        if request.require_pretrained:
            raise UsageError("random weights and --require-pretrained exclude each other.")
        randomize(draft.module, draft.example(), request.seed)
        return WeightsInfo(kind="random", seed=request.seed, sha256=state_digest(draft.module.state_dict()))
    if request.weights not in (None, "default"):
        raise UsageError(
            f"--weights {request.weights}: {draft.source} has no named weights; pass --checkpoint FILE, or random."
        )
    return WeightsInfo(kind=default_kind, sha256=state_digest(draft.module.state_dict()))


def _named_for_script(module: torch.jit.ScriptModule, given: Sequence[InputSpec]) -> tuple[InputSpec, ...]:
    check_distinct(given)
    if not module._c._has_method("forward"):
        raise SourceError("the TorchScript module has no method forward. Save it with one.")
    arguments = module._c._get_method("forward").schema.arguments[1:]
    names = [argument.name for argument in arguments]
    required = [argument.name for argument in arguments if not argument.has_default_value()]
    unnamed = [spec for spec in given if not spec.name]
    if len(given) > len(names) or len(given) < len(required) or (unnamed and len(unnamed) < len(given)):
        raise UsageError(
            f"{len(given)} inputs were given, and forward takes ({', '.join(names)}). Add --input SHAPE for each, in order."
        )
    if unnamed:
        return tuple(replace(spec, name=name) for spec, name in zip(given, names, strict=False))
    by_name = {spec.name: spec for spec in given}
    if unknown := sorted(by_name.keys() - set(names)):
        raise UsageError(f"--input {unknown[0]}=…: forward has no such parameter; it takes ({', '.join(names)}).")
    return tuple(by_name[name] for name in names if name in by_name)


@contextlib.contextmanager
def _import_path(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(str(folder))


def _import(location: str) -> Any:
    if location.endswith(".py"):
        path = Path(location).resolve()
        if not path.is_file():
            raise SourceError(f"{location} does not exist, or is no file.")
        name = path.stem if path.stem not in sys.modules else f"_edgekit_source_{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None  # noqa: PT018  a .py file always has a loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # scripting looks a class's source up through its module
        with _import_path(path.parent):
            spec.loader.exec_module(module)
        return module
    with _import_path(Path.cwd()):
        return importlib.import_module(location)


def _from_factory(location: str, attribute: str, seed: int) -> object:
    try:
        module = _import(location)
    except SourceError:
        raise
    except ModuleNotFoundError as error:
        raise SourceError(
            f"{location} cannot be imported: {error}. Run from the folder that holds it, or install it."
        ) from error
    except (Exception, SystemExit) as error:
        raise SourceError(f"{location} raises on import: {_user_error(error)}") from error
    factory: Callable[[], object] | None = getattr(module, attribute, None)
    if factory is None:
        public = [name for name in vars(module) if not name.startswith("_")]
        near = difflib.get_close_matches(attribute, public, n=3)
        raise SourceError(f"{location} has no {attribute!r}." + (f" Did you mean {', '.join(near)}?" if near else ""))
    if isinstance(factory, nn.Module):
        return factory
    if not callable(factory):
        raise SourceError(
            f"{location}:{attribute} is a {type(factory).__name__}; expected a function or class that makes a model."
        )
    try:
        with seeded(seed):
            return factory()
    except (Exception, SystemExit) as error:
        raise SourceError(f"{location}:{attribute}() raises: {_user_error(error)}") from error


def _user_error(error: BaseException) -> str:
    """The user's exception in one line, with the last place outside of edgekit and of installed packages."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _is_foreign(frame.filename)]
    place = f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""
    return f"{type(error).__name__}: {first_line(error)}{place}"


def _is_foreign(filename: str) -> bool:
    installed = (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), str(Path(__file__).parents[1]))
    return filename.startswith(("<", *installed))


def _from_torchscript(path: Path) -> torch.jit.ScriptModule:
    if not path.is_file():
        raise SourceError(f"{path} does not exist, or is no file.")
    try:
        module: torch.jit.ScriptModule = torch.jit.load(str(path), map_location="cpu")
    except Exception as error:  # torch raises RuntimeError, ValueError, pickle and zip errors alike
        first = first_line(error)
        raise SourceError(
            f"{path} is not a TorchScript file: {first} For a state dict, name its model and pass --checkpoint {path}."
        ) from error
    return module
