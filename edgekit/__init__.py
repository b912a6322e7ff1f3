"""edgekit: PyTorch models to phones and embedded boards, with proof that the answers stay the same.

`export` makes a verified package of a module, `load` runs it, `verify` proves it again anywhere.
Importing edgekit changes nothing in the process, and imports neither torch nor numpy: the names below do so at first use.
"""

from typing import TYPE_CHECKING, Any

from edgekit.version import __version__

if TYPE_CHECKING:
    from edgekit.errors import EdgekitError
    from edgekit.format.schema import ImageSpec, Manifest, Tolerance
    from edgekit.model import LiteModel, ServerModel, load
    from edgekit.pipeline import ExportReport, export
    from edgekit.runtimes.verdict import VerifyReport, verify

_HOMES = {
    "EdgekitError": "errors",
    "ExportReport": "pipeline",
    "ImageSpec": "format.schema",
    "LiteModel": "model",
    "Manifest": "format.schema",
    "ServerModel": "model",
    "Tolerance": "format.schema",
    "VerifyReport": "runtimes.verdict",
    "export": "pipeline",
    "load": "model",
    "verify": "runtimes.verdict",
}

__all__ = [  # noqa: RUF022  sorted, with the version last
    "EdgekitError",
    "ExportReport",
    "ImageSpec",
    "LiteModel",
    "Manifest",
    "ServerModel",
    "Tolerance",
    "VerifyReport",
    "export",
    "load",
    "verify",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'edgekit' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"edgekit.{_HOMES[name]}"), name)
    globals()[name] = value  # a submodule of the same name, once imported, must not hide the function
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
