"""`edgekit export` of models that do not load: a clear error, the right exit code, nothing left behind."""

from pathlib import Path

import pytest
import torch
from torch import nn

from cli.command import SOURCES, Command, everything_in


@pytest.mark.parametrize(
    ("name", "near"),
    [("resnt18", "resnet18"), ("resnet-18", "resnet18"), ("MobileNet_V2", "mobilenet_v2"), ("vgg", "vgg11")],
)
def test_export_unknown_name_suggests_similar_names(cli: Command, folder: Path, name: str, near: str) -> None:
    cli("export", name).failed(2, f"unknown model {name!r}", "Did you mean", near)
    assert everything_in(folder) == []


@pytest.mark.parametrize("source", ["nothing_like_any_name", "", "model.onnx", "model.ptl"])
def test_export_source_of_unknown_kind_says_what_is_expected(cli: Command, folder: Path, source: str) -> None:
    cli("export", source).failed(2, "FILE.py:FACTORY")
    assert everything_in(folder) == []


@pytest.mark.parametrize(
    ("factory", "code", "message"),
    [
        ("raises", 3, "TypeError"),
        ("raises", 3, "sources.py:"),
        ("exits", 3, "SystemExit"),
        ("no_module", 3, "returned a dict; expected a torch.nn.Module"),
        ("needs_argument", 2, "needs the argument 'width'; it takes (width: int). Pass --arg width=VALUE"),
        ("not_callable", 3, "is an int; expected a model, or a function or class that makes one"),
        ("clasifier", 3, "Did you mean classifier?"),
        ("on_meta", 3, "weight has no values yet"),
        ("lazy", 3, "weight has no values yet"),
        ("complex_output", 3, "output 0 is a tensor of complex64"),
        ("bfloat16_output", 3, "output 0 is a tensor of bfloat16"),
        ("sparse_output", 3, "torch.sparse_coo"),
        ("same_names", 3, "two outputs have the flattened name 'a.b'"),
        ("keyword_only", 2, "no input was given for 'mask'"),
        ("not_a_number", 3, "NaN or infinite on probe"),
        ("noisy", 3, "is random in eval mode"),
    ],
)
def test_export_bad_factory_is_a_named_error(cli: Command, folder: Path, factory: str, code: int, message: str) -> None:
    cli("export", f"{SOURCES}:{factory}", "--input", "4").failed(code, message)
    assert everything_in(folder) == []


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("missing.py:net", "missing.py does not exist"),
        ("no_such_module:net", "No module named 'no_such_module'"),
        ("broken.py:net", "SyntaxError"),
        ("needs_timm_plus.py:net", "No module named 'timm_plus'"),
        ("stops.py:net", "SystemExit: 0 (stops.py:1)"),
        (":net", "raises on import"),
        ("missing.pt", "missing.pt does not exist"),
        ("folder.pt", "folder.pt does not exist or is not a file"),
        ("text.pt", "text.pt is not a TorchScript file"),
        ("state.pt", "export its model with --checkpoint state.pt"),
        ("no_forward.pt", "no_forward has no forward"),
    ],
)
def test_export_bad_file_is_a_named_error(cli: Command, folder: Path, source: str, message: str) -> None:
    Path("broken.py").write_text("def net(:\n")
    Path("needs_timm_plus.py").write_text("import timm_plus\n")
    Path("stops.py").write_text("raise SystemExit(0)\n")
    Path("folder.pt").mkdir()
    Path("text.pt").write_text("no model")
    torch.save(nn.Linear(4, 2).state_dict(), "state.pt")
    torch.jit.save(torch.jit.script(nn.Module()), "no_forward.pt")
    before = everything_in(folder)
    cli("export", source, "--input", "4").failed(3, message)
    assert [name for name in everything_in(folder) if "__pycache__" not in name] == before


@pytest.mark.parametrize(
    ("source", "arguments", "message"),
    [
        (
            "needs_argument",
            ["widht=4"],
            "--arg widht=…",
        ),
        ("classifier", ["width=4"], "has no such parameter; it takes ()"),
        ("instance", ["width=4"], "is a Linear and not a factory, so it takes no arguments"),
        ("needs_argument", ["width=4", "width=5"], "--arg width=… was given twice"),
        ("needs_argument", ["width"], "--arg width: expected NAME=VALUE"),
    ],
)
def test_export_wrong_argument_is_named(cli: Command, source: str, arguments: list[str], message: str) -> None:
    given = [word for argument in arguments for word in ("--arg", argument)]
    cli("export", f"{SOURCES}:{source}", "--input", "4", *given).failed(2, message)


@pytest.mark.parametrize("source", ["net.pt", "resnet18"])
def test_export_argument_for_what_is_not_a_factory_is_refused(cli: Command, source: str) -> None:
    torch.jit.save(torch.jit.script(nn.Linear(4, 2)), "net.pt")
    cli("export", source, "--input", "4", "--arg", "width=4").failed(2, f"--arg width=…: {source} is not a factory")


def test_models_lists_names_by_task_with_input_and_parameters(cli: Command) -> None:
    result = cli("models", "deeplab")
    result.passed("segmentation", "deeplabv3_mobilenet_v3_large", "1x3x256x256", "11.0 M parameters")
    assert "detection" not in result.out
    cli("models", "detection").passed("detection\n", "ssd300_vgg16", "3x300x300")


def test_export_weights_of_a_factory_are_called_as_it_made_them(cli: Command) -> None:
    text = "as the factory made them"
    cli("export", f"{SOURCES}:classifier", "--input", "1x3x32x32", "--no-server", "-o", "x.ptl").passed(text)
    cli("inspect", "x.ptl").passed(f"weights: {text}")
    torch.save(nn.Linear(4, 2).state_dict(), "state.pth")
    checkpoint = ("--checkpoint", "state.pth", "--no-server", "-o", "x.ptl")
    assert text not in cli("export", f"{SOURCES}:instance", "--input", "4", *checkpoint).out
    assert text not in cli("inspect", "x.ptl").out


def test_export_file_named_like_a_loaded_module_hides_nothing(cli: Command) -> None:
    import json

    Path("json.py").write_text("from torch import nn\ndef net():\n    return nn.Linear(4, 2)\n")
    cli("export", "json.py:net", "--input", "4", "--json").passed('"schema_version"')
    import sys

    assert sys.modules["json"] is json


def test_export_train_mode_warns_and_uses_eval_mode(cli: Command) -> None:
    result = cli("export", f"{SOURCES}:in_train_mode", "--input", "4")
    result.passed("in_train_mode.ptl")
    assert "was in train mode; it is exported in eval mode" in result.err
    assert "dropout" not in cli("inspect", "build/mobile/in_train_mode/in_train_mode.ptl").out


def test_export_eval_mode_does_not_warn(cli: Command) -> None:
    result = cli("export", f"{SOURCES}:classifier", "--input", "1x3x32x32")
    result.passed()
    assert result.err == ""


def test_export_model_that_prints_keeps_json_clean(cli: Command) -> None:
    import json

    result = cli("export", f"{SOURCES}:chatty", "--input", "4", "--json")
    assert json.loads(result.out)["results"]["package"] == "chatty.ptl"
    assert "downloading the internet" in result.err


def test_export_torchscript_never_overwrites_its_source(cli: Command, folder: Path) -> None:
    torch.jit.save(torch.jit.script(nn.Linear(4, 2)), "net.pt")
    before = Path("net.pt").read_bytes()
    cli("export", "net.pt", "--input", "4", "-o", "net.ptl").failed(2, "would overwrite its own source net.pt")
    assert Path("net.pt").read_bytes() == before
    assert everything_in(folder) == ["net.pt"]
    cli("export", "net.pt", "--input", "4", "-o", "out.ptl").passed()
