"""The rows of the registry."""

from pathlib import Path

import pytest
from abacus import Abacus

from edgekit.errors import DeviceError, UsageError
from edgekit.format.archive import Archive
from edgekit.runtimes import registry
from edgekit.runtimes.base import Runtime
from edgekit.runtimes.compat import accepted_names, check_fit, known_runtimes
from edgekit.runtimes.registry import CAPABILITIES, TARGETS, Target, markdown_table, resolve
from edgekit.runtimes.results import BenchRequest

METHODS = {"verify": "verify", "run": "run", "bench": "bench", "ops": "operators"}


@pytest.mark.parametrize("row", TARGETS.values(), ids=lambda row: row.name)
def test_rows_listExactlyWhatTheirClassesImplement(row: Target) -> None:
    runtime = row.create()
    assert runtime.name == row.name
    implemented = {
        capability
        for capability, method in METHODS.items()
        if getattr(type(runtime), method) is not getattr(Runtime, method)
    }
    assert implemented == set(row.capabilities) - {"operator times"}
    assert set(row.capabilities) <= set(CAPABILITIES)


@pytest.mark.parametrize("row", TARGETS.values(), ids=lambda row: row.name)
def test_missing_neverRaises_andNamesTheMakeTarget(row: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGEKIT_RUNNER", raising=False)
    why = row.create().missing()
    assert isinstance(why, str)
    if "not built" in why:
        assert f"Run make {row.make_target}." in why


def test_rows_tablesAndMakeTargetsExist() -> None:
    makefiles = "".join(path.read_text() for path in Path().glob("*/*.mk"))
    for row in TARGETS.values():
        assert row.operator_table in ("", *known_runtimes())
        assert not row.make_target or f"\n{row.make_target}:" in makefiles


def test_unimplementedRequest_isAUsageError(tiny: Path) -> None:
    with pytest.raises(UsageError, match=r"'torch-2\.1\.0' does not implement bench"):
        TARGETS["torch-2.1.0"].create().bench(tiny, BenchRequest())


def test_resolve_whenUnknown_thenTheNamesAreListed() -> None:
    with pytest.raises(UsageError, match=r"unknown runtime 'torch-1\.5\.0'; expected one of lite, native"):
        resolve("torch-1.5.0")


def test_available_whenMissing_thenDeviceError() -> None:
    with pytest.raises(DeviceError, match="no beads"):
        registry.available(Abacus(name="abacus", why="no beads"))


def test_acceptedNames_areTablesAndRuntimesWithATable(tiny: Path) -> None:
    assert set(known_runtimes()) < set(accepted_names())
    assert {"android", "android-arm64"} <= set(accepted_names())
    with Archive(tiny) as archive:
        assert check_fit(archive, accepted_names()) == check_fit(archive)


def test_docs_tableIsCurrent() -> None:
    text = Path("docs/devices.md").read_text()
    table = text.partition("<!-- runtimes: made by edgekit.runtimes.registry.markdown_table -->\n")[2]
    assert table.partition("<!-- end of runtimes -->")[0] == markdown_table()
