"""Models from `torch.export` programs (`.pt2`): the program's module, its example inputs and its dynamic sizes.

A program computes with the sizes of its inputs, which a trace would keep as constants. So a program whose graph has sizes
in it is scripted: its graph is a list of `aten` operators, and TorchScript has the same operators.
"""

import copy
import inspect
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import fx, nn
from torch.export import ExportedProgram
from torch.utils import _pytree

from edgekit.errors import CaptureError, SourceError, UsageError, first_line
from edgekit.sources.adapter import Adapter
from edgekit.sources.dynamic import DynamicAxis
from edgekit.sources.examples import as_inputs
from edgekit.sources.inputs import InputSpec, parse_input
from edgekit.sources.source import SourceModel, SourceRequest, from_module

_log = logging.getLogger(__name__)

_FURTHEST = 16  # times the example's size: what a program promises beyond that is proved only if the user asks for it
_CHECKS = ("_assert_", "sym_constrain_range", "_guards_fn")  # they only refuse inputs
_TRAINING = {"aten::dropout": 2, "aten::batch_norm": 5, "aten::rrelu": 3}  # the argument that means training mode


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Hides what torch says of its own code as it reads and copies a program."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class ProgramModule(Adapter):
    """The base of modules around programs; `model` is the program's module, which checks its inputs."""

    def __prepare_scriptable__(self) -> nn.Module:
        return _graph_module(self.get_submodule("model"), for_script=True)

    def __deepcopy__(self, memo: dict[int, Any]) -> nn.Module:
        copied = type(self)()
        memo[id(self)] = copied
        with _without_warnings():
            vars(copied).update(copy.deepcopy(vars(self), memo))
        return copied

    def call(self, *args: Any, **kwargs: Any) -> Any:
        model: Any = self.get_submodule("model")
        if not torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]  # torch gives it no types
            return model(*args, **kwargs)
        if any(map(_is_size, model.graph.nodes)):
            raise CaptureError(
                "the program computes with the sizes of its inputs, which a trace would keep as constants"
            )
        return _graph_module(model, for_script=False)(*args, **kwargs)


def from_program(path: Path, request: SourceRequest) -> SourceModel:
    """Loads a program of `torch.export.save`.

    Raises:
        SourceError: torch cannot read the file on this machine, or the program is in training mode.
        UsageError: the inputs do not fit the program.
    """
    return from_exported(_loaded(path), name=path.stem, source=path.name, request=request)


def from_exported(program: ExportedProgram, *, name: str, source: str, request: SourceRequest) -> SourceModel:
    """The model of a program, with its example inputs, constants and dynamic sizes where the request has none."""
    _check_eval(program, source)
    module = _module(program)
    inputs, bound = _examples(program, module)
    if not request.inputs and not inputs and inspect.signature(module.forward).parameters:
        raise UsageError(
            f"{source} has no example inputs. Add --input for each of its inputs, for example 1x3x224x224."
        )
    request = replace(
        request,
        inputs=request.inputs or inputs,
        bound={**bound, **request.bound},
        dynamic=request.dynamic or tuple(_dynamic(program, inputs, source)),
    )
    return from_module(module, name=name, source=source, request=request)


def _loaded(path: Path) -> ExportedProgram:
    try:
        with _without_warnings(), path.open("rb") as file:  # torch warns of a path with another suffix
            return torch.export.load(file)
    except Exception as error:  # torch raises many types, for example for operators that it does not know
        raise SourceError(
            f"{path} cannot be loaded as a torch.export program: {type(error).__name__}: {first_line(error)} {_remedy(error)}"
        ) from error


def _remedy(error: Exception) -> str:
    text = str(error)
    if "cuda" in text.lower() or "device" in text.lower():
        return "It was made on another device: move the model to the CPU, and export and save the program again."
    if "version" in text.lower() or isinstance(error, KeyError | TypeError):
        return f"Save it again with the torch that runs here ({torch.__version__})."
    return (
        "If it has operators of a library, export it from Python with that library imported: edgekit.export(model, …)."
    )


def _check_eval(program: ExportedProgram, source: str) -> None:
    for node in program.graph.nodes:
        place = _TRAINING.get(getattr(node.target, "_schema", node).name)
        if place is not None and len(node.args) > place and node.args[place] is True:
            raise SourceError(
                f"{source} was made in training mode: its operator {node.name} trains. Call model.eval() before "
                "torch.export.export, and save the program again."
            )


def _module(program: ExportedProgram) -> ProgramModule:
    """The program as a module in eval mode, whose `forward` has the program's signature."""
    with _without_warnings():
        model = program.module()
    for each in model.modules():
        each.training = False  # a program's module refuses eval()
    for name in ("train", "eval"):
        vars(model).pop(name, None)
    signature = inspect.signature(model.forward)
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)

    def forward(self: ProgramModule, *args: Any, **kwargs: Any) -> Any:
        return self.call(*args, **kwargs)

    with _without_warnings():
        positional = program.call_spec.in_spec.children_specs[0].num_children
    parameters = [
        inspect.Parameter(name, own.kind if index < positional else inspect.Parameter.KEYWORD_ONLY)
        for index, name in enumerate(signature.parameters)
    ]
    forward.__signature__ = inspect.Signature([own, *parameters])  # type: ignore[attr-defined]  # `inspect` reads it
    made: ProgramModule = type("Program", (ProgramModule,), {"forward": forward})()
    made.model = model
    return made


def _examples(program: ExportedProgram, module: nn.Module) -> tuple[tuple[InputSpec, ...], dict[str, Any]]:
    """The program's example inputs, and the values of its parameters that are not tensors."""
    if program.example_inputs is None:
        return (), {}
    args, kwargs = program.example_inputs
    names = list(inspect.signature(module.forward).parameters)
    named = {**dict(zip(names, args, strict=False)), **kwargs}
    tensors = {name: value for name, value in named.items() if _pytree.tree_leaves(value) and _all_tensors(value)}
    specs = tuple(_widened(spec) for spec in as_inputs(None, tensors))
    return specs, {name: value for name, value in named.items() if name not in tensors}


def _all_tensors(value: Any) -> bool:
    return all(isinstance(leaf, torch.Tensor) for leaf in _pytree.tree_leaves(value))


def _widened(spec: InputSpec) -> InputSpec:
    """An example of equal elements, such as zeros, says nothing about the range: only its shape and dtype are used."""
    if spec.low < spec.high or spec.dtype == "bool" or not spec.shape:
        return spec
    usual = parse_input(f"{'x'.join(map(str, spec.shape))}:{spec.dtype}")
    return replace(usual, name=spec.name)


def _dynamic(program: ExportedProgram, inputs: Sequence[InputSpec], name: str) -> Iterator[DynamicAxis]:
    """The sizes that the program takes, as far as its bounds are finite."""
    wanted = set(program.graph_signature.user_inputs)
    shapes = [
        node.meta["val"].shape
        for node in program.graph.nodes
        if node.op == "placeholder" and node.name in wanted and isinstance(node.meta.get("val"), torch.Tensor)
    ]
    if len(shapes) != len(inputs):
        return
    for spec, shape in zip(inputs, shapes, strict=True):
        for axis, size in enumerate(shape):
            found = None if isinstance(size, int) else _bounds(program, size)
            if found is not None:
                yield _limited(DynamicAxis(name=spec.name, axis=axis, **found), spec.shape[axis], name)


def _bounds(program: ExportedProgram, size: torch.SymInt) -> dict[str, int] | None:
    """The range of a size such as `s0` or `8*s0`; None if it has no upper bound or another form."""
    expression = size.node.expr
    symbols = list(expression.free_symbols)
    if len(symbols) != 1 or not (expression / symbols[0]).is_Integer or symbols[0] not in program.range_constraints:
        return None
    values, multiple = program.range_constraints[symbols[0]], int(expression / symbols[0])
    if not values.upper.is_finite or values.upper > 2**31:
        return None
    return {"min": max(int(values.lower), 1) * multiple, "max": int(values.upper) * multiple, "multiple": multiple}


def _limited(asked: DynamicAxis, size: int, name: str) -> DynamicAxis:
    most = max(_FURTHEST * size // asked.multiple * asked.multiple, size)
    if asked.max <= most:
        return asked
    _log.warning(
        "%s takes axis %d of %s up to %d; it is proved up to %d, and --dynamic asks for more",
        *(name, asked.axis, asked.name, asked.max, most),
    )
    return replace(asked, max=most)


def _is_size(node: fx.Node) -> bool:
    return node.target is torch.ops.aten.sym_size.int


def _graph_module(model: Any, *, for_script: bool) -> nn.Module:
    """The program's graph without its checks; `for_script` in the operators and the plain outputs that TorchScript has."""
    with _without_warnings():
        graph = copy.deepcopy(model.graph)
    for node in reversed(list(graph.nodes)):
        if any(part in str(node.target) for part in _CHECKS) and not node.users:
            graph.erase_node(node)
    if not for_script:
        graph.set_codegen(model.graph._codegen)
        made = fx.GraphModule(model, graph)
        made._in_spec, made._out_spec = model._in_spec, model._out_spec
        return made
    graph.set_codegen(fx.graph.CodeGen())
    for node in graph.nodes:
        if _is_size(node):
            node.op, node.target = "call_method", "size"
        elif isinstance(node.target, torch._ops.OpOverload):
            node.target = node.target.overloadpacket
        elif isinstance(node.target, torch._ops.HigherOrderOperator):
            raise CaptureError(f"the program has {node.target}, which TorchScript lacks: write the model without it")
        elif node.op == "output":
            node.args = (_plain(_pytree.tree_unflatten(list(node.args[0]), model._out_spec)),)
    graph.eliminate_dead_code()
    return _plain_module(fx.GraphModule(model, graph))


def _plain_module(made: fx.GraphModule) -> nn.Module:
    """The same as a plain module: torch.jit warns of annotations in the class of graph modules."""
    plain: nn.Module = type("ProgramGraph", (nn.Module,), {"forward": type(made).forward})()
    for kind in ("_parameters", "_buffers", "_modules"):
        vars(plain)[kind].update(vars(made)[kind])
    return plain.eval()


def _plain(value: Any) -> Any:
    """Outputs as TorchScript takes them: a value, or a tuple, list or dict of values."""
    if isinstance(value, fx.Node) or type(value) in (bool, int, float):
        return value
    if type(value) in (tuple, list):
        return type(value)(map(_plain, value))
    if type(value) is dict:
        return {key: _plain(item) for key, item in value.items()}
    raise CaptureError(
        f"the program returns a {type(value).__name__}, which TorchScript lacks: return tensors, tuples or dicts"
    )
