"""Removes libraries for GPUs from an environment: torch's default wheels bring many, and its CPU path loads only some of them."""

import shutil
from collections.abc import Collection
from pathlib import Path


def trim(environment: Path, loaded: Collection[str]) -> None:
    """Removes NVIDIA's libraries that nothing loads, and the compiler of kernels for GPUs.

    Args:
        environment: the folder of the environment.
        loaded: the files that a process of it with torch has in memory; empty where the system does not say, and nothing
            is removed then.
    """
    if not loaded:
        return
    for packages in environment.glob("lib/python*/site-packages"):
        for library in packages.glob("nvidia/**/*.so*"):
            if str(library.resolve()) not in loaded:
                library.unlink()
        shutil.rmtree(packages / "triton", ignore_errors=True)
