"""`--public-key` of the runner: signed packages run without isolation, all others are refused."""

import shutil
import subprocess
from pathlib import Path

import pytest

from edgekit.format.signature import read_private_key, sign_package

from .conftest import Exported, Run

BAD_PACKAGE, USAGE = 3, 2


@pytest.fixture(scope="module")
def signed(classifier: Exported, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signed package, with the keys beside it."""
    folder = tmp_path_factory.mktemp("signed")
    for name in ("key", "other"):
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", f"{name}.pem"], cwd=folder, check=True)
        public = ["-pubout", "-out", f"{name}_public.pem"]
        subprocess.run(["openssl", "pkey", "-in", f"{name}.pem", *public], cwd=folder, check=True)
    package = Path(shutil.copy(classifier.package, folder / "x.ptl"))
    sign_package(package, read_private_key(folder / "key.pem"))
    return package


@pytest.mark.parametrize("verb", ["inspect", "verify", "bench"])
def test_public_key_accepts_the_signer_and_nobody_else(run: Run, signed: Path, classifier: Exported, verb: str) -> None:
    keys = signed.parent
    assert run(verb, signed, "--public-key", keys / "key_public.pem").code == 0
    other = run(verb, signed, "--public-key", keys / "other_public.pem")
    assert other.code == BAD_PACKAGE
    assert "x.ptl is signed by the key" in other.err
    unsigned = run(verb, classifier.package, "--public-key", keys / "key_public.pem")
    assert unsigned.code == BAD_PACKAGE
    assert "is not signed" in unsigned.err
    private = run(verb, signed, "--public-key", keys / "key.pem")
    assert private.code == USAGE
    assert "is a private key" in private.err
    for name in (keys / "none.pem", ""):  # an empty name must not mean that no key is needed
        missing = run(verb, signed, "--public-key", name)
        assert missing.code == USAGE
        assert "cannot be read" in missing.err


def test_inspect_says_who_signed_and_whether_that_was_checked(run: Run, signed: Path, classifier: Exported) -> None:
    assert "not checked" in run("inspect", signed).out
    assert ", checked" in run("inspect", signed, "--public-key", signed.parent / "key_public.pem").out
    assert len(run("inspect", signed, "--json").results[0]["signed_by"]) == 64
    assert run("inspect", classifier.package, "--json").results[0]["signed_by"] is None


def test_public_key_needs_no_isolation(run: Run, signed: Path, tmp_path: Path) -> None:
    soon = ("verify", signed, "--isolate-seconds", "0.001")  # too short for another process
    environment = {"EDGEKIT_ISOLATE": "auto", "XDG_CACHE_HOME": str(tmp_path)}
    late = run(*soon, **environment)
    assert late.code == BAD_PACKAGE
    assert "a step took longer" in late.err
    assert run(*soon, "--public-key", signed.parent / "key_public.pem", **environment).code == 0
