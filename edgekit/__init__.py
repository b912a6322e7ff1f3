"""edgekit: runs PyTorch models on phones and embedded boards, with proof that the answers stay the same.

`export` writes a verified package from a module, `load` loads it, and `verify` checks it again on any runtime.
Importing edgekit does not change the process. It imports neither torch nor numpy: the names below import them when first used.
"""

from typing import TYPE_CHECKING, Any

from edgekit.version import __version__

if TYPE_CHECKING:
    from edgekit.errors import EdgekitError
    from edgekit.format.boxes import Detection
    from edgekit.format.schema import ImageSpec, Manifest, Tolerance
    from edgekit.model import LiteModel, ServerModel, load
    from edgekit.pipeline import ExportReport, export
    from edgekit.runtimes.verdict import VerifyReport, verify

_HOMES = {
    "Detection": "format.boxes",
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
    "Detection",
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
