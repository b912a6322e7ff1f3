"""The files in .github, and the linter that checks them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
MAKEFILES = [ROOT / "Makefile", ROOT / "cpp_runner" / "runner.mk", ROOT / "android_demo" / "android.mk"]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    binaries = Path(sys.executable).parent
    return subprocess.run([ROOT / "tools" / "lint_github.sh", binaries, folder], capture_output=True, text=True)


def make_targets() -> set[str]:
    return {name for file in MAKEFILES for name in re.findall(r"^([a-z0-9-]+):", file.read_text(), re.MULTILINE)}


def commands(text: str) -> list[str]:
    return re.findall(r"^\s*(?:- )?run: (.*)$", text, re.MULTILINE)


def unknown_targets(command: str) -> list[str]:
    """The words of a command that are neither `make`, nor one of its targets, nor a setting."""
    program, *words = command.split()
    targets = [word for word in words if "=" not in word]
    return [program] * (program != "make") + [word for word in targets if word not in make_targets()]


def test_lint_passes_the_files_of_this_project() -> None:
    done = lint(GITHUB)
    assert done.returncode == 0, done.stdout + done.stderr


BROKEN = [  # file, what stands there, what replaces it, a word of the linter's message
    ("workflows/ci.yml", "runs-on: ubuntu-24.04", "run-on: ubuntu-24.04", "run-on"),
    ("workflows/full.yml", "    timeout-minutes: 120\n", "", "'timeout-minutes' is a required property"),
    ("workflows/full.yml", 'TORCH_INDEX="$TORCH_INDEX"', "TORCH_INDEX=${{ github.head_ref }}", "template-injection"),
    ("workflows/full.yml", "actions/checkout@v6", "someone/checkout@v6", "unpinned-uses"),
    ("ISSUE_TEMPLATE/bug.yml", "type: textarea", "type: textaera", "textaera"),
    ("ISSUE_TEMPLATE/config.yml", "false", "perhaps", "perhaps"),
    ("dependabot.yml", "interval: monthly", "interval: hourly", "hourly"),
]


def test_lint_refuses_broken_files_and_names_each_fault(tmp_path: Path) -> None:
    folder = tmp_path / ".github"
    shutil.copytree(GITHUB, folder)
    for file, old, new, _ in BROKEN:
        text = (folder / file).read_text()
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1))
    done = lint(folder)
    assert done.returncode == 1
    assert [word for *_, word in BROKEN if word not in done.stdout] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_run_only_make_targets_that_exist(workflow: Path) -> None:
    found = commands(workflow.read_text())
    assert found
    assert [word for command in found for word in unknown_targets(command)] == []


def test_workflow_checker_sees_a_script_and_an_unknown_target() -> None:
    assert commands("  - run: make lnit\n  - name: x\n    run: |\n") == ["make lnit", "|"]
    assert unknown_targets("make lnit lint PYTHON=python3") == ["lnit"]
    assert unknown_targets("pip install x") == ["pip", "install", "x"]


def test_hooks_run_only_make_targets_that_exist() -> None:
    entries = re.findall(r"entry: (.*)", (ROOT / ".pre-commit-config.yaml").read_text())
    assert len(entries) == 3
    assert [word for entry in entries for word in unknown_targets(entry)] == []


def test_constraints_name_the_ends_of_the_supported_range() -> None:
    made = (ROOT / "tools" / "make_venv.sh").read_text()
    lower, upper = re.search(r'"torch>=2\.(\d+),<2\.(\d+)"', made).groups()
    assert f'"torch>=2.{lower}"' in (ROOT / "pyproject.toml").read_text()
    assert f"torch==2.{lower}.*" in (GITHUB / "constraints" / "oldest.txt").read_text()
    assert f"torch==2.{int(upper) - 1}.*" in (GITHUB / "constraints" / "pinned.txt").read_text()
