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
def test_rows_list_exactly_what_their_classes_implement(row: Target) -> None:
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
def test_missing_never_raises_and_names_the_make_target(row: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGEKIT_RUNNER", raising=False)
    why = row.create().missing()
    assert isinstance(why, str)
    if "not built" in why:
        assert f"Run make {row.make_target}." in why


def test_rows_tables_and_make_targets_exist() -> None:
    makefiles = "".join(path.read_text() for path in Path().glob("*/*.mk"))
    for row in TARGETS.values():
        assert row.operator_table in ("", *known_runtimes())
        assert not row.make_target or f"\n{row.make_target}:" in makefiles


def test_unimplemented_request_is_a_usage_error(tiny: Path) -> None:
    with pytest.raises(UsageError, match=r"'torch-2\.1\.0' does not implement bench"):
        TARGETS["torch-2.1.0"].create().bench(tiny, BenchRequest())


def test_resolve_when_unknown_then_the_names_are_listed() -> None:
    with pytest.raises(UsageError, match=r"unknown runtime 'torch-1\.5\.0'; expected one of lite, native"):
        resolve("torch-1.5.0")


def test_available_when_missing_then_device_error() -> None:
    with pytest.raises(DeviceError, match="no beads"):
        registry.available(Abacus(name="abacus", why="no beads"))


def test_accepted_names_are_tables_and_runtimes_with_a_table(tiny: Path) -> None:
    assert set(known_runtimes()) < set(accepted_names())
    assert {"android", "android-arm64"} <= set(accepted_names())
    with Archive(tiny) as archive:
        assert check_fit(archive, accepted_names()) == check_fit(archive)


def test_docs_table_is_current() -> None:
    text = Path("docs/devices.md").read_text()
    table = text.partition("<!-- runtimes: made by edgekit.runtimes.registry.markdown_table -->\n")[2]
    assert table.partition("<!-- end of runtimes -->")[0] == markdown_table()
