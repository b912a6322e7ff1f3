"""`edgekit run`."""

import argparse
import contextlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.cli.options import add_isolate, add_json, add_package, add_runtime
from edgekit.cli.public_key import add_public_key
from edgekit.errors import UsageError
from edgekit.runtimes.results import OutputFile, PictureResult

if TYPE_CHECKING:
    from edgekit.format.compare import Array
    from edgekit.model import PackageModel

_OUTPUT = Path("output.npy")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_package(parser, plain=True)
    parser.add_argument(
        "pictures",
        nargs="*",
        type=Path,
        help="JPEG or PNG files, folders of them, or - for standard input, for a classifier, a segmenter or a detector",
    )
    add_runtime(parser, "run")
    parser.add_argument(
        "--topk", type=int, metavar="N", help="labels to show for a picture (default 5), or boxes (default all)"
    )
    parser.add_argument(
        "--min-score", type=float, metavar="X", help="the least score of a box to show for a picture (default 0.5)"
    )
    parser.add_argument(
        "--input", action="append", default=[], metavar="FILE", help="an input of --method: [NAME=]x.npy; repeatable"
    )
    parser.add_argument("--method", help="the method for --input (default forward)")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="the file to write: for --input .npy (default output.npy), for the mask of a picture .png (default none); several "
        "outputs or pictures put their names before the suffix",
    )
    parser.add_argument(
        "--overlay",
        type=Path,
        metavar="FILE",
        help="write the picture with its mask or its boxes over it to this .png file",
    )
    add_public_key(parser)
    add_isolate(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    for option, asked in (("--input", options.input), ("--method", options.method)):
        if options.pictures and asked:
            raise UsageError(
                f"pictures and {option} exclude each other: pictures go through predict, arrays (--input) through --method."
            )
    for option, given in (("--overlay", options.overlay), ("--min-score", options.min_score)):
        if given is not None and not options.pictures:
            raise UsageError(f"{option} is for pictures, and none was given. Give a picture, or leave it out.")
    if options.min_score is not None and not 0.0 <= options.min_score <= 1.0:  # also for NaN
        raise UsageError(f"--min-score {options.min_score:g}: expected a number from 0 to 1.")
    from edgekit.cli.run_pictures import run_pictures
    from edgekit.model import open_package
    from edgekit.report.console import banner
    from edgekit.report.documents import run_document

    model = open_package(options.package, options.runtime)
    if not options.json:
        print(banner(model.manifest), end="")
    code = 0
    results: Sequence[PictureResult] | Sequence[OutputFile]
    if options.pictures:
        code, results = run_pictures(model, options)
    else:
        results = _run_arrays(model, options)
    if options.json:
        print(run_document(model.manifest, options.runtime, results).to_json(), end="")
    return code


def _run_arrays(model: "PackageModel", options: argparse.Namespace) -> Sequence[OutputFile]:
    from edgekit.report.console import print_outputs
    from edgekit.sources.inputs import load_npy

    named = [text.rpartition("=") for text in options.input]
    arrays = {name or str(index): load_npy(path) for index, (name, _, path) in enumerate(named)}
    if len(arrays) < len(named):
        raise UsageError(f"--input was given twice for one name ({', '.join(name for name, _, _ in named)}).")
    outputs = model.run(
        arrays if any(name for name, _, _ in named) else list(arrays.values()), options.method or "forward"
    )
    output = options.output or _OUTPUT
    paths = _paths(output, list(outputs))
    _keep(options.package, paths)
    _save(paths, outputs)
    results = [
        OutputFile(output=name, file=paths[name].name, dtype=str(value.dtype), shape=value.shape)
        for name, value in outputs.items()
    ]
    if not options.json:
        print_outputs(results, output.parent)
    return results


def _paths(output: Path, names: list[str]) -> dict[str, Path]:
    """A file for each output; names are the model's own words, and may hold what a file name may not."""
    if not output.name:
        raise UsageError(f"-o {output}: expected a file name.")
    if len(names) == 1:
        return {names[0]: output}
    paths = {name: output.with_name(f"{output.stem}.{re.sub(r'[^A-Za-z0-9_.-]', '_', name)}.npy") for name in names}
    if len(set(paths.values())) < len(paths):
        raise UsageError(f"the outputs {', '.join(names)} give the same file names. Run the model from Python instead.")
    return paths


def _keep(package: str, paths: dict[str, Path]) -> None:
    """Refuses to write an output over the package."""
    for path in paths.values():
        if path.exists() and path.samefile(package):
            raise UsageError(f"-o {path} is the package itself; expected another file. Choose one that ends in .npy.")


def _save(paths: dict[str, Path], outputs: "dict[str, Array]") -> None:
    """Writes all files or none."""
    import numpy as np

    from edgekit.files import atomic

    with contextlib.ExitStack() as stack:
        for name, path in paths.items():
            with stack.enter_context(atomic(path)).open("wb") as file:
                np.save(file, outputs[name])
