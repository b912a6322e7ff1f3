"""A runtime in another process: its command lines, and every kind of answer of the process, on a fake host."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_host import FakeHost

from edgekit.errors import DeviceError, EdgekitError, PackageError, UsageError
from edgekit.format.archive import Archive
from edgekit.runtimes.hosts import Completed
from edgekit.runtimes.results import BenchRequest
from edgekit.runtimes.runner import RunnerRuntime

BENCH = {
    **dict.fromkeys(("load_ms", "first_ms", "min_ms", "p50_ms", "p90_ms", "p99_ms", "mean_ms"), 1.5),
    **{"method": "forward", "iterations": 1, "threads": 2, "engine": "lite", "peak_rss_bytes": 9, "samples_ms": [1.5]},
}
CASE = {
    **{"case": "forward: seed 1", "output": "0", "passed": False, "reason": "norm", "norm_error": 1e-3},
    **{"max_error": 2, "cosine": None, "top1": True, "worst_index": [0, 1], "expected": 1, "actual": "nan"},
}


def document(*rows: dict[str, Any], **more: Any) -> str:
    return json.dumps({"schema_version": "1.0", "context": {}, "results": rows, **more})


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture
def runtime(host: FakeHost, tmp_path: Path) -> RunnerRuntime:
    program = tmp_path / "edgekit-runner"
    program.write_text("")
    return RunnerRuntime(name="board", host=host, path=str(program), make_target="runner-board")


def ask(runtime: RunnerRuntime, package: Path) -> None:
    with Archive(package) as archive:
        runtime.verify(archive)


def test_verify_reads_rows_of_any_exit_code_of_a_verdict(host: FakeHost, runtime: RunnerRuntime, tiny: Path) -> None:
    for code in (0, 1):
        host.answers = [Completed(exit_code=code, stdout=document(CASE | {"unknown": 1}, unknown=2))]
        with Archive(tiny) as archive:
            (result,) = runtime.verify(archive)
        assert (result.runtime, result.case, result.comparison.output) == ("board", "forward: seed 1", "0")
        assert result.comparison.worst_index == (0, 1)
        assert (result.comparison.expected, result.comparison.actual) == (1.0, "nan")
    assert host.commands[0] == ["/there/edgekit-runner", "verify", "/there/tiny.ptl", "--json"]
    assert host.timeouts == [7200, 7200]


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (Completed(exit_code=-11), DeviceError, "runtime board: the process was ended by SIGSEGV"),
        (Completed(exit_code=-99), DeviceError, "ended by signal 99"),
        (Completed(exit_code=-6, stderr="edgekit-runner: bad_alloc"), DeviceError, "ended by SIGABRT"),
        (Completed(exit_code=2, stderr="edgekit-runner: no method 'x'\n"), UsageError, "runtime board: no method 'x'"),
        (
            Completed(exit_code=3, stderr="edgekit-runner: warning: w\nedgekit-runner: a\nb"),
            PackageError,
            "board: a\nb",
        ),
        (Completed(exit_code=4, stderr="edgekit-runner: no memory"), DeviceError, "runtime board: no memory"),
        (Completed(exit_code=70, stderr="edgekit-runner: a bug"), DeviceError, "runtime board: a bug"),
        (Completed(exit_code=127, stderr="sh: not found\n"), DeviceError, "runtime board: sh: not found"),
        (Completed(exit_code=0), DeviceError, "exit code 0, and it printed no document"),
        (Completed(exit_code=1), DeviceError, "runtime board: exit code 1"),
        (Completed(exit_code=0, stdout="\ufffd\ufffd\x00"), DeviceError, "is not a document of results"),
        (
            Completed(exit_code=0, stdout='{"schema_version": "1.0", "results": 1}'),
            DeviceError,
            "is not a document of results",
        ),
        (Completed(exit_code=0, stdout='{"results": []}'), DeviceError, "is not a document of results"),
        (
            Completed(exit_code=0, stdout='{"schema_version": "2.0", "results": []}'),
            DeviceError,
            "expected at most 1.x",
        ),
        (Completed(exit_code=0, stdout="[]"), DeviceError, "is not a document of results"),
        (Completed(exit_code=0, stdout=document({"case": "a"})), DeviceError, "missing required field `output`"),
        (Completed(exit_code=0, stdout=document(CASE | {"passed": "no"})), DeviceError, "Expected `bool`"),
        (DeviceError("x gave no answer within 2 s."), DeviceError, "runtime board: x gave no answer within 2 s."),
    ],
)
def test_verify_when_the_process_fails_then_the_error_has_its_kind(
    host: FakeHost,
    runtime: RunnerRuntime,
    tiny: Path,
    answer: Completed | Exception,
    kind: type[EdgekitError],
    message: str,
) -> None:
    host.answers = [answer]
    with pytest.raises(EdgekitError) as caught:
        ask(runtime, tiny)
    assert type(caught.value) is kind
    assert message in str(caught.value)


def test_bench_when_the_verdict_code_then_device_error(host: FakeHost, runtime: RunnerRuntime, tiny: Path) -> None:
    host.answers = [Completed(exit_code=1, stdout=document(BENCH), stderr="edgekit-runner: odd")]
    with pytest.raises(DeviceError, match="runtime board: odd"):
        runtime.bench(tiny, BenchRequest())


def test_bench_passes_the_request_and_reads_the_result(host: FakeHost, runtime: RunnerRuntime, tiny: Path) -> None:
    times = {"name": "aten::relu", "ms": 1, "percent": 100, "cumulative_percent": 100, "calls": 3}
    host.answers = [Completed(exit_code=0, stdout=document(BENCH | {"operators": [times]}))]
    result = runtime.bench(tiny, BenchRequest(iterations=1, min_seconds=0.5, threads=2, per_operator=True))
    assert (result.runtime, result.engine, result.samples_ms) == ("board", "lite", (1.5,))
    assert [(row.name, row.calls) for row in result.operators] == [("aten::relu", 3)]
    assert " ".join(host.commands[0][3:]) == (
        "--json --method forward --iterations 1 --warmup 3 --min-seconds 0.5 --threads 2 --ops"
    )
    assert host.timeouts == [None]


@pytest.mark.parametrize("rows", [[], [BENCH, BENCH]])
def test_bench_when_there_is_not_one_result_then_device_error(
    host: FakeHost, runtime: RunnerRuntime, tiny: Path, rows: list[dict[str, Any]]
) -> None:
    host.answers = [Completed(exit_code=0, stdout=document(*rows))]
    with pytest.raises(DeviceError, match=f"has {len(rows)} results; expected 1"):
        runtime.bench(tiny, BenchRequest())


def test_run_puts_inputs_and_gets_outputs(host: FakeHost, runtime: RunnerRuntime, tiny: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.arange(3.0))
    host.files["/there/folder/output.a.npy"] = buffer.getvalue()
    row = {"output": "a", "file": "/there/folder/output.a.npy", "dtype": "float64", "shape": [3]}
    host.answers = [Completed(exit_code=0, stdout=document(row))]
    outputs = runtime.run(tiny, "forward", [np.ones(2, np.float32), np.zeros(1)])
    assert list(outputs) == ["a"]
    assert np.array_equal(outputs["a"], np.arange(3.0))
    assert np.array_equal(np.load(io.BytesIO(host.files["/there/0.npy"])), np.ones(2, np.float32))
    assert host.commands[0][3:] == [
        *("--json", "--method", "forward", "--input", "/there/0.npy", "--input", "/there/1.npy"),
        *("-o", "/there/folder/output.npy"),
    ]


def test_run_when_an_output_is_not_an_array_then_device_error(
    host: FakeHost, runtime: RunnerRuntime, tiny: Path
) -> None:
    host.files["/there/folder/x.npy"] = b"text"
    row = {"output": "a", "file": "x.npy", "dtype": "float64", "shape": [3]}
    host.answers = [Completed(exit_code=0, stdout=document(row))]
    with pytest.raises(DeviceError, match=r"x\.npy is not a \.npy file"):
        runtime.run(tiny, "forward", [])


def test_missing_says_what_the_host_lacks(host: FakeHost, runtime: RunnerRuntime) -> None:
    assert runtime.missing() == ""
    host.why_missing = "the board does not answer. Switch it on."
    assert runtime.missing() == "the board does not answer. Switch it on."
