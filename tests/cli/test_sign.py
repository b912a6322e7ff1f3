"""`edgekit sign`, and `--public-key` of the verbs that read a package."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import edgekit
from cli.command import Command
from edgekit.errors import PackageError

INPUTS = {"verify": (), "inspect": (), "bench": ("--iterations", 1, "--min-seconds", 0), "run": ("--input", "x.npy")}


@pytest.fixture
def signed(cli: Command, tiny: Path, folder: Path) -> Path:
    """A signed package in the working folder, with the keys and an input beside it."""
    for name in ("key", "other"):
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", f"{name}.pem"], check=True)
        subprocess.run(["openssl", "pkey", "-in", f"{name}.pem", "-pubout", "-out", f"{name}_public.pem"], check=True)
    np.save("x.npy", np.zeros((1, 3, 32, 32), np.float32))
    package = Path(shutil.copy(tiny, folder / "x.ptl"))
    cli("sign", package, "--key", "key.pem").passed("with the key")
    return package


@pytest.mark.parametrize("verb", INPUTS)
def test_public_key_accepts_the_signer_and_nobody_else(cli: Command, signed: Path, tiny: Path, verb: str) -> None:
    more = INPUTS[verb]
    cli(verb, signed, "--public-key", "key_public.pem", *more).passed()
    cli(verb, signed, "--public-key", "other_public.pem", *more).failed(
        3, "x.ptl is signed by the key", "expected the key"
    )
    cli(verb, tiny, "--public-key", "key_public.pem", *more).failed(3, "tiny.ptl is not signed")
    cli(verb, signed, "--public-key", "key.pem", *more).failed(2, "key.pem is a private key")
    cli(verb, signed, "--public-key", "", *more).failed(2, "cannot be read")  # an empty name asks for a signature too


def test_inspect_says_who_signed_and_whether_that_was_checked(cli: Command, signed: Path, tiny: Path) -> None:
    cli("inspect", tiny).passed("signature   none")
    cli("inspect", signed).passed("signature   by the key ", "not checked")
    cli("inspect", signed, "--public-key", "key_public.pem").passed(", checked", "records agree")
    document = json.loads(cli("inspect", signed, "--json").out)
    assert len(document["results"]["signed_by"]) == 64
    assert json.loads(cli("inspect", tiny, "--json").out)["results"]["signed_by"] is None


def test_sign_encrypted_key_comes_decrypted_through_a_pipe(process: Command, signed: Path) -> None:
    encrypt = ["openssl", "pkey", "-in", "other.pem", "-aes256", "-passout", "pass:secret", "-out", "encrypted.pem"]
    subprocess.run(encrypt, check=True)
    process("sign", signed, "--key", "encrypted.pem").failed(2, "is encrypted", "--key /dev/stdin")
    decrypt = ["openssl", "pkey", "-in", "encrypted.pem", "-passin", "pass:secret"]
    with subprocess.Popen(decrypt, stdout=subprocess.PIPE) as openssl:
        process("sign", signed, "--key", "/dev/stdin", stdin=openssl.stdout).passed("with the key")
    process("inspect", signed, "--public-key", "other_public.pem").passed(", checked")


def test_public_key_needs_no_isolation(process: Command, signed: Path, folder: Path) -> None:
    env = {"EDGEKIT_ISOLATE": "auto", "XDG_CACHE_HOME": str(folder / "cache")}
    soon = ("run", signed, "--input", "x.npy", "--isolate-seconds", "0.01")  # too short for another process
    process(*soon, env=env).failed(3, "a step took longer than 0.01 s")
    process(*soon, "--public-key", "key_public.pem", env=env).passed("output.npy")


def test_load_and_verify_in_python_take_the_public_key(signed: Path) -> None:
    assert edgekit.verify(signed, public_key="key_public.pem").passed
    assert edgekit.load(signed, public_key="key_public.pem").manifest is not None
    for read in (edgekit.verify, edgekit.load):
        with pytest.raises(PackageError, match="is signed by the key"):
            read(signed, public_key="other_public.pem")
