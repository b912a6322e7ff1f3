"""Which known runtimes have every operator of a package, from tables that the runtimes themselves gave.

`tools/operator_tables.py` makes the tables. They hold names only: `verify` shows whether a runtime's answers are right.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from edgekit.errors import UsageError
from edgekit.format.archive import Archive
from edgekit.format.schema import Manifest, MethodSpec
from edgekit.runtimes.registry import TARGETS, names, resolve
from edgekit.runtimes.results import FitResult, OperatorRow
from edgekit.runtimes.vision import PREFIX

ANDROID = TARGETS["android"].operator_table  # what `--fit android` is for
FUSED = "aten::scaled_dot_product_attention"
RMS_NORM = "aten::rms_norm"
DECOMPOSED_BY = {FUSED: "decompose_attention", RMS_NORM: "decompose_rms_norm"}  # the passes of `--fit android`
_TABLES = Path(__file__).parent / "operators"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorTable:
    """What a runtime has; `bytecode` is the lowest and the highest version that it loads."""

    runtime: str
    torch: str
    bytecode: tuple[int, int]
    operators: frozenset[str]


@cache
def known_runtimes() -> tuple[str, ...]:
    """The names of the tables."""
    return tuple(sorted(path.stem for path in _TABLES.glob("*.json")))


def accepted_names() -> tuple[str, ...]:
    """The names that `operator_table` takes: those of the tables, and of the runtimes that have one."""
    return tuple(dict.fromkeys((*known_runtimes(), *(row.name for row in TARGETS.values() if row.operator_table))))


def operator_table(runtime: str) -> OperatorTable:
    """The table of a runtime, by its own name or the runtime's.

    Raises:
        UsageError: there is none of that name.
    """
    if runtime not in accepted_names():
        raise UsageError(
            f"runtime {runtime!r} has no operator table; expected one of {', '.join(accepted_names())}."
            + (f" Use edgekit ops --runtime {runtime} to ask it." if runtime in names("ops") else "")
        )
    return _stored(TARGETS[runtime].operator_table if runtime in TARGETS else runtime)


@cache
def _stored(table: str) -> OperatorTable:
    stored = json.loads((_TABLES / f"{table}.json").read_text(encoding="ascii"))
    lowest, highest = stored["bytecode"]
    spelled = (f"{space}::{name}" for space, listed in stored["operators"].items() for name in listed.split(" "))
    return OperatorTable(
        runtime=stored["runtime"], torch=stored["torch"], bytecode=(lowest, highest), operators=frozenset(spelled)
    )


def list_operators(runtime: str) -> tuple[OperatorRow, ...]:
    """The operators of a runtime, sorted: asked of the runtime itself where it can list them, else from its table.

    Raises:
        UsageError: an unknown runtime, or one that neither lists its operators nor has a table.
        DeviceError: the runtime cannot run on this machine.
    """
    if runtime in names("ops"):
        found: Collection[str] = resolve(runtime, "ops").operators()
    elif runtime in accepted_names():
        found = operator_table(runtime).operators
    else:
        known = ", ".join((*names("ops"), *accepted_names()))
        raise UsageError(f"the operators of runtime {runtime!r} are unknown; expected one of {known}.")
    return tuple(OperatorRow(runtime=runtime, name=name) for name in sorted(found))


def fitting(
    operators: Collection[str], bytecode_version: int, methods: Sequence[MethodSpec] = (), engine: str | None = None
) -> tuple[str, ...]:
    """The known runtimes that have every operator and the engine, load the bytecode, and take the dtypes of the methods."""
    return tuple(
        name
        for name in known_runtimes()
        if _loads(operator_table(name), bytecode_version)
        and operator_table(name).operators.issuperset(operators)
        and not _refused_tensors(name, methods)
        and _has_engine(name, engine)
    )


def check_fit(archive: Archive, runtimes: Sequence[str] = ()) -> tuple[FitResult, ...]:
    """Holds a package's own bytecode, and the dtypes in its manifest, against each runtime's table.

    Args:
        archive: a `.ptl`, of edgekit or not.
        runtimes: some of `accepted_names()`; every table by default.

    Raises:
        UsageError: an unknown runtime.
        PackageError: the bytecode is damaged.
    """
    tables = {table.runtime: table for table in map(operator_table, runtimes or known_runtimes())}
    bytecode, manifest = archive.bytecode, archive.manifest
    return tuple(fit_of(table, bytecode.operators, bytecode.version, manifest) for table in tables.values())


def fit_of(
    table: OperatorTable, operators: Collection[str], bytecode_version: int, manifest: Manifest | None
) -> FitResult:
    """Whether one runtime can run these operators, this bytecode, and the methods of the manifest."""
    methods = () if manifest is None else manifest.methods
    missing = tuple(name for name in operators if name not in table.operators)
    tensors = _refused_tensors(table.runtime, methods)
    engine = None if manifest is None else manifest.runtime.quantized_engine
    lacking = None if _has_engine(table.runtime, engine) else engine
    fits = not missing and not tensors and lacking is None and _loads(table, bytecode_version)
    return FitResult(
        runtime=table.runtime,
        fits=fits,
        missing=missing,
        bytecode_version=bytecode_version,
        bytecode_range=table.bytecode,
        tensors=tensors,
        engine=lacking,
        remedy="" if fits else _remedy(operators, bytecode_version, missing, tensors, lacking, manifest),
    )


def _has_engine(table: str, engine: str | None) -> bool:
    """Whether the runtimes of a table have an engine for quantized weights."""
    return engine is None or all(engine in row.engines for row in TARGETS.values() if row.operator_table == table)


def _refused_tensors(table: str, methods: Sequence[MethodSpec]) -> tuple[str, ...]:
    """The inputs and outputs of a dtype that the runtimes of a table refuse."""
    refused = {dtype for row in TARGETS.values() if row.operator_table == table for dtype in row.lacks_dtypes}
    return tuple(
        f"{spec.dtype} {kind} {spec.name} of {method.name}"
        for method in methods
        for kind, specs in (("input", method.inputs), ("output", method.outputs))
        for spec in specs
        if spec.dtype in refused
    )


def _remedy(
    operators: Collection[str],
    bytecode_version: int,
    missing: Collection[str],
    tensors: Collection[str],
    engine: str | None,
    manifest: Manifest | None,
) -> str:
    """What to do about a package that does not fit a runtime."""
    tried = set() if manifest is None else {step.name for step in manifest.recipe.passes}
    replaceable = {operator for operator, step in DECOMPOSED_BY.items() if step not in tried}
    if missing and replaceable.issuperset(missing):
        return "export it again with --fit android (and the default recipe), which replaces these operators"
    if tensors and not missing:
        return "let the model take and return uint8 instead, for example y.to(torch.uint8), and export it again"
    if engine and not missing and not tensors:
        return "quantize it for the engine qnnpack, or export it again with --quantized-engine qnnpack"
    if any(name.startswith(PREFIX) for name in missing):
        return (
            "run it in the C++ runner, or in torch's lite interpreter in Python with torchvision, which have the operators of "
            "torchvision"
        )
    newer = fitting(operators, bytecode_version)
    if not newer:
        return "no known runtime fits: link the library that has these operators, or change the model"
    if not missing:
        return f"use a runtime that reads its bytecode: {', '.join(newer)}"
    return (
        f"use a runtime that has them ({', '.join(newer)}), or build libtorch of that version for the device, "
        "with the list that edgekit inspect --selective-build writes"
    )


def _loads(table: OperatorTable, bytecode_version: int) -> bool:
    lowest, highest = table.bytecode
    return lowest <= bytecode_version <= highest
