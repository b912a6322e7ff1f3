"""`edgekit run`."""

import argparse
import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.cli.output import banner, print_document, print_table
from edgekit.errors import UsageError

if TYPE_CHECKING:
    from edgekit.format.compare import Array
    from edgekit.model import LiteModel


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("package", help="a .ptl")
    parser.add_argument("pictures", nargs="*", type=Path, help="JPEG or PNG files, for an image classifier")
    parser.add_argument("--topk", type=int, default=5, help="labels to print for a picture (default 5)")
    parser.add_argument(
        "--input", action="append", default=[], metavar="FILE", help="[NAME=]x.npy; once for each input"
    )
    parser.add_argument("--method", default="forward", help="for --input (default forward)")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("output.npy"),
        help="for --input (default output.npy; several outputs put their names before .npy)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> int:
    if options.pictures and options.input:
        raise UsageError(
            "pictures and --input exclude each other: pictures go through predict, arrays through --method."
        )
    from edgekit.model import LiteModel

    model = LiteModel(options.package)
    if not options.json:
        print(banner(model.manifest), end="")
    if options.pictures:
        return _classify(model, options)
    return _run_arrays(model, options)


def _classify(model: "LiteModel", options: argparse.Namespace) -> int:
    results = []
    for picture in options.pictures:
        ranked = model.predict(picture, options.topk)
        results.append({"file": picture.name, "labels": [{"label": label, "score": score} for label, score in ranked]})
        if not options.json:
            print(f"{picture}:")
            print_table((), [(f"  {score:.6f}", label) for label, score in ranked])
    if options.json:
        print_document(_context(model), results)
    return 0


def _run_arrays(model: "LiteModel", options: argparse.Namespace) -> int:
    from edgekit.sources.inputs import load_npy

    named = [text.rpartition("=") for text in options.input]
    arrays = {name or str(index): load_npy(path) for index, (name, _, path) in enumerate(named)}
    if len(arrays) < len(named):
        raise UsageError(f"--input was given twice for one name ({', '.join(name for name, _, _ in named)}).")
    outputs = model.run(arrays if any(name for name, _, _ in named) else list(arrays.values()), options.method)
    paths = _paths(options.output, list(outputs))
    _save(paths, outputs)
    results = []
    for name, value in outputs.items():
        results.append(
            {"output": name, "file": paths[name].name, "dtype": str(value.dtype), "shape": list(value.shape)}
        )
        if not options.json:
            print(f"{name}: {value.dtype} {list(value.shape)} -> {paths[name]}")
    if options.json:
        print_document(_context(model), results)
    return 0


def _paths(output: Path, names: list[str]) -> dict[str, Path]:
    """A file for each output; names are the model's own words, and may hold what a file name may not."""
    if not output.name:
        raise UsageError(f"-o {output}: expected a file name.")
    if len(names) == 1:
        return {names[0]: output}
    paths = {name: output.with_name(f"{output.stem}.{re.sub(r'[^A-Za-z0-9_.-]', '_', name)}.npy") for name in names}
    if len(set(paths.values())) < len(paths):
        raise UsageError(f"the outputs {', '.join(names)} cannot be told apart as file names.")
    return paths


def _save(paths: dict[str, Path], outputs: "dict[str, Array]") -> None:
    """Writes all files or none."""
    import numpy as np

    from edgekit.files import atomic

    with contextlib.ExitStack() as stack:
        for name, path in paths.items():
            with stack.enter_context(atomic(path)).open("wb") as file:
                np.save(file, outputs[name])


def _context(model: "LiteModel") -> dict[str, str | None]:
    manifest = model.manifest
    return {
        "package": manifest.name if manifest else None,
        "weights": manifest.provenance.weights.kind if manifest else None,
    }
