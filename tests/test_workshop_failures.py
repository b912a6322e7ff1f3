"""The workshop in processes that are killed, interrupted or without a network: clear errors, nothing half made, and the next run
succeeds. The workshop is made by real pip, from wheels that borrow this process's torch."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli.command import environment, everything_in

import edgekit
from edgekit.runtimes.workshop import TORCH, own_environment

MODELS = Path(__file__).parent / "models.py"
ELSEWHERE = """
from edgekit import pipeline
from edgekit.runtimes import workshop, workshop_lite
for module in (pipeline, workshop, workshop_lite):
    module.has_kernels = lambda: False
from edgekit.cli.main import entry
entry()
"""  # the command line, as if this torch had no XNNPACK
BUSY = """#!{python}
import os, sys
from pathlib import Path
code, package = sys.argv[-2:]
sys.argv = ["-c", package]
exec(code.removesuffix("main()\\n"))
from edgekit import workshop_process
def finish(*_):
    made = Path({folder!r}, "pid")
    made.with_suffix(".new").write_text(str(os.getpid()))
    made.with_suffix(".new").replace(made)
    while True:
        pass
workshop_process._finish = finish
workshop_process.main()
"""  # a Python of a workshop that works for ever
EXPORT = ["export", f"{MODELS}:DynamicModel", "--input", "2x4", "-o", "made/m.ptl"]
WAIT_S = 300.0


class Elsewhere:
    """Runs edgekit in a folder, with an empty cache, as a torch without XNNPACK would."""

    def __init__(self, folder: Path, **variables: str) -> None:
        folder.mkdir(parents=True)
        self.folder, self.cache = folder, folder.parent / "cache"
        (folder.parent / "constraints.txt").write_text("torch==1.0\n")  # of the user's other environments
        self.variables = environment(
            XDG_CACHE_HOME=str(self.cache), PIP_CONSTRAINT=str(folder.parent / "constraints.txt"), **variables
        )
        self.variables.pop("TORCH_INDEX", None)
        if "EDGEKIT_WORKSHOP" not in variables:
            self.variables.pop("EDGEKIT_WORKSHOP", None)

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", ELSEWHERE, *arguments],
            cwd=self.folder,
            env=self.variables | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, **variables: str) -> tuple[int, str, str]:
        return ended(self.start(*arguments, **variables))

    @property
    def environments(self) -> list[str]:
        """What is in the folder of the environments, except the lock."""
        folder = self.cache / "edgekit" / "runtimes"
        return sorted(path.name for path in folder.glob("*") if path.suffix != ".lock")


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=WAIT_S)
    return process.returncode, out, err


def until(what: Callable[[], object]) -> None:
    """Waits until something is true."""
    end = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def processes_with(text: str) -> list[int]:
    """The processes that have a text in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if text.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return [pid for pid in found if alive(pid)]


def is_one_paragraph(err: str, *texts: str) -> bool:
    last = err.strip().splitlines()[-1]
    return last.startswith("edgekit: ") and "Traceback" not in err and all(text in last for text in texts)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an empty wheel for each of the workshop's requirements; that of torch borrows this process's packages."""
    folder = tmp_path_factory.mktemp("wheels")
    borrowed = "\n".join(path for path in sys.path if path.endswith("site-packages"))
    for requirement in (f"torch=={TORCH}", *own_environment().others):
        name, _, version = requirement.replace("-", "_").partition("==")
        info = f"{name}-{version}.dist-info"
        with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            if name == "torch":
                wheel.writestr("borrowed.pth", borrowed)
            wheel.writestr(f"{info}/RECORD", "")
    return folder


@pytest.fixture
def offline(wheels: Path, tmp_path: Path) -> Elsewhere:
    """Without a network, but with these wheels."""
    return Elsewhere(tmp_path / "work", PIP_NO_INDEX="1", PIP_FIND_LINKS=str(wheels))


@pytest.fixture
def stalled() -> Iterator[tuple[str, socket.socket]]:
    """The address of a package index that takes requests and does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/", server


def test_two_exports_at_once_make_one_workshop_which_is_repaired_and_removed(offline: Elsewhere) -> None:
    first, second = offline.start(*EXPORT), offline.start(*EXPORT[:-1], "other/m.ptl")
    results = [ended(first), ended(second)]
    assert [code for code, _, _ in results] == [0, 0], results
    messages = "".join(err for _, _, err in results)
    assert messages.count("making its environment") == 1
    assert messages.count(f"torch {edgekit_torch()} of the workshop") == 2
    assert offline.environments == [own_environment().name]
    assert edgekit.verify(offline.folder / "other" / "m.ptl").passed

    (packages,) = offline.cache.glob("edgekit/runtimes/workshop*/lib/python*/site-packages")
    (packages / "borrowed.pth").unlink()
    code, _, err = offline.run(*EXPORT[:-1], "third/m.ptl")
    assert code == 4
    assert is_one_paragraph(err, "No module named", "Run `edgekit workshop make`", "or set EDGEKIT_WORKSHOP"), err
    assert not (offline.folder / "third").exists()
    code, out, err = offline.run("workshop", "make")
    assert code == 0, err
    assert "is damaged and is made again: ModuleNotFoundError: No module named 'torch'" in err
    assert f"has torch {TORCH} and takes 0.0 GB" in out
    assert (packages / "borrowed.pth").exists()
    assert offline.run("workshop", "remove")[1].startswith("removed")
    assert offline.environments == []


def edgekit_torch() -> str:
    import torch

    return str(torch.__version__)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_making_that_is_ended_leaves_nothing_that_is_used(
    how: signal.Signals, offline: Elsewhere, stalled: tuple[str, socket.socket]
) -> None:
    index, server = stalled
    process = offline.start("workshop", "make", PIP_NO_INDEX="", PIP_FIND_LINKS="", PIP_INDEX_URL=index)
    with server.accept()[0]:
        assert processes_with(str(offline.cache))
        process.send_signal(how)
        code, _, err = ended(process)
        until(lambda: not processes_with(str(offline.cache)))
    assert f"making its environment in {offline.cache}" in err
    if how == signal.SIGKILL:
        (left,) = offline.environments
        assert left.startswith(".")
        code, out, err = offline.run("workshop", "make")
        assert code == 0, err
        assert f"has torch {TORCH}" in out
        assert offline.environments == [own_environment().name]
    else:
        assert code == 130
        assert is_one_paragraph(err, "interrupted")
        assert offline.environments == []


def test_no_network_and_no_workshop_names_the_two_ways_out(offline: Elsewhere) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        index = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    variables = {"PIP_NO_INDEX": "", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": index, "PIP_RETRIES": "0"}
    code, _, err = offline.run(*EXPORT, **variables)
    assert code == 4
    texts = (
        f"No matching distribution found for torch=={TORCH}",
        "Run `edgekit workshop make`",
        "or set EDGEKIT_WORKSHOP",
    )
    assert is_one_paragraph(err, *texts), err
    assert everything_in(offline.folder) == []
    assert offline.environments == []


@pytest.mark.parametrize(
    ("how", "group"),
    [(signal.SIGKILL, False), (signal.SIGTERM, False), (signal.SIGINT, False), (signal.SIGINT, True)],
    ids=["SIGKILL", "SIGTERM", "SIGINT", "Ctrl-C"],
)
def test_export_that_ends_while_the_workshop_works_ends_it(how: signal.Signals, group: bool, tmp_path: Path) -> None:
    busy, pid = tmp_path / "python", tmp_path / "pid"
    busy.write_text(BUSY.format(python=sys.executable, folder=str(tmp_path)))
    busy.chmod(0o755)
    user = Elsewhere(tmp_path / "work", EDGEKIT_WORKSHOP=str(busy))
    process = user.start(*EXPORT)
    until(pid.exists)
    workshop = int(pid.read_text())
    assert alive(workshop)
    if group:
        os.killpg(process.pid, how)
    else:
        process.send_signal(how)
    code, _, err = ended(process)
    until(lambda: not alive(workshop))
    if how == signal.SIGKILL:
        assert not any(name.startswith("made/m.") for name in everything_in(user.folder))
        code, _, err = user.run(*EXPORT, EDGEKIT_WORKSHOP=sys.executable)
        assert code == 0, err
        assert edgekit.verify(user.folder / "made" / "m.ptl").passed
    else:
        assert code == 130
        assert is_one_paragraph(err, "interrupted; nothing was written"), err
        assert everything_in(user.folder) == []
