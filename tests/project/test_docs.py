"""The documentation: what `make docs` refuses, and what its pages must have."""

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
