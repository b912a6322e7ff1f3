"""Models as people have them get plain inputs and outputs."""

import collections
import dataclasses
import enum
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import models
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.jit.mobile import _load_for_lite_interpreter

import edgekit
from edgekit.errors import UsageError
from edgekit.nested import named_tensors


class Output(collections.OrderedDict[str, Tensor]):
    """An ordered dict with attributes, as hubs' models return."""

    def __getattr__(self, name: str) -> Tensor:
        return self[name]


class Hub(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.emb, self.fc = nn.Embedding(100, 16), nn.Linear(16, 4)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,  # noqa: ARG002  as hubs have it
        return_dict: bool = True,
        **kwargs: Any,  # noqa: ARG002  as hubs have it
    ) -> Any:
        assert input_ids is not None
        x = self.emb(input_ids)
        if attention_mask is not None:
            x = x * attention_mask.unsqueeze(-1)
        logits = self.fc(torch.tanh(x))
        return Output(last_hidden_state=x, logits=logits) if return_dict else (logits,)


class Layer:
    def __init__(self, keys: Tensor, values: Tensor) -> None:
        self.keys, self.values, self.is_full, self.owner = keys, values, True, None


class Cache:
    """An object with tensors in the attributes of its parts, and with a part that refers to it."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self.kind = "dynamic"
        self._private = torch.ones(3)

    def add(self, keys: Tensor, values: Tensor) -> None:
        self.layers.append(Layer(keys, values))
        self.layers[-1].owner = self


class Cached(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 3), nn.Linear(4, 2)

    def forward(self, x: Tensor, *, use_cache: bool = True) -> dict[str, Any]:
        cache = Cache()
        cache.add(self.first(x), self.second(x))
        cache.add(self.first(-x), self.second(x * 2))
        return {"y": self.first(x).tanh(), "cache": cache if use_cache else None}


class Skipped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor, past: Tensor | None = None, *, mask: Tensor | None = None) -> Tensor:  # noqa: ARG002  only its name counts
        return self.fc(x) if mask is None else self.fc(x) * mask


class Streaming(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.fc = nn.LSTM(8, 16), nn.Linear(16, 4)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        y, state = self.rnn(x, state)
        return self.fc(y), state


class OptionalInput(nn.Module):
    """Needs script for its branch, and has an input that is left out."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        y = self.fc(x) if bool(x.sum() > 0) else self.fc(-x) * 2
        return y if bias is None else y + bias


@dataclasses.dataclass
class Named:
    logits: Tensor
    hidden: tuple[Tensor, Tensor | None]


class Pair(NamedTuple):
    first: Tensor
    second: Any


class Outputs(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.fc = kind, nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Any:
        y = self.fc(x)
        if self.kind == "dataclass":
            return Named(y, (x * 2, None))
        if self.kind == "mixed":
            return {"logits": y, "hidden": (x * 2, [x + 1]), "loss": None, "name": "text"}
        if self.kind == "named tuple":
            return Pair(y, {"b": x * 2, "a": None})
        return y, None, x * 2


class Dicts(nn.Module):
    """Takes a dict of tensors and a list of them."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, batch: dict[str, Tensor], maps: list[Tensor], scale: float = 1.0) -> Tensor:
        return self.fc(batch["image"] + batch["extra"]) * scale + sum(self.fc(m) for m in maps)


@dataclasses.dataclass
class Size:
    scale: Tensor
    shifts: list[Tensor]


@dataclasses.dataclass
class Batch:
    """Has a record inside, a named tuple in a dict, and a part with a default."""

    image: Tensor
    size: Size
    pairs: dict[str, Pair]
    mask: Tensor | None = None


class Records(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, batch: Batch, extra: "Pair | None" = None) -> Tensor:
        y = self.fc(batch.image) * batch.size.scale + batch.size.shifts[0] + batch.pairs["a"].second
        y = y if batch.mask is None else y * batch.mask
        return y if extra is None else y - extra.first


class Kind(enum.Enum):
    DOUBLE = 2


class Flag(nn.Module):
    def forward(self, x: Tensor, times: int) -> Tensor:
        return x * times


class Keyword(nn.Module):
    def forward(self, *, x: Tensor) -> Tensor:
        return x * 2


class Open(nn.Module):
    def forward(self, **inputs: Tensor) -> Tensor:
        return inputs["x"] * 2


def exported(model: nn.Module, inputs: Any, folder: Path, **options: Any) -> Any:
    return edgekit.load(edgekit.export(model.eval(), inputs, name="m", output=folder / "m.ptl", **options).package)


def close(found: Mapping[str, np.ndarray], expected: Mapping[str, Tensor]) -> bool:
    assert list(found) == list(expected)
    return all(np.allclose(found[name], value.detach().numpy(), atol=1e-5) for name, value in expected.items())


def test_export_keyword_model_by_names_in_any_order(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Hub()
    inputs = {"attention_mask": "1x16:int64[0,1]", "input_ids": "1x16:int64[0,99]"}
    loaded = exported(model, inputs, tmp_path)
    assert [spec.name for spec in loaded.manifest.methods[0].inputs] == ["input_ids", "attention_mask"]
    ids, mask = torch.randint(0, 99, (1, 12)), torch.ones(1, 12, dtype=torch.int64)
    found = loaded.run({"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
    assert close(found, dict(model(ids, mask)))


def test_export_bound_value_is_part_of_the_call(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Hub()
    loaded = exported(model, {"input_ids": "1x16:int64[0,99]"}, tmp_path, bind={"return_dict": False})
    ids = torch.randint(0, 99, (1, 16))
    assert close(loaded.run([ids.numpy()]), {"0": model(ids).logits})


class Decoder(nn.Module):
    """A cache of keys and values, as decoders have it, and outputs with whole numbers as keys."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor, past: list[tuple[Tensor, Tensor]] | None = None) -> Any:
        y = self.fc(x)
        for key, value in past or []:
            y = y + key * value
        return y, [(y, y * 2.0)], {0: y + 1.0, 7: y - 1.0}


def test_export_cache_in_a_list_of_tuples_goes_in_and_out_by_name(tmp_path: Path) -> None:
    inputs = [torch.rand(2, 4), [(torch.rand(2, 3), torch.rand(2, 3))]]
    report = edgekit.export(Decoder().eval(), inputs, output=tmp_path / "m.ptl", server=False)
    (method,) = report.manifest.methods
    assert [spec.name for spec in method.inputs] == ["x", "past.0.0", "past.0.1"]
    assert [spec.name for spec in method.outputs] == ["0", "1.0.0", "1.0.1", "2.0", "2.7"]


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor, limit: float, mask: Tensor) -> Tensor:
        return torch.clamp(self.fc(x), max=limit) * mask


def test_export_input_after_a_bound_parameter_is_passed_by_name(tmp_path: Path) -> None:
    inputs = {"x": "2x4", "mask": "2x3"}
    report = edgekit.export(
        Scaled().eval(), inputs, output=tmp_path / "m.ptl", bind={"limit": float("inf")}, server=False
    )
    assert [spec.name for spec in report.manifest.methods[0].inputs] == ["x", "mask"]


def test_export_skipped_and_keyword_only_parameters(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Skipped()
    loaded = exported(model, {"x": "1x4", "mask": "1x3"}, tmp_path)
    x, mask = torch.rand(1, 4), torch.rand(1, 3)
    assert close(loaded.run({"x": x.numpy(), "mask": mask.numpy()}), {"0": model(x, mask=mask)})


@pytest.mark.parametrize("nested", [False, True])
def test_export_state_in_a_tuple(tmp_path: Path, nested: bool) -> None:
    torch.manual_seed(0)
    model = Streaming()
    by_name = {"x": "5x1x8", "state.0": "1x1x16", "state.1": "1x1x16"}
    inputs = [torch.rand(5, 1, 8), (torch.rand(1, 1, 16), torch.rand(1, 1, 16))] if nested else by_name
    loaded = exported(model, inputs, tmp_path)
    assert [spec.name for spec in loaded.manifest.methods[0].inputs] == ["x", "state.0", "state.1"]
    x, h, c = torch.rand(5, 1, 8), torch.rand(1, 1, 16), torch.rand(1, 1, 16)
    y, (h1, c1) = model(x, (h, c))
    assert close(loaded.run([x.numpy(), h.numpy(), c.numpy()]), {"0": y, "1.0": h1, "1.1": c1})


def test_export_dict_and_list_of_tensors(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Dicts()
    batch = {"image": torch.rand(2, 4), "extra": torch.rand(2, 4)}
    loaded = exported(model, [batch, [torch.rand(2, 4), torch.rand(2, 4)]], tmp_path, bind={"scale": 2.0})
    names = ["batch.image", "batch.extra", "maps.0", "maps.1"]
    assert [spec.name for spec in loaded.manifest.methods[0].inputs] == names
    a, b, c, d = (torch.rand(2, 4) for _ in range(4))
    expected = model({"image": a, "extra": b}, [c, d], 2.0)
    assert close(loaded.run([t.numpy() for t in (a, b, c, d)]), {"0": expected})


def test_export_optional_input_that_is_left_out_of_a_scripted_model(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = OptionalInput()
    loaded = exported(model, ["1x8"], tmp_path)
    assert loaded.manifest.capture.mode == "script"
    for x in (torch.rand(1, 8), -torch.rand(1, 8)):
        assert close(loaded.run([x.numpy()]), {"0": model(x)})


@pytest.mark.parametrize(
    ("kind", "names", "left_out"),
    [
        ("dataclass", ["logits", "hidden.0"], ["hidden.1 is None"]),
        ("mixed", ["logits", "hidden.0", "hidden.1.0"], ["loss is None", "name is a str"]),
        ("named tuple", ["first", "second.b"], ["second.a is None"]),
        ("tuple", ["0", "2"], ["1 is None"]),
    ],
)
def test_export_outputs_by_name_and_what_is_left_out_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, names: list[str], left_out: list[str]
) -> None:
    torch.manual_seed(0)
    loaded = exported(Outputs(kind), ["2x4"], tmp_path)
    x = torch.rand(2, 4)
    found = loaded.run([x.numpy()])
    assert list(found) == names
    assert np.allclose(found[names[1]], x.numpy() * 2)
    for what in left_out:
        assert f"output {what}" in caplog.text


class Quantized(nn.Module):
    """Lacks the step that makes floats of its answer, which raw readers and Android need."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x * 2, torch.quantize_per_tensor(x, 0.05, 128, torch.quint8)


def test_export_quantized_output_is_returned_as_floats(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = edgekit.export(Quantized().eval(), ["2x8"], name="m", output=tmp_path / "m.ptl", server=False).package
    assert "output 1 is quantized; the package returns it dequantized" in caplog.text
    x = torch.linspace(-2, 2, 16).reshape(2, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        raw = named_tensors(_load_for_lite_interpreter(str(path))(x))["1"]
    assert not raw.is_quantized
    assert torch.equal(raw, Quantized()(x)[1].dequantize())


def test_export_tensors_in_the_attributes_of_a_cache_by_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = Cached().eval()
    loaded = exported(model, ["2x4"], tmp_path)
    x = torch.rand(2, 4)
    found = loaded.run([x.numpy()])
    parts = [f"cache.layers.{index}.{part}" for index in (0, 1) for part in ("keys", "values")]
    assert list(found) == ["y", *parts]
    assert np.allclose(found["cache.layers.1.values"], model.second(x * 2).detach().numpy(), atol=1e-5)
    assert "left out" not in caplog.text


def test_export_plain_model_keeps_its_own_module(tmp_path: Path) -> None:
    torch.manual_seed(0)
    report = edgekit.export(models.conv_net().eval(), ["1x3x32x32"], output=tmp_path / "m.ptl")
    assert all(not (c.parameter or "").startswith("model.") for c in report.manifest.constants)
    assert report.manifest.methods[0].structure == "*"


def test_export_constants_of_an_adapted_model_have_the_models_own_names(tmp_path: Path) -> None:
    torch.manual_seed(0)
    report = edgekit.export(Skipped().eval(), {"x": "2x4", "mask": "2x3"}, output=tmp_path / "m.ptl")
    assert {c.parameter for c in report.manifest.constants if c.parameter} <= {"fc.weight", "fc.bias"}


@pytest.mark.parametrize("inputs", [{"y": "1x4"}, {"mask": "1x3"}, {"x": object()}])
def test_export_inputs_that_do_not_fit_are_usage_errors(tmp_path: Path, inputs: Any) -> None:
    with pytest.raises(edgekit.EdgekitError):
        edgekit.export(Skipped().eval(), inputs, output=tmp_path / "m.ptl")
    assert list(tmp_path.iterdir()) == []


def test_export_unknown_name_is_a_usage_error_that_lists_the_signature(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such parameter; it takes"):
        edgekit.export(Skipped().eval(), {"x": "1x4", "y": "1x4"}, output=tmp_path / "m.ptl")


def test_export_dataclass_and_named_tuple_inputs(tmp_path: Path) -> None:
    model = Records().eval()
    x, row = torch.rand(1, 4), torch.rand(1, 3)
    batch = Batch(x, Size(torch.tensor(2.0), [row]), {"a": Pair(row * 3, row + 1)})
    package = exported(model, {"batch": batch, "extra": Pair(row, row)}, tmp_path, server=False)
    names = [each.name for each in package.manifest.methods[0].inputs]
    assert names == [
        *("batch.image", "batch.size.scale", "batch.size.shifts.0", "batch.pairs.a.first", "batch.pairs.a.second"),
        *("extra.first", "extra.second"),
    ]
    found = package.run([each.numpy() for each in (x, torch.tensor(2.0), row, row * 3, row + 1, row, row)])["0"]
    assert np.allclose(found, model(batch, Pair(row, row)).detach().numpy(), atol=1e-5)


class Several(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor, *more: Any) -> Tensor:
        return self.fc(x) + more[0] * 2 + more[1]["a"]


def test_export_further_positional_inputs_by_the_name_of_all_of_them(tmp_path: Path) -> None:
    inputs = {"more.1.a": "1x3", "x": "1x4", "more.0": "1x3"}
    package = exported(Several(), inputs, tmp_path, server=False)
    assert [each.name for each in package.manifest.methods[0].inputs] == ["x", "more.0", "more.1.a"]


@pytest.mark.parametrize(
    ("model", "inputs", "bound", "message"),
    [
        (Skipped, ["1x4"], {"msk": 1}, r"--bind msk=…: forward has no such parameter; .* Did you mean mask\?"),
        (Skipped, {"x": "1x4", "mask": "1x3"}, {"mask": 1}, "mask was given with --input and with --bind"),
        (
            Records,
            ["1x4"],
            {},
            r"takes a Batch of tensors as 'batch', .* --input batch.image=1x4 --input batch.size=1x4",
        ),
        (Flag, ["1x4"], {}, r"no input was given for 'times'. Add --bind times=VALUE"),
        (Keyword, ["1x4"], {}, r"an input without a name was given. Pass its name, for example --input x=1x4"),
        (Open, ["1x4"], {}, r"an input without a name was given. Pass its name, for example --input NAME=1x4"),
    ],
)
def test_export_call_that_does_not_fit_names_the_option(
    tmp_path: Path, model: type[nn.Module], inputs: Any, bound: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        exported(model(), inputs, tmp_path, bind=bound)


class Cast(nn.Module):
    def forward(self, x: Tensor, dtype: torch.dtype, kind: Kind, scale: float = 1.0, **more: Any) -> Tensor:
        y = (x * scale + more["a-b"]).to(dtype)
        return y * 2 if kind is Kind.DOUBLE else y


def test_export_bound_values_without_a_literal_and_odd_names(tmp_path: Path) -> None:
    bound = {"dtype": torch.float64, "kind": Kind.DOUBLE, "scale": np.float32(3.0)}
    package = exported(Cast(), {"x": "1x4", "a-b": "1x4"}, tmp_path, bind=bound, server=False)
    found = package.run([np.ones((1, 4), np.float32), np.ones((1, 4), np.float32)])["0"]
    assert (found.dtype, found.tolist()) == (np.float64, [[8.0] * 4])


@pytest.mark.parametrize(
    ("model", "inputs", "bound", "message"),
    [
        (Skipped, [torch.ones(1, 4)], {}, "model is the class Skipped; expected a torch.nn.Module"),
        (len, [torch.ones(1, 4)], {}, "model is a builtin_function_or_method; expected"),
        (Skipped(), [torch.ones(1, 4)], {"mask": torch.ones(1, 3)}, "bind mask is a tensor"),
        (Skipped(), [torch.ones(1, 4, dtype=torch.bfloat16)], {}, "is a tensor of bfloat16; expected a dense tensor"),
        (Skipped(), {"x": torch.ones(1, 4, device="meta")}, {}, "input x is a meta tensor of float32"),
        (Skipped(), [torch.ones(1, 4), None], {}, "an example input is None; expected a tensor"),
    ],
)
def test_export_values_of_another_kind_are_usage_errors(
    tmp_path: Path, model: Any, inputs: Any, bound: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        edgekit.export(model, inputs, name="m", output=tmp_path / "m.ptl", bind=bound)
