"""The signature of a package: Ed25519 over the bytes of its manifest (docs/format.md, "Signature").

`cryptography` is imported on first use, so that what needs no key starts without it.
"""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.errors import PackageError, UsageError
from edgekit.files import atomic
from edgekit.format.archive import MANIFEST, SIGNATURE, Archive
from edgekit.format.writer import replace_signature

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_BYTES = 32  # of the public key, before the 64 bytes of the signature itself
_LARGEST_FILE = 1 << 16  # bytes of a key file that are read; a key has about 120
_MAKE_KEY = "openssl genpkey -algorithm ed25519 -out key.pem"
_MAKE_PUBLIC = "openssl pkey -in key.pem -pubout -out public.pem"


def read_private_key(path: Path) -> "Ed25519PrivateKey":
    """Reads a PEM file (PKCS #8) without a passphrase.

    Raises:
        UsageError: it is missing, encrypted, or not an Ed25519 private key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data = _read(path)
    if b"PUBLIC KEY-----" in data:
        raise UsageError(
            f"{path} is a public key; expected the private key that belongs to it. Give that file with --key."
        )
    try:
        key = load_pem_private_key(data, password=None)
    except TypeError as error:
        raise UsageError(
            f"{path} is encrypted; expected a private key without a passphrase: edgekit asks for none. Let openssl decrypt "
            f"it into a pipe: openssl pkey -in {path} | edgekit sign X.ptl --key /dev/stdin"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(f"{path} is not a private key in a PEM file. Make one: {_MAKE_KEY}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"{path} is a private key of another kind; expected Ed25519. Make one: {_MAKE_KEY}")
    return key


def read_public_key(path: str | os.PathLike[str]) -> bytes:
    """Reads a PEM file (SubjectPublicKeyInfo), and returns the 32 bytes of the key.

    Raises:
        UsageError: it is missing, or not an Ed25519 public key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    data = _read(Path(path))
    if b"PRIVATE KEY-----" in data:
        raise UsageError(
            f"{path} is a private key; expected the public key that belongs to it. Make it: {_MAKE_PUBLIC}"
        )
    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(f"{path} is not a public key in a PEM file. Make it: {_MAKE_PUBLIC}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(
            f"{path} is a public key of another kind; expected Ed25519. Give the key of who signed the package."
        )
    return key.public_bytes_raw()


def require_signature(archive: Archive, key: bytes) -> None:
    """Checks that the owner of `key` signed the manifest. `Archive.check_digests` then checks all other records.

    Args:
        archive: the package, of which nothing needs to be parsed yet.
        key: the public key that is trusted.

    Raises:
        PackageError: the package is not signed, is signed by another key, or was changed.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    record = archive.signature
    if record is None:
        raise PackageError(
            f"{archive.path} is not signed; expected a signature by the key {short_key(key)}. Get the signed package from who "
            "made it; sign your own with: edgekit sign"
        )
    if record[:KEY_BYTES] != key:
        raise PackageError(
            f"{archive.path} is signed by the key {short_key(record[:KEY_BYTES])}; expected the key {short_key(key)}. Get the "
            "package from the owner of that key, or give the public key of who signed it."
        )
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(record[KEY_BYTES:], archive.read(MANIFEST))
    except (InvalidSignature, ValueError) as error:
        raise PackageError(
            f"{archive.path}: the signature does not fit the manifest; one of them was changed after signing, or is from another "
            "package. Get the signed package again from who made it."
        ) from error


def sign_package(path: Path, key: "Ed25519PrivateKey") -> bytes:
    """Signs a package in place; a signature that it has is replaced. The digests are checked before and after.

    Returns:
        The public key.

    Raises:
        PackageError: the package is damaged, or has no manifest.
        UsageError: it cannot be written.
    """
    public = key.public_key().public_bytes_raw()
    with Archive(path) as archive:
        archive.check_digests()
        if SIGNATURE in archive and archive.records[-1].name != SIGNATURE:
            raise PackageError(
                f"{path}: record {SIGNATURE} is not the last one, so edgekit cannot replace it. Export the package again."
            )
        record = public + key.sign(archive.read(MANIFEST))
    with atomic(path) as temporary:
        shutil.copyfile(path, temporary)
        replace_signature(temporary, record)
        with Archive(temporary) as written:
            require_signature(written, public)
            written.check_digests()
        shutil.copymode(path, temporary)
    return public


def short_key(key: bytes) -> str:
    """The beginning of a public key in hex, for people."""
    return f"{key[:8].hex()}…"


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the key file {path} cannot be read: {getattr(error, 'strerror', None) or error}. Check the path and permissions."
        ) from error
    if len(data) > _LARGEST_FILE:
        raise UsageError(f"{path} has more than {_LARGEST_FILE} bytes; expected the PEM file of a key. Check the path.")
    return data
