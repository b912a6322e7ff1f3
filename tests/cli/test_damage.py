"""Files that are not packages, and damaged packages, given to each verb that reads packages."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from packages import Edit, edit_golden, edit_manifest, rewrite, scale_largest_weight
from torch import nn

from cli.command import Command, everything_in
from edgekit.format.archive import GOLDEN, LABELS, MANIFEST

READERS = ("verify", "inspect", "run")


def make_bad(name: str, tiny: Path) -> Path:
    """Makes a bad file in the working folder; its name says what is wrong with it."""
    path = Path(name)
    if name == "folder.ptl":
        path.mkdir()
    elif name == "empty.ptl":
        path.touch()
    elif name == "text.ptl":
        path.write_text("no package\n" * 100)
    elif name == "state.pt":
        torch.save(nn.Linear(4, 2).state_dict(), path)
    elif name == "script.pt":
        torch.jit.save(torch.jit.script(nn.Linear(4, 2)), path)
    elif name == "android.ptl":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("AndroidManifest.xml", "<manifest/>")
    elif name == "nothing_inside.ptl":
        zipfile.ZipFile(path, "w").close()
    elif name == "through_a_file.ptl":
        Path("file").touch()
        return Path("file/x.ptl")
    elif name != "missing.ptl":
        data = tiny.read_bytes()
        path.write_bytes(data[: int(len(data) * float(name.removesuffix(".ptl")))])
    return path


@pytest.mark.parametrize("verb", READERS)
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.ptl", "missing.ptl does not exist"),
        ("folder.ptl", "folder.ptl is a directory"),
        ("empty.ptl", "empty.ptl is empty"),
        ("text.ptl", "is not a zip archive"),
        ("state.pt", "plain TorchScript or checkpoint file"),
        ("script.pt", "Export it first: edgekit export script.pt"),
        ("android.ptl", "zip archive of another tool"),
        ("nothing_inside.ptl", "zip archive of another tool"),
        ("through_a_file.ptl", "cannot be read"),
        ("0.001.ptl", "is not a zip archive, or is cut short"),
        ("0.25.ptl", "is not a zip archive, or is cut short"),
        ("0.5.ptl", "is not a zip archive, or is cut short"),
        ("0.9.ptl", "is not a zip archive, or is cut short"),
        ("0.9999.ptl", "is not a zip archive, or is cut short"),
    ],
)
def test_reader_file_that_is_not_a_package_exits_3(
    cli: Command, tiny: Path, verb: str, name: str, message: str
) -> None:
    path = make_bad(name, tiny)
    before = everything_in(Path())
    cli(verb, path).failed(3, message)
    assert everything_in(Path()) == before


def test_reader_name_that_the_system_refuses_exits_3(cli: Command) -> None:
    cli("inspect", "x" * 5000 + ".ptl").failed(3, "cannot be read")


@pytest.mark.parametrize("verb", ["verify", "run"])
def test_reader_changed_record_exits_3(cli: Command, tiny: Path, verb: str) -> None:
    package = rewrite(tiny, Path("x.ptl"), scale_largest_weight, remake_digests=False)
    cli(verb, package).failed(3, "was changed: expected sha256")


def test_inspect_changed_record_exits_3_only_with_digests(cli: Command, tiny: Path) -> None:
    package = rewrite(tiny, Path("x.ptl"), scale_largest_weight, remake_digests=False)
    cli("inspect", package).passed("conv2d")
    cli("inspect", package, "--digests").failed(3, "was changed: expected sha256")


def test_verify_changed_weights_with_remade_digests_exits_1(cli: Command, tiny: Path) -> None:
    package = rewrite(tiny, Path("x.ptl"), scale_largest_weight, remake_digests=True)
    cli("inspect", package, "--digests").passed("records agree")
    result = cli("verify", package)
    assert result.code == 1
    assert "FAIL norm: expected" in result.out
    assert "tiny on lite: FAIL (" in result.out


@pytest.mark.parametrize("record", ["bytecode.pkl", "data.pkl", "constants/0.storage", "version", LABELS, GOLDEN])
def test_verify_flipped_byte_exits_3(cli: Command, tiny: Path, record: str) -> None:
    data = bytearray(tiny.read_bytes())
    with zipfile.ZipFile(tiny) as archive:
        info = archive.getinfo(f"archive/{record}")
    start = info.header_offset + 30 + len(info.filename) + len(info.extra)
    padding = int.from_bytes(data[info.header_offset + 28 : info.header_offset + 30], "little") - len(info.extra)
    data[start + padding + info.file_size // 2] ^= 0x40
    Path("x.ptl").write_bytes(data)
    cli("verify", "x.ptl").failed(3, f"x.ptl: record {record} is damaged")


def remove(name: str) -> Edit:
    return lambda records: records.__delitem__(name)


def put(name: str, data: bytes) -> Edit:
    return lambda records: records.__setitem__(name, data)


NEST = b'{"schema_version": "1.0", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize("verb", ["verify", "run"])
@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (edit_manifest(lambda m: m.update(schema_version="3.0")), "Upgrade edgekit"),
        (edit_manifest(lambda m: m.update(schema_version="1")), 'expected "MAJOR.MINOR"'),
        (edit_manifest(lambda m: m.update(schema_version="²" + ".0")), 'expected "MAJOR.MINOR"'),
        (edit_manifest(lambda m: m.update(schema_version=1.0)), "is not a valid document"),
        (edit_manifest(lambda m: m.pop("methods")), "missing required field `methods`"),
        (edit_manifest(lambda m: m["methods"][0]["inputs"].clear()), "forward has 0 inputs"),
        (edit_manifest(lambda m: m["methods"][1].update(name="classify")), "is missing in the bytecode"),
        (edit_manifest(lambda m: m["tolerance"].update(norm=-0.5)), "expected a number of at least 0"),
        (edit_manifest(lambda m: m["tolerance"].update(max=-1.0)), "expected a number of at least 0"),
        (put(MANIFEST, b"\xff\xfe"), "is not a valid document"),
        (put(MANIFEST, NEST), "is not a valid document"),
        (put(MANIFEST, b""), "is not a valid document"),
        (remove("data.pkl"), "record data.pkl is missing"),
        (put("code/evil.py", b"import os"), "record code/evil.py is not in the manifest"),
        (put("extra/edgekit/more.txt", b"x"), "is not in the manifest"),
    ],
)
def test_reader_contradictory_manifest_exits_3(cli: Command, tiny: Path, verb: str, edit: Edit, message: str) -> None:
    cli(verb, rewrite(tiny, Path("x.ptl"), edit, remake_digests=False)).failed(3, message)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (edit_golden(lambda g: g["cases"].clear()), "no golden cases to replay"),
        (edit_golden(lambda g: g.update(schema_version="3.1")), "Upgrade edgekit"),
        (edit_golden(lambda g: g["cases"][0]["inputs"][0].update(shape=[1, 1, 32, 32])), "does not fit forward"),
        (edit_golden(lambda g: g["cases"][0]["inputs"][0].update(dtype="uint8")), "does not fit forward"),
        (edit_golden(lambda g: g["cases"][0]["inputs"][0].update(dtype="float8")), "has dtype 'float8'"),
        (edit_golden(lambda g: g["cases"][0]["inputs"][0].update(shape=[-1, 3, 32, 32])), "has shape [-1, 3, 32, 32]"),
        (edit_golden(lambda g: g["cases"][0]["inputs"][0].update(shape=[9999999, 3, 32, 32])), "at most 268435456"),
        (edit_golden(lambda g: g["cases"][0]["inputs"][0].update(low=5, high=1)), "has the range [5, 1]"),
        (
            edit_golden(lambda g: g["cases"][0]["inputs"].append(g["cases"][0]["inputs"][0])),
            "has two inputs with the name",
        ),
        (edit_golden(lambda g: g["cases"][0].update(method="classify")), "does not fit classify()"),
        (edit_golden(lambda g: g["cases"][0]["outputs"][0]["values"].pop()), "has 4 values; expected 5"),
        (
            edit_golden(lambda g: g["cases"][0]["outputs"][0].update(indices=[0, 1, 2, 3, 9])),
            "an index beyond its shape",
        ),
        (put(GOLDEN, b"[]"), "is not a valid document"),
        (remove(GOLDEN), "no golden cases to replay"),
    ],
)
def test_verify_unusable_golden_cases_exit_3(cli: Command, tiny: Path, edit: Edit, message: str) -> None:
    cli("verify", rewrite(tiny, Path("x.ptl"), edit, remake_digests=True)).failed(3, message)


@pytest.mark.parametrize(
    "edit",
    [
        edit_golden(lambda g: g["cases"][0]["outputs"].pop()),
        edit_golden(lambda g: g["cases"][0]["outputs"][0].update(name="1")),
        edit_golden(lambda g: g["cases"][0]["outputs"][0].update(dtype="float64")),
        edit_golden(lambda g: g["cases"][0]["outputs"][0].update(shape=[5, 1])),
        edit_manifest(lambda m: m["methods"][0].update(structure="(*,)")),
    ],
    ids=["surplus output", "name", "dtype", "shape", "structure"],
)
def test_verify_other_outputs_exit_1(cli: Command, tiny: Path, edit: Edit) -> None:
    result = cli("verify", rewrite(tiny, Path("x.ptl"), edit, remake_digests=True))
    assert result.code == 1, result.err
    assert "FAIL" in result.out


@pytest.mark.parametrize("verb", READERS)
def test_reader_newer_minor_and_unknown_fields_are_accepted(cli: Command, tiny: Path, verb: str) -> None:
    def change(manifest: dict[str, object]) -> None:
        manifest.update(schema_version="1.99", colour={"hue": [1]})

    package = rewrite(tiny, Path("x.ptl"), edit_manifest(change), remake_digests=True)
    np.save("x.npy", np.ones((1, 3, 32, 32), np.float32))
    cli(verb, package, *(["--input", "x.npy"] if verb == "run" else [])).passed()


@pytest.mark.parametrize("verb", READERS)
def test_reader_labels_that_are_not_ascii_exit_3(cli: Command, tiny: Path, verb: str) -> None:
    for data in (b"\xff\xfe\n", "caf\u00e9\n".encode()):
        package = rewrite(tiny, Path("x.ptl"), put(LABELS, data), remake_digests=True)
        result = cli(verb, package)
        if verb != "verify":  # verify does not read labels
            result.failed(3, "is not escaped ASCII")
