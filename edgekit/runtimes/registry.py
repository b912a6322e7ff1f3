"""The runtimes, one row each. Help texts, choices, tables in the docs and messages derive from the rows.

To add a runtime, write a class with the methods of `base.Runtime`, and add a row here. A row's class is imported when it is asked
for, so that this module needs neither torch nor numpy.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from edgekit.errors import DeviceError, UsageError
from edgekit.format.schema import QuantizedEngine
from edgekit.runtimes.base import Runtime
from edgekit.runtimes.hosts import Qemu, ThisMachine

Capability = Literal["verify", "run", "bench", "operator times", "ops"]
ENGINES: tuple[QuantizedEngine, ...] = get_args(QuantizedEngine)
_ARM: tuple[QuantizedEngine, ...] = ("qnnpack",)  # of every processor; the others are for x86
CAPABILITIES: tuple[Capability, ...] = get_args(Capability)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A runtime.

    Args:
        name: what `--runtime` takes.
        implementation: "module:Class"; it is called with the name and `arguments`.
        about: what it is, for help texts and the docs.
        capabilities: the requests that the class implements.
        lacks_dtypes: the dtypes of inputs and outputs that it refuses, whatever the operators.
        engines: the engines for quantized weights that it has.
        operator_table: the table in `operators/` that says which operators it has; empty where none does.
        make_target: what builds it; empty where nothing needs to be built.
        emulated: whether it runs under an emulator on a usual machine, where times mean little.
    """

    name: str
    implementation: str
    about: str
    capabilities: tuple[Capability, ...]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    operator_table: str = ""
    lacks_dtypes: tuple[str, ...] = ()
    engines: tuple[QuantizedEngine, ...] = ENGINES
    make_target: str = ""
    emulated: bool = False

    def create(self) -> Runtime:
        """The runtime, whether it can run on this machine or not."""
        module, _, name = self.implementation.partition(":")
        built = {"make_target": self.make_target} if self.make_target else {}
        runtime: Runtime = getattr(importlib.import_module(module), name)(name=self.name, **built, **self.arguments)
        return runtime


_ROWS = (
    Target(
        name="lite",
        implementation="edgekit.runtimes.workshop_lite:lite_runtime",
        about="torch's lite interpreter, in this process or in the workshop",
        capabilities=("verify", "run", "bench"),
    ),
    Target(
        name="native",
        implementation="edgekit.runtimes.runner:RunnerRuntime",
        about="the C++ runner on this machine",
        capabilities=CAPABILITIES,
        arguments={
            "host": ThisMachine(),
            "path": "build/cpp/release/cli/edgekit-runner",
            "installed": "edgekit-runner",
            "variable": "EDGEKIT_RUNNER",
        },
        make_target="runner",
    ),
    Target(
        name="aarch64",
        implementation="edgekit.runtimes.runner:RunnerRuntime",
        about="the C++ runner for 64-bit ARM boards, under qemu as a Raspberry Pi 4",
        capabilities=CAPABILITIES,
        arguments={
            "host": Qemu(machine="aarch64", cpu="cortex-a72"),
            "path": "build/edgekit-aarch64/bin/edgekit-runner",
        },
        engines=_ARM,
        make_target="runner-aarch64",
        emulated=True,
    ),
    Target(
        name="android",
        implementation="edgekit.runtimes.android:AndroidRuntime",
        about="Android's own library, for this machine's processor",
        capabilities=("verify", "run", "bench"),
        operator_table="android-1.12.2",
        lacks_dtypes=("bool",),  # PyTorch's JNI throws on them
        engines=_ARM,
        make_target="android-runtime",
    ),
    Target(
        name="android-arm64",
        implementation="edgekit.runtimes.android:AndroidRuntime",
        about="the library that phones have, under qemu",
        capabilities=("verify", "run", "bench"),
        arguments={"arm64": True},
        operator_table="android-1.12.2",
        lacks_dtypes=("bool",),  # PyTorch's JNI throws on them
        engines=_ARM,
        make_target="android-runtime-arm64",
        emulated=True,
    ),
    Target(
        name="torch-1.13.1",
        implementation="edgekit.runtimes.older:OlderRuntime",
        about="the lite interpreter of torch 1.13.1: 3 to 5 GB on first use",
        capabilities=("verify", "run"),
        arguments={"version": "1.13.1"},
        operator_table="torch-1.13.1",
    ),
    Target(
        name="torch-2.1.0",
        implementation="edgekit.runtimes.older:OlderRuntime",
        about="the lite interpreter of torch 2.1.0: 3 to 5 GB on first use",
        capabilities=("verify", "run"),
        arguments={"version": "2.1.0"},
        operator_table="torch-2.1.0",
    ),
)
TARGETS: dict[str, Target] = {row.name: row for row in _ROWS}
DEFAULT = "lite"


def names(capability: Capability) -> tuple[str, ...]:
    """The runtimes that can do something."""
    return tuple(row.name for row in TARGETS.values() if capability in row.capabilities)


def find(name: str, capability: Capability) -> Target:
    """The row of a runtime that can do something.

    Raises:
        UsageError: there is none of that name, or it cannot.
    """
    if name not in TARGETS:
        raise UsageError(f"unknown runtime {name!r}; expected one of {', '.join(names(capability))}.")
    if capability not in TARGETS[name].capabilities:
        raise UsageError(
            f"runtime {name!r} does not support {capability}. Use --runtime {' or --runtime '.join(names(capability))}."
        )
    return TARGETS[name]


def resolve(name: str, capability: Capability = "verify") -> Runtime:
    """The runtime of that name.

    Raises:
        UsageError: there is none, or it cannot do what is asked.
        DeviceError: it cannot run on this machine.
    """
    return available(find(name, capability).create())


def available(runtime: Runtime) -> Runtime:
    """The same runtime.

    Raises:
        DeviceError: it cannot run on this machine.
    """
    if why := runtime.missing():
        raise DeviceError(why)
    return runtime


def markdown_table() -> str:
    """The table of `docs/devices.md`."""
    headers = ("`--runtime`", "what it is", "supports", "operators", "quantized engines", "built by")
    lines = [f"| {' | '.join(headers)} |", "|---" * len(headers) + "|"]
    for row in TARGETS.values():
        built = f"`make {row.make_target}`" if row.make_target else ""
        engines = "all of its torch" if row.engines == ENGINES else ", ".join(row.engines)
        table = row.operator_table or ("listed by the runtime" if "ops" in row.capabilities else "")
        lines.append(f"| `{row.name}` | {row.about} | {', '.join(row.capabilities)} | {table} | {engines} | {built} |")
    return "\n".join(lines) + "\n"
