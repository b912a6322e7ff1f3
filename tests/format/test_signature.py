"""Signatures: the conformance cases, what signing changes in a file, and key files that are wrong."""

import base64
import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from edgekit.errors import PackageError, UsageError
from edgekit.format.archive import MANIFEST, SIGNATURE, Archive
from edgekit.format.signature import KEY_BYTES, read_private_key, read_public_key, require_signature, sign_package

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[1] / "conformance" / "signatures.json").read_text())
MESSAGES = {
    "unsigned": "is not signed; expected a signature by the key 03a107bff3ce10be…",
    "key": "is signed by the key",
    "changed": "the signature does not fit the manifest",
    "length": "bytes; expected 96",
    "container": "two records have the name",
    "digest": "record",
}


def named(case: dict[str, Any]) -> str:
    return str(case["name"])


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the keys that openssl makes: key.pem and public.pem, of Ed25519 unless named otherwise."""
    folder = tmp_path_factory.mktemp("keys")
    for command in (
        "genpkey -algorithm ed25519 -out key.pem",
        "pkey -in key.pem -pubout -out public.pem",
        "genpkey -algorithm ed25519 -out other.pem",
        "pkey -in other.pem -pubout -out other_public.pem",
        "pkey -in key.pem -aes256 -passout pass:secret -out encrypted.pem",
        "genpkey -algorithm x25519 -out x25519.pem",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True)
    return folder


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(tiny, tmp_path / "x.ptl"))


@pytest.mark.parametrize("case", DOCUMENT["cases"], ids=named)
def test_require_signature_conformance_package_is_accepted_or_refused(case: dict[str, Any], tmp_path: Path) -> None:
    package, public = tmp_path / "x.ptl", tmp_path / "public.pem"
    package.write_bytes(base64.b64decode(case["package"]))
    public.write_text(DOCUMENT["public_key"])
    if case["accepted"]:
        _require(package, public)
        return
    with pytest.raises(PackageError, match=MESSAGES[case["reason"]]):
        _require(package, public)


@pytest.mark.parametrize("case", DOCUMENT["keys"], ids=named)
def test_read_public_key_conformance_file_is_accepted_or_refused(case: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "public.pem"
    path.write_bytes(case["text"].encode())
    if case["accepted"]:
        assert len(read_public_key(path)) == KEY_BYTES
        return
    with pytest.raises(UsageError, match=r"public\.pem is (not )?a (public|private) key"):
        read_public_key(path)


def test_sign_package_changes_no_other_byte_and_works_again(tiny: Path, copy: Path, keys: Path) -> None:
    copy.chmod(0o400)
    sign_package(copy, read_private_key(keys / "key.pem"))
    signed = copy.read_bytes()
    assert copy.stat().st_mode & 0o777 == 0o400
    with Archive(tiny) as before, Archive(copy) as after:
        assert after.records[:-1] == before.records
        last = after.records[-1]
    assert last.name == SIGNATURE
    assert signed[: last.offset] == tiny.read_bytes()[: last.offset]
    sign_package(copy, read_private_key(keys / "other.pem"))
    assert len(copy.read_bytes()) == len(signed)
    _require(copy, keys / "other_public.pem")
    with pytest.raises(PackageError, match="is signed by the key"):
        _require(copy, keys / "public.pem")
    sign_package(copy, read_private_key(keys / "key.pem"))
    assert copy.read_bytes() == signed


def test_sign_package_is_what_openssl_verifies(copy: Path, keys: Path, tmp_path: Path) -> None:
    sign_package(copy, read_private_key(keys / "key.pem"))
    with zipfile.ZipFile(copy) as file:
        (tmp_path / "manifest").write_bytes(file.read(f"archive/{MANIFEST}"))
        (tmp_path / "signature").write_bytes(file.read(f"archive/{SIGNATURE}")[KEY_BYTES:])
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "public.pem", "-rawin"]
    files = ["-in", tmp_path / "manifest", "-sigfile", tmp_path / "signature"]
    assert (
        "Successfully"
        in subprocess.run([*command, *files], cwd=keys, check=True, capture_output=True, text=True).stdout
    )


def test_sign_package_refuses_a_signature_that_is_not_the_last_record(tmp_path: Path, keys: Path) -> None:
    package = tmp_path / "x.ptl"
    data = next(case for case in DOCUMENT["cases"] if case["name"] == "the signature before the manifest")["package"]
    package.write_bytes(base64.b64decode(data))
    with pytest.raises(PackageError, match=r"x\.ptl: record extra/edgekit/signature is not the last one"):
        sign_package(package, read_private_key(keys / "key.pem"))
    assert package.read_bytes() == base64.b64decode(data)


def test_sign_package_refuses_a_damaged_package_and_one_without_a_manifest(
    plain: Path, copy: Path, keys: Path, tmp_path: Path
) -> None:
    from packages import rewrite, scale_largest_weight

    key = read_private_key(keys / "key.pem")
    broken = rewrite(copy, tmp_path / "broken.ptl", scale_largest_weight, remake_digests=False)
    with pytest.raises(PackageError, match="was changed"):
        sign_package(broken, key)
    with pytest.raises(PackageError, match="has no edgekit manifest"):
        sign_package(plain, key)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("encrypted.pem", r"is encrypted; expected .* openssl pkey -in .*encrypted\.pem \| edgekit sign"),
        ("public.pem", "is a public key; expected the private key"),
        ("x25519.pem", "is a private key of another kind; expected Ed25519"),
        ("none.pem", "cannot be read: No such file"),
        (".", "cannot be read: Is a directory"),
        ("text.pem", "is not a private key in a PEM file"),
        ("large.pem", "has more than 65536 bytes"),
    ],
)
def test_read_private_key_wrong_file_is_named_with_the_remedy(keys: Path, file: str, message: str) -> None:
    (keys / "text.pem").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    (keys / "large.pem").write_bytes(bytes(65537))
    with pytest.raises(UsageError, match=message):
        read_private_key(keys / file)


def _require(package: Path, public: Path) -> None:
    with Archive(package) as archive:
        require_signature(archive, read_public_key(public))
        archive.check_digests()
        archive.check_documents()
