"""A new pass needs one file, and its name in one row."""

from pathlib import Path

import models
import pytest
from captures import captured

from edgekit.errors import UsageError
from edgekit.format.schema import Tolerance
from edgekit.optimize import passes
from edgekit.optimize.optimizer import optimize
from edgekit.optimize.passes.base import load_pass, passes_of
from edgekit.optimize.recipes import RECIPES, Recipe

MADE_UP = """
from edgekit.optimize.passes.base import Pass

def _apply(module, context, left_out):
    return module

PASS = Pass(name="made_up", apply=_apply, fits=("current",), for_server=True)
"""


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """Adds a pass to the folder of passes, and a recipe with this pass."""
    (tmp_path / "made_up.py").write_text(MADE_UP)
    monkeypatch.setattr(passes, "__path__", [*passes.__path__, str(tmp_path)])
    monkeypatch.setitem(RECIPES, "mine", Recipe(name="mine", passes=("freeze", "made_up")))
    return RECIPES["mine"]


def test_pass_of_one_file_and_one_row_is_applied_and_recorded(made_up: Recipe) -> None:
    result = optimize(captured(models.conv_net, "1x3x32x32"), "mine", passes_of(made_up, "current"), Tolerance())
    assert [(step.name, step.applied) for step in result.recipe.passes] == [("freeze", True), ("made_up", True)]
    assert result.server is result.module


def test_pass_for_another_target_is_not_in_the_recipe(made_up: Recipe) -> None:
    assert [step.name for step in passes_of(made_up, "android")] == ["freeze"]


def test_pass_not_for_the_server_stays_out_of_its_file() -> None:
    model = captured(models.conv_net, "1x3x32x32")
    result = optimize(model, "mobile", passes_of(RECIPES["mobile"], "android"), Tolerance())
    kinds = {node.kind() for node in result.server.graph.nodes()}
    assert not any(kind.startswith("prepacked::") for kind in kinds)


@pytest.mark.parametrize("name", sorted({name for recipe in RECIPES.values() for name in recipe.passes}))
def test_every_pass_of_a_recipe_has_its_file_and_its_name(name: str) -> None:
    assert load_pass(name).name == name


def test_pass_without_a_file_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="unknown pass 'nothing'"):
        load_pass("nothing")


def test_recipes_are_known_without_torch() -> None:
    import subprocess
    import sys

    code = "import sys, edgekit.optimize.recipes, edgekit.capture.modes; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
