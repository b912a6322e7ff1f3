"""Plain English: phrases that readers stumble over are in no document, message or comment (CONTRIBUTING.md, English)."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUFFIXES = {".md", ".py", ".cpp", ".h", ".c", ".kt", ".xml", ".sh", ".mk", ".yml", ".txt", ".cmake"}
FOLDERS = ("edgekit", "cpp_runner", "android_demo", "docs", "examples", "benchmarks", "tools", ".github")
SKIPPED = {"target", "build", "__pycache__", "schema"}
BANNED = re.compile(
    r"can(not|'t) be had|(?<!ought )to be had|(?<!there )\b(is|are) no (?!longer\b|more\b|less\b)|names no |\bno way works|"
    r"\bonce for each\b|\bbut for (?!the first time)|\btrouble is in\b|\bsay (?=\d+x|--)|\bthe house\b|\btold\b",
    re.IGNORECASE,
)


def banned(text: str) -> list[str]:
    return [match[0] for match in BANNED.finditer(text)]


def texts() -> list[Path]:
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    top = [ROOT / name for name in ("README.md", "CHANGELOG.md", "SECURITY.md", "Makefile")]
    return top + [path for path in found if not SKIPPED & set(path.relative_to(ROOT).parts)]


def test_no_banned_phrases() -> None:
    found = [f"{path.relative_to(ROOT)}: {phrase!r}" for path in texts() for phrase in banned(path.read_text())]
    assert found == []


def test_contributing_guide_uses_them_only_in_its_table() -> None:
    lines = (ROOT / "CONTRIBUTING.md").read_text().splitlines()
    assert [line for line in lines if banned(line) and not line.startswith("| ")] == []


@pytest.mark.parametrize(
    "text",
    [
        "the weights cannot be had",
        "It is not to be had here.",
        "x is no package of edgekit",
        "it names no model",
        "No way works.",
        "once for each input",
        "all but for the slow ones",
        "Trouble is in docs",
        "say 1x3x224x224",
        "keeper of the house",
        "why it was told",
    ],
)
def test_checker_finds(text: str) -> None:
    assert banned(text)


@pytest.mark.parametrize("text", ["it is no longer there", "there is no file", "twofold", "for example 1x3"])
def test_checker_leaves_alone(text: str) -> None:
    assert banned(text) == []
