"""The page of what differs between torches is what its script writes, and the script sees packages that differ."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

import edgekit

ROOT = Path(__file__).parents[2]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    spec = importlib.util.spec_from_file_location("torch_differences", ROOT / "tools" / "torch_differences.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "torch_differences", module)  # its dataclasses look there
    spec.loader.exec_module(module)
    return module


def test_page_is_what_the_script_writes(script: ModuleType) -> None:
    document = json.loads(script.DATA.read_text())
    assert script.page(document, script.known_models()) == script.PAGE.read_text(), (
        "write it with tools/torch_differences.py"
    )
    assert {row["model"] for row in document["models"]} <= script.known_models().keys()
    assert {row["model"].partition("/")[0] for row in document["models"]} == {"torchvision", "timm", "transformers"}
    assert set(script.SHORT) <= script.known_models().keys()


def test_page_shows_operators_messages_and_counts(script: ModuleType) -> None:
    rows = [
        {
            "model": "a",
            "verdict": script.SAME,
            "only_newest": ["aten::x"],
            "only_workshop": ["aten::y"],
            "error": 1.25e-7,
        },
        {"model": "b", "verdict": script.FAILED, "message": "b: torch does not have aten::z."},
    ]
    versions = {"newest": "3.1", "workshop": "2.12.1", "timm": "1.0", "transformers": "5.0"}
    page = script.page({"versions": versions, "models": rows}, ["a", "b", "d", "c"])
    assert "| a | `aten::x` | `aten::y` | same answers | 1.2e-07 |\n| b |  |  | fails in the workshop |  |\n" in page
    assert "1 of 2 models have the same answers, 1 of them with other operators." in page
    assert page.endswith("\n- b: b: torch does not have aten::z.\n\nNot measured with these versions: c, d.\n")
    assert "Not measured" not in script.page({"versions": versions, "models": rows}, ["a", "b"])


def test_script_sees_packages_that_differ(script: ModuleType, tmp_path: Path) -> None:
    names = ("one", "same", "other")
    for name in names:
        torch.manual_seed(int(name == "other"))
        edgekit.export(torch.nn.Linear(4, 3), ["1x4"], name="net", output=tmp_path / f"{name}.ptl", server=False)
    one, same, other = (tmp_path / f"{name}.ptl" for name in names)
    found = script.compared("net", one, same)
    assert (found.verdict, found.only_newest, found.only_workshop) == (script.SAME, (), ())
    assert found.error < 1e-6
    assert script.compared("net", other, one).verdict == script.DIFFERENT


def test_script_says_why_an_export_fails(script: ModuleType, tmp_path: Path) -> None:
    model = script.Model(name="x", arguments=("no_such_model",))
    with script.Side(sys.executable) as side:
        found = script.survey(model, side, side, tmp_path)
    assert found.verdict == script.NEITHER
    assert "no_such_model" in found.message
