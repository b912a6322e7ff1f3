"""`edgekit compat`, which imports neither torch nor numpy."""

import argparse

from edgekit.cli.options import add_json, add_package, add_tables
from edgekit.format.archive import Archive
from edgekit.report.console import print_fits
from edgekit.report.documents import compat_document
from edgekit.runtimes.compat import accepted_names, check_fit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_package(parser, plain=True)
    add_tables(parser, accepted_names(), default="every table")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    with Archive(options.package) as archive:
        archive.check_documents()
        results = check_fit(archive, options.runtime)
        manifest = archive.manifest
        package = archive.path
    if options.json:
        print(compat_document(package, manifest, results).to_json(), end="")
    else:
        print_fits(results, manifest)
    return 0 if all(fit.fits for fit in results) else 1
