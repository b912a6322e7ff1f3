"""`edgekit inspect`, which imports neither torch nor numpy."""

import argparse
import json
from pathlib import Path
from typing import Any

from edgekit.cli.output import banner, bound, print_document, print_table, size
from edgekit.format.archive import Archive
from edgekit.inspection import Inspection, inspect_package, selective_build_yaml


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("package", help="a .ptl, of edgekit or not")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--digests", action="store_true", help="check every record against the manifest")
    parser.add_argument(
        "--selective-build", type=Path, metavar="OPS.YAML", help="write the operator list for a custom libtorch build"
    )


def run(options: argparse.Namespace) -> int:
    import msgspec

    with Archive(options.package) as archive:
        found = inspect_package(archive)
        checked = archive.check_digests() if options.digests else None
    if options.selective_build is not None:
        from edgekit.files import atomic

        with atomic(options.selective_build) as temporary:
            temporary.write_text(selective_build_yaml(found.operators))
    if options.json:
        print_document({"package": Path(options.package).name, "digests_checked": checked}, msgspec.to_builtins(found))
        return 0
    _print(found, checked)
    if options.selective_build is not None:
        print(f"\nwrote {len(found.operators)} operators to {options.selective_build}")
    return 0


def _print(found: Inspection, checked: int | None) -> None:
    manifest = found.manifest
    print(banner(manifest), end="")
    print(
        f"{found.file}  {size(found.size_bytes)}  bytecode {found.bytecode_version}, {len(found.operators)} operators"
    )
    if manifest is None:
        print("no edgekit manifest: a plain .ptl; there are no golden cases to verify it by")
    else:
        weights = manifest.provenance.weights
        print(
            f"source      {manifest.provenance.source}, weights {weights.kind}{' ' + weights.name if weights.name else ''}"
        )
        versions = manifest.provenance.versions
        print(f"made by     edgekit {versions.edgekit}, torch {versions.torch}")
        print(f"captured    {manifest.capture.mode}: {manifest.capture.reason}")
        applied = ", ".join(step.name for step in manifest.recipe.passes if step.applied)
        print(f"recipe      {manifest.recipe.name}: {applied or 'nothing'}")
        parity = manifest.parity
        print(f"parity      {parity.cases} cases, largest error {parity.norm_error:.1e} ({bound(manifest)})")
        print(f"fits        {', '.join(manifest.fits) or 'no runtime that it knows of; see edgekit compat'}")
        print(f"threads     {manifest.runtime.pool} pool")
    if found.labels:
        print(f"labels      {len(found.labels)}: {', '.join(found.labels[:4])}{', …' if len(found.labels) > 4 else ''}")
    if checked is not None:
        print(f"digests     {checked} records agree")
    for method in found.methods:
        print(f"\n{method.name}({', '.join(method.inputs)}) -> {', '.join(method.outputs)}")
    print("\noperators\n  " + "\n  ".join(found.operators))
    print()
    print_table(("constant", "dtype", "shape", "parameter"), [_constant(c) for c in found.constants])
    print()
    print_table(("record", "size"), [(record.name, size(record.size_bytes)) for record in found.records])


def _constant(constant: Any) -> tuple[str, str, str, str]:
    return constant.record, constant.dtype, json.dumps(list(constant.shape)), constant.parameter or ""
