"""`edgekit sign`, which imports neither torch nor numpy."""

import argparse
from pathlib import Path

from edgekit.cli.options import add_package


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_package(parser)
    parser.add_argument(
        "--key",
        type=Path,
        required=True,
        metavar="FILE",
        help="the Ed25519 private key, a PEM file without a passphrase, as openssl genpkey -algorithm ed25519 -out FILE makes it",
    )


def run(options: argparse.Namespace) -> int:
    from edgekit.format.signature import read_private_key, sign_package

    public = sign_package(Path(options.package), read_private_key(options.key))
    print(f"signed {options.package} with the key {public.hex()}")
    return 0
