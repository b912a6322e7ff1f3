"""Models from the user's code: `pkg.module:factory` and `path/file.py:factory`, which may be a module itself."""

import contextlib
import difflib
import importlib
import importlib.util
import inspect
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from edgekit.errors import SourceError, UsageError, kind_of
from edgekit.format.schema import AS_MADE
from edgekit.sources.blame import user_error
from edgekit.sources.source import SourceModel, SourceRequest, from_module
from edgekit.sources.weights import seeded

_log = logging.getLogger(__name__)


def from_factory(location: str, attribute: str, request: SourceRequest) -> SourceModel:
    """Imports a module or a file, and calls the function or class that makes the model, or takes the model itself.

    Raises:
        SourceError: the code cannot be imported, has no such attribute, or raises.
        UsageError: the arguments do not fit the factory, or the inputs the signature of `forward`.
    """
    module = _made(location, attribute, request.arguments, request.seed)
    place = Path(location).name if location.endswith(".py") else location
    return from_module(module, name=attribute, source=f"{place}:{attribute}", request=request, default_kind=AS_MADE)


@contextlib.contextmanager
def _own_arguments(location: str) -> Iterator[None]:
    """Hides edgekit's own command line from the user's code, which may read one."""
    before = sys.argv
    sys.argv = [location]
    try:
        yield
    finally:
        sys.argv = before


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
            raise SourceError(f"{location} does not exist or is not a file.")
        name = path.stem if path.stem not in sys.modules else f"_edgekit_source_{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None  # noqa: PT018  a .py file always has a loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # torch.jit.script finds the source of a class through its module
        try:
            with _import_path(path.parent):
                spec.loader.exec_module(module)
        except ImportError as error:
            if "relative import" not in str(error):
                raise
            del sys.modules[name]
            return _in_package(path)
        return module
    with _import_path(Path.cwd()):
        return importlib.import_module(location)


def _in_package(path: Path) -> Any:
    """The module of a file with relative imports, as a part of the packages whose folders it is in."""
    folders = [path.parent]
    while (folders[-1].parent / "__init__.py").is_file():
        folders.append(folders[-1].parent)
    names = [folder.name for folder in reversed(folders)] + ([] if path.stem == "__init__" else [path.stem])
    with _import_path(folders[-1].parent):
        return importlib.import_module(".".join(names))


def _made(location: str, attribute: str, arguments: Mapping[str, Any], seed: int) -> object:
    found = _attribute(location, attribute)
    if isinstance(found, nn.Module) or not callable(found):
        if arguments:
            raise UsageError(
                f"--arg {next(iter(arguments))}=…: {location}:{attribute} is a {type(found).__name__} and not a factory, so "
                "it takes no arguments. Leave --arg out."
            )
        if isinstance(found, nn.Module):
            return found
        raise SourceError(
            f"{location}:{attribute} is {kind_of(found)}; expected a model, or a function or class that makes one."
        )
    _check_arguments(found, f"{location}:{attribute}", arguments)
    try:
        with seeded(seed), _own_arguments(location):
            return _alone(found(**arguments), f"{location}:{attribute}")
    except (Exception, SystemExit) as error:
        raise SourceError(f"{location}:{attribute}({_listed(arguments)}) raises: {user_error(error)}") from error


def _alone(made: object, name: str) -> object:
    """The model of a factory that returns it with other things, such as its transforms; reported."""
    models = [part for part in made if isinstance(part, nn.Module)] if isinstance(made, tuple) else []
    if len(models) != 1:
        return made
    _log.warning("%s returns a tuple; its %s is exported", name, type(models[0]).__name__)
    return models[0]


def _attribute(location: str, attribute: str) -> Any:
    try:
        with _own_arguments(location):
            module = _import(location)
    except SourceError:
        raise
    except ModuleNotFoundError as error:
        raise SourceError(
            f"{location} cannot be imported: {error}. Run edgekit in the folder that contains it, or install it."
        ) from error
    except (Exception, SystemExit) as error:
        raise SourceError(f"{location} raises on import: {user_error(error)}") from error
    found = getattr(module, attribute, None)
    if found is None:
        public = [name for name in vars(module) if not name.startswith("_")]
        near = difflib.get_close_matches(attribute, public, n=3)
        raise SourceError(f"{location} has no {attribute!r}." + (f" Did you mean {', '.join(near)}?" if near else ""))
    return found


def _check_arguments(factory: Callable[..., object], name: str, arguments: Mapping[str, Any]) -> None:
    """Compares the arguments of the user with the signature of the factory.

    Raises:
        UsageError: the factory has no such parameter, or needs one that was not given.
    """
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (ValueError, TypeError):  # some functions of extensions have no signature: the call decides
        return
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    takes = f"({', '.join(map(str, parameters))})"
    known = [p.name for p in named]
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        for given in arguments:
            if given not in known:
                near = difflib.get_close_matches(given, known, n=1)
                hint = f" Did you mean {near[0]}?" if near else ""
                raise UsageError(f"--arg {given}=…: {name} has no such parameter; it takes {takes}.{hint}")
    needed = [p for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    for parameter in needed:
        if parameter.name not in arguments:
            raise UsageError(
                f"{name} needs the argument {parameter.name!r}; it takes {takes}. Pass --arg {parameter.name}=VALUE."
            )


def _listed(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in arguments.items())
