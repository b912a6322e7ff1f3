"""`edgekit bench`."""

import argparse

from edgekit.cli.options import add_isolate, add_json, add_package, add_runtimes, add_threads, runtimes
from edgekit.cli.public_key import add_public_key
from edgekit.runtimes.registry import names


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_package(parser)
    add_runtimes(parser, "bench")
    parser.add_argument("--method", default="forward", help="the method (default forward)")
    parser.add_argument("--iterations", type=int, default=30, metavar="N", help="at least N timed runs (default 30)")
    parser.add_argument(
        "--min-seconds", type=float, default=1.0, metavar="S", help="timed runs for at least S seconds (default 1)"
    )
    parser.add_argument("--warmup", type=int, default=3, metavar="N", help="N runs before the timed ones (default 3)")
    add_threads(parser)
    able = " or ".join(names("operator times"))
    parser.add_argument("--ops", action="store_true", help=f"show the time in each operator too ({able})")
    add_public_key(parser)
    add_isolate(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    from edgekit.format.archive import Archive
    from edgekit.measure.bench import bench
    from edgekit.report.console import print_bench
    from edgekit.report.documents import bench_document
    from edgekit.runtimes.results import BenchRequest

    request = BenchRequest(
        method=options.method,
        iterations=options.iterations,
        min_seconds=options.min_seconds,
        warmup=options.warmup,
        threads=options.threads,
        per_operator=options.ops,
    )
    report = bench(options.package, runtimes(options), request)
    if options.json:
        print(bench_document(report).to_json(), end="")
        return 0
    with Archive(options.package) as archive:
        print_bench(report, archive.manifest)
    return 0
