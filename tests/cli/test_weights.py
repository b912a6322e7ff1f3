"""Weights from a checkpoint, from torchvision's cache, and without a network."""

import hashlib
import json
import zipfile
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision import models
from torchvision.models import SqueezeNet1_1_Weights

from cli.command import SOURCES, Command, everything_in
from cli.sources import classifier, with_module
from edgekit.errors import SourceError
from edgekit.sources.checkpoints import load_checkpoint
from edgekit.sources.weights import state_digest

NET = f"{SOURCES}:classifier"
EXPORT = ("export", NET, "--input", "1x3x32x32", "-o", "x.ptl")
NAMED = SqueezeNet1_1_Weights.IMAGENET1K_V1
State = dict[str, Any]


def manifest_of(package: str) -> dict[str, Any]:
    with zipfile.ZipFile(package) as archive:
        return dict(json.loads(archive.read("archive/extra/edgekit/manifest.json")))


@pytest.fixture
def state() -> State:
    """Weights with the shapes of the classifier, but other values than those of the factory."""
    return {
        key: value * 1.25 if value.is_floating_point() else value for key, value in classifier().state_dict().items()
    }


def with_weights(state: State) -> nn.Module:
    net = classifier()
    net.load_state_dict(state)
    return net


def in_parts(state: State, path: str) -> None:
    parts = {name: f"part-{index % 2}.safetensors" for index, name in enumerate(state)}
    for file in set(parts.values()):
        save_file({name: state[name] for name in state if parts[name] == file}, file)
    Path(path).write_text(json.dumps({"metadata": {}, "weight_map": parts}))


SAVE: dict[str, tuple[str, Callable[[State, str], None]]] = {
    "bare": ("x.pth", torch.save),
    "nested": ("x.pth", lambda state, path: torch.save({"epoch": 3, "state_dict": state}, path)),
    "nested model": ("x.tar", lambda state, path: torch.save({"model": state}, path)),
    "module prefix": ("x.pth", lambda state, path: torch.save({f"module.{k}": v for k, v in state.items()}, path)),
    "wrapped twice": ("x.pth", lambda state, path: torch.save(under("module._orig_mod.", state), path)),
    "compiled inside": (
        "x.pth",
        lambda state, path: torch.save(
            {k.replace("features.", "features._orig_mod."): v for k, v in state.items()}, path
        ),
    ),
    "parallel inside": (
        "x.pth",
        lambda state, path: torch.save(
            {"model": {k.replace("features.", "features.module."): v for k, v in state.items()}}, path
        ),
    ),
    "wrappers inside and before": (
        "pytorch_model.bin",
        lambda state, path: torch.save(
            under(
                "model.module.",
                {k.replace("features.", "features._orig_mod._fsdp_wrapped_module.inner."): v for k, v in state.items()},
            ),
            path,
        ),
    ),
    "several files": ("x.safetensors.index.json", in_parts),
    "scripted": ("scripted.pt", lambda state, path: torch.jit.save(torch.jit.script(with_weights(state)), path)),
    "numbers of numpy": (
        "x.pth",
        lambda state, path: torch.save({"model": state, "best": np.float64(0.9), "step": np.int32(3)}, path),
    ),
    "in a tuple": ("x.pth", lambda state, path: torch.save((3, [{"weights": state}]), path)),
    "other key": ("x.pth", lambda state, path: torch.save({"net": state, "acc": 93.1}, path)),
    "deep key": ("x.pth", lambda state, path: torch.save({"a": {"b": {"weights": under("net.", state)}}}, path)),
    "training": (
        "x.pth",
        lambda state, path: torch.save(
            {"epoch": 3, "optimizer": {"state": {}, "param_groups": []}, "model_state_dict": state, "loss": 0.1}, path
        ),
    ),
    "with a loss": (
        "x.pth",
        lambda state, path: torch.save(
            {"state_dict": {**under("model.", state), "criterion.weight": torch.ones(5)}, "epoch": 1}, path
        ),
    ),
    "float64": ("x.pth", lambda state, path: torch.save({k: widened(v) for k, v in state.items()}, path)),
    "safetensors": ("x.safetensors", save_file),
}


def under(prefix: str, state: State) -> State:
    return {f"{prefix}{key}": value for key, value in state.items()}


def widened(value: torch.Tensor) -> torch.Tensor:
    return value.double() if value.is_floating_point() else value


@pytest.mark.parametrize("form", SAVE)
def test_export_good_checkpoint_is_used_and_recorded(cli: Command, state: State, form: str) -> None:
    name, save = SAVE[form]
    save(state, name)
    result = cli(*EXPORT, "--checkpoint", name)
    result.passed()
    assert "RANDOM" not in result.out + result.err
    provenance = manifest_of("x.ptl")["provenance"]
    assert (provenance["weights"]["kind"], provenance["weights"]["name"]) == ("checkpoint", name)
    assert provenance["weights"]["sha256"] == state_digest(state) != state_digest(classifier().state_dict())
    assert provenance["pretrained"] is False


def lacking(state: State) -> State:
    return {key: value for key, value in state.items() if "classifier" not in key}


def surplus(state: State) -> State:
    return {**state, **{f"head.{i}": torch.ones(1) for i in range(8)}}


def other_shape(state: State) -> State:
    return {**state, "classifier.weight": torch.ones(7, 16)}


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        (lacking, ["it lacks classifier.weight, classifier.bias."]),
        (surplus, ["it has surplus head.0, head.1, head.2, head.3, head.4 and 3 more"]),
        (other_shape, ["it has different shapes for classifier.weight (expected [5, 16], got [7, 16])"]),
        (lambda state: surplus(lacking(state)), ["it lacks classifier.weight", "; it has surplus head.0"]),
        (lambda state: {**state, "extra": "text"}, ["does not hold a state dict"]),
        (lambda _: {}, ["does not hold a state dict"]),
        (lambda _: [torch.ones(3)], ["does not hold a state dict"]),
        (lambda state: {"net": lacking(state)}, ["x.pth at net does not fit", "it lacks classifier.weight"]),
        (
            lambda state: {"state_dict": surplus(under("model.", surplus(state)))},
            ["at state_dict.model", "surplus head.0"],
        ),
        (lambda _: classifier(), ["holds Python objects besides tensors (models.ConvNet", "--trust-checkpoint"]),
        (lambda state: {"model": state, "args": Namespace(lr=0.1)}, ["(argparse.Namespace)", "--trust-checkpoint"]),
    ],
)
def test_export_checkpoint_that_does_not_fit_exits_3(
    cli: Command, state: State, change: Callable[[State], Any], messages: list[str]
) -> None:
    torch.save(change(state), "x.pth")
    cli(*EXPORT, "--checkpoint", "x.pth").failed(3, "checkpoint x.pth", *messages)
    assert everything_in(Path()) == ["x.pth"]


@pytest.mark.parametrize(
    "name",
    [
        *("missing.pth", "folder.pth", "empty.pth", "text.pth", "short.pth", "text.safetensors"),
        *("text.json", "outside.json", "lost.json"),
    ],
)
def test_export_unreadable_checkpoint_exits_3(cli: Command, state: State, name: str) -> None:
    Path("folder.pth").mkdir()
    Path("empty.pth").touch()
    Path("text.pth").write_text("weights")
    Path("text.safetensors").write_text("weights")
    Path("text.json").write_text('["weights"]')
    Path("outside.json").write_text('{"weight_map": {"a": "../short.pth"}}')
    Path("lost.json").write_text('{"weight_map": {"a": "lost.safetensors"}}')
    torch.save(state, "short.pth")
    Path("short.pth").write_bytes(Path("short.pth").read_bytes()[:-100])
    cli(*EXPORT, "--checkpoint", name).failed(3, f"checkpoint {Path(name).stem}")


def two(state: State) -> State:
    """The same weights and an average of them, which comes first in the file."""
    average = {key: value + 0.5 if value.is_floating_point() else value for key, value in state.items()}
    return {"ema": {"module": average}, "state_dict": state}


def joined(state: State) -> State:
    return {"weights": {**under("ema_model.", two(state)["ema"]["module"]), **under("model.", state)}}


@pytest.mark.parametrize(
    ("pack", "key", "taken", "other"),
    [
        (two, None, "state_dict", "ema.module"),
        (two, "ema.module", "ema.module", None),
        (two, "state_dict", "state_dict", None),
        (joined, None, "weights.model", "weights.ema_model"),
        (joined, "weights", "weights.model", "weights.ema_model"),
        (joined, "weights.ema_model", "weights.ema_model", None),
    ],
)
def test_export_checkpoint_with_averages_says_which_weights_it_takes(
    cli: Command, state: State, pack: Callable[[State], State], key: str | None, taken: str, other: str | None
) -> None:
    torch.save(pack(state), "x.pth")
    result = cli(*EXPORT, "--checkpoint", "x.pth", *(("--checkpoint-key", key) if key else ()))
    result.passed()
    assert f"took {taken}" in result.err
    assert ("the file also has" in result.err) == (other is not None)
    assert other is None or f"has {other}; choose with --checkpoint-key" in result.err
    loaded = two(state)["ema"]["module"] if "ema" in taken else state
    assert manifest_of("x.ptl")["provenance"]["weights"]["sha256"] == state_digest(loaded)


def test_export_unknown_checkpoint_key_lists_the_state_dicts(cli: Command, state: State) -> None:
    torch.save({**two(state), "metrics": {"loss": torch.ones(1)}}, "x.pth")
    cli(*EXPORT, "--checkpoint", "x.pth", "--checkpoint-key", "model").failed(
        2, "has no state dict there; expected ema.module or state_dict."
    )
    cli(*EXPORT, "--checkpoint-key", "model").failed(2, "--checkpoint-key needs --checkpoint")
    assert everything_in(Path()) == ["x.pth"]


@pytest.mark.parametrize("pack", [lambda _: classifier(), lambda state: {"model": state, "args": Namespace(lr=0.1)}])
def test_export_trusted_checkpoint_is_read_and_said(cli: Command, state: State, pack: Callable[[State], Any]) -> None:
    torch.save(pack(state), "x.pth")
    result = cli(*EXPORT, "--checkpoint", "x.pth", "--trust-checkpoint")
    result.passed()
    assert "x.pth may run any code on this machine" in result.err


def test_export_checkpoint_without_counters_is_used_and_said(cli: Command, state: State) -> None:
    torch.save({key: value for key, value in state.items() if "num_batches" not in key}, "x.pth")
    result = cli(*EXPORT, "--checkpoint", "x.pth")
    result.passed()
    assert "2 counters num_batches_tracked are missing" in result.err


def test_export_checkpoint_says_what_it_removed_left_out_and_converted(cli: Command, state: State) -> None:
    parts = {
        k.replace("features.", "features.module."): v.half() if v.is_floating_point() else v for k, v in state.items()
    }
    surplus = {"features.module.0.total_ops": torch.zeros(1, dtype=torch.float64), "positions": torch.arange(4)}
    torch.save({**parts, **surplus}, "pytorch_model.bin")
    result = cli(*EXPORT, "--checkpoint", "pytorch_model.bin")
    result.passed()
    assert (
        "took the weights; removed module from the middle of keys; left out features.module.0.total_ops, positions; "
        "converted float16 weights to the model's types"
    ) in result.err


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")  # torch loads quantized tensors so
def test_load_checkpoint_whole_numbers_and_quantized_weights_are_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    module = nn.Linear(2, 2)
    weight = torch.tensor([[1.0, -2.0], [3.0, 0.5]])
    quantized = torch.quantize_per_tensor(weight, 0.5, 0, torch.qint8)
    torch.save({"weight": quantized, "bias": torch.tensor([1, 2], dtype=torch.int8)}, tmp_path / "x.pth")
    load_checkpoint(module, tmp_path / "x.pth", trusted=True)
    assert torch.equal(module.weight, weight)
    assert "converted qint8, int8 (as they are, without a scale) weights to the model's types" in caplog.text


def test_load_checkpoint_of_an_older_version_that_the_model_converts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    net = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    state = {"net.bias": torch.ones(2), "net.weight_g": torch.ones(2, 1) * 3, "net.weight_v": torch.rand(2, 3) + 1}
    torch.save({"model": state}, tmp_path / "x.pth")
    load_checkpoint(net, tmp_path / "x.pth")
    assert torch.equal(net.parametrizations.weight.original1, state["net.weight_v"])
    assert "took model.net; the model converted keys of another version" in caplog.text


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")  # torch says so as it loads them
def test_load_checkpoint_with_sparse_weights_makes_them_dense(tmp_path: Path) -> None:
    torch.save({"weight": torch.eye(2).to_sparse(), "bias": torch.ones(2)}, tmp_path / "x.pth")
    load_checkpoint(net := nn.Linear(2, 2), tmp_path / "x.pth")
    assert torch.equal(net.weight, torch.eye(2))


def test_load_checkpoint_without_values_names_the_weights(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2, device="meta").state_dict(), tmp_path / "x.pth")
    with pytest.raises(SourceError, match=r"x\.pth has no values for weight, bias"):
        load_checkpoint(nn.Linear(2, 2), tmp_path / "x.pth")


def test_load_checkpoint_says_only_of_what_it_did_not_take_that_it_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    net = nn.ModuleDict({"body": nn.Linear(2, 2), "head": nn.Linear(2, 2)})
    parts = {
        "body.weight": "module.body.weight",
        "body.bias": "module.body.bias",
        "head.weight": "top.module.head.weight",
    }
    parts["head.bias"] = "top.module.head.bias"
    state = {parts[name]: value for name, value in net.state_dict().items()}
    torch.save({**state, "loss.weight": torch.ones(3)}, tmp_path / "x.pth")
    load_checkpoint(net, tmp_path / "x.pth")
    assert "took module; removed top from the middle of keys; left out loss.weight" in caplog.text
    assert "left out loss.weight," not in caplog.text


def test_load_checkpoint_own_attribute_module_beside_wrapped_parts(tmp_path: Path) -> None:
    """The fit decides for each key: `module` is the model's own in some keys, and a wrapper's in others."""
    net = nn.ModuleDict({"module": nn.Linear(2, 2), "head": nn.Linear(2, 2)})
    state = {name.replace("head.", "head.module."): value + 1.0 for name, value in net.state_dict().items()}
    torch.save({f"module.{name}": value for name, value in state.items()}, tmp_path / "x.pth")
    load_checkpoint(net, tmp_path / "x.pth")
    assert torch.equal(net["head"].weight, state["head.module.weight"])
    assert torch.equal(net["module"].weight, state["module.weight"])


def test_export_checkpoint_of_a_model_with_an_attribute_module_keeps_its_prefix(cli: Command) -> None:
    torch.manual_seed(0)
    wrapped = with_module()
    for name, saved in (("x.pth", wrapped.state_dict()), ("y.pth", under("module.", wrapped.state_dict()))):
        torch.save(saved, name)
        cli("export", f"{SOURCES}:with_module", "--input", "1x3x32x32", "--checkpoint", name).passed()


def test_load_checkpoint_takes_tied_weights_from_their_other_name(tmp_path: Path) -> None:
    def tied() -> nn.Module:
        net = nn.ModuleDict({"embedding": nn.Embedding(10, 4), "head": nn.Linear(4, 10, bias=False)})
        net["head"].weight = net["embedding"].weight
        return net

    saved, loaded = tied(), tied()
    save_file({"embedding.weight": saved["embedding"].weight.detach()}, tmp_path / "x.safetensors")
    load_checkpoint(loaded, tmp_path / "x.safetensors")
    assert torch.equal(loaded["head"].weight, saved["head"].weight)
    assert loaded["head"].weight is loaded["embedding"].weight


def test_export_plain_checkpoint_says_nothing(cli: Command, state: State) -> None:
    torch.save(state, "x.pth")
    assert "checkpoint" not in cli(*EXPORT, "--checkpoint", "x.pth").err


def test_export_checkpoint_with_nan_exits_3(cli: Command, state: State) -> None:
    state["classifier.bias"][2] = float("nan")
    torch.save(state, "x.pth")
    cli(*EXPORT, "--checkpoint", "x.pth").failed(3, "output 0 has 1 of 5 elements NaN or infinite")
    assert everything_in(Path()) == ["x.pth"]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of torch.hub, and a network that refuses every connection immediately."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "torch" / "hub" / "checkpoints"


SQUEEZE = ("export", "squeezenet1_1", "--recipe", "frozen", "--input", "1x3x64x64")
PACKAGE = "build/mobile/squeezenet1_1/squeezenet1_1.ptl"


@pytest.mark.usefixtures("hub")
def test_export_without_network_warns_and_makes_random_weights(cli: Command) -> None:
    result = cli(*SQUEEZE)
    result.passed()
    assert "edgekit: RANDOM WEIGHTS: the pretrained weights of squeezenet1_1 are unavailable" in result.err
    assert result.out.startswith("RANDOM WEIGHTS (seed 0)")
    provenance = manifest_of(PACKAGE)["provenance"]
    assert (provenance["pretrained"], provenance["weights"]["kind"]) == (False, "random")
    for verb in ("verify", "inspect"):
        assert cli(verb, PACKAGE).out.startswith("RANDOM WEIGHTS (seed 0)")
    photo = Path(__file__).parent.parent / "conformance" / "images" / "jpeg_444.jpg"
    ranked = cli("run", PACKAGE, photo)
    assert ranked.out.startswith("RANDOM WEIGHTS (seed 0)")


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("asked", [["--require-pretrained"], ["--weights", "IMAGENET1K_V1"]])
def test_export_without_network_fails_if_weights_were_requested(cli: Command, folder: Path, asked: list[str]) -> None:
    cli(*SQUEEZE, *asked).failed(
        3, "are unavailable", "Connect to the network", "--checkpoint FILE", Path(NAMED.url).name
    )
    assert everything_in(folder) == []


@pytest.mark.usefixtures("hub")
def test_export_unknown_named_weights_are_a_usage_error(cli: Command) -> None:
    cli(*SQUEEZE, "--weights", "IMAGENET1K_V9").failed(2, "expected default, random, or one of IMAGENET1K_V1")


def put_in_cache(hub: Path, state: State, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Writes a state dict to the file that torchvision looks for, with the right hash in its name."""
    hub.mkdir(parents=True)
    torch.save(state, hub / "draft")
    digest = hashlib.sha256((hub / "draft").read_bytes()).hexdigest()
    monkeypatch.setattr(NAMED.value, "url", f"https://weights.invalid/squeezenet1_1-{digest[:8]}.pth")
    return (hub / "draft").rename(hub / f"squeezenet1_1-{digest[:8]}.pth")


@pytest.mark.parametrize("asked", [[], ["--require-pretrained", "--weights", "IMAGENET1K_V1"]])
def test_export_cached_weights_are_named_and_pretrained(
    cli: Command, hub: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    put_in_cache(hub, models.squeezenet1_1().state_dict(), monkeypatch)
    result = cli(*SQUEEZE, *asked)
    result.passed()
    assert "RANDOM" not in result.out + result.err
    provenance = manifest_of(PACKAGE)["provenance"]
    assert provenance["pretrained"] is True
    assert (provenance["weights"]["kind"], provenance["weights"]["name"]) == ("named", "IMAGENET1K_V1")
    assert "RANDOM" not in cli("inspect", PACKAGE).out


def test_export_changed_cache_exits_3(cli: Command, hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached = put_in_cache(hub, {"weight": torch.ones(1)}, monkeypatch)
    cached.write_bytes(cached.read_bytes()[:-100])
    cli(*SQUEEZE).failed(3, "is damaged, or is a different file: its sha256 is", "Delete it")


def test_export_cache_of_another_model_exits_3(cli: Command, hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_cache(hub, {"weight": torch.ones(1)}, monkeypatch)
    cli(*SQUEEZE).failed(3, "does not fit SqueezeNet", "it has surplus weight")
