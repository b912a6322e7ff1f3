"""`edgekit ops`, which imports neither torch nor numpy."""

import argparse

from edgekit.cli.options import add_json, add_tables
from edgekit.report.documents import ops_document
from edgekit.runtimes.compat import accepted_names, list_operators
from edgekit.runtimes.registry import names


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_tables(parser, (*names("ops"), *accepted_names()))
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    found = [row for name in dict.fromkeys(options.runtime) for row in list_operators(name)]
    if options.json:
        print(ops_document(options.runtime, found).to_json(), end="")
        return 0
    several = len(set(options.runtime)) > 1
    for row in found:
        print(f"{row.runtime} {row.name}" if several else row.name)
    return 0
