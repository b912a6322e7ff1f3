"""What edgekit needs from the Python environment. This module does not import torch until it is asked about it."""

import importlib
from importlib.metadata import PackageNotFoundError, requires

from edgekit.errors import first_line

_TORCH = ("torch", "torchvision")


def torch_trouble(name: str = "torch") -> str:
    """Why torch, or torchvision, cannot be imported, and the remedy; empty if it can."""
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            return f"{name} is not installed. Run pip install {_requirements()}."
        return f"{name} does not load: it lacks the module {error.name}. Run pip install {error.name}."
    except (ImportError, OSError, RuntimeError) as error:
        return (
            f"{name} does not load: {first_line(error).rstrip('. ')}. Install both again, from the same index: pip install "
            f"--force-reinstall {_requirements()}."
        )
    return ""


def _requirements() -> str:
    """torch and torchvision with the versions that edgekit declares, as a shell takes them."""
    try:
        declared = [line for line in requires("edgekit") or () if line.startswith(_TORCH) and ";" not in line]
    except PackageNotFoundError:  # a checkout that was not installed
        declared = []
    return " ".join(f"'{each}'" for each in declared or _TORCH)
