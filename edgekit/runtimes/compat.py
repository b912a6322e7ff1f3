"""Which known runtimes have every operator of a package, from tables that were asked of the runtimes themselves.

`tools/operator_tables.py` makes the tables. They know names: that a runtime's answers are right, only `verify` shows.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from edgekit.errors import UsageError
from edgekit.format.archive import Archive
from edgekit.format.schema import Manifest

ANDROID = "android-1.12.2"  # what `--fit android` is for
VERIFIED_AS = {"android": ANDROID, "android-arm64": ANDROID}  # the names that `verify` has for the same library
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Whether a package fits a runtime; `remedy` is empty where it does."""

    runtime: str
    fits: bool
    missing: tuple[str, ...]
    bytecode_version: int
    bytecode_range: tuple[int, int]
    remedy: str = ""


@cache
def known_runtimes() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in _TABLES.glob("*.json")))


@cache
def operator_table(runtime: str) -> OperatorTable:
    """The table of a runtime.

    Raises:
        UsageError: there is none of that name.
    """
    if runtime not in known_runtimes():
        raise UsageError(f"no operator table of runtime {runtime!r}; expected one of {', '.join(known_runtimes())}.")
    stored = json.loads((_TABLES / f"{runtime}.json").read_text(encoding="ascii"))
    lowest, highest = stored["bytecode"]
    names = (f"{space}::{name}" for space, listed in stored["operators"].items() for name in listed.split(" "))
    return OperatorTable(
        runtime=stored["runtime"], torch=stored["torch"], bytecode=(lowest, highest), operators=frozenset(names)
    )


def fitting(operators: Collection[str], bytecode_version: int) -> tuple[str, ...]:
    """The known runtimes that have every one of these operators and load this bytecode."""
    return tuple(
        name
        for name in known_runtimes()
        if _loads(operator_table(name), bytecode_version) and operator_table(name).operators.issuperset(operators)
    )


def check_fit(archive: Archive, runtimes: Sequence[str] = ()) -> tuple[Fit, ...]:
    """Holds a package's own bytecode, not its manifest, against each runtime's table.

    Args:
        archive: a `.ptl`, of edgekit or not.
        runtimes: names of `known_runtimes` or of `VERIFIED_AS`; all known ones by default.

    Raises:
        UsageError: an unknown runtime.
        PackageError: the bytecode is damaged.
    """
    names = [VERIFIED_AS.get(name, name) for name in runtimes or known_runtimes()]
    tables = [operator_table(name) for name in dict.fromkeys(names)]
    bytecode, manifest = archive.bytecode, archive.manifest
    found = []
    for table in tables:
        missing = tuple(name for name in bytecode.operators if name not in table.operators)
        fits = not missing and _loads(table, bytecode.version)
        found.append(
            Fit(
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
