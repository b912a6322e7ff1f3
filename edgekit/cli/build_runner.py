"""`edgekit build-runner`."""

import argparse

from edgekit.cli.options import add_json
from edgekit.report.documents import build_document


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    from edgekit.runtimes.runner_build import build_runner

    program = build_runner()
    print(build_document(program).to_json() if options.json else f"{program}\n", end="")
    return 0
