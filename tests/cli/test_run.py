"""`edgekit run`: pictures, arrays, inputs that do not fit, and the output files."""

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest

from cli.command import SOURCES, Command, everything_in

IMAGES = Path(__file__).parent.parent / "conformance" / "images"
PHOTO = IMAGES / "jpeg_444.jpg"


@pytest.fixture
def arrays(folder: Path) -> Path:
    """Arrays that fit the package `tiny` or the package with two inputs, and some that fit neither."""
    good = np.linspace(-1, 1, 3 * 32 * 32, dtype=np.float32).reshape(1, 3, 32, 32)
    np.save("good.npy", good)
    np.save("batch.npy", np.concatenate([good, 2 * good]))
    np.save("rank.npy", good[0])
    np.save("four.npy", np.ones((1, 4, 32, 32), np.float32))
    np.save("one.npy", np.ones((1, 1, 32, 32), np.float32))
    np.save("hwc.npy", np.ones((1, 32, 32, 3), np.float32))
    np.save("double.npy", good.astype(np.float64))
    np.save("swapped.npy", good.astype(">f4"))
    np.save("nan.npy", np.where(good > 0.9, np.nan, good).astype(np.float32))
    np.save("inf.npy", np.where(good > 0.9, np.inf, good).astype(np.float32))
    np.save("vector.npy", np.arange(4, dtype=np.float32))
    np.save("text.npy", np.array(["four"]))
    np.save("ids.npy", np.arange(6).reshape(1, 6))
    np.save("mask.npy", np.ones((1, 6), np.float32))
    return folder


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "forward got 0 inputs; expected x: float32 [1..4, 3, 7..128, 7..128]"),
        (["good.npy", "good.npy"], "forward got 2 inputs"),
        (["rank.npy"], "input 0 is float32 [3, 32, 32]; expected x: float32 [1..4, 3, 7..128, 7..128]"),
        (["four.npy"], "input 0 is float32 [1, 4, 32, 32]"),
        (["one.npy"], "input 0 is float32 [1, 1, 32, 32]"),
        (["hwc.npy"], "input 0 is float32 [1, 32, 32, 3]"),
        (["double.npy"], "input 0 is float64"),
        (["swapped.npy"], "input 0 is >f4; expected one of"),
        (["nan.npy"], "has NaN elements"),
        (["missing.npy"], "missing.npy does not exist"),
        (["y=good.npy"], "inputs named (y); expected (x)"),
        (["x=good.npy", "x=good.npy"], "given twice for one name"),
    ],
)
@pytest.mark.usefixtures("arrays")
def test_run_arrays_that_do_not_fit_exit_2(cli: Command, tiny: Path, given: list[str], message: str) -> None:
    cli("run", tiny, *(word for name in given for word in ("--input", name))).failed(2, message)
    assert not Path("output.npy").exists()


@pytest.mark.parametrize("path", ["fifo", "/dev/zero"])
@pytest.mark.usefixtures("folder")
def test_run_what_may_never_end_exits_2(cli: Command, tiny: Path, path: str) -> None:
    os.mkfifo("fifo")
    cli("run", tiny, path).failed(2, f"{path}: not a regular file")
    cli("run", tiny, "--input", path).failed(2, f"input {path} is a pipe or a device")
    cli("run", path, "--input", "x.npy").failed(3, f"{path} is not a regular file")


@pytest.mark.usefixtures("arrays")
def test_run_infinite_input_that_gives_no_number_exits_4(cli: Command, tiny: Path) -> None:
    cli("run", tiny, "--input", "inf.npy").failed(4, "NaN or infinity in output 0 for infinite inputs")
    assert not Path("output.npy").exists()


@pytest.mark.usefixtures("arrays")
def test_run_arrays_that_fit_write_the_eager_answer(cli: Command, tiny: Path) -> None:
    import models
    import torch

    torch.manual_seed(0)
    model = models.conv_net().eval()
    cli("run", tiny, "--input", "good.npy").passed("0: float32 [1, 5] -> output.npy")
    cli("run", tiny, "--input", "x=batch.npy", "-o", "deep/er.npy").passed("[2, 5] -> deep/er.npy")
    for given, written in (("good.npy", "output.npy"), ("batch.npy", "deep/er.npy")):
        with torch.no_grad():
            expected = model(torch.from_numpy(np.load(given))).numpy()
        np.testing.assert_allclose(np.load(written), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("arrays")
def test_run_inputs_by_name_in_any_order_agree(cli: Command, two_inputs: Path) -> None:
    cli("run", two_inputs, "--input", "ids.npy", "--input", "mask.npy", "-o", "a.npy").passed("-> a.logits.npy")
    cli("run", two_inputs, "--input", "mask=mask.npy", "--input", "ids=ids.npy", "-o", "b.npy").passed()
    for name in ("logits", "hidden"):
        assert np.array_equal(np.load(f"a.{name}.npy"), np.load(f"b.{name}.npy"))
    cli("run", two_inputs, "--input", "mask.npy", "--input", "ids.npy").failed(2, "input 0 is float32 [1, 6]")
    cli("run", two_inputs, "--input", "ids=ids.npy").failed(2, "inputs named (ids); expected (ids, mask)")


@pytest.mark.usefixtures("arrays")
def test_run_output_names_that_are_paths_stay_in_the_folder(cli: Command, folder: Path) -> None:
    cli("export", f"{SOURCES}:odd_keys", "--input", "4", "-o", "p/x.ptl").passed()
    cli("run", "p/x.ptl", "--input", "vector.npy", "-o", "q/out.npy").passed("../a/b: float32 [4] -> q/out..._a_b.npy")
    assert sorted(path.name for path in (folder / "q").iterdir()) == ["out..._a_b.npy", "out.c.npy"]
    assert np.array_equal(np.load("q/out..._a_b.npy"), np.arange(4, dtype=np.float32) + 1)


@pytest.mark.parametrize(
    ("output", "message"), [(".", "expected a file name"), ("good.npy/x.npy", "cannot be written")]
)
@pytest.mark.usefixtures("arrays")
def test_run_output_that_cannot_be_written_exits_2(cli: Command, tiny: Path, output: str, message: str) -> None:
    before = everything_in(Path())
    cli("run", tiny, "--input", "good.npy", "-o", output).failed(2, message)
    assert everything_in(Path()) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "classify", "--input", "good.npy"], "has no method 'classify'; it has forward, predict"),
        ([PHOTO, "--input", "good.npy"], "pictures and --input exclude each other"),
        ([PHOTO, "--method", "predict"], "pictures and --method exclude each other"),
        ([PHOTO, "--topk", "0"], "topk is 0; expected at least 1"),
        ([PHOTO, "--topk", "-3"], "topk is -3"),
        ([PHOTO, "--topk", "five"], "invalid int value: 'five'"),
        (["missing.jpg"], "missing.jpg: no such file"),
        ([IMAGES / "empty.jpg"], "empty"),
        ([IMAGES / "jpeg_bad_huffman.jpg"], "damaged or truncated"),
        (["good.npy"], "expected a JPEG or PNG"),
        (["."], "a folder without pictures"),
        (["--method", "predict", "--input", "good.npy"], "expected image: uint8 [*, *, 3]"),
    ],
)
@pytest.mark.usefixtures("arrays")
def test_run_unusable_request_exits_2(cli: Command, tiny: Path, arguments: list[object], message: str) -> None:
    cli("run", tiny, *arguments).failed(2, message)


def test_run_output_over_the_package_exits_2_and_keeps_it(cli: Command, tiny: Path, folder: Path) -> None:
    (folder / "m.ptl").write_bytes(tiny.read_bytes())
    (folder / "link.npy").symlink_to("m.ptl")
    np.save("x.npy", np.ones((1, 3, 32, 32), np.float32))
    for output in ("m.ptl", "link.npy"):
        cli("run", "m.ptl", "--input", "x.npy", "-o", output).failed(2, "is the package itself")
    assert (folder / "m.ptl").read_bytes() == tiny.read_bytes()


def test_run_pictures_prints_labels_best_first(cli: Command, tiny: Path) -> None:
    result = cli("run", tiny, PHOTO, IMAGES / "jpeg_exif6.jpg", "--topk", "3", "--json")
    document = json.loads(result.out)
    assert document["schema_version"] == "1.0"
    assert document["context"] == {"package": "tiny", "weights": "embedded", "runtime": "lite"}
    assert [entry["file"] for entry in document["results"]] == [str(PHOTO), str(IMAGES / "jpeg_exif6.jpg")]
    assert [entry["error"] for entry in document["results"]] == [None, None]
    for entry in document["results"]:
        scores = [ranked["score"] for ranked in entry["labels"]]
        assert len(scores) == 3
        assert scores == sorted(scores, reverse=True)
        assert {ranked["label"] for ranked in entry["labels"]} <= {"ant", "bee", "cat", "dög", "emu\\n"}


def test_run_bad_picture_does_not_stop_the_others(cli: Command, tiny: Path) -> None:
    given = [IMAGES / "empty.jpg", PHOTO, "missing.jpg"]
    done = cli("run", tiny, *given, "--json")
    done.failed(2, "empty.jpg: empty", "missing.jpg: no such file", "2 of 3 pictures failed")
    first, second, third = json.loads(done.out)["results"]
    assert (first["file"], first["labels"]) == (str(IMAGES / "empty.jpg"), [])
    assert "empty" in first["error"]
    assert (second["error"], len(second["labels"])) == (None, 5)
    assert "no such file" in third["error"]
    plain = cli("run", tiny, *given)
    plain.failed(2, "2 of 3 pictures failed")
    assert plain.out.count(":\n") == 1


def test_run_folder_takes_its_pictures_in_order(cli: Command, tiny: Path, folder: Path) -> None:
    inside = folder / "photos"
    (inside / "c.jpg").mkdir(parents=True)
    for name in ("b.JPG", "a.png", "._a.png", ".b.jpg", "notes.txt"):
        (inside / name).write_bytes(PHOTO.read_bytes())
    done = cli("run", tiny, "photos", "--json")
    done.passed()
    assert [entry["file"] for entry in json.loads(done.out)["results"]] == ["photos/a.png", "photos/b.JPG"]


def test_run_picture_from_standard_input(cli: Command, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for data, code in ((PHOTO.read_bytes(), 0), (b"", 2)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        done = cli("run", tiny, "-", "--json")
        assert done.code == code, done.err
        (entry,) = json.loads(done.out)["results"]
        assert entry["file"] == "-"
        assert (entry["error"] is None) == (code == 0)
    assert "standard input: empty" in done.err


def test_run_narrow_picture_is_refused_as_a_file_and_as_an_array(cli: Command, tiny: Path, folder: Path) -> None:
    from PIL import Image

    Image.new("RGB", (1, 30000)).save(folder / "thin.png")
    np.save("thin.npy", np.zeros((30000, 1, 3), np.uint8))
    cli("run", tiny, "thin.png").failed(2, "thin.png: 1 x 30000 pixels, which predict resizes to")
    array = ["--method", "predict", "--input", "thin.npy"]
    cli("run", tiny, *array).failed(2, "predict input 0 is 1 x 30000 pixels, which predict resizes to")


def test_run_webp_is_said_to_be_beyond_the_contract(cli: Command, tiny: Path, folder: Path) -> None:
    from PIL import Image

    with Image.open(PHOTO) as image:
        image.save(folder / "photo.webp")
    done = cli("run", tiny, "photo.webp")
    done.passed("photo.webp:")
    assert "photo.webp is WebP, which is beyond the image contract" in done.err


def test_run_names_of_pictures_reach_the_terminal_escaped(cli: Command, tiny: Path, folder: Path) -> None:
    from PIL import Image

    with Image.open(PHOTO) as image:
        image.save(folder / "\x1b[2Ja.webp")
    (folder / "\x1b[2Jb.jpg").write_bytes(PHOTO.read_bytes()[:-9])
    done = cli("run", tiny, *sorted(folder.glob("*[ab].*")))
    for shown in (r"\x1b[2Ja.webp is WebP", r"\x1b[2Jb.jpg: damaged"):
        assert shown in done.err
    assert "\x1b" not in done.out + done.err


def test_run_options_may_stand_anywhere(cli: Command, tiny: Path) -> None:
    orders = [
        ("run", tiny, PHOTO, "--topk", "2"),
        ("run", tiny, "--topk", "2", PHOTO),
        ("run", "--topk", "2", tiny, PHOTO),
    ]
    first, *others = [cli(*order).out for order in orders]
    assert first.count("\n") > 3
    assert others == [first, first]


def test_run_topk_beyond_the_classes_prints_all(cli: Command, tiny: Path) -> None:
    (entry,) = json.loads(cli("run", tiny, PHOTO, "--topk", "99", "--json").out)["results"]
    assert len(entry["labels"]) == 5
    assert sum(ranked["score"] for ranked in entry["labels"]) == pytest.approx(1.0)


def test_run_picture_without_image_contract_exits_2(cli: Command, two_inputs: Path, plain: Path) -> None:
    for package in (two_inputs, plain):
        cli("run", package, PHOTO).failed(2, "has no image contract")


@pytest.mark.usefixtures("arrays")
def test_run_plain_file_works_and_checks_what_it_can(cli: Command, plain: Path) -> None:
    cli("run", plain, "--input", "vector.npy").passed("0: float32 [3] -> output.npy")
    assert np.load("output.npy").shape == (3,)
    cli("run", plain, "--input", "vector.npy", "--input", "vector.npy").failed(2, "got 2 tensors")
    cli("run", plain, "--input", "x=vector.npy").failed(2, "has no manifest, so its inputs have no names")
    cli("run", plain, "--input", "text.npy").failed(2, "is <U4; expected one of")
    cli("run", plain, "--input", "nan.npy").failed(2, "has NaN elements")
    cli("run", plain, "--input", "good.npy").failed(4, "forward failed in the lite interpreter")
    cli("run", plain, "--method", "backward").failed(2, "has no method 'backward'; it has forward")


def test_run_finite_input_with_infinite_output_exits_4(cli: Command) -> None:
    np.save("big.npy", np.full(4, 200.0, np.float32))
    cli("export", f"{SOURCES}:exponential", "--input", "4", "-o", "x.ptl").passed()
    cli("run", "x.ptl", "--input", "big.npy").failed(4, "gave NaN or infinity in output 0 for finite inputs")
    assert not Path("output.npy").exists()


def test_run_scalars_keep_their_rank(cli: Command) -> None:
    np.save("x.npy", np.array(2.0, np.float32))
    cli("export", f"{SOURCES}:exponential", "--input", "scalar", "-o", "x.ptl").passed()
    cli("inspect", "x.ptl").passed("forward(x: float32 []) -> 0: float32 []")
    cli("run", "x.ptl", "--input", "x.npy").passed("0: float32 [] -> output.npy")
    assert np.load("output.npy") == pytest.approx(np.exp(2.0))


def test_run_read_only_array_is_taken_as_it_is(two_inputs: Path) -> None:
    import edgekit

    ids, mask = np.zeros((1, 6), np.int64), np.ones((1, 6), np.float32)
    expected = edgekit.load(two_inputs).run([ids, mask])
    ids.flags.writeable = mask.flags.writeable = False
    found = edgekit.load(two_inputs).run([ids, mask])
    assert all(np.array_equal(found[name], value) for name, value in expected.items())


@pytest.fixture(scope="session")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of a segmenter, whose `predict` gives masks."""
    import segmenters

    import edgekit

    output = tmp_path_factory.mktemp("segmenter") / "mask.ptl"
    image = {"resize": 48, "mean": 0.5, "std": 0.25}
    return edgekit.export(
        segmenters.Segmenter(),
        ["1x3x48x64"],
        name="mask",
        output=output,
        image=image,
        labels=list("abcde"),
        server=False,
    ).package


def test_run_picture_of_a_segmenter_writes_the_mask_and_the_overlay(
    cli: Command, segmenter: Path, folder: Path
) -> None:
    from PIL import Image

    import edgekit
    from edgekit.format.decode import decode_image
    from edgekit.format.mask import overlay

    done = cli("run", segmenter, PHOTO, "-o", "m.png", "--overlay", "o.png", "--topk", "2")
    done.passed(": -> m.png, o.png")
    package = edgekit.load(segmenter)
    assert isinstance(package, edgekit.model.LiteModel)
    mask = package.segment(PHOTO)
    np.testing.assert_array_equal(np.asarray(Image.open("m.png")), mask)
    np.testing.assert_array_equal(np.asarray(Image.open("o.png")), overlay(decode_image(PHOTO), mask))
    (row,) = json.loads(cli("run", segmenter, PHOTO, "--json").out)["results"]
    assert (row["mask"], row["overlay"], row["error"]) == (None, None, None)
    shares = [(entry["label"], entry["score"]) for entry in row["labels"]]
    assert dict(shares) == {"abcde"[index]: pytest.approx((mask == index).mean()) for index in np.unique(mask)}
    assert shares == sorted(shares, key=lambda share: -share[1])
    assert sorted(path.name for path in folder.iterdir()) == ["m.png", "o.png"]


def test_run_several_pictures_of_a_segmenter_put_their_names_before_the_suffix(
    cli: Command, segmenter: Path, folder: Path
) -> None:
    for name in ("a.jpg", "b c.jpg"):
        (folder / name).write_bytes(PHOTO.read_bytes())
    (folder / "empty.jpg").write_bytes(b"")
    done = cli("run", segmenter, "a.jpg", "empty.jpg", "b c.jpg", "-o", "out/m.png")
    done.failed(2, "1 of 3 pictures failed")
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["m.a.png", "m.b_c.png"]


def test_run_mask_that_it_cannot_or_must_not_write_exits_2(
    cli: Command, segmenter: Path, tiny: Path, folder: Path
) -> None:
    from PIL import Image

    (folder / "sub").mkdir()
    for name in ("a.png", "sub/a.png"):
        Image.open(PHOTO).save(folder / name)
    before = (folder / "a.png").read_bytes()
    cases: tuple[tuple[tuple[object, ...], str], ...] = (
        ((segmenter, "a.png", "-o", "m.npy"), "pictures are written as PNG; expected a name that ends in .png"),
        ((segmenter, "a.png", "-o", "a.png"), "is read by this run"),
        ((segmenter, "a.png", "-o", "m.png", "--overlay", "m.png"), "would be written twice"),
        ((segmenter, "a.png", "sub/a.png", "-o", "m.png"), "would be written twice"),
        ((tiny, "a.png", "-o", "m.png"), "gives labels for pictures, not masks"),
        ((tiny, "a.png", "--overlay", "m.png"), "gives labels for pictures, not masks"),
        ((segmenter, "--overlay", "m.png"), "--overlay is for pictures"),
    )
    for arguments, message in cases:
        cli("run", *arguments).failed(2, message)
    assert (folder / "a.png").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["a.png", "sub"]
