"""Finishing and running in the workshop, with this Python as the workshop."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import models
import numpy as np
import pytest
import torch
from torch import nn

import edgekit
from edgekit import pipeline
from edgekit.errors import CaptureError, DeviceError, OptimizeError, PackageError, ParityError
from edgekit.finishing import Job
from edgekit.format.archive import Archive
from edgekit.format.schema import Manifest, Tolerance
from edgekit.handover import finish_in_workshop
from edgekit.parity.departure import find_departure
from edgekit.proving import Captures, ExportRequest
from edgekit.runtimes import workshop, workshop_lite
from edgekit.runtimes.results import BenchRequest
from edgekit.runtimes.workshop import Workshop, warm_workshop

GREETING = "import json; print(json.dumps([dict(kind='hello', torch='{}', has_kernels={}), []]), flush=True)"
HELPFUL = GREETING.format("2.12.1", True) + "; import os, sys; sys.stdin.readline(); "  # until its first request


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes this process's torch for one without XNNPACK, and this Python for the workshop."""
    monkeypatch.setenv("EDGEKIT_WORKSHOP", sys.executable)
    monkeypatch.setattr(pipeline, "has_kernels", lambda: False)
    monkeypatch.setattr(workshop_lite, "has_kernels", lambda: False)


def made(factory: Callable[[], nn.Module], inputs: object, path: Path, **options: object) -> Manifest:
    torch.manual_seed(0)
    return edgekit.export(factory(), inputs, output=path, **options).manifest


def golden(path: Path) -> object:
    with Archive(path) as archive:
        return archive.golden


@pytest.mark.parametrize(
    ("factory", "inputs", "options"),
    [
        (
            models.conv_net,
            ["1x3x32x32"],
            {"image": edgekit.ImageSpec(resize=36, crop=32, mean=(0.5,) * 3, std=(0.25,) * 3)},
        ),
        (models.DynamicModel, ["2x4"], {}),
    ],
)
def test_package_of_the_workshop_is_that_of_this_process(
    factory: Callable[[], nn.Module],
    inputs: list[str],
    options: dict[str, object],
    tmp_path: Path,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
) -> None:
    here = made(factory, inputs, tmp_path / "here" / "m.ptl", **options)
    request.getfixturevalue("elsewhere")
    there = made(factory, inputs, tmp_path / "there" / "m.ptl", **options)
    assert "has no XNNPACK: torch" in caplog.text
    assert replace(there, records={}) == replace(here, records={})
    assert there.provenance.versions.finished_with == str(torch.__version__)
    assert golden(tmp_path / "there" / "m.ptl") == golden(tmp_path / "here" / "m.ptl")
    names = sorted(path.name for path in (tmp_path / "here").iterdir())
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == names == ["m.json", "m.pt", "m.ptl"]


@pytest.mark.usefixtures("elsewhere")
def test_errors_of_both_processes_keep_their_kind(tmp_path: Path) -> None:
    class Flat(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * 1e-9 + 1.0

    with pytest.raises(ParityError, match="UNPROVEN"):
        made(Flat, ["1x4"], tmp_path / "m.ptl")
    with pytest.raises(CaptureError, match="cannot be captured"):
        made(models.Hopeless, ["2x4"], tmp_path / "m.ptl")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("elsewhere")
def test_pass_that_fails_in_the_workshop_is_bisected_against_the_eager_model(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made(models.ZeroedBias, ["3x6"], tmp_path / "m.ptl")
    assert "applied optimize_for_mobile without INSERT_FOLD_PREPACK_OPS" in caplog.text
    assert "first departure from eager: ZeroedBias, aten::addmm at models.py:" in caplog.text


@pytest.mark.usefixtures("elsewhere")
def test_operator_that_the_workshop_lacks_is_named_with_its_module_and_line(tmp_path: Path) -> None:
    torch.library.define("edgekit_tests::twice", "(Tensor x) -> Tensor")
    torch.library.impl("edgekit_tests::twice", "CompositeImplicitAutograd", lambda x: x + x)

    class Twice(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.ops.edgekit_tests.twice(x)

    called = r"edgekit_tests::twice \(in 1, test_handover\.py:\d+: return torch\.ops\.edgekit_tests\.twice"
    with pytest.raises(OptimizeError, match=rf"torch .* of the workshop does not have {called}.* write it with"):
        made(lambda: nn.Sequential(nn.Linear(4, 4), Twice()), ["1x4"], tmp_path / "m.ptl")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("elsewhere")
def test_interrupt_while_the_workshop_works_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Workshop] = []
    call = Workshop.call

    def kept(shop: Workshop, *arguments: object, **named: object):
        started.append(shop)
        return call(shop, *arguments, **named)

    def interrupt(job: Job, methods: object, _progress: object, engine: str | None):
        def progress(stage: str) -> None:
            if stage == "optimize":
                raise KeyboardInterrupt

        return finish_in_workshop(job, methods, progress, engine)

    monkeypatch.setattr(Workshop, "call", kept)
    monkeypatch.setattr(pipeline, "finish_in_workshop", interrupt)
    with pytest.raises(KeyboardInterrupt):
        made(models.DynamicModel, ["2x4"], tmp_path / "m.ptl")
    assert [shop.alive for shop in started] == [False]
    assert list(tmp_path.iterdir()) == []


def test_capture_begins_before_the_workshop_has_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEKIT_WORKSHOP", program(tmp_path / "python", "import time; time.sleep(600)"))
    job = Job(options=ExportRequest(), tolerance=Tolerance(), package=tmp_path / "m.ptl", scratch=tmp_path)
    stages: list[str] = []

    def refused() -> Captures:
        raise CaptureError("the eager model fails")

    with pytest.raises(CaptureError, match="the eager model fails"):
        finish_in_workshop(job, [refused], stages.append, None)
    assert stages == ["capture"]


def test_workshop_ends_when_the_user_s_process_ends(elsewhere: None) -> None:  # noqa: ARG001  it is asked for
    shop = Workshop()
    assert shop._process.stdin is not None
    shop._process.stdin.close()
    assert shop._process.wait(timeout=60) == 0
    shop.close()


@pytest.mark.usefixtures("elsewhere")
def test_package_runs_in_the_workshop(tiny: Path, two_inputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = [np.arange(6).reshape(1, 6), np.ones((1, 6), np.float32)]
    there = edgekit.load(two_inputs)
    assert isinstance(there._module, workshop_lite.WorkshopModule)
    answers = there.run(arrays)
    assert edgekit.verify(tiny).passed
    verdict = edgekit.verify(tiny).results
    recorded = there._module.record("forward", arrays)
    timed = workshop_lite.WorkshopLiteRuntime().bench(tiny, BenchRequest(iterations=1, min_seconds=0))
    again = workshop_lite.WorkshopLiteRuntime().run(two_inputs, "forward", arrays)
    warm_workshop().close()
    restarted = there.run(arrays)
    monkeypatch.undo()
    loaded = edgekit.load(two_inputs)
    here = loaded.run(arrays)
    alike = loaded._module.record("forward", arrays)
    assert [step.operator for step in recorded.steps] == [step.operator for step in alike.steps]
    assert find_departure(alike, recorded, Tolerance()) is None
    assert verdict == edgekit.verify(tiny).results
    assert timed.engine == "lite"
    for found in (answers, again, restarted):
        assert found.keys() == here.keys()
        assert all(np.array_equal(found[name], here[name]) for name in here)


@pytest.mark.usefixtures("elsewhere")
def test_package_that_does_not_load_in_the_workshop_is_a_package_error(tmp_path: Path) -> None:
    (tmp_path / "x.ptl").write_bytes(b"nothing")
    with pytest.raises(PackageError, match=r"x\.ptl"):
        workshop_lite.open_lite(tmp_path / "x.ptl", "xnnpack", None)


def program(path: Path, text: str) -> str:
    """A program that stands for the workshop's Python."""
    path.write_text(f"#!{sys.executable}\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (None, r"EDGEKIT_WORKSHOP=.*there is no Python there.*edgekit workshop make.*or set EDGEKIT_WORKSHOP"),
        ("import sys; sys.exit('No module torch.')", r"ended: No module torch\. Unset .*edgekit workshop make"),
        ("import os; os.kill(os.getpid(), 9)", r"ended: the process was ended by SIGKILL"),
        *(
            (f"print({text!r})", "printed what is not a message")
            for text in ("hello", "5", "[1, 2]", "[{}, []]", "[[], []]")
        ),
        ("print('[{}, [[7, 7]]]')", "printed what is not a message"),
        (GREETING.format("2.15.0", False), r"has torch 2\.15\.0 without XNNPACK; expected 2\.9 to 2\.12"),
        (GREETING.format("2.8.0+cpu", True), r"has torch 2\.8\.0\+cpu; expected 2\.9 to 2\.12"),
        (HELPFUL, "ended: exit code 0"),
        (HELPFUL + 'print(\'[{"kind": "done"\')', "printed what is not a message"),
        (HELPFUL + 'print(\'[{"kind": "failed"}, []]\')', "printed what is not a message"),
        (HELPFUL + 'print(\'[{"kind": "ask"}, []]\')', "printed what is not a message"),
        (HELPFUL + "sys.stdout.close(); os.close(1); import time; time.sleep(1000)", "ended by SIGKILL"),
    ],
)
@pytest.mark.usefixtures("elsewhere")
def test_workshop_that_does_not_work_is_a_device_error(
    text: str | None, match: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "missing") if text is None else program(tmp_path / "python", text)
    monkeypatch.setenv("EDGEKIT_WORKSHOP", path)
    monkeypatch.setattr(workshop, "ENDING_S", 1)
    with pytest.raises(DeviceError, match=match) as caught:
        made(models.DynamicModel, ["2x4"], tmp_path / "out" / "m.ptl")
    assert caught.value.exit_code == 4
    assert not (tmp_path / "out").exists()


def test_workshop_is_not_needed_here() -> None:
    assert workshop.has_kernels()
    assert "is not needed" in workshop.described()
