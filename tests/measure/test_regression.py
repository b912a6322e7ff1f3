"""Two saved measurements: a regression beyond the threshold and the noise ends in 1, anything else does not."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from edgekit.errors import UsageError
from edgekit.measure.context import BenchContext
from edgekit.measure.regression import compared, read_saved
from edgekit.report.documents import Document
from edgekit.runtimes.results import BenchResult
from edgekit.runtimes.timing import summarize

QUIET = [10.0, 10.1, 9.9, 10.0, 10.05] * 6
DRIFTING = [8.0] * 10 + [10.0] * 10 + [12.0] * 10


def saved(
    path: Path,
    samples: Sequence[float],
    *,
    threads: int = 1,
    peak: int = 100,
    size: int | None = 1000,
    cpu: str = "one",
    version: str = "1.0",
) -> Path:
    """A document of `edgekit bench` with these samples."""
    found = summarize(samples)
    row = BenchResult(
        runtime="lite",
        method="forward",
        load_ms=1.0,
        first_ms=2.0,
        min_ms=found.min_ms,
        p50_ms=found.p50_ms,
        p90_ms=found.p90_ms,
        p99_ms=found.p99_ms,
        mean_ms=found.mean_ms,
        iterations=found.iterations,
        threads=threads,
        engine="lite",
        peak_rss_bytes=peak,
        samples_ms=tuple(samples),
    )
    context = BenchContext(
        package="net", weights=None, edgekit="1", cpu=cpu, cores=2, governor=None, load_average=None, size_bytes=size
    )
    path.write_text(Document(schema_version=version, context=context, results=(row,)).to_json())
    return path


def changes(tmp_path: Path, old: Sequence[float], new: Sequence[float], **more: Any) -> dict[str, bool]:
    pair = saved(tmp_path / "old.json", old), saved(tmp_path / "new.json", new, **more)
    return {change.figure: change.regressed for change in compared(*map(read_saved, pair), 0.05)[1]}


def test_slower_than_threshold_and_noise_is_a_regression(tmp_path: Path) -> None:
    assert changes(tmp_path, QUIET, [1.1 * sample for sample in QUIET])["p50_ms"]


def test_slower_than_the_threshold_within_the_noise_is_none(tmp_path: Path) -> None:
    assert not changes(tmp_path, DRIFTING, [1.1 * sample for sample in DRIFTING])["p50_ms"]
    assert not changes(tmp_path, QUIET, [1.04 * sample for sample in QUIET])["p50_ms"]
    assert not changes(tmp_path, [9.0, 11.0], [10.0, 12.0])["p50_ms"]  # few samples: their range is the noise


def test_faster_is_no_regression(tmp_path: Path) -> None:
    assert not any(changes(tmp_path, QUIET, [0.5 * sample for sample in QUIET]).values())


def test_more_memory_or_a_larger_file_is_a_regression(tmp_path: Path) -> None:
    found = changes(tmp_path, QUIET, QUIET, peak=120, size=1060)
    assert found == {"p50_ms": False, "peak_rss_bytes": True, "size_bytes": True}
    assert "size_bytes" not in changes(tmp_path, QUIET, QUIET, size=None)


def test_other_machine_and_lone_measurements_are_warnings(tmp_path: Path) -> None:
    old, new = saved(tmp_path / "old.json", QUIET), saved(tmp_path / "new.json", QUIET, cpu="two")
    context, _ = compared(read_saved(old), read_saved(new), 0.05)
    assert context.warnings == ("cpu is two in new.json, and one in old.json: the times are not of the same machine",)
    document = json.loads(new.read_text())
    document["results"].append({**document["results"][0], "threads": 4})
    new.write_text(json.dumps(document))
    context, _ = compared(read_saved(old), read_saved(new), 0.05)
    assert context.warnings[-1] == "only new.json has lite forward with 4 threads"


def test_nothing_in_common_is_refused(tmp_path: Path) -> None:
    old, new = saved(tmp_path / "old.json", QUIET), saved(tmp_path / "new.json", QUIET, threads=2)
    with pytest.raises(UsageError, match=r"no measurement in common: lite forward with 1 threads against .* 2 threads"):
        compared(read_saved(old), read_saved(new), 0.05)


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", '{"schema_version": "1.0", "context": {}, "results": []}', "\xff"]
)
def test_file_that_is_no_document_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(UsageError, match=r"x\.json is not a document of edgekit bench"):
        read_saved(path)


def test_missing_and_newer_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.json cannot be read: No such file"):
        read_saved(tmp_path / "none.json")
    with pytest.raises(UsageError, match=r"schema_version '2\.0'; expected at most 1\.x"):
        read_saved(saved(tmp_path / "x.json", QUIET, version="2.0"))
