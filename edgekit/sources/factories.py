"""Models from the user's code: `pkg.module:factory` and `path/file.py:factory`."""

import contextlib
import difflib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from torch import nn

from edgekit.errors import SourceError
from edgekit.sources.blame import user_error
from edgekit.sources.source import SourceModel, SourceRequest, from_module
from edgekit.sources.weights import seeded


def from_factory(location: str, attribute: str, request: SourceRequest) -> SourceModel:
    """Imports a module or a file, and calls the function or class that makes the model.

    Raises:
        SourceError: the code cannot be imported, has no such attribute, or raises.
        UsageError: the inputs do not fit the signature of `forward`.
    """
    module = _made(location, attribute, request.seed)
    place = Path(location).name if location.endswith(".py") else location
    return from_module(module, name=attribute, source=f"{place}:{attribute}", request=request)


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
        with _import_path(path.parent):
            spec.loader.exec_module(module)
        return module
    with _import_path(Path.cwd()):
        return importlib.import_module(location)


def _made(location: str, attribute: str, seed: int) -> object:
    try:
        module = _import(location)
    except SourceError:
        raise
    except ModuleNotFoundError as error:
        raise SourceError(
            f"{location} cannot be imported: {error}. Run edgekit in the folder that contains it, or install it."
        ) from error
    except (Exception, SystemExit) as error:
        raise SourceError(f"{location} raises on import: {user_error(error)}") from error
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
        raise SourceError(f"{location}:{attribute}() raises: {user_error(error)}") from error
