"""`edgekit evaluate`."""

import argparse
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.cli.options import add_isolate, add_json, add_package, add_runtime
from edgekit.cli.original import add_original, check_original, load_original
from edgekit.cli.parse import labels_file
from edgekit.cli.public_key import add_public_key
from edgekit.errors import UsageError

if TYPE_CHECKING:
    from edgekit.evaluation.original import Original
    from edgekit.evaluation.pictures import LabelledPicture
    from edgekit.evaluation.rows import EvaluatedPicture
    from edgekit.model import PackageModel


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_package(parser)
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="pictures, or a subfolder of pictures for each label, with the label as its name",
    )
    parser.add_argument(
        "--classes",
        type=Path,
        metavar="FILE",
        help="a text file with the name of the subfolder of each class, one per line (default: the labels)",
    )
    add_original(parser, "default: only the package runs")
    add_runtime(parser, "run")
    parser.add_argument("--worst", type=int, default=5, metavar="N", help="the worst pictures to show (default 5)")
    add_public_key(parser)
    add_isolate(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    if options.worst < 0:
        raise UsageError(f"--worst is {options.worst}; expected at least 0.")
    check_original(options)
    from edgekit.evaluation.evaluate import class_count
    from edgekit.evaluation.pictures import pictures_of
    from edgekit.evaluation.rows import evaluation_document
    from edgekit.evaluation.table import print_evaluation
    from edgekit.model import open_package
    from edgekit.report.console import banner

    model = open_package(options.package, options.runtime)
    classes = class_count(model)
    folders = labels_file(options.classes, "--classes") if options.classes else ()
    pictures = pictures_of(options.data, model.labels, classes, folders)
    manifest = model.manifest
    assert manifest is not None  # or it would have no classes
    if not options.json:
        print(banner(manifest), end="")
    original = None if options.model is None else _original(model, classes, options)
    rows, code = _rows(model, original, pictures, options.quiet)
    document = evaluation_document(
        rows,
        package=manifest.name,
        weights=manifest.provenance.weights.kind,
        runtime=options.runtime,
        original=options.model,
        same_weights=None if original is None else original.same_weights,
    )
    if options.json:
        print(document.to_json(), end="")
    else:
        print_evaluation(document, options.worst)
    return code


def _original(model: "PackageModel", classes: int, options: argparse.Namespace) -> "Original":
    from edgekit.evaluation.original import Original

    manifest = model.manifest
    assert manifest is not None  # it has an image contract
    return Original(load_original(options, manifest), manifest, classes)


def _rows(
    model: "PackageModel", original: "Original | None", pictures: Sequence["LabelledPicture"], quiet: bool
) -> tuple[Sequence["EvaluatedPicture"], int]:
    """A row for each picture, with a progress bar on a terminal, and the exit code, which is that of the worst picture."""
    from tqdm import tqdm

    from edgekit.evaluation.evaluate import evaluated

    shown = sys.stderr.isatty() and not quiet
    with contextlib.redirect_stdout(sys.stderr):
        found = tqdm(
            evaluated(model, original, pictures), total=len(pictures), disable=not shown, leave=False, unit="picture"
        )
        rows, codes = zip(*found, strict=True)
    return rows, max(codes)
