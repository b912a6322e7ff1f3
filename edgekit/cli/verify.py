"""`edgekit verify`."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgekit.cli.options import add_bind, add_isolate, add_json, add_package, add_runtimes, runtimes
from edgekit.cli.original import add_original, check_original, load_original
from edgekit.cli.public_key import add_public_key
from edgekit.errors import UsageError
from edgekit.runtimes.registry import DEFAULT

if TYPE_CHECKING:
    from edgekit.evaluation.bisect import Bisected
    from edgekit.report.documents import Document, VerifyContext
    from edgekit.runtimes.results import CaseRow
    from edgekit.runtimes.verdict import VerifyReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_package(parser)
    add_runtimes(parser, "verify")
    parser.add_argument(
        "--bisect",
        action="store_true",
        help="run the original model of --model beside the package, and name the first operator whose result departs",
    )
    add_original(parser, "for --bisect")
    add_bind(parser)
    add_public_key(parser)
    add_isolate(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    check_original(options)
    if options.model is not None and not options.bisect:
        raise UsageError("--model is for --bisect. Give --bisect too, or leave it out.")
    if options.bisect and DEFAULT not in runtimes(options):
        raise UsageError(
            f"--bisect reads the results of single operators, which only the runtime {DEFAULT} gives. Add --runtime {DEFAULT}."
        )
    from edgekit.report.console import print_verdict
    from edgekit.report.documents import verify_document
    from edgekit.runtimes.verdict import verify

    if options.bisect and options.model is None:
        raise UsageError(_needs_model(options.package))
    report = verify(options.package, runtimes(options))
    found = _bisected(options, report) if options.bisect else ()
    if options.json:
        document = verify_document(report)
        print(_with(document, options.model, found) if options.bisect else document.to_json(), end="")
    else:
        print_verdict(report)
        for each in found:
            print(each)
    return 0 if report.passed and all(each.departure is None for each in found) else 1


def _with(document: "Document[VerifyContext, tuple[CaseRow, ...]]", original: str, found: "Sequence[Bisected]") -> str:
    from edgekit.evaluation.bisect import bisect_document

    return bisect_document(document, original, found).to_json()


def _needs_model(package: str) -> str:
    from edgekit.format.archive import Archive

    with Archive(package) as archive:
        made = "" if archive.manifest is None else f", which was made of {archive.manifest.provenance.source}"
    return (
        f"--bisect {package}: the package has only the answers of the original model{made}, not the results of its operators. "
        "Give the original with --model SOURCE, as for edgekit export, with the same --weights, --checkpoint, --arg and --bind."
    )


def _bisected(options: argparse.Namespace, report: "VerifyReport") -> "tuple[Bisected, ...]":
    from edgekit.evaluation.bisect import bisect, inputs_of
    from edgekit.sources.methods import FORWARD

    inputs = inputs_of(options.package)
    source = load_original(options, report.manifest, inputs.pop(FORWARD, ()), inputs)
    return bisect(options.package, source, report.results)
