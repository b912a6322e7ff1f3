"""Options that several verbs share: one meaning and one help text each."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from edgekit.cli.parse import seed
from edgekit.runtimes.isolation import SECONDS, VARIABLE, Mode
from edgekit.runtimes.registry import DEFAULT, TARGETS, Capability, names


def add_package(parser: argparse.ArgumentParser, *, plain: bool = False) -> None:
    """The package, which may be one of another tool where `plain`."""
    about = "a .ptl file; one that another tool made works too" if plain else "a .ptl file that edgekit export made"
    parser.add_argument("package", help=about)


def add_weights(parser: argparse.ArgumentParser) -> None:
    """What makes the model of a source: the weights, and the arguments of a factory."""
    parser.add_argument(
        "--arg",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an argument of the factory, as JSON or else as text: width=0.5; repeatable",
    )
    parser.add_argument("--weights", metavar="NAME", help="default, random, or the name of torchvision weights")
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="the weights: a .pth or .safetensors file")
    parser.add_argument(
        "--checkpoint-key", metavar="KEY", help="the weights in a checkpoint that has several, such as state_dict_ema"
    )
    parser.add_argument(
        "--trust-checkpoint",
        action="store_true",
        help="read a checkpoint that holds Python objects, which can run any code: only from a source that you trust",
    )
    parser.add_argument("--seed", type=seed, default=0, help="the seed of random weights (default 0)")


def add_bind(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--bind",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another parameter of forward with its value, as JSON or else as text: use_cache=false; repeatable",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the results as one JSON document")


def add_isolate(parser: argparse.ArgumentParser) -> None:
    """`--isolate` and its limit of time, for verbs that load a package."""
    given = os.environ.get(VARIABLE, "auto")
    parser.add_argument(
        "--isolate",
        choices=get_args(Mode),
        default=given if given in get_args(Mode) else "auto",
        help="load and run the package in a process of its own, under limits of time and memory; auto, the default, does "
        "so for a file that was not exported on this machine",
    )
    parser.add_argument(
        "--isolate-seconds",
        type=float,
        default=SECONDS,
        metavar="S",
        help=f"there, the longest time for loading the package, and for each run (default {SECONDS:g})",
    )


def add_runtimes(parser: argparse.ArgumentParser, capability: Capability) -> None:
    """`--runtime`, repeatable; `runtimes(options)` gives its values."""
    parser.add_argument(
        "--runtime", action="append", default=[], metavar="NAME", help=f"{_listed(capability)}; repeatable"
    )


def add_runtime(parser: argparse.ArgumentParser, capability: Capability) -> None:
    """`--runtime` for verbs that use one runtime."""
    parser.add_argument("--runtime", default=DEFAULT, metavar="NAME", help=_listed(capability))


def add_tables(parser: argparse.ArgumentParser, known: Sequence[str], default: str = "") -> None:
    """`--runtime` for verbs that read operator tables: the names of runtimes and of tables."""
    ending = f" (default: {default})" if default else ""
    parser.add_argument(
        "--runtime",
        action="append",
        default=[],
        metavar="NAME",
        required=not default,
        help=f"one of {', '.join(known)}; repeatable{ending}",
    )


def runtimes(options: argparse.Namespace) -> tuple[str, ...]:
    """The runtimes that were asked for, or the default one."""
    return tuple(options.runtime) or (DEFAULT,)


def _listed(capability: Capability) -> str:
    described = (f"{name} ({TARGETS[name].about})" for name in names(capability))
    return f"where to run, {DEFAULT} by default: {', '.join(described)}"
