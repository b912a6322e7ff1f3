"""The picture of the rooms, and the files that docs/architecture.md and CONTRIBUTING.md name."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / "architecture.md", ROOT / "CONTRIBUTING.md"]
TOP_LEVEL = {path.name for path in ROOT.iterdir()} - {"build", "dist"}  # of the tree, not what targets make
SOURCES = {path.name for folder in ("edgekit", "cpp_runner", "android_demo") for path in (ROOT / folder).rglob("*.*")}


@pytest.fixture
def picture() -> ModuleType:
    spec = importlib.util.spec_from_file_location("architecture_picture", ROOT / "tools" / "architecture_picture.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_picture_is_current(picture: ModuleType) -> None:
    current = (ROOT / "docs" / "architecture.svg").read_text()
    assert picture.draw() == current, "the rooms or their imports changed: run `make architecture`"


def test_picture_is_the_same_twice(picture: ModuleType) -> None:
    assert picture.draw() == picture.draw()


def test_picture_has_a_box_for_each_room_and_arrows_that_point_downward(picture: ModuleType) -> None:
    edges = picture.imports_between_rooms()
    heights = picture.levels(edges)
    assert set(edges) == set(picture.ROOMS) - {"__main__"}
    assert [(room, target) for room in edges for target in edges[room] if heights[target] >= heights[room]] == []


def test_picture_leaves_out_only_arrows_that_others_imply(picture: ModuleType) -> None:
    edges = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert picture.without_implied(edges) == {"a": {"b"}, "b": {"c"}, "c": set()}


def missing_paths(text: str) -> list[str]:
    """The paths in backquotes that do not exist; NAME and VERB stand for any word."""
    named = re.findall(r"`([\w./-]+)`", text)
    paths = [name for name in named if name.split("/")[0] in TOP_LEVEL and ("/" in name or "." in name)]
    missing = [name for name in paths if not re.search("NAME|VERB", name) and not (ROOT / name).exists()]
    return missing + [name for name in named if re.fullmatch(r"\w+\.(py|kt|h|cpp)", name) and name not in SOURCES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_name_only_files_that_exist(page: Path) -> None:
    assert missing_paths(page.read_text()) == []


def test_path_checker_sees_a_missing_file() -> None:
    page = "`edgekit/nothing.py`, `edgekit/errors.py`, `edgekit/cli/VERB.py`, `a/b`, `Manifest.kt`, `Manyfest.kt`"
    assert missing_paths(page) == ["edgekit/nothing.py", "Manyfest.kt"]
