import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgekit.errors import DeviceError, UsageError
from edgekit.measure.bench import bench
from edgekit.runtimes.results import BenchRequest
from edgekit.runtimes.timing import percentile, summarize

SHORT = BenchRequest(iterations=3, min_seconds=0, threads=1)


def test_summary_is_the_runners() -> None:
    summary = summarize([float(i) for i in range(100, -1, -1)])
    assert (summary.min_ms, summary.p50_ms, summary.p90_ms, summary.p99_ms) == (0, 50, 90, 99)
    assert percentile([1.0, 2.0, 4.0], 75) == 3.0
    with pytest.raises(ValueError, match="no samples"):
        summarize([])


@pytest.mark.parametrize(
    "runtime",
    ["lite", pytest.param("native", marks=pytest.mark.native), pytest.param("android", marks=pytest.mark.android)],
)
def test_bench_samples_and_summary_agree(tiny: Path, runtime: str) -> None:
    try:
        (result,) = bench(tiny, [runtime], SHORT).results
    except DeviceError as error:
        pytest.skip(str(error))
    assert result.runtime == runtime
    assert result.iterations == len(result.samples_ms) == 3
    assert 0 < result.min_ms <= result.p50_ms <= result.p99_ms
    assert result.load_ms > 0
    assert result.peak_rss_bytes > 1 << 20
    assert result.operators == ()


@pytest.mark.parametrize("wrong", [{"iterations": 0}, {"threads": 0}, {"warmup": -1}, {"min_seconds": -1.0}])
def test_request_when_out_of_range_then_usage(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        BenchRequest(**wrong)


def test_bench_when_runtime_or_method_is_unknown_then_usage(tiny: Path) -> None:
    with pytest.raises(UsageError, match="unknown runtime"):
        bench(tiny, ["abacus"], SHORT)
    with pytest.raises(UsageError, match="no golden case"):
        bench(tiny, ["lite"], BenchRequest(method="backward"))


@pytest.mark.parametrize("runtime", ["lite", "android"])
def test_bench_when_operator_times_are_unsupported_then_the_runtimes_that_can_are_named(
    tiny: Path, runtime: str
) -> None:
    with pytest.raises(
        UsageError, match=r"does not support operator times\. Use --runtime native or --runtime aarch64"
    ):
        bench(tiny, [runtime], BenchRequest(per_operator=True))


def test_bench_when_the_runtime_cannot_then_the_runtimes_that_can_are_named(tiny: Path) -> None:
    with pytest.raises(UsageError, match=r"'torch-2\.1\.0' does not support bench. Use --runtime lite"):
        bench(tiny, ["torch-2.1.0"], SHORT)


def test_command_line_prints_one_document(tiny: Path) -> None:
    command = [sys.executable, "-m", "edgekit", "bench", str(tiny), "--iterations", "2", "--min-seconds", "0", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["context"]["package"] == "tiny"
    assert document["results"][0]["runtime"] == "lite"
