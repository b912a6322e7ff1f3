"""`edgekit sweep`."""

import argparse
import importlib.metadata
import logging
import re
import sys
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.cli.options import add_json
from edgekit.cli.parse import seed
from edgekit.errors import UsageError, printable
from edgekit.optimize.recipes import FITS
from edgekit.version import __version__

if TYPE_CHECKING:
    from edgekit.sweep.rows import Limits, ModelRequest, SweepDocument, SweepRow, SweepVersions
    from edgekit.sweep.state import SweepState

_LOG = logging.getLogger(__name__)
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_EXIT_INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--models",
        action="append",
        default=[],
        metavar="NAMES",
        help="names or globs of names such as resnet*, or other sources of `edgekit export`; with commas, and repeatable "
        "(default: all names of `edgekit models`)",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("build/sweep"),
        metavar="FOLDER",
        help="where to write sweep.json, sweep.md and state.jsonl (default build/sweep)",
    )
    parser.add_argument("--resume", action="store_true", help="go on with the sweep of that folder")
    parser.add_argument("--retry-failed", action="store_true", help="with --resume, run failed models again")
    parser.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="models at the same time (default: one on each core, if the memory suffices)",
    )
    parser.add_argument(
        "--dask", metavar="ADDRESS", help="run the models on a Dask cluster, for example tcp://host:8786 (extra dask)"
    )
    parser.add_argument(
        "--memory-limit",
        type=_bytes,
        metavar="SIZE",
        help="the memory of one model, for example 6G (default: its share of three quarters of the machine's memory, and all "
        "of it at the end, alone, for a model that needs more)",
    )
    parser.add_argument(
        "--timeout", type=_seconds, default=3600.0, metavar="S", help="the seconds of one model (default 3600)"
    )
    parser.add_argument("--weights", metavar="NAME", help="default or random")
    parser.add_argument("--seed", type=seed, default=0, help="the seed of random weights (default 0)")
    parser.add_argument(
        "--input", action="append", default=[], metavar="SPEC", help="an input of every model, as for `edgekit export`"
    )
    parser.add_argument("--fit", choices=FITS, default=FITS[0], help=f"as for `edgekit export` (default {FITS[0]})")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    if options.jobs is not None and options.jobs < 1:
        raise UsageError(f"--jobs is {options.jobs}; expected at least 1.")
    if options.retry_failed and not options.resume:
        raise UsageError("--retry-failed is for a sweep that goes on. Give --resume too.")
    from edgekit.sweep.models import all_names, chosen
    from edgekit.sweep.process import can_limit_memory
    from edgekit.sweep.rows import Limits, ModelRequest, SweepOptions, sweep_document
    from edgekit.sweep.state import Header, SweepState

    if options.memory_limit is not None and not options.dask and not can_limit_memory():
        raise UsageError("--memory-limit is not available on this system, which has no /proc. Leave it out.")
    known = all_names()
    names = chosen(options.models, known)
    asked = SweepOptions(weights=options.weights, seed=options.seed, fit=options.fit, inputs=tuple(options.input))
    _check_inputs(asked.inputs)
    header = Header(versions=_versions(), options=asked)
    again = ("failed",) if options.retry_failed else ()
    with SweepState(options.output / "state.jsonl", header, resume=options.resume, again=again) as state:
        left = [ModelRequest(source=name, options=asked) for name in names if name not in state.rows]
        limits = Limits(timeout_s=options.timeout, memory_bytes=options.memory_limit)
        try:
            _run(left, limits, state, options, len(names))
        except KeyboardInterrupt:
            done = sum(name in state.rows for name in names)
            print(
                f"edgekit: interrupted; {done} of {len(names)} models are in {state.path}. Go on with --resume.",
                file=sys.stderr,
            )
            return _EXIT_INTERRUPTED
        rows = [state.rows[name] for name in names]
    document = sweep_document(rows, header.versions, asked, names=len(known), cpu=None if options.dask else _cpu())
    _write(document, options)
    return 0 if document.context.verified == len(rows) else 1


def _run(
    requests: Sequence["ModelRequest"],
    limits: "Limits",
    state: "SweepState",
    options: argparse.Namespace,
    total: int,
) -> None:
    """Adds the rows of all models to the state, with a progress bar on a terminal."""
    from tqdm import tqdm

    shown = sys.stderr.isatty() and not options.quiet
    with (
        closing(_rows(requests, limits, options)) as rows,
        tqdm(total=total, initial=total - len(requests), disable=not shown, unit="model") as bar,
    ):
        for row in rows:
            state.add(row)
            bar.set_postfix_str(f"{row.model} {row.status}", refresh=False)
            bar.update()
            _LOG.info("%s: %s in %.0f s %s", row.model, row.status, row.seconds, row.reason)


def _rows(
    requests: Sequence["ModelRequest"], limits: "Limits", options: argparse.Namespace
) -> Generator["SweepRow", None, None]:
    if options.dask:
        from edgekit.sweep.cluster import rows_of_cluster

        return rows_of_cluster(requests, limits, options.dask)
    from edgekit.sweep.local import rows_here

    return rows_here(requests, limits, options.jobs)


def _write(document: "SweepDocument", options: argparse.Namespace) -> None:
    from edgekit.files import atomic
    from edgekit.sweep.page import markdown_page, table

    for name, text in (("sweep.json", document.to_json()), ("sweep.md", markdown_page(document))):
        with atomic(options.output / name) as file:
            file.write_text(text, encoding="utf-8")
    if options.json:
        print(document.to_json(), end="")
        return
    context = document.context
    print(printable(table(document.results)))
    print(
        f"{context.verified} verified, {context.unproven} UNPROVEN, {context.failed} failed: {options.output}/sweep.md"
    )


def _versions() -> "SweepVersions":
    from edgekit.sweep.rows import SweepVersions

    found: dict[str, str | None] = {}
    for package in ("torch", "torchvision"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = None
    return SweepVersions(edgekit=__version__, torch=str(found["torch"]), torchvision=found["torchvision"])


def _cpu() -> str | None:
    from edgekit.measure.context import cpu_name

    return cpu_name()


def _check_inputs(texts: Sequence[str]) -> None:
    """Refuses a wrong `--input` before any model is run."""
    from edgekit.sources.inputs import parse_input

    for text in texts:
        parse_input(text)


def _bytes(text: str) -> int:
    """The type of `--memory-limit`: 6G, 500M or a number of bytes."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)B?", text.strip().upper())
    if found is None or not float(found[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; expected for example 6G or 500M")
    return int(float(found[1]) * _UNITS[found[2]])


def _seconds(text: str) -> float:
    """The type of `--timeout`."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number of seconds")
    return number
