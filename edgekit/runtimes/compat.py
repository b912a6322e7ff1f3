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
from edgekit.format.schema import Manifest
from edgekit.runtimes.registry import TARGETS, names, resolve
from edgekit.runtimes.results import FitResult, OperatorRow

ANDROID = TARGETS["android"].operator_table  # what `--fit android` is for
FUSED = "aten::scaled_dot_product_attention"  # which `decompose_attention` replaces
DECOMPOSE = "decompose_attention"
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


def fitting(operators: Collection[str], bytecode_version: int) -> tuple[str, ...]:
    """The known runtimes that have every one of these operators and load this bytecode."""
    return tuple(
        name
        for name in known_runtimes()
        if _loads(operator_table(name), bytecode_version) and operator_table(name).operators.issuperset(operators)
    )


def check_fit(archive: Archive, runtimes: Sequence[str] = ()) -> tuple[FitResult, ...]:
    """Holds a package's own bytecode, not its manifest, against each runtime's table.

    Args:
        archive: a `.ptl`, of edgekit or not.
        runtimes: some of `accepted_names()`; every table by default.

    Raises:
        UsageError: an unknown runtime.
        PackageError: the bytecode is damaged.
    """
    tables = {table.runtime: table for table in map(operator_table, runtimes or known_runtimes())}
    bytecode, manifest = archive.bytecode, archive.manifest
    found = []
    for table in tables.values():
        missing = tuple(name for name in bytecode.operators if name not in table.operators)
        fits = not missing and _loads(table, bytecode.version)
        found.append(
            FitResult(
                runtime=table.runtime,
                fits=fits,
                missing=missing,
                bytecode_version=bytecode.version,
                bytecode_range=table.bytecode,
                remedy="" if fits else remedy(bytecode.operators, bytecode.version, missing, manifest),
            )
        )
    return tuple(found)


def remedy(
    operators: Collection[str], bytecode_version: int, missing: Collection[str], manifest: Manifest | None
) -> str:
    """What to do about a package that does not fit a runtime."""
    tried = manifest is not None and any(step.name == DECOMPOSE for step in manifest.recipe.passes)
    if FUSED in missing and not tried:
        return "export it again with --fit android (and the default recipe), which takes fused attention apart"
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
