"""Which runtimes a package fits, and which it does not fit."""

import json
from pathlib import Path

import models
import pytest
import torch
from packages import Edit, edit_manifest, rewrite
from torch import nn

import edgekit
from cli.command import Command
from edgekit.format.archive import Archive
from edgekit.runtimes.compat import ANDROID, FUSED, check_fit, known_runtimes, operator_table
from edgekit.runtimes.verdict import verify

WITHOUT_FUSED = {ANDROID, "torch-1.13.1"}
MADE_UP = "made::softmax"


@pytest.fixture(scope="module")
def fused(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with fused attention, which only the current runtime has."""
    torch.manual_seed(0)
    output = tmp_path_factory.mktemp("fused") / "fused.ptl"
    return edgekit.export(models.small_encoder().eval(), ["1x10x32"], output=output, fit="current").package


def with_operator(records: dict[str, bytes]) -> None:
    """Replaces an operator with one of the same length that no runtime has."""
    records["bytecode.pkl"] = records["bytecode.pkl"].replace(b"aten::softmax", MADE_UP.encode("ascii"))


def with_bytecode(version: int) -> Edit:
    def edit(records: dict[str, bytes]) -> None:  # the version is the first number of the pickle
        records["bytecode.pkl"] = records["bytecode.pkl"].replace(b"K\x08", b"K" + bytes([version]), 1)

    return edit


def test_compat_takes_the_names_of_verify_too(tiny: Path) -> None:
    with Archive(tiny) as archive:
        assert check_fit(archive, ["android", "android-arm64", ANDROID]) == check_fit(archive, [ANDROID])


def test_tables_are_the_known_runtimes_and_plausible() -> None:
    assert known_runtimes() == ("android-1.12.2", "torch-1.13.1", "torch-2.1.0", "torch-2.12.1")
    for name in known_runtimes():
        table = operator_table(name)
        assert table.runtime == name
        assert name.endswith(table.torch)
        assert {"aten::relu", "aten::add.Tensor", "prepacked::conv2d_clamp_run"} <= table.operators
        assert MADE_UP not in table.operators
        assert table.bytecode[0] <= 8 <= table.bytecode[1]
        assert (FUSED in table.operators) == (name not in WITHOUT_FUSED)


def test_tables_of_this_torch_has_what_it_runs() -> None:
    if torch.__version__.partition("+")[0] != "2.12.1":
        pytest.skip("the table is of torch 2.12.1")
    known = {f"{s.name}.{s.overload_name}".rstrip(".") for s in torch._C._jit_get_all_schemas()}
    assert operator_table("torch-2.12.1").operators <= known


def test_export_convolutions_fit_every_runtime(tiny: Path) -> None:
    with Archive(tiny) as archive:
        assert archive.manifest is not None
        assert archive.manifest.fits == known_runtimes()
        assert all(fit.fits and not fit.remedy for fit in check_fit(archive))


def test_export_fused_attention_fits_only_newer_runtimes(fused: Path) -> None:
    with Archive(fused) as archive:
        assert archive.manifest is not None
        assert set(archive.manifest.fits) == set(known_runtimes()) - WITHOUT_FUSED
        for fit in check_fit(archive):
            assert fit.missing == ((FUSED,) if fit.runtime in WITHOUT_FUSED else ())
            assert ("--fit android" in fit.remedy) == (not fit.fits)


def test_export_warns_of_what_no_pass_can_fit(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 8), models.SometimesMasked()).eval()
    edgekit.export(model, ["1x6x8"], output=tmp_path / "m.ptl")
    messages = [r.getMessage() for r in caplog.records if ANDROID in r.getMessage()]
    assert len(messages) == 1
    assert FUSED in messages[0]
    assert "torch-2.1.0" in messages[0]
    assert "--selective-build" in messages[0]
    caplog.clear()
    edgekit.export(model, ["1x6x8"], output=tmp_path / "m.ptl", fit="current")
    assert not [r for r in caplog.records if ANDROID in r.getMessage()]


def test_manifest_without_fits_loads(tiny: Path, tmp_path: Path) -> None:

    older = rewrite(tiny, tmp_path / "older.ptl", edit_manifest(lambda found: found.pop("fits")), remake_digests=True)
    with Archive(older) as archive:
        assert archive.manifest is not None
        assert archive.manifest.fits == ()
    assert verify(older).passed


def test_compat_made_up_operator_fits_nothing(cli: Command, tiny: Path, tmp_path: Path) -> None:
    changed = rewrite(tiny, tmp_path / "changed.ptl", with_operator, remake_digests=True)
    result = cli("compat", changed)
    assert result.code == 1
    assert result.out.count("NO") == len(known_runtimes())
    assert MADE_UP in result.out
    assert "no known runtime fits" in result.out


@pytest.mark.parametrize("version", [3, 10])
def test_compat_bytecode_that_no_runtime_reads(cli: Command, tiny: Path, tmp_path: Path, version: int) -> None:
    changed = rewrite(tiny, tmp_path / "changed.ptl", with_bytecode(version), remake_digests=True)
    result = cli("compat", changed, "--runtime", "torch-2.12.1")
    assert result.code == 1
    assert f"{version} of 4 to 9" in result.out


def test_compat_names_the_missing_operator_and_the_remedy(cli: Command, fused: Path) -> None:
    result = cli("compat", fused)
    assert result.code == 1
    assert FUSED in result.out
    assert "android-1.12.2, torch-1.13.1: export it again with --fit android" in result.out
    cli("compat", fused, "--runtime", "torch-2.1.0", "--runtime", "torch-2.12.1").passed("torch-2.1.0")


@pytest.mark.parametrize("eager_norm", [nn.Identity(), nn.RMSNorm(32)])
def test_export_with_fit_current_says_that_fit_android_replaces_every_operator(
    tmp_path: Path, eager_norm: nn.Module
) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(eager_norm, models.small_encoder()).eval()
    for fit, missing in (("current", True), ("android", False)):
        report = edgekit.export(model, ["1x10x32"], output=tmp_path / "m.ptl", fit=fit, server=False)
        with Archive(report.package) as archive:
            (found,) = check_fit(archive, [ANDROID])
        assert bool(found.missing) == missing
        assert ("--fit android" in found.remedy) == missing


def test_compat_operator_that_no_pass_replaces_does_not_advise_fit_android(cli: Command, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.RMSNorm(8), nn.Linear(8, 8), models.SometimesMasked()).eval()
    package = edgekit.export(model, ["1x6x8"], output=tmp_path / "m.ptl", server=False).package
    result = cli("compat", package, "--runtime", ANDROID)
    assert result.code == 1
    assert "aten::rms_norm" not in result.out
    assert "--fit android" not in result.out
    assert "use a runtime that has them" in result.out


def test_compat_json_is_one_document(cli: Command, fused: Path) -> None:
    result = cli("compat", fused, "--json", "--runtime", ANDROID)
    assert result.code == 1
    document = json.loads(result.out)
    assert document["context"]["passed"] is False
    (fit,) = document["results"]
    assert fit["missing"] == [FUSED]
    assert fit["fits"] is False


def test_compat_plain_file_without_a_manifest(cli: Command, plain: Path) -> None:
    cli("compat", plain).passed(*known_runtimes())


def test_compat_says_random_weights_first(cli: Command) -> None:
    cli("export", "squeezenet1_1", "--weights", "random", "-o", "s.ptl").passed()
    result = cli("compat", "s.ptl")
    result.passed("android-1.12.2")
    assert result.out.startswith("RANDOM WEIGHTS")


def test_compat_unknown_runtime_is_a_usage_error(cli: Command, plain: Path) -> None:
    cli("compat", plain, "--runtime", "ios").failed(2, "'ios'", "torch-2.1.0")


def test_inspect_shows_what_it_fits(cli: Command, tiny: Path) -> None:
    cli("inspect", tiny).passed("fits        android-1.12.2, torch-1.13.1")


@pytest.mark.parametrize("verb", ["compat", "ops"])
def test_compat_and_ops_run_without_torch_and_numpy(process: Command, plain: Path, verb: str) -> None:
    words = ("compat", plain) if verb == "compat" else ("ops", "--runtime", "android")
    result = process(*words, env={"PYTHONPROFILEIMPORTTIME": "1"})
    result.passed("yes" if verb == "compat" else "aten::relu")
    imported = {line.rpartition("|")[2].strip() for line in result.err.splitlines()}
    assert "msgspec" in imported
    assert not {"torch", "numpy"} & imported


class Mask(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x > 0.5


def test_compat_dtype_that_a_runtime_refuses_does_not_fit(cli: Command, tmp_path: Path) -> None:
    report = edgekit.export(Mask().eval(), ["2x3"], name="mask", output=tmp_path / "mask.ptl")
    assert "android-1.12.2" not in report.manifest.fits
    done = cli("compat", report.package, "--runtime", "android")
    assert done.code == 1
    assert "bool output 0 of forward" in done.out
    assert "y.to(torch.uint8)" in done.out
    assert cli("compat", report.package, "--runtime", "torch-2.1.0").code == 0
