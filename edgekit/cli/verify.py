"""`edgekit verify`."""

import argparse

from edgekit.cli.options import add_isolate, add_json, add_package, add_runtimes, runtimes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_package(parser)
    add_runtimes(parser, "verify")
    add_isolate(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    from edgekit.report.console import print_verdict
    from edgekit.report.documents import verify_document
    from edgekit.runtimes.verdict import verify

    report = verify(options.package, runtimes(options))
    if options.json:
        print(verify_document(report).to_json(), end="")
    else:
        print_verdict(report)
    return 0 if report.passed else 1
