"""The operators of a captured model, with the module and the source line that call each, and what another torch lacks of them."""

import linecache
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import edgekit
from edgekit.capture.graphs import all_nodes
from edgekit.sources.adapter import GENERATED

_INTERNAL = ("prim", "profiler")  # torch's own nodes, which every torch has
_FRAME = re.compile(r'^(?:\s*(?:Serialized\s+)?File "(?P<script>.+)", line (\d+)|(?P<trace>\S.*)\((\d+)\): .+)$')
_TRACER = "torch/jit/_trace.py"
_INSTALLED = ("<", f"{Path(torch.__file__).parent}/", f"{Path(edgekit.__file__).parent}/")
_TORCH, _TORCHVISION = "-packages/torch/", "-packages/torchvision/"  # of any machine


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorUse:
    """An operator's schema, as torch writes it, and where the model first calls it.

    `module` is the module's name, empty for the model itself. `line` has the file's name, the number and the code.
    """

    schema: str
    module: str
    line: str

    @property
    def name(self) -> str:
        """The operator without its overload, for example `aten::add`."""
        return self.schema.partition("(")[0].partition(".")[0]

    def __str__(self) -> str:
        where = ", ".join(filter(None, [f"in {self.module}" if self.module else "", self.line]))
        return f"{self.name} ({where or 'no source line is known'})"


def operators_of(module: torch.jit.ScriptModule) -> tuple[OperatorUse, ...]:
    """The operators that a model calls, sorted by schema."""
    parts = list(_own_parts(module))
    found: dict[str, OperatorUse] = {}
    graphs = [(name, part._c._get_method(method).graph) for name, part in parts for method in part._c._method_names()]
    for name, graph in reversed(graphs):  # the inner modules first
        _collect(graph, name, found)
    if any(node.kind() == "prim::CallFunction" for _, graph in graphs for node in all_nodes(graph)):
        found |= _in_functions(parts, found)
    return tuple(found[schema] for schema in sorted(found))


def _in_functions(parts: Sequence[tuple[str, Any]], known: Mapping[str, OperatorUse]) -> dict[str, OperatorUse]:
    """The operators of scripted functions, with the innermost module that calls them."""
    found: dict[str, OperatorUse] = {}
    for name, part in reversed(parts):
        if hasattr(part, "forward"):
            graph = part.inlined_graph  # it owns its nodes
            _collect(graph, name, found)
    return {schema: use for schema, use in found.items() if schema not in known}


def _own_parts(module: Any) -> Iterator[tuple[str, Any]]:
    """The modules with the names that they have in the user's model, without its adapter."""
    prefix, own = "", module
    while getattr(own, "original_name", "") == GENERATED:
        prefix, own = f"{prefix}model.", own.model
    for name, part in module.named_modules():
        yield name.removeprefix(prefix) if name.startswith(prefix) else "", part


def _collect(graph: Any, module: str, found: dict[str, OperatorUse]) -> None:
    for node in all_nodes(graph):
        if node.kind().partition("::")[0] in _INTERNAL:
            continue
        schema = node.schema()
        if schema not in found and "::" in schema:
            found[schema] = OperatorUse(schema=schema, module=module, line=source_line(node.sourceRange()))


def source_line(source_range: str) -> str:
    """The line of the model behind a source range of torch, for example `net.py:12: y = torch.relu(x)`; empty if it has none.

    That is the innermost line outside torch, torchvision and edgekit, or else torchvision's or torch's own.
    """
    frames: list[tuple[str, int]] = []
    for row in source_range.splitlines():
        if (match := _FRAME.match(row)) is None:
            continue
        script, at_script, trace, at_trace = match.groups()
        file = script or trace
        if file.endswith(_TRACER):  # what follows called the tracer
            break
        frames.append((file, int(at_script or at_trace)))
    if not frames:
        return ""
    outside = [frame for frame in frames if not frame[0].startswith(_INSTALLED) and _TORCH not in frame[0]]
    own = (frame for frame in outside if _TORCHVISION not in frame[0])
    file, number = next(own, (outside or frames)[0])
    code = linecache.getline(file, number).strip() or _marked(source_range)
    return f"{Path(file).name}:{number}" + (f": {code}" if code else "")


def _marked(source_range: str) -> str:
    """The line of TorchScript that a source range marks."""
    lines = source_range.splitlines()
    return next((lines[i - 1].strip() for i, line in enumerate(lines) if i and "<--- HERE" in line), "")


def lacking(uses: Sequence[OperatorUse]) -> tuple[OperatorUse, ...]:
    """Those that this process's torch does not have under any schema."""
    return tuple(use for use in uses if not _schemas(use))


def unlike(uses: Sequence[OperatorUse]) -> tuple[OperatorUse, ...]:
    """Those that this process's torch has under other schemas alone. Most calls of them load all the same."""
    return tuple(use for use in uses if (known := _schemas(use)) and use.schema not in known)


def _schemas(use: OperatorUse) -> frozenset[str]:
    return frozenset(map(str, torch._C._jit_get_schemas_for_operator(use.name)))
