"""`edgekit inspect`, which imports neither torch nor numpy."""

import argparse
from pathlib import Path

from edgekit.cli.options import add_json, add_package
from edgekit.cli.public_key import add_public_key
from edgekit.files import atomic
from edgekit.format.archive import Archive
from edgekit.inspection import inspect_package, selective_build_yaml
from edgekit.report.console import print_inspection
from edgekit.report.documents import inspect_document


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_package(parser, plain=True)
    parser.add_argument("--digests", action="store_true", help="check the digest of every record in the manifest")
    parser.add_argument(
        "--selective-build", type=Path, metavar="OPS.YAML", help="write the operator list for a custom libtorch build"
    )
    add_public_key(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    with Archive(options.package) as archive:
        checked = archive.check_digests() if options.digests or options.public_key is not None else None
        found = inspect_package(archive)
    if options.selective_build is not None:
        with atomic(options.selective_build) as temporary:
            temporary.write_text(selective_build_yaml(found.operators))
    if options.json:
        print(inspect_document(found, checked).to_json(), end="")
        return 0
    print_inspection(found, checked, signature_checked=options.public_key is not None)
    if options.selective_build is not None:
        print(f"\nwrote {len(found.operators)} operators to {options.selective_build}")
    return 0
