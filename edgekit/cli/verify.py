"""`edgekit verify`."""

import argparse
from typing import Any

from edgekit.cli.output import banner, bound, print_document, print_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("package", help="a .ptl of edgekit export")
    parser.add_argument(
        "--runtime",
        action="append",
        metavar="NAME",
        help="lite (default), native or aarch64 (the C++ runner, here or under qemu), android or android-arm64 "
        "(Android's own library), torch-1.13.1 or torch-2.1.0 (older lite interpreters: 3 to 5 GB on first use); once for each",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> int:
    from edgekit.runtimes.verdict import verify

    report = verify(options.package, options.runtime or ["lite"])
    if options.json:
        context = {
            "package": report.manifest.name,
            "passed": report.passed,
            "weights": report.manifest.provenance.weights.kind,
        }
        print_document(context, [_row(result) for result in report.results])
        return 0 if report.passed else 1
    print(banner(report.manifest), end="")
    headers = ("runtime", "case", "output", "norm error", "max error", "cosine", "top-1", "worst at", "verdict")
    print_table(headers, [_cells(result) for result in report.results])
    for runtime in dict.fromkeys(result.runtime for result in report.results):
        failed = [r for r in report.of(runtime) if not r.comparison.passed]
        verdict = f"FAIL ({len(failed)} of {len(report.of(runtime))} outputs)" if failed else "pass"
        print(f"{report.manifest.name} on {runtime}: {verdict}, {bound(report.manifest)}")
    return 0 if report.passed else 1


def _row(result: Any) -> dict[str, Any]:
    import msgspec

    return {"runtime": result.runtime, "case": result.case, **msgspec.to_builtins(result.comparison)}


def _cells(result: Any) -> tuple[str, ...]:
    found = result.comparison
    worst = "" if found.worst_index is None else f"{found.output}{list(found.worst_index)}"
    verdict = "pass" if found.passed else f"FAIL {found.reason}: expected {found.expected}, got {found.actual}"
    top1 = {True: "same", False: "differs", None: ""}[found.top1]
    return (
        result.runtime,
        result.case,
        found.output,
        "" if found.norm_error is None else f"{found.norm_error:.2e}",
        "" if found.max_error is None else f"{found.max_error:.2e}",
        "" if found.cosine is None else f"{found.cosine:.7f}",
        top1,
        worst,
        verdict,
    )
