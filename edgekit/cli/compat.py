"""`edgekit compat`, which imports neither torch nor numpy."""

import argparse
from pathlib import Path

from edgekit.cli.output import banner, print_document, print_table
from edgekit.format.archive import Archive
from edgekit.runtimes.compat import check_fit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("package", help="a .ptl, of edgekit or not")
    parser.add_argument(
        "--runtime", action="append", default=[], metavar="NAME", help="once for each runtime (default: all known)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> int:
    import msgspec

    with Archive(options.package) as archive:
        found = check_fit(archive, options.runtime)
        manifest = archive.manifest
    passed = all(fit.fits for fit in found)
    if options.json:
        weights = None if manifest is None else manifest.provenance.weights.kind
        context = {"package": Path(options.package).name, "passed": passed, "weights": weights}
        print_document(context, msgspec.to_builtins(found))
        return 0 if passed else 1
    print(banner(manifest), end="")
    rows = []
    for fit in found:
        lowest, highest = fit.bytecode_range
        bytecode = f"{fit.bytecode_version} of {lowest} to {highest}"
        rows.append((fit.runtime, "yes" if fit.fits else "NO", bytecode, "\n".join(fit.missing)))
    print_table(("runtime", "fits", "bytecode", "missing operators"), rows)
    for remedy in dict.fromkeys(fit.remedy for fit in found if not fit.fits):
        print(f"{', '.join(fit.runtime for fit in found if fit.remedy == remedy)}: {remedy}")
    return 0 if passed else 1
