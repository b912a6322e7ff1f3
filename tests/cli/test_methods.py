"""`edgekit export --method`, and `run --method`."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from cli.command import SOURCES, Command, everything_in

CODEC = f"{SOURCES}:codec"


def test_export_methods_run_by_name(cli: Command) -> None:
    result = cli("export", CODEC, "--input", "1x8", "--method", "encode:1x8", "--method", "decode:z=1x3", "-o", "x.ptl")
    result.passed("encode               (x: float32", "decode               (z: float32")
    assert "will not have" not in result.err
    cli("verify", "x.ptl").passed("encode: seed 1", "decode: seed 2")
    np.save("z.npy", np.ones((1, 3), np.float32))
    cli("run", "x.ptl", "--method", "decode", "--input", "z=z.npy").passed("0: float32 [1, 8] -> output.npy")
    cli("bench", "x.ptl", "--method", "encode", "--iterations", "2").passed()


def test_export_inputs_of_one_method_are_given_one_by_one(cli: Command) -> None:
    given = ("--method", "mix:y=1x4:float32[0,1]", "--method", "mix:ids=3:int64[0,9]")
    cli("export", CODEC, "--input", "1x8", *given, "-o", "x.ptl", "--no-server").passed()
    with zipfile.ZipFile("x.ptl") as archive:
        manifest = json.loads(archive.read("archive/extra/edgekit/manifest.json"))
    method = manifest["methods"][1]
    assert [(spec["name"], spec["dtype"], spec["high"]) for spec in method["inputs"]] == [
        ("ids", "int64", 9),
        ("y", "float32", 1.0),
    ]
    assert manifest["capture"]["methods_left_out"] == ["encode", "decode"]
    cli("inspect", "x.ptl").passed("left out    the exported methods encode, decode", "mix(ids: int64")


def test_export_method_without_inputs(cli: Command) -> None:
    result = cli("export", CODEC, "--input", "1x8", "--method", "table", "-o", "x.ptl", "--no-server")
    result.passed("table                () -> (0: float32 [3, 8])")


@pytest.mark.parametrize(
    ("method", "code", "message"),
    [
        ("encod:1x8", 2, "has no method 'encod' to export. Did you mean encode?"),
        ("encode", 2, "encode takes (x: torch.Tensor) and no input was given for 'x'. Add --method encode:"),
        ("encode:q=1x8", 2, "--method encode:q=…: encode has no such parameter"),
        ("encode:", 2, "expected NAME:SPEC"),
        ("1x8", 2, "expected NAME:SPEC"),
        ("en code:1x8", 2, "expected NAME:SPEC"),
        ("encode:1xx", 2, "is malformed"),
        ("forward:1x8", 2, "the inputs of forward are those of --input"),
        ("encode:1x9", 3, "codec.encode refuses x float32 [1, 9]"),
        ("mix:y=2x4", 2, "no input was given for 'ids'"),
        ("pair:1x8", 2, "pair takes a list of tensors as 'xs'"),
    ],
)
def test_export_method_that_does_not_fit_is_a_named_error(
    cli: Command, folder: Path, method: str, code: int, message: str
) -> None:
    cli("export", CODEC, "--input", "1x8", "--method", method).failed(code, message)
    assert everything_in(folder) == []
