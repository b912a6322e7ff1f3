"""Bisecting: the first operator whose result departs from eager is named, whatever was renamed, folded or fused."""

import copy
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from captures import captured
from torch import nn
from torch.utils.mobile_optimizer import optimize_for_mobile

import edgekit
from edgekit.errors import DeviceError, ParityError
from edgekit.format.schema import Tolerance
from edgekit.optimize.optimizer import optimize
from edgekit.optimize.passes.base import Pass
from edgekit.packaging import draft
from edgekit.parity.departure import Departure, departure_note, find_departure
from edgekit.parity.layers import record_eager, record_module
from edgekit.recording import Recording

HERE = Path(__file__).name
BOUNDS = Tolerance()


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(self.conv(x))
        return torch.relu_(y + x)  # in place: the sum must not be taken for wrong


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.blocks = nn.Sequential(Block(), Block())
        self.head = nn.Linear(4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(self.stem(x))
        return self.head(x.mean((2, 3)))


def net() -> nn.Module:
    model = Net().eval()
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            for tensor, low, high in ((part.running_mean, -1, 1), (part.running_var, 0.5, 2), (part.bias, -1, 1)):
                assert tensor is not None
                nn.init.uniform_(tensor, low, high)
    return model


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return net()


X = torch.linspace(-1, 1, 3 * 100).reshape(1, 3, 10, 10)


def changed(model: nn.Module, change: Callable[[nn.Module], object]) -> nn.Module:
    made = copy.deepcopy(model)
    with torch.no_grad():
        change(made)
    return made


def traced(model: nn.Module) -> torch.jit.ScriptModule:
    made = torch.jit.trace(model, X, check_trace=False)
    assert isinstance(made, torch.jit.ScriptModule)
    return made


def mobile(model: nn.Module) -> torch.jit.ScriptModule:
    with torch.no_grad():
        return optimize_for_mobile(torch.jit.freeze(traced(model)))


def found(model: nn.Module, other: object, inputs: tuple[torch.Tensor, ...] = (X,)) -> Departure | None:
    return find_departure(record_eager(model, inputs), record_module(other, inputs), BOUNDS)


@pytest.mark.parametrize("form", [traced, torch.jit.script, mobile])
def test_departure_of_the_same_model_is_none(model: nn.Module, form: Callable[[nn.Module], object]) -> None:
    assert found(model, form(model)) is None


@pytest.mark.parametrize("form", [traced, torch.jit.script, mobile])
@pytest.mark.parametrize(
    ("name", "layer", "operator"),
    [
        ("stem", "Conv2d", "aten::convolution"),
        ("blocks.1.conv", "Conv2d", "aten::convolution"),
        ("head", "Linear", "aten::addmm"),
    ],
)
def test_departure_of_one_layer_names_it(
    model: nn.Module, name: str, layer: str, operator: str, form: Callable[[nn.Module], object]
) -> None:
    departure = found(model, form(changed(model, lambda m: m.get_submodule(name).bias.add_(0.1))))
    assert departure is not None
    assert (departure.module, departure.layer, departure.operator) == (name, layer, operator)
    assert departure.line.startswith(f"{HERE}:")
    assert "exceeds 1e-05, expected" in departure.error
    assert departure.inputs[0].nan == 0


class Tail(nn.Module):
    """Has every result of a model, and gives something else."""

    def __init__(self, model: nn.Module, tail: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.model, self.tail = model, tail

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.tail(self.model(x))


@pytest.mark.parametrize(
    ("tail", "other", "error"),
    [
        (lambda y: y + 1, "aten::add", "exceeds 1e-05"),
        (lambda y: y.double(), "aten::_to_copy", "float64 [1, 5], expected float32 [1, 5]"),
        (lambda y: y[:, :3] * 2, "aten::mul", "float32 [1, 3], expected float32 [1, 5]"),
    ],
)
@pytest.mark.parametrize("form", [lambda m: m, traced])
def test_departure_after_the_last_operator_names_it(
    model: nn.Module,
    tail: Callable[[torch.Tensor], torch.Tensor],
    other: str,
    error: str,
    form: Callable[[nn.Module], object],
) -> None:
    departure = found(model, form(Tail(model, tail)))
    assert departure is not None
    assert (departure.module, departure.operator, departure.other) == ("head", "aten::addmm", other)
    assert error in departure.error


class Numbers(nn.Module):
    """Has constants in its graph, of which torch makes numbers while it records."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.clamp((x * 0.5 + 1) / 3 - 2, min=0.0) ** 2
        return torch.where(y > 0.1, y, y * 2) + torch.arange(10)


@pytest.mark.parametrize("form", [traced, torch.jit.script, mobile])
def test_departure_in_a_graph_with_constants_is_found(form: Callable[[nn.Module], object]) -> None:
    assert found(Numbers(), form(Numbers().eval())) is None
    other = Later() if form is torch.jit.script else Tail(Numbers(), lambda y: y + 1)
    departure = found(Numbers(), form(other.eval()))
    assert departure is not None
    assert departure.other == "aten::add"


class Later(Numbers):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.clamp((x * 0.5 + 1) / 3 - 2, min=0.0) ** 2
        return torch.where(y > 0.1, y, y * 2) + torch.arange(10) + 1


def test_run_that_cannot_be_recorded_is_not_a_departure(model: nn.Module) -> None:
    class Shy(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if torch.utils._python_dispatch._get_current_dispatch_mode() is not None:
                raise RuntimeError("not while someone looks")
            return model(x) + 1

    with pytest.raises(DeviceError, match="the operators of the run cannot be recorded: not while someone looks"):
        record_module(Shy(), (X,))
    reference = captured(lambda: model, "1x3x10x10").references[0]
    assert "first departure" in departure_note(reference, partial(record_module, Tail(model, lambda y: y + 1)), BOUNDS)
    assert departure_note(reference, partial(record_module, Shy()), BOUNDS) == ""


def test_departure_of_swapped_outputs_is_named() -> None:
    class Two(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return x + 1, x * 2

    class Swapped(Two):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            first, second = super().forward(x)
            return second, first

    assert found(Two(), Two()) is None
    departure = found(Two(), Swapped())
    assert departure is not None
    assert (departure.operator, departure.other) == ("aten::add", "aten::mul")


def test_departure_in_a_layer_that_was_folded_names_both_ends(model: nn.Module) -> None:
    """A frozen convolution has the BatchNorm behind it inside, so nothing tells which of the two is wrong."""
    wrong = changed(model, lambda m: m.get_submodule("blocks.0.norm").bias.add_(0.1))
    unfolded, folded = found(model, traced(wrong)), found(model, mobile(wrong))
    assert unfolded is not None
    assert (unfolded.module, unfolded.operator, unfolded.until) == ("blocks.0.norm", "aten::native_batch_norm", "")
    assert folded is not None
    assert (folded.module, folded.other) == ("blocks.0.conv", "prepacked::conv2d_clamp_run")
    assert folded.until.startswith(f"blocks.0.norm (BatchNorm2d), aten::native_batch_norm at {HERE}:")
    assert "computes all up to blocks.0.norm" in str(folded)


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = self.first(x).tanh()
        b = self.second(x).sigmoid()
        return a + b


@pytest.mark.parametrize("name", ["first", "second"])
def test_departure_in_a_branch_is_found_behind_one_that_agrees(name: str) -> None:
    torch.manual_seed(0)
    model = Branches().eval()
    x = torch.linspace(-1, 1, 8).reshape(2, 4)
    departure = found(model, changed(model, lambda m: m.get_submodule(name).weight.mul_(1.5)), (x,))
    assert departure is not None
    assert departure.module == name


class Masked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x.masked_fill(x > 0, 0.0)).abs()


def test_departure_behind_a_mask_of_booleans_is_found() -> None:
    torch.manual_seed(0)
    model, x = Masked().eval(), torch.linspace(-1, 1, 8).reshape(2, 4)
    assert found(model, copy.deepcopy(model), (x,)) is None
    departure = found(model, changed(model, lambda m: m.get_submodule("layer").weight.mul_(2)), (x,))
    assert departure is not None
    assert (departure.module, departure.operator) == ("layer", "aten::addmm")


class Logs(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.log(x)
        return torch.nan_to_num(y * 2, neginf=0.0)


class OtherLogs(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.log(x)
        return torch.nan_to_num(y * 3, neginf=0.0)


def test_departure_counts_the_nan_elements_of_an_input() -> None:
    departure = found(Logs(), OtherLogs(), (torch.tensor([-1.0, 2.0, 0.0, 4.0]),))
    assert departure is not None
    assert (departure.operator, departure.module, departure.layer) == ("aten::mul", "", "Logs")
    (statistics,) = departure.inputs
    assert (statistics.nan, statistics.low, statistics.high) == (1, "-inf", pytest.approx(1.386294))
    assert str(departure).splitlines()[-1] == "  input float32 [4]: min -inf, max 1.386, mean -inf, 1 NaN"


def test_departure_of_a_module_that_fails_is_where_it_fails(model: nn.Module) -> None:
    class Failing(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return model.get_submodule("blocks")(model.get_submodule("stem")(x)[:, :3])

    departure = found(model, Failing())
    assert departure is not None
    assert departure.module == "blocks.0.conv"
    assert "to have 4 channels, but got 3" in departure.error


def test_departure_of_torchscript_has_no_places(model: nn.Module) -> None:
    departure = found(torch.jit.script(model), changed(model, lambda m: m.get_submodule("head").bias.add_(1)))
    assert departure is not None
    assert (departure.module, departure.line, departure.operator) == ("", "", "aten::addmm")


def test_recording_survives_the_way_to_another_process(model: nn.Module) -> None:
    eager = record_eager(model, (X,))
    read = Recording.from_frame(*eager.to_frame())
    assert [step.operator for step in read.steps] == [step.operator for step in eager.steps]
    assert find_departure(read, record_module(model, (X,)), BOUNDS) is None
    wrong = record_module(changed(model, lambda m: m.get_submodule("stem").bias.add_(1)), (X,))
    assert str(find_departure(read, wrong, BOUNDS)) == str(find_departure(eager, wrong, BOUNDS))


def test_recording_keeps_the_hooks_of_a_model_as_they_were(model: nn.Module) -> None:
    record_eager(model, (X,))
    assert all(not part._forward_hooks and not part._forward_pre_hooks for part in model.modules())


def test_gate_that_drops_a_pass_names_the_layer_that_it_breaks(caplog: pytest.LogCaptureFixture) -> None:
    made = captured(net, "1x3x10x10")

    def broken(module: torch.jit.ScriptModule, *_: object) -> torch.jit.ScriptModule:
        wrong = copy.deepcopy(module)
        with torch.no_grad():
            wrong.blocks.__getattr__("1").conv.weight[0].mul_(-1)
        return wrong

    with caplog.at_level(logging.WARNING):
        result = optimize(made, "x", (Pass(name="broken", apply=broken),), BOUNDS)
    assert not result.recipe.passes[0].applied
    assert "first departure" not in result.recipe.passes[0].note  # it is for people: the manifest has the error alone
    assert "skipped broken, which breaks parity: output 0: norm error" in caplog.text
    assert f"first departure from eager: blocks.1.conv (Conv2d), aten::convolution at {HERE}:" in caplog.text
    assert "\n  input float32 [1, 4, 8, 8]: min 0, max " in caplog.text


class Decides(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.layer(x)
        if bool(y.sum() > 0):
            y = y * 2
        return y.tanh()


def test_gate_that_refuses_a_capture_names_the_operator() -> None:
    with pytest.raises(ParityError) as refused:
        captured(Decides, "1x4", mode="trace")
    assert f"first departure from eager: Decides, aten::tanh at {HERE}:" in str(refused.value) or (
        f"first departure from eager: Decides, aten::mul at {HERE}:" in str(refused.value)
    )


def test_gate_that_refuses_the_saved_file_names_the_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save = draft.save_lite

    def wrong(module: torch.jit.ScriptModule, folder: Path, source: str) -> Path:
        other = copy.deepcopy(module)
        with torch.no_grad():
            other.head.bias.add_(0.5)
        return save(other, folder, source)

    monkeypatch.setattr(draft, "save_lite", wrong)
    with pytest.raises(ParityError) as refused:
        edgekit.export(net(), ["1x3x10x10"], output=tmp_path / "m.ptl", recipe="none", mode="trace", server=False)
    assert "Nothing was written.\nfirst departure from eager: head (Linear), aten::addmm at " in str(refused.value)


def test_note_of_a_reference_without_its_model_is_empty(model: nn.Module) -> None:
    reference = captured(net, "1x3x10x10").references[0]
    other = partial(record_module, changed(model, lambda m: m.get_submodule("stem").bias.add_(1)))
    assert departure_note(reference, other, BOUNDS).startswith("\nfirst departure from eager: stem (Conv2d)")
    object.__setattr__(reference, "recorder", None)
    assert departure_note(reference, other, BOUNDS) == ""
