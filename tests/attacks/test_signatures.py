"""A package that the trusted key did not sign is refused by each verb before it is parsed, with its cause."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from edgekit.cli.main import main
from edgekit.format.archive import Archive

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[1] / "conformance" / "signatures.json").read_text())
ATTACKS = [case for case in DOCUMENT["cases"] if case["reason"] not in ("", "unsigned")]


@pytest.mark.parametrize("case", ATTACKS, ids=[case["name"] for case in ATTACKS])
@pytest.mark.parametrize("verb", ["inspect", "verify"])
def test_signature_attack_exits_3_and_parses_nothing(
    case: dict[str, Any], verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    package, public = tmp_path / "x.ptl", tmp_path / "public.pem"
    package.write_bytes(base64.b64decode(case["package"]))
    public.write_text(DOCUMENT["public_key"])
    if case["reason"] != "digest":  # the digests are in the manifest, whose signature is right

        def parsed(_: Archive) -> None:
            raise AssertionError("the manifest was parsed")

        monkeypatch.setattr(Archive, "manifest", property(parsed))
    assert main([verb, str(package), "--public-key", str(public)]) == 3
    err = capsys.readouterr().err
    assert err.startswith("edgekit: ")
    assert "x.ptl" in err
