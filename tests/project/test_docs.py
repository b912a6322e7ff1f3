"""The documentation: the errors that `make docs` refuses, and the required content of the pages."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import edgekit

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def test_api_reference_has_exactly_the_public_names() -> None:
    documented = re.findall(r"^\.\. auto\w+:: edgekit\.(\w+)(?:\(\))?$", (DOCS / "api.md").read_text(), re.MULTILINE)
    assert sorted(documented) == sorted(edgekit.__all__)


def test_api_reference_has_every_error() -> None:
    errors = re.findall(r"^class (\w+)\(", (ROOT / "edgekit" / "errors.py").read_text(), re.MULTILINE)
    text = (DOCS / "api.md").read_text()
    assert [name for name in errors if not re.search(rf"autoexception:: edgekit\.(errors\.)?{name}\b", text)] == []


VARIABLE = re.compile(
    r"""(?:environ\.get\(|environ\[|[gG]etenv\(|^VARIABLE = |"variable": )"([A-Z_]+)\"""", re.MULTILINE
)


def variables(text: str) -> set[str]:
    """The environment variables that a source file reads."""
    return set(VARIABLE.findall(text))


def test_readme_has_every_environment_variable_that_edgekit_reads() -> None:
    suffixes = {".py", ".cpp", ".kt"}
    folders = (ROOT / "edgekit", ROOT / "cpp_runner", ROOT / "android_demo")
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in suffixes]
    found = set().union(*(variables(path.read_text()) for path in files))
    assert {"EDGEKIT_RUNNER", "OMP_NUM_THREADS", "XDG_CACHE_HOME", "CC"} <= found
    assert [name for name in sorted(found) if f"| `{name}` |" not in (ROOT / "README.md").read_text()] == []


def test_variable_checker_sees_every_way_to_read_one() -> None:
    text = 'os.environ.get("A", ""), os.environ["B"], std::getenv("C"), System.getenv("D")\nVARIABLE = "E"\n"variable": "F"'
    assert variables(text) == set("ABCDEF")


def test_sphinx_settings_refuse_a_link_to_a_missing_page(tmp_path: Path) -> None:
    source = tmp_path / "docs"
    source.mkdir()
    shutil.copy(DOCS / "conf.py", source)
    (source / "index.md").write_text("# Title\n\n[a page](missing.md)\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", source, tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert "missing.md" in done.stderr


def test_makefile_builds_the_docs_with_warnings_as_errors() -> None:
    assert re.search(
        r"^\t\$\(PY\) -m sphinx .*-W --keep-going.* docs build/docs$", (ROOT / "Makefile").read_text(), re.M
    )


# A message of torch, and one that is all names and numbers.
UNCHECKED = {"operator torchvision::nms does not exist", "is float32 [1, 5]; expected x: float32 [*, 4]"}


def quotes(text: str) -> list[str]:
    """The messages that the troubleshooting page quotes: headings in bold, and the first column of its table."""
    cells = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    return re.findall(r"^\*\*`([^`]+)`", text, re.MULTILINE) + [
        q for cell in cells for q in re.findall(r"`([^`]+)`", cell)
    ]


def missing_quotes(text: str, source: str) -> list[str]:
    """The quotes of which no word sequence between names, numbers and ellipses is in the sources."""
    missing = []
    for quote in set(quotes(text)) - UNCHECKED:
        parts = [part.strip(" .,:;*") for part in re.split(r"…|; |, |: |'.*?'|\[.*?\]|\d[\d.]*|\b[A-Z_]{5,}\b", quote)]
        if not any(len(part) > 7 and part in source for part in parts):
            missing.append(quote)
    return missing


def test_troubleshooting_quotes_messages_that_exist() -> None:
    source = "".join(path.read_text() for path in sorted((ROOT / "edgekit").rglob("*.py")))
    source = re.sub(r'"\s*\n\s*f?"', "", source)
    assert missing_quotes((DOCS / "troubleshooting.md").read_text(), source) == []


def test_quote_checker_sees_a_message_that_is_gone() -> None:
    page = "**`the model went away`** Text.\n| `has no golden cases`, `is a teapot` | x |\n"
    assert sorted(missing_quotes(page, "it has no golden cases")) == ["is a teapot", "the model went away"]
