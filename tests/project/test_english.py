"""Refuses phrases that are hard to read. The table in CONTRIBUTING.md has more of them."""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
SUFFIXES = {".c", ".cmake", ".cpp", ".h", ".java", ".kt", ".kts", ".md", ".mk", ".py", ".sh", ".toml", ".txt", ".xml"}
SUFFIXES |= {".yaml", ".yml"}
EXEMPT = {
    "CONTRIBUTING.md",  # its table lists the phrases
    "tests/project/test_english.py",
    "tests/conformance/make_images.py",  # one of its files has such a text
    "android_demo/app/src/main/res/values-de/strings.xml",  # German
}


class Phrase(NamedTuple):
    """A phrase as a pattern, what to write instead, and a line that has the phrase."""

    pattern: str
    write: str
    example: str


# A negated noun, but not "there is no X" or a comparison.
NO_NOUN = (
    r"(?<!here )\b(is|are|was|were) no "
    r"(?!(longer|more|less|fewer|better|worse|larger|smaller|slower|faster|different|later|earlier|one|such)\b)[a-z`]"
)
PHRASES = (
    Phrase(r"\b(cannot|can|could|could not) be had\b", "is unavailable", "the weights cannot be had"),
    Phrase(r"\b(not|nor) to be had\b", "is unavailable", "cmake is not to be had here"),
    Phrase(NO_NOUN, "is not a …", "x.ptl is no package"),
    Phrase(r"(, |\(|: |— )say(,| (?=[0-9`\"'*-]|an? |the ))", "for example …", "a shape, say 1x3x224x224"),
    Phrase(r"\bonce for each\b", "repeatable", "Once for each input"),
    Phrase(r"\bbut for\b", "except", "all tests but for the slow ones"),
    Phrase(r"\bnames no\b", "is not a …, or has no …", "x names no model"),
    Phrase(r"\bno way( of \w+)? works\b", "every mode failed", "No way of capture works"),
    Phrase(r"\bsay it without\b", "rewrite it without …", "say it without control flow"),
    Phrase(r"\bthe house\b", "the project, or the order of the modules", "The house"),
    Phrase(r"\btrouble is in\b", "see … for common errors", "Trouble is in docs/troubleshooting.md"),
    Phrase(r"(?<![a-z])told(?![a-z])", "message, reason or text", "told = str(error)"),
)


def findings(text: str) -> list[str]:
    """One line for each phrase in a text: its line number, the phrase and what to write instead."""
    return [
        f"{number}: {found[0].strip()!r}; write: {phrase.write}"
        for number, line in enumerate(text.split("\n"), 1)
        for phrase in PHRASES
        for found in re.finditer(phrase.pattern, line, re.IGNORECASE)
    ]


def tracked_texts() -> list[str]:
    """The names of the tracked text files, without the exempt ones."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [
        name
        for name in listed.splitlines()
        if name not in EXEMPT and (Path(name).suffix in SUFFIXES or Path(name).name == "Makefile")
    ]


def test_texts_have_no_phrase_that_is_hard_to_read() -> None:
    found = [
        f"{name}:{finding}"
        for name in tracked_texts()
        if (ROOT / name).is_file()
        for finding in findings((ROOT / name).read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(["", *found])


def test_contributing_guide_has_them_only_in_its_table() -> None:
    lines = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if findings(line) and not line.startswith("| ")] == []


@pytest.mark.parametrize("phrase", PHRASES)
def test_findings_phrase_is_found_with_what_to_write(phrase: Phrase) -> None:
    found = findings(f"a good line\n{phrase.example}\n")
    assert len(found) == 1
    assert re.fullmatch(rf"2: '.+'; write: {re.escape(phrase.write)}", found[0])


@pytest.mark.parametrize(
    "good",
    [
        "There is no file",
        "is no longer than 3",
        "are no more than two",
        "it may say 1",
        "it names nothing",
        "households",
    ],
)
def test_findings_good_english_is_not_found(good: str) -> None:
    assert findings(good) == []
