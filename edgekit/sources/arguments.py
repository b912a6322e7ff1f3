"""The inputs grouped by the parameters of a method."""

import difflib
import inspect
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgekit.errors import UsageError
from edgekit.sources.inputs import INPUT_HELP, InputSpec
from edgekit.sources.records import annotations_of


def option_of(method: str) -> str:
    """The option that gives the inputs of a method, up to where an input begins."""
    return "--input " if method == "forward" else f"--method {method}:"


def check_distinct(given: Sequence[InputSpec], method: str = "forward") -> None:
    """Raises UsageError if two inputs of a method have the same name."""
    names = [spec.name for spec in given if spec.name]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(
            f"{option_of(method)}{twice[0]}=… was given {names.count(twice[0])} times; give each input once."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """A parameter of `forward` and the inputs that make it: one tensor, or several with names such as `state.0`.

    `plain` says that position and one tensor are enough. `lists` says for each depth of a nested
    parameter whether its annotation is a list there; the annotation may also be a dataclass or a named tuple.
    """

    name: str
    specs: tuple[InputSpec, ...]
    by_position: bool
    lists: tuple[bool, ...] = ()
    annotation: Any = None

    @property
    def plain(self) -> bool:
        return self.by_position and [spec.name for spec in self.specs] == [self.name]


def arguments_of(
    function: Callable[..., Any], given: Sequence[InputSpec], bound: Collection[str] = (), method: str = "forward"
) -> tuple[Argument, ...]:
    """Groups the inputs by the parameters of a method, in their order, and names those that have no name.

    Args:
        function: the method to call.
        given: the inputs; a name is a parameter's, or one with a path inside it such as `state.0`.
        bound: parameters that get other values than tensors.
        method: the name of the method, for messages.

    Raises:
        UsageError: the names or the number of inputs do not match the signature.
    """
    signature = list(inspect.signature(function).parameters.values())
    parameters = [p for p in signature if p.name not in bound]
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    names = [p.name for p in named]
    check_distinct(given, method)
    unnamed = [spec for spec in given if not spec.name]
    _check_bound(signature, given, bound, method)
    star = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
    groups: dict[str, list[InputSpec]] = {}
    for spec in given:
        if spec.name:
            head, _, rest = spec.name.partition(".")
            group = f"{head}.{rest.partition('.')[0]}" if head == star and rest else head
            groups.setdefault(group, []).append(spec)
    for name in [p.name for p in named if p.kind is not p.KEYWORD_ONLY]:
        if name not in groups and unnamed:
            groups[name] = [replace(unnamed.pop(0), name=name)]
    if star is not None:
        for index, spec in enumerate(unnamed, len(groups)):
            groups[f"input{index}"] = [replace(spec, name=f"input{index}")]
        names += [name for name in groups if name not in names]
        unnamed = []
    takes_more = any(p.kind is p.VAR_KEYWORD for p in parameters)
    listed = ", ".join(map(str, parameters))
    if unknown := [name for name in groups if name not in names and not takes_more]:
        raise UsageError(f"{option_of(method)}{unknown[0]}=…: {method} has no such parameter; it takes ({listed}).")
    missing = [p for p in named if p.default is p.empty and p.name not in groups]
    if unnamed and (takes_more or any(p.kind is p.KEYWORD_ONLY for p in missing)):
        name = missing[0].name if missing else "NAME"
        raise UsageError(
            f"{method} takes ({listed}), and an input without a name was given. Pass its name, for example "
            f"{option_of(method)}{name}={size_text(unnamed[0])}."
        )
    if missing:
        option = option_of(method).strip()
        what = f"Add --bind {missing[0].name}=VALUE." if _is_value(missing[0]) else f"Add {option}. {INPUT_HELP}"
        raise UsageError(f"{method} takes ({listed}) and no input was given for {missing[0].name!r}. {what}")
    if unnamed:
        raise UsageError(f"{len(given)} inputs were given, and {method} takes ({listed}). Pass fewer inputs.")
    return _in_order(signature, groups, annotations_of(function))


def size_text(spec: InputSpec) -> str:
    """The shape of an input as `--input` takes it."""
    return "x".join(map(str, spec.shape)) or "scalar"


def _is_value(parameter: inspect.Parameter) -> bool:
    """Whether a parameter takes a number, a flag or a text, by its annotation."""
    return getattr(parameter.annotation, "__name__", parameter.annotation) in ("int", "float", "bool", "str")


def _check_bound(
    signature: Sequence[inspect.Parameter], given: Sequence[InputSpec], bound: Collection[str], method: str
) -> None:
    """Raises UsageError if a bound name is not a parameter, or is an input too."""
    names = [p.name for p in signature if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    for name in bound:
        if name not in names and not any(p.kind is p.VAR_KEYWORD for p in signature):
            near = difflib.get_close_matches(name, names, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise UsageError(
                f"--bind {name}=…: {method} has no such parameter; it takes ({', '.join(map(str, signature))}).{hint}"
            )
        if name in {spec.name.partition(".")[0] for spec in given}:
            raise UsageError(f"{name} was given with {option_of(method).strip()} and with --bind; give it once.")


def _in_order(
    parameters: Sequence[inspect.Parameter], groups: dict[str, list[InputSpec]], annotations: Mapping[str, Any]
) -> tuple[Argument, ...]:
    """The arguments in the order of the signature; by position as long as no parameter before is left out or bound."""
    found, by_position = [], True
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            extras = [name for name in groups if re.fullmatch(rf"input\d+|{parameter.name}(\.\d+)?", name)]
            extras.sort(key=lambda name: int(re.sub(r"\D", "", name.removeprefix(parameter.name)) or 0))
            found += [Argument(name=name, specs=tuple(groups.pop(name)), by_position=True) for name in extras]
        elif parameter.kind is not parameter.VAR_KEYWORD:
            by_position = by_position and parameter.name in groups and parameter.kind is not parameter.KEYWORD_ONLY
            if parameter.name in groups:
                kinds = re.findall(r"\b(?:list|sequence|tuple|dict|mapping)\b", str(parameter.annotation).lower())
                lists = tuple(kind in ("list", "sequence") for kind in kinds)
                specs = tuple(groups.pop(parameter.name))
                annotation = annotations.get(parameter.name)
                found.append(
                    Argument(
                        name=parameter.name, specs=specs, by_position=by_position, lists=lists, annotation=annotation
                    )
                )
    return (*found, *(Argument(name=name, specs=tuple(specs), by_position=False) for name, specs in groups.items()))
