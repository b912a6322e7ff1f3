"""Models from the user's code."""

from pathlib import Path
from typing import Any

import pytest

from edgekit.errors import SourceError, UsageError
from edgekit.sources.inputs import parse_input
from edgekit.sources.resolve import load_source
from edgekit.sources.source import SourceModel, SourceRequest

CODE = """
from torch import nn

def make(width=1.0, *, kind="plain", sizes=()):
    net = nn.Linear(4, int(8 * width))
    net.kind, net.sizes = kind, sizes
    return net

def wrapped(*, head, **options):
    return make(**options)

class Net(nn.Linear):
    def __init__(self, classes=3):
        super().__init__(4, classes)

model = nn.Linear(4, 5)

def with_transforms():
    return model, {"size": 32}, None

def reads_arguments():
    import argparse
    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=int, default=6)
    return nn.Linear(4, parser.parse_args().width)

def stops(width):
    raise ValueError(width)
"""


@pytest.fixture(autouse=True)
def _code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("factory_net.py").write_text(CODE)
    Path("factory_package").mkdir()
    Path("factory_package/parts.py").write_text(CODE)
    for folder, code in (("whole", ""), ("whole/nets", "from .net import Net")):
        Path(folder).mkdir()
        Path(folder, "__init__.py").write_text(code)
    Path("whole/sizes.py").write_text("CLASSES = 9")
    Path("whole/nets/net.py").write_text(
        "from torch import nn\nfrom ..sizes import CLASSES\ndef Net():\n    return nn.Linear(4, CLASSES)"
    )
    Path("loose").mkdir()
    Path("loose/net.py").write_text("from .parts import Net")
    Path("loose/parts.py").write_text(CODE)


def load(attribute: str, location: str = "factory_net.py", **arguments: Any) -> SourceModel:
    request = SourceRequest(inputs=[parse_input("1x4")], arguments=arguments)
    return load_source(f"{location}:{attribute}", request)


def test_from_factory_passes_arguments_by_name() -> None:
    module: Any = load("make", width=0.5, kind="wide", sizes=[1, 2]).module
    assert (module.out_features, module.kind, module.sizes) == (4, "wide", [1, 2])


@pytest.mark.parametrize(
    ("attribute", "location", "arguments", "features"),
    [
        ("model", "factory_net.py", {}, 5),
        ("Net", "factory_net.py", {"classes": 7}, 7),
        ("Net", "factory_package.parts", {}, 3),
        ("wrapped", "factory_net.py", {"head": None, "width": 2}, 16),
        ("with_transforms", "factory_net.py", {}, 5),
        ("reads_arguments", "factory_net.py", {}, 6),
        ("Net", "whole/nets/net.py", {}, 9),
        ("Net", "whole/nets/__init__.py", {}, 9),
        ("Net", "loose/net.py", {}, 3),
    ],
)
def test_from_factory_takes_models_as_people_make_them(
    attribute: str, location: str, arguments: dict[str, Any], features: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["edgekit", "export", "--input", "1x4"])
    module: Any = load(attribute, location, **arguments).module
    assert module.out_features == features


@pytest.mark.parametrize(
    ("attribute", "arguments", "message"),
    [
        ("make", {"widht": 1}, "--arg widht=…: factory_net.py:make has no such parameter; .* Did you mean width"),
        ("model", {"width": 1}, "--arg width=…: factory_net.py:model is a Linear and not a factory"),
        ("wrapped", {"width": 2}, "factory_net.py:wrapped needs the argument 'head'.* Pass --arg head=VALUE"),
    ],
)
def test_from_factory_wrong_arguments_are_named(attribute: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load(attribute, **arguments)


def test_from_factory_that_raises_is_shown_with_its_arguments() -> None:
    with pytest.raises(SourceError, match=r"factory_net.py:stops\(width='x'\) raises: ValueError: x \(factory_net.py:"):
        load("stops", width="x")
