"""`--input`, `--image`, `--labels`, and numbers that are out of range."""

import json
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest

from cli.command import SOURCES, Command, Result, everything_in

NET = f"{SOURCES}:in_train_mode"  # takes float32 [..., 4]
IMAGE = "resize=36,crop=32,mean=0.5,std=0.25"


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "=4", "x=", "x=4=5", "1 x3", "4x", "x4", "4:", "4:float32[", "4:float32[1]", "4:float32[1,2,3]"),
        *("4:float16", "4:Float32", "4.5", "4e1", "NaN", "4:int64[1.5,2]", "4:float32[a,b]", "1-2=4", "4,4"),
        *(
            "0",
            "0x4",
            "4x0",
            "99999x99999x99999",
            "9" * 5000,
            "4:float32[nan,1]",
            "4:float32[0,inf]",
            "4:float32[1,-1]",
        ),
        *(
            "4:uint8[0,300]",
            "4:uint8[-1,3]",
            "4:bool[0,5]",
            "4:int8[-300,3]",
            "4:int64[0,99999999999]",
            "4:float32[0,1e9]",
        ),
    ],
)
def test_export_malformed_input_is_a_usage_error(cli: Command, folder: Path, text: str) -> None:
    cli("export", NET, f"--input={text}").failed(2, "--input")
    assert everything_in(folder) == []


def test_parse_input_random_text_is_a_spec_or_a_usage_error() -> None:
    from edgekit.errors import UsageError
    from edgekit.format.axes import MAX_ELEMENTS
    from edgekit.sources.inputs import parse_input

    chance = random.Random(0)
    good = ["1x3x224x224", "ids=1x16:int64[0,1000]", "scalar:float64[-1.5,2]", "2x4:uint8", "m=3:bool"]
    letters = "0139x:[],=-.enfitu8é ²"
    parsed = 0
    for _ in range(5000):
        text = list(chance.choice(good))
        for _ in range(chance.randint(0, 3)):
            text[chance.randrange(len(text))] = chance.choice(["", chance.choice(letters), chance.choice(letters) * 2])
        text = "".join(text)
        try:
            spec = parse_input(text)
        except UsageError:
            continue
        parsed += 1
        assert 0 < np.prod(spec.shape) <= MAX_ELEMENTS
        assert spec.low <= spec.high
    assert 500 < parsed < 4500


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--input", "3"], 3, "refuses input float32 [3]"),
        (["--input", "4:int64"], 3, "refuses input int64 [4]"),
        ([], 2, "no input was given for 'input'"),
        (["--input", "4", "--input", "4"], 2, "2 inputs were given"),
        (["--input", "y=4"], 2, "forward has no such parameter"),
        (["--input", "input=4", "--input", "input=4"], 2, "was given 2 times"),
        (["--input", "4", "--tolerance", "nan"], 2, "expected a number of at least 0"),
        (["--input", "4", "--tolerance", "inf"], 2, "expected a number of at least 0"),
        (["--input", "4", "--tolerance", "tiny"], 2, "invalid float value"),
        (["--input", "4", "--seed", "-1"], 2, "invalid seed value"),
        (["--input", "4", "--seed", "99999999999999999999"], 2, "invalid seed value"),
        (["--input", "4", "--recipe", "fast"], 2, "choose from"),
        (["--input", "4", "--mode", "guess"], 2, "invalid choice: 'guess'"),
        (["--input", "4", "--weights", "IMAGENET1K_V1"], 2, "has no named weights"),
        (["--input", "4", "--weights", "random", "--require-pretrained"], 2, "exclude each other"),
        (["--input", "4", "--image", "resize=9"], 2, "mean is missing"),
        (["--input", "4", "--image", IMAGE + ",colour=1"], 2, "unknown field 'colour'"),
        (["--input", "4", "--image", IMAGE.replace("0.25", "0")], 2, "out of range"),
        (["--input", "4", "--image", IMAGE.replace("0.5", "nan")], 2, "out of range"),
        (["--input", "4", "--image", IMAGE.replace("36", "9999999")], 2, "out of range"),
        (["--input", "4", "--image", IMAGE.replace("0.5", "1/2")], 2, "2 numbers for 3 channels"),
        (["--input", "4", "--labels", "missing.txt"], 2, "missing.txt cannot be read"),
        (["--input", "4", "--unknown"], 2, "unrecognized arguments: --unknown"),
    ],
)
def test_export_unusable_request_is_a_named_error(
    cli: Command, folder: Path, arguments: list[str], code: int, message: str
) -> None:
    result = cli("export", NET, *arguments)
    result.failed(code, message)
    assert everything_in(folder) == []


def save(name: str, array: np.ndarray) -> None:
    np.save(name, array)


def corrupt(name: str) -> None:
    np.save(name, np.ones(64, np.float32))
    data = Path(name).read_bytes()
    Path(name).write_bytes(data[:-9])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.npy", "missing.npy does not exist"),
        ("nan.npy", "NaN elements"),
        ("half.npy", "is float16; expected one of"),
        ("empty.npy", "no elements"),
        ("object.npy", "not a .npy file with an array"),
        ("archive.npy", "not a .npy file with an array"),
        ("text.npy", "not a .npy file with an array"),
        ("short.npy", "not a .npy file with an array"),
        ("zero.npy", "not a .npy file with an array"),
        ("claims.npy", "not a .npy file with an array"),
        ("folder.npy", "not a .npy file with an array"),
    ],
)
def test_export_unusable_sample_is_a_usage_error(cli: Command, name: str, message: str) -> None:
    save("nan.npy", np.array([1.0, np.nan, 0.0, 0.0], np.float32))
    save("half.npy", np.ones(4, np.float16))
    save("empty.npy", np.ones((0, 4), np.float32))
    np.save("object.npy", np.array([None, "four"], dtype=object), allow_pickle=True)
    with Path("archive.npy").open("wb") as file:
        np.savez(file, np.ones(4))
    Path("text.npy").write_text("1 2 3 4")
    corrupt("short.npy")
    Path("zero.npy").touch()
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (999999999999,), }".ljust(117) + b"\n"
    Path("claims.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    Path("folder.npy").mkdir()
    cli("export", NET, "--input", name).failed(2, message)
    assert not Path("build").exists()


def manifest_of(result: Result, package: str) -> dict[str, object]:
    result.passed()
    with zipfile.ZipFile(package) as archive:
        return dict(json.loads(archive.read("archive/extra/edgekit/manifest.json")))


def test_export_float64_sample_keeps_dtype_and_range(cli: Command) -> None:
    save("sample.npy", np.array([[0.0, 0.25, 0.5, 3.0]]))
    result = cli("export", f"{SOURCES}:doubles", "--input", "sample.npy", "-o", "x.ptl")
    (method,) = manifest_of(result, "x.ptl")["methods"]
    (given,) = method["inputs"]
    assert (given["dtype"], given["low"], given["high"]) == ("float64", 0.0, 3.0)


def test_export_sample_is_stored_unless_forbidden(cli: Command) -> None:
    save("sample.npy", np.array([[0.0, 0.25, 0.5, 3.0]], np.float32))
    for option, stored in (((), True), (("--no-golden-sample",), False)):
        result = cli("export", NET, "--input", "sample.npy", "-o", "x.ptl", "--no-server", *option)
        result.passed()
        assert ("is a probe and not a golden case" in result.err) != stored
        with zipfile.ZipFile("x.ptl") as archive:
            cases = json.loads(archive.read("archive/extra/edgekit/golden.json"))["cases"]
        assert ("forward: the given sample" in {case["name"] for case in cases}) == stored


def test_export_wrong_number_of_labels_is_a_usage_error(cli: Command, folder: Path) -> None:
    Path("labels.txt").write_text("one\ntwo\n")
    cli("export", f"{SOURCES}:classifier", "--image", IMAGE, "--labels", "labels.txt").failed(
        2, "2 labels were given for 5 classes"
    )
    assert everything_in(folder) == ["labels.txt"]


def test_export_image_that_does_not_fit_is_a_usage_error(cli: Command, folder: Path) -> None:
    result = cli("export", f"{SOURCES}:classifier", "--image", IMAGE, "--input", "1x3x40x40", "-o", "x.ptl")
    result.failed(2, "--image cannot apply", "forward takes float32 [1, 3, 40, 40]", "expected float32 [N, 3, 32, 32]")
    assert everything_in(folder) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "ranks the softmax of output 0"),
        (("--activation", "none"), "ranks output 0 as it is"),
        (("--output", "0", "--activation", "sigmoid"), "ranks the sigmoid of output 0"),
    ],
)
def test_export_and_inspect_say_what_predict_ranks(cli: Command, options: tuple[str, ...], said: str) -> None:
    source = f"{SOURCES}:classifier"
    cli("export", source, "--image", IMAGE, *options, "-o", "x.ptl", "--no-server").passed(said)
    cli("inspect", "x.ptl").passed(f"predict     {said}")


def test_export_report_has_what_predict_ranks(cli: Command) -> None:
    options = ("--image", IMAGE, "--activation", "none", "-o", "x.ptl", "--no-server", "--json")
    image = json.loads(cli("export", f"{SOURCES}:classifier", *options).out)["results"]["image"]
    assert (image["output"], image["activation"]) == ("0", "none")


def test_export_file_name_as_output_is_a_usage_error(cli: Command, folder: Path) -> None:
    cli("export", f"{SOURCES}:classifier", "--image", IMAGE, "--output", "x.ptl").failed(2, "The file to write is -o")
    assert everything_in(folder) == []


def test_export_name_whose_image_contract_does_not_fit_warns(cli: Command) -> None:
    result = cli("export", "squeezenet1_1", "--weights", "random", "--input", "1x3x72x72", "-o", "x.ptl", "--no-server")
    result.passed("squeezenet1_1")
    assert "gets no predict" in result.err
    assert "[N, 3, 224, 224]" in result.err
    assert "predict" not in result.out
