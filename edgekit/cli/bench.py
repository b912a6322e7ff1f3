"""`edgekit bench`."""

import argparse
from pathlib import Path

from edgekit.cli.options import add_isolate, add_json, add_runtimes, runtimes
from edgekit.cli.public_key import add_public_key
from edgekit.errors import ParityError, UsageError
from edgekit.runtimes.registry import names

_THRESHOLD = "5%"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("package", nargs="?", help="a .ptl file that edgekit export made")
    add_runtimes(parser, "bench")
    parser.add_argument("--method", default="forward", help="the method (default forward)")
    parser.add_argument("--iterations", type=int, default=30, metavar="N", help="at least N timed runs (default 30)")
    parser.add_argument(
        "--min-seconds", type=float, default=1.0, metavar="S", help="timed runs for at least S seconds (default 1)"
    )
    parser.add_argument("--warmup", type=int, default=3, metavar="N", help="N runs before the timed ones (default 3)")
    parser.add_argument(
        "--threads",
        type=_counts,
        default=(),
        metavar="N[,N]",
        help="the number of threads, or several with commas, which take turns (default: the package's, else each runtime's own)",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        metavar="N",
        help="measure in N parts, in each of which every runtime and number of threads has its turn (default 5, or 1 if there "
        "is only one)",
    )
    able = " or ".join(names("operator times"))
    parser.add_argument("--ops", action="store_true", help=f"show the time in each operator too ({able})")
    parser.add_argument(
        "--budget",
        metavar="NAME=MOST",
        help="exit with 1 if a figure is larger: p50_ms=10,size_mb=20,peak_rss_mb=200, or another time of the table",
    )
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the results, as --json prints them, to a file")
    parser.add_argument(
        "--compare",
        nargs=2,
        type=Path,
        metavar=("OLD", "NEW"),
        help="compare two files of --save, without measuring: exit with 1 if a median time, the peak memory or the size grew by "
        "more than --threshold, and a time by more than its noise",
    )
    parser.add_argument("--threshold", metavar="PERCENT", help=f"for --compare (default {_THRESHOLD}%)")
    add_public_key(parser)
    add_isolate(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    if options.compare is not None:
        return _compare(options)
    if options.package is None:
        raise UsageError("expected a package, or --compare OLD NEW.")
    if options.threshold is not None:
        raise UsageError("--threshold is for --compare. Leave it out, or give a --budget.")
    from dataclasses import replace

    from edgekit.files import atomic
    from edgekit.format.archive import Archive
    from edgekit.measure.bench import bench
    from edgekit.measure.budget import exceeded, parse_budget
    from edgekit.report.bars import Parts
    from edgekit.report.console import print_bench
    from edgekit.report.documents import bench_document
    from edgekit.runtimes.results import BenchRequest

    budget = () if options.budget is None else parse_budget(options.budget)
    request = BenchRequest(
        method=options.method,
        iterations=options.iterations,
        min_seconds=options.min_seconds,
        warmup=options.warmup,
        per_operator=options.ops,
    )
    if options.rounds is not None and options.rounds < 1:
        raise UsageError("rounds must be at least 1.")
    with Parts(options.quiet or options.json) as parts:
        report = bench(
            options.package,
            runtimes(options),
            request,
            threads=options.threads,
            rounds=options.rounds,
            progress=parts,
        )
    report = replace(report, context=replace(report.context, exceeded=exceeded(budget, report)))
    if options.save is not None:
        with atomic(options.save) as file:
            file.write_text(bench_document(report).to_json(), encoding="ascii")
    if options.json:
        print(bench_document(report).to_json(), end="")
    else:
        with Archive(options.package) as archive:
            print_bench(report, archive.manifest)
    return ParityError.exit_code if report.context.exceeded else 0


def _compare(options: argparse.Namespace) -> int:
    for option, given in (
        ("a package", options.package),
        ("--runtime", options.runtime),
        ("--budget", options.budget),
        ("--save", options.save),
        ("--public-key", options.public_key),
    ):
        if given:
            raise UsageError(f"--compare compares two files and measures nothing. Leave {option} out.")
    from edgekit.measure.regression import compared, read_saved
    from edgekit.report.console import print_changes
    from edgekit.report.documents import Document

    old, new = map(read_saved, options.compare)
    context, changes = compared(old, new, _part(options.threshold or _THRESHOLD))
    if options.json:
        print(Document(context=context, results=changes).to_json(), end="")
    else:
        print_changes(context, changes)
    return 0 if context.passed else ParityError.exit_code


def _part(text: str) -> float:
    """A percentage as a part of one."""
    try:
        percent = float(text.strip().removesuffix("%"))
    except ValueError:
        percent = -1.0
    if not 0 <= percent < float("inf"):
        raise UsageError(f"--threshold {text!r}: expected a percentage such as {_THRESHOLD}.")
    return percent / 100


def _counts(text: str) -> tuple[int, ...]:
    """Numbers of threads, without repetitions."""
    try:
        return tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected numbers such as 2 or 1,2,4, got {text!r}") from error
