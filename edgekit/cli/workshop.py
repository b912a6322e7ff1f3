"""`edgekit workshop`."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        nargs="?",
        choices=("show", "make", "remove"),
        default="show",
        help="show where it is, make or repair it, or remove it (default show)",
    )
    parser.add_argument(
        "--index",
        metavar="URL",
        help="make: a wheel index for torch, for example of CPU builds, which are much smaller (default: TORCH_INDEX)",
    )


def run(options: argparse.Namespace) -> int:
    from edgekit.errors import UsageError
    from edgekit.runtimes import workshop

    if options.index is not None and options.action != "make":
        raise UsageError("--index is for edgekit workshop make. Leave it out, or add make.")
    if options.action == "show":
        print(workshop.described())
        return 0
    if (named := workshop.named_python()) is not None:
        raise UsageError(
            f"{workshop.VARIABLE} names {named}, which edgekit does not make or remove. Unset {workshop.VARIABLE}."
        )
    own = workshop.own_environment()
    if options.action == "remove":
        print(f"removed {own.folder}" if own.remove() else f"there is no workshop in {own.folder}")
        return 0
    own.repair(options.index)
    print(workshop.described())
    return 0
