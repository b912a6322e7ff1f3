"""The type of a pass. A pass takes a ScriptModule and returns a new one, and decides itself when it applies.

To add a pass, add one file to this folder that defines `PASS`, and add its name to a row of `optimize/recipes.py`.
"""

import importlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import torch
from torch.jit._recursive import wrap_cpp_module

from edgekit.capture.graphs import all_nodes
from edgekit.errors import UsageError
from edgekit.optimize.recipes import FITS, Fit, Recipe


@dataclass(frozen=True, slots=True)
class Context:
    """What a pass can know about the model: inputs with which it can run `forward`, the user's example first.

    `other_sizes` means that the package may take inputs of more sizes than the examples have.
    """

    examples: tuple[tuple[torch.Tensor, ...], ...]
    other_sizes: bool = False

    @property
    def input_ranks(self) -> tuple[int, ...]:
        return tuple(tensor.dim() for tensor in self.examples[0])


def _always(_module: torch.jit.ScriptModule, _context: Context) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One step of a recipe, with its own policy.

    `apply(module, context, left_out)` does not change its input. `parts` are the names that the gate can leave out.
    `unfit(module, context)` returns the reason why the pass does not apply to a module, or an empty text if it does.
    `fits` are the targets for which the pass runs. `for_server` keeps the result in the server's file too. If the gate
    drops an `essential` pass, another way of capture is tried.
    """

    name: str
    apply: Callable[[torch.jit.ScriptModule, Context, Collection[str]], torch.jit.ScriptModule]
    parts: tuple[str, ...] = ()
    unfit: Callable[[torch.jit.ScriptModule, Context], str] = _always
    fits: tuple[Fit, ...] = FITS
    for_server: bool = False
    essential: bool = False


def passes_of(recipe: Recipe, fit: Fit) -> tuple[Pass, ...]:
    """The passes of a recipe that run for a target."""
    return tuple(step for step in map(load_pass, recipe.passes) if fit in step.fits)


def load_pass(name: str) -> Pass:
    """The pass that the file `optimize/passes/<name>.py` defines.

    Raises:
        UsageError: the file does not exist.
    """
    module = f"edgekit.optimize.passes.{name}"
    try:
        found: Pass = importlib.import_module(module).PASS
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise UsageError(f"unknown pass {name!r}; expected the name of a file in edgekit/optimize/passes.") from error
    return found


def is_frozen(module: torch.jit.ScriptModule) -> bool:
    return not hasattr(module, "training")  # torch.jit.freeze removes this attribute


def copy_frozen(module: torch.jit.ScriptModule) -> torch.jit.ScriptModule:
    """A copy of a frozen module, so that its graph can be edited. Both share the constants.

    From Python, freezing a frozen module again is the only way to copy its graph.
    """
    copied: torch.jit.ScriptModule = wrap_cpp_module(torch._C._freeze_module(module._c, [], True, False))
    return copied


def telling_examples(module: torch.jit.ScriptModule, context: Context) -> tuple[tuple[torch.Tensor, ...], ...]:
    """The examples that may run different operators: all of them, or only the first if the graph has no branches or loops."""
    nodes = all_nodes(module.inlined_graph)
    return context.examples if any(list(node.blocks()) for node in nodes) else context.examples[:1]


def graph_of(module: torch.jit.ScriptModule) -> Any:
    """The graph of `forward`. Its type is Any, because torch's stubs lack most of its methods."""
    return module.graph


def insert(graph: Any, kind: str, inputs: list[Any], type_: Any = None) -> Any:
    """Inserts a node at the insert point of the graph. Returns its output, a tensor unless `type_` is given."""
    node = graph.insertNode(graph.create(kind, inputs, 1))
    if type_ is not None:
        node.output().setType(type_)
    return node.output()


def constant_of(value: Any) -> Any:
    """The constant that a value of a graph holds. None if the value is None, or if only a run decides it."""
    return value.toIValue() if value.node().kind() == "prim::Constant" else None
