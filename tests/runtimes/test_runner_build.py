"""`edgekit build-runner` with a fake CMake: its messages, and the files that it leaves in the cache."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from edgekit.cli.main import main
from edgekit.errors import DeviceError
from edgekit.runtimes import checkout, runner_build
from edgekit.runtimes.checkout import how_to_build
from edgekit.runtimes.registry import resolve
from edgekit.runtimes.runner_build import build_runner, runner_folder, runner_program

# Installs a program where --install asks for it.
CMAKE = """#!/bin/sh
case "$1" in --install) mkdir -p "$4/bin"; echo '#!/bin/sh' >"$4/bin/edgekit-runner"; chmod +x "$4/bin/edgekit-runner";; esac
case "$1" in -S) mkdir -p "$4";; esac
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "edgekit" / "runner"


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that comes first in PATH."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    for name in ("cmake", "ninja", "c++"):
        program(folder / name, CMAKE if name == "cmake" else "#!/bin/sh\n")
    return folder


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def left(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if path.suffix != ".log")


@pytest.mark.usefixtures("tools")
def test_build_runner_builds_once_and_native_finds_it(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build-runner"]) == 0
    built = Path(capsys.readouterr().out.strip())
    assert built == runner_program() == build_runner()
    assert left(cache) == [built.parents[1].name]
    assert sorted(path.name for path in built.parents[1].iterdir()) == ["bin"]
    assert main(["build-runner", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["results"] == [{"file": str(built)}]
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGEKIT_RUNNER", raising=False)
    monkeypatch.setattr("edgekit.runtimes.runner.ROOT", tmp_path)
    assert resolve("native").command("ops")[0] == str(built)


def test_folder_depends_on_the_sources_and_on_torch(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = runner_folder()
    assert first is not None
    assert first.parent == cache
    monkeypatch.setattr(runner_build, "_torch_root", lambda: tmp_path)
    assert runner_folder() != first
    monkeypatch.undo()
    (tmp_path / "src").mkdir()
    (tmp_path / "CMakeLists.txt").write_text("")
    monkeypatch.setattr(runner_build, "_sources", lambda: tmp_path)
    second = runner_folder()
    (tmp_path / "src" / "more.cpp").write_text("")
    assert second != runner_folder() != first


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a torch without XNNPACK, which stands for this Python's."""
    folder = tmp_path / "newer" / "torch"
    folder.mkdir(parents=True)
    (folder / "version.py").write_text("__version__ = '2.15.0+cpu'\n")
    monkeypatch.setattr(runner_build, "_own_torch", lambda: folder)
    return folder


@pytest.mark.usefixtures("newer", "cache")
def test_build_runner_beside_a_torch_without_xnnpack_links_to_the_workshop(
    tools: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("EDGEKIT_WORKSHOP", sys.executable)
    program(tools / "cmake", f'{CMAKE}echo "$@" >>{tools}/arguments\n')
    built = build_runner()
    own = Path(torch.__file__).parent.resolve()
    assert f"-DEDGEKIT_TORCH_ROOT={own} " in (tools / "arguments").read_text()
    assert str(torch.__version__) in built.parents[1].name
    assert runner_program() == built
    assert (
        f"torch 2.15.0+cpu has no XNNPACK: the C++ runner is linked to the torch of the workshop {sys.executable}"
        in (caplog.text)
    )


@pytest.mark.usefixtures("newer", "tools")
def test_build_runner_without_a_workshop_says_how_to_make_one(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEKIT_WORKSHOP", str(cache / "missing"))
    assert runner_program() is None
    with pytest.raises(DeviceError, match=r"there is no Python there.*edgekit workshop make"):
        build_runner()
    assert not cache.exists()


def test_torch_with_xnnpack_is_found_by_its_files(newer: Path) -> None:
    assert not runner_build._has_kernels(newer)
    (newer / "include").mkdir()
    (newer / "include" / "xnnpack.h").write_text("")
    assert runner_build._has_kernels(newer)
    (newer / "include" / "xnnpack.h").unlink()
    (newer / "version.py").write_text("__version__ = '2.9.1'\n")
    assert runner_build._has_kernels(newer)
    (newer / "version.py").unlink()
    assert not runner_build._has_kernels(newer)


@pytest.mark.parametrize(
    ("gone", "named"),
    [(("cmake",), "CMake not found"), (("c++",), "a C\\+\\+ compiler not found"), (("cmake", "c++"), "CMake and a C")],
)
def test_build_runner_missing_tools_are_named(
    cache: Path, tools: Path, monkeypatch: pytest.MonkeyPatch, gone: tuple[str, ...], named: str
) -> None:
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setattr(runner_build.sys, "executable", str(tools / "python"))
    monkeypatch.delenv("CXX", raising=False)
    for name in gone:
        (tools / name).unlink()
    with pytest.raises(DeviceError, match=rf"{named}.*apt-get install g\+\+ cmake .*pip install cmake ninja"):
        build_runner()
    assert not cache.exists()


@pytest.mark.parametrize(
    ("error", "named"),
    [
        ('Could not find a package configuration file provided by "nlohmann_json" with', "nlohmann_json not found"),
        ("Could NOT find JPEG (missing: JPEG_LIBRARY)", "libjpeg not found"),
        ("compiler.h:1: error: no such thing", "error: no such thing. See .*log"),
    ],
)
def test_build_runner_that_fails_says_why_and_leaves_only_its_log(
    cache: Path, tools: Path, error: str, named: str
) -> None:
    program(tools / "cmake", f"#!/bin/sh\necho '{error}' >&2\nexit 1\n")
    with pytest.raises(DeviceError, match=named):
        build_runner()
    assert left(cache) == []
    (log,) = cache.iterdir()
    assert error in log.read_text()


def start(tools: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "edgekit", "build-runner"]
    variables = os.environ | {"TOOLS": str(tools)}
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=variables)


def test_build_runner_interrupted_leaves_nothing(cache: Path, tools: Path) -> None:
    program(tools / "cmake", "#!/bin/sh\ntouch $TOOLS/started\nsleep 60\n")
    process = start(tools)
    deadline = time.monotonic() + 60
    while not (tools / "started").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert left(cache) == []


def test_build_runner_two_at_once_leave_one_runner(cache: Path, tools: Path) -> None:
    both = [start(tools), start(tools)]
    out = {process.communicate(timeout=120)[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert out == {f"{runner_program()}\n"}
    assert len(left(cache)) == 1


def test_how_to_build_outside_a_checkout_names_what_exists_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert how_to_build("runner") == "Run make runner."
    monkeypatch.setattr(checkout, "ROOT", tmp_path)
    assert how_to_build("runner") == "Run edgekit build-runner."
    assert "make" not in how_to_build("android-runtime")
