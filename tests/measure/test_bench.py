import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgekit.errors import DeviceError, UsageError
from edgekit.measure.bench import bench
from edgekit.measure.budget import exceeded, parse_budget
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


def test_threads_take_turns_and_have_ratios_to_the_first(tiny: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    report = bench(tiny, ["lite"], SHORT, threads=(1, 2), rounds=3, progress=lambda *part: seen.append(part))
    assert seen == [(f"lite, {1 + n % 2} threads", n, 6) for n in range(6)]
    first, second = report.results
    assert (first.threads, second.threads) == (1, 2)
    assert (first.ratio, first.iterations) == (None, 3)
    assert second.ratio is not None
    assert second.ratio_range is not None
    assert second.ratio_range[0] <= second.ratio <= second.ratio_range[1]
    assert report.context.file == tiny.name
    assert report.context.size_bytes == tiny.stat().st_size
    assert report.context.recipe == "mobile"


def test_budget_names_what_is_beyond_it(tiny: Path) -> None:
    report = bench(tiny, ["lite"], SHORT)
    assert exceeded(parse_budget("p50_ms=1e6,size_mb=1e3,peak_rss_mb=1e6"), report) == ()
    over = exceeded(parse_budget("p50_ms=1e-9, size_mb=1e-6"), report)
    assert [line.partition(" is ")[0] for line in over] == ["p50_ms", "size_mb"]
    assert "on lite with 1 threads, beyond the budget of 1e-09" in over[0]


@pytest.mark.parametrize("text", ["", "p50=3", "p50_ms", "p50_ms=x", "p50_ms=-1", "p50_ms=nan", "p50_ms=1,p50_ms=2"])
def test_budget_when_malformed_then_usage(text: str) -> None:
    with pytest.raises(UsageError, match="--budget"):
        parse_budget(text)
