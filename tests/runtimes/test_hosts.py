"""Processes on this machine, and under an emulator's command line."""

import os
import sys
import time
from pathlib import Path

import pytest

from edgekit.errors import DeviceError, PackageError, UsageError
from edgekit.runtimes import hosts
from edgekit.runtimes.hosts import Completed, Qemu, ThisMachine, failure


def test_run_gives_exit_code_and_both_streams() -> None:
    done = ThisMachine().run(["sh", "-c", "echo out; echo $SAID >&2; exit 3"], env={"SAID": "err"})
    assert done == Completed(exit_code=3, stdout="out\n", stderr="err\n")


def test_run_when_output_is_not_text_then_it_is_replaced() -> None:
    assert ThisMachine().run(["printf", r"\377a"]).stdout == "\ufffda"


def test_run_when_a_process_is_killed_then_the_signal_is_named() -> None:
    done = ThisMachine().run(["sh", "-c", "echo words >&2; kill -SEGV $$"])
    assert done.last_line == "the process was ended by SIGSEGV"


def test_run_when_it_takes_too_long_then_it_ends_with_all_it_started() -> None:
    start = time.monotonic()
    with pytest.raises(DeviceError, match=r"sh gave no answer within 0\.2 s"):
        ThisMachine().run(["sh", "-c", "sleep 60 & sleep 60"], timeout_s=0.2)
    assert time.monotonic() - start < 20


@pytest.mark.parametrize("program", ["/no/such/program", "/", "nul\0"])
def test_run_when_it_does_not_start_then_device_error(program: str) -> None:
    with pytest.raises(DeviceError, match="does not start"):
        ThisMachine().run([program])


def test_folder_is_removed_and_get_says_what_is_missing() -> None:
    host = ThisMachine()
    with host.folder() as folder:
        file = Path(folder) / "x"
        file.write_bytes(b"y")
        assert host.get(host.put(file)) == b"y"
    assert not Path(folder).exists()
    with pytest.raises(DeviceError, match="cannot be read: No such file"):
        host.get(str(file))


@pytest.mark.parametrize(
    ("code", "kind"), [(1, DeviceError), (2, UsageError), (3, PackageError), (4, DeviceError), (-9, DeviceError)]
)
def test_failure_has_the_kind_of_the_exit_code(code: int, kind: type[Exception]) -> None:
    assert type(failure("it", Completed(exit_code=code, stderr="why"))) is kind


@pytest.fixture
def qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that replaces qemu and prints its arguments, on a machine with another architecture."""
    program = tmp_path / "qemu-made"
    program.write_text(f"#!{sys.executable}\nimport sys\nprint(*sys.argv[1:])\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(hosts.platform, "machine", lambda: "other")
    return program


@pytest.mark.usefixtures("qemu")
def test_qemu_runs_the_command_under_the_emulator() -> None:
    host = Qemu(machine="made", cpu="c1", root="/root-of-it")
    assert host.missing() == ""
    assert host.run(["a", "b"], env={"X": "1"}).stdout == "-cpu c1 -L /root-of-it -E X=1 a b\n"


def test_qemu_when_it_is_not_installed_then_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "apt-get install qemu-user" in Qemu(machine="made").missing()
    monkeypatch.setattr(hosts.platform, "machine", lambda: "made")
    assert Qemu(machine="made").missing() == ""
    assert Qemu(machine="made").run(["echo", "directly"]).stdout == "directly\n"
    assert Qemu(machine="made", root="/root-of-it").missing() != ""
