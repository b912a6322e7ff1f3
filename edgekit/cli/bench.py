"""`edgekit bench`."""

import argparse

from edgekit.cli.output import banner, print_document, print_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("package", help="a .ptl of edgekit export")
    parser.add_argument(
        "--runtime",
        action="append",
        metavar="NAME",
        help="lite (default), native, aarch64 (under qemu, if here), android or android-arm64; once for each",
    )
    parser.add_argument("--method", default="forward", help="the method (default forward)")
    parser.add_argument("--iterations", type=int, default=30, help="at least so many timed runs (default 30)")
    parser.add_argument("--min-seconds", type=float, default=1.0, help="and for at least so long (default 1)")
    parser.add_argument("--warmup", type=int, default=3, help="runs before them (default 3)")
    parser.add_argument("--threads", type=int, help="threads; by default each runtime's own choice")
    parser.add_argument("--ops", action="store_true", help="the time in each operator (native, aarch64)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> int:
    from edgekit.format.archive import Archive
    from edgekit.measure.bench import BenchRequest, bench, context, rows

    request = BenchRequest(
        method=options.method,
        iterations=options.iterations,
        min_seconds=options.min_seconds,
        warmup=options.warmup,
        threads=options.threads,
        per_operator=options.ops,
    )
    results = [bench(options.package, name, request) for name in options.runtime or ["lite"]]
    if options.json:
        print_document(context(options.package), results)
        return 0
    with Archive(options.package) as archive:
        print(banner(archive.manifest), end="")
    print_table(
        (
            "runtime",
            "load ms",
            "first ms",
            "min ms",
            "p50 ms",
            "p90 ms",
            "p99 ms",
            "mean ms",
            "runs",
            "threads",
            "peak",
        ),
        rows(results),
    )
    for result in results:
        if "operators" in result:
            print(f"\n{result['runtime']}:")
            cells = [
                (row["name"], f"{row['ms']:.3f}", f"{row['percent']:.1f}", row["calls"]) for row in result["operators"]
            ]
            print_table(("operator", "ms", "%", "calls"), cells)
    return 0
