"""Runtimes by name; each is imported when it is asked for, as each has needs of its own."""

from edgekit.errors import UsageError
from edgekit.runtimes.base import Runtime

NAMES = ("lite", "native", "aarch64", "android", "android-arm64", "torch-1.13.1", "torch-2.1.0")


def resolve(name: str) -> Runtime:
    """The runtime of that name.

    Raises:
        UsageError: there is none.
        DeviceError: it is not to be had on this machine.
    """
    if name == "lite":
        from edgekit.runtimes.lite import LiteRuntime

        return LiteRuntime()
    if name in ("native", "aarch64"):
        from edgekit.runtimes.runner import RunnerRuntime, find_runner

        return RunnerRuntime(name, find_runner(name))
    if name in ("android", "android-arm64"):
        from edgekit.runtimes.android import AndroidRuntime

        return AndroidRuntime(arm64=name.endswith("arm64"))
    if name in ("torch-1.13.1", "torch-2.1.0"):
        from edgekit.runtimes.older import OlderRuntime

        return OlderRuntime(name.removeprefix("torch-"))
    raise UsageError(f"unknown runtime {name!r}; expected one of {', '.join(NAMES)}.")
