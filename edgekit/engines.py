"""The engine for quantized weights.

torch packs quantized weights for its current engine whenever it makes, copies or loads a module, and the engines give
different answers. So a package names its engine, and every load and run of it happens under this engine.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from edgekit.errors import PackageError


def needs_engine(operators: Collection[str]) -> bool:
    """Whether the answers of these operators depend on the engine."""
    return any(name.startswith(("quantized::", "aten::quantized_")) for name in operators)


def supported_engines() -> tuple[str, ...]:
    """The engines of the installed torch on this machine."""
    import torch

    return tuple(engine for engine in torch.backends.quantized.supported_engines if engine != "none")


@contextmanager
def held_engine(engine: str | None, what: str = "the model") -> Iterator[None]:
    """Sets torch's engine until the block ends. None leaves it to the block, and still restores it.

    Raises:
        PackageError: the installed torch does not have the engine.
    """
    import torch

    before = torch.backends.quantized.engine
    if engine is not None and engine not in supported_engines():
        raise PackageError(
            f"{what} has quantized weights for the engine {engine}; torch {torch.__version__} on this machine has "
            f"{', '.join(supported_engines())}. Quantize the model for one of these and export it again."
        )
    try:
        if engine is not None and engine != before:
            torch.backends.quantized.engine = engine
        yield
    finally:
        if torch.backends.quantized.engine != before:
            torch.backends.quantized.engine = before
