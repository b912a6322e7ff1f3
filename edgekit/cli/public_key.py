"""`--public-key`: a package must be signed, which is checked before anything else reads it."""

import argparse
from pathlib import Path


def add_public_key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--public-key",
        type=Path,
        metavar="FILE",
        help="an Ed25519 public key, a PEM file: refuse a package that was not signed with its private key; one that was "
        "needs no isolation",
    )


def check_signature(options: argparse.Namespace) -> None:
    """Checks the signature of a package before anything else reads it, if the user trusts a public key.

    Raises:
        PackageError: the package is not signed by that key.
    """
    if getattr(options, "public_key", None) is None or options.package is None:
        return  # without a package, the verb says what it expects
    from edgekit.format.archive import Archive
    from edgekit.format.signature import read_public_key, require_signature

    key = read_public_key(options.public_key)
    with Archive(options.package) as archive:
        require_signature(archive, key)
