"""Writes signatures.json: small packages, signed in right and wrong ways, and files of keys. The key is the same in every run."""

import base64
import hashlib
import io
import json
import warnings
import zipfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

MANIFEST, SIGNATURE = "extra/edgekit/manifest.json", "extra/edgekit/signature"
KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
ORDER = 2**252 + 27742317777372353535851937790883648493  # of the group: S + ORDER would be a second form of a signature
CODE = {"bytecode.pkl": b"bytecode", "constants/0.storage": bytes(64)}

Record = tuple[str, bytes]


def manifest(name: str) -> bytes:
    tensor = {"name": "x", "dtype": "float32", "shape": [2]}
    method = {
        "name": "forward",
        "structure": "*",
        "inputs": [tensor],
        "outputs": [{**tensor, "name": "0", "proof": "varies"}],
    }
    fields = {
        "schema_version": "2.0",
        "name": name,
        "provenance": {
            "source": "test",
            "pretrained": False,
            "weights": {"kind": "random", "name": None, "seed": 7, "sha256": None},
            "versions": {"edgekit": "0.1.0", "torch": "2.12.1", "torchvision": None},
        },
        "capture": {
            **{"requested": "auto", "mode": "trace", "reason": "test", "mismatch_allowed": False},
            **{"scripted": [], "warnings": [], "probes": []},
        },
        "recipe": {"name": "mobile", "passes": []},
        "methods": [method],
        "image": None,
        "constants": [],
        "operators": [],
        "bytecode_version": 8,
        "runtime": {"pool": "xnnpack", "threads": None},
        "tolerance": {"norm": 1e-5, "max": 1e-5, "absolute": 1e-5, "loosened": False},
        "parity": {"runtime": "lite", "cases": 0, "norm_error": 0.0, "max_error": 0.0},
        "records": {name: hashlib.sha256(data).hexdigest() for name, data in CODE.items()},
    }
    return json.dumps(fields).encode()


def signature(of: bytes, key: ed25519.Ed25519PrivateKey = KEY) -> bytes:
    return key.public_key().public_bytes_raw() + key.sign(of)


def package(*last: Record, code: dict[str, bytes] = CODE) -> str:
    """A package of these records, in base64."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as target, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are there twice, as some cases want
        for name, data in (*code.items(), (".data/serialization_id", b"0" * 40), *last):
            target.writestr(zipfile.ZipInfo(f"archive/{name}"), data)
    return base64.b64encode(file.getvalue()).decode()


def flipped(data: bytes, byte: int) -> bytes:
    return bytes(value ^ (index == byte) for index, value in enumerate(data))


def second_form(record: bytes) -> bytes:
    return record[:64] + (int.from_bytes(record[64:], "little") + ORDER).to_bytes(32, "little")


def packages() -> list[tuple[str, str, str]]:
    """The name of each case, why it is refused ("" if it is not), and the package."""
    text, other = manifest("tiny"), manifest("other")
    other_code = {**CODE, "constants/0.storage": bytes(63) + b"1"}
    good, kept = signature(text), (MANIFEST, text)
    return [
        ("signed", "", package(kept, (SIGNATURE, good))),
        ("the signature before the manifest", "", package((SIGNATURE, good), kept)),
        ("not signed", "unsigned", package(kept)),
        ("no manifest", "unsigned", package((SIGNATURE, good))),
        ("another key", "key", package(kept, (SIGNATURE, signature(text, OTHER_KEY)))),
        (
            "the key beside the signature of another",
            "changed",
            package(kept, (SIGNATURE, good[:32] + OTHER_KEY.sign(text))),
        ),
        ("the signature of another package", "changed", package(kept, (SIGNATURE, signature(other)))),
        ("a manifest that was changed after signing", "changed", package((MANIFEST, other), (SIGNATURE, good))),
        ("a space after the manifest", "changed", package((MANIFEST, text + b" "), (SIGNATURE, good))),
        ("a manifest that is not JSON", "changed", package((MANIFEST, b"{"), (SIGNATURE, good))),
        *((f"a bit of byte {n}", "changed", package(kept, (SIGNATURE, flipped(good, n)))) for n in (32, 64, 95)),
        ("a bit of the key", "key", package(kept, (SIGNATURE, flipped(good, 0)))),
        ("the second form of the signature", "changed", package(kept, (SIGNATURE, second_form(good)))),
        ("only zeros after the key", "changed", package(kept, (SIGNATURE, good[:32] + bytes(64)))),
        ("one byte less", "length", package(kept, (SIGNATURE, good[:-1]))),
        ("one byte more", "length", package(kept, (SIGNATURE, good + b"\0"))),
        ("without the key", "length", package(kept, (SIGNATURE, good[32:]))),
        ("no bytes", "length", package(kept, (SIGNATURE, b""))),
        ("two signatures", "container", package(kept, (SIGNATURE, good), (SIGNATURE, good))),
        ("a second one in capitals", "container", package(kept, (SIGNATURE, good), (SIGNATURE.upper(), good))),
        ("a weight that was changed", "digest", package(kept, (SIGNATURE, good), code=other_code)),
        ("a record that was added", "digest", package(kept, (SIGNATURE, good), ("extra/more", b"1"))),
    ]


def public(key: object) -> str:
    public = key.public_key()  # type: ignore[attr-defined]  # any kind of private key
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def keys() -> list[tuple[str, bool, str]]:
    """The name of each case, whether it is an Ed25519 public key, and the file."""
    good = public(KEY)
    private = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return [
        ("a public key", True, good),
        ("another public key", True, public(OTHER_KEY)),
        ("no line feed at the end", True, good.rstrip()),
        ("lines that end as in Windows", True, good.replace("\n", "\r\n")),
        ("the private key", False, private),
        ("X25519", False, public(x25519.X25519PrivateKey.from_private_bytes(bytes(range(32))))),
        ("Ed448", False, public(ed448.Ed448PrivateKey.from_private_bytes(bytes(range(57))))),
        ("P-256", False, public(ec.derive_private_key(7, ec.SECP256R1()))),
        ("only the base64", False, good.split("\n")[1] + "\n"),
        ("without the end", False, good.split("-----END")[0]),
        ("half of the key", False, good.replace(good.split("\n")[1], good.split("\n")[1][:40])),
        ("not base64", False, good.replace("M", "!")),
        ("of OpenSSH", False, KEY.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode() + "\n"),
        ("nothing", False, ""),
        ("text", False, "public key\n"),
    ]


if __name__ == "__main__":
    document = {
        "about": "package: a file in base64; reason: why a reader that trusts public_key refuses it. keys: files of public keys",
        "schema_version": "1.0",
        "public_key": public(KEY),
        "cases": [
            {"name": name, "accepted": not reason, "reason": reason, "package": data}
            for name, reason, data in packages()
        ],
        "keys": [{"name": name, "accepted": accepted, "text": text} for name, accepted, text in keys()],
    }
    Path(__file__).with_name("signatures.json").write_text(json.dumps(document, indent=1) + "\n")
