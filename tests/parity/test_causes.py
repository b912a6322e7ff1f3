"""A refusal names its cause, the line of the user's code, and the remedy that follows from the cause."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import edgekit
from edgekit.errors import EdgekitError


class FunctionalDropout(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.dropout(x, 0.5)


class Draws(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.randn_like(x)


class SaysCuda(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.ones(4, device="cuda")


class Quiet(nn.Module):
    """Dropout that knows its mode draws nothing."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.dropout(x, 0.5, training=self.training) + torch.randn_like(x)


class AttentionDropout(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q = x[None]
        return F.scaled_dot_product_attention(q, q, q, dropout_p=0.3)


class HiddenDropout(nn.Module):
    """The dropout in a Python list stays in training mode."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = [nn.Sequential(nn.Dropout(0.5))]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.parts[0](x)


class HiddenLayers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.heads = {"a": [nn.Linear(4, 4)]}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.heads["a"][0](x)


class TakesPictures(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        for image in images.unbind():
            if image.dim() != 3:
                raise ValueError("images is expected to be a list of 3d tensors of shape [C, H, W]")
        return images


class SaysEverything(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise ValueError(f"cannot use {x} with {object()}")


def refusal(model: nn.Module, folder: Path) -> str:
    with pytest.raises(EdgekitError) as caught:
        edgekit.export(model.eval(), ["2x4"], name="m", output=folder / "m.ptl")
    assert list(folder.iterdir()) == []
    return str(caught.value)


def test_export_dropout_without_its_flag_names_the_line_and_the_flag(tmp_path: Path) -> None:
    message = refusal(FunctionalDropout(), tmp_path)
    assert "is random in eval mode" in message
    assert "dropout (test_causes.py:16) is in training mode: pass training=self.training" in message


@pytest.mark.parametrize("model", [Draws, Quiet])
def test_export_random_numbers_names_the_draw_alone(tmp_path: Path, model: type[nn.Module]) -> None:
    message = refusal(model(), tmp_path)
    assert "randn_like (test_causes.py:" in message
    assert "draws random numbers: pass them to the model as an input" in message
    assert "dropout" not in message


@pytest.mark.skipif(torch.cuda.is_available(), reason="the model runs on a machine with a GPU")
def test_export_tensor_on_another_device_names_the_line(tmp_path: Path) -> None:
    message = refusal(SaysCuda(), tmp_path)
    assert "uses another device than the CPU" in message
    assert "The line: test_causes.py:26." in message


class SaysHalf(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3).half()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x.half()).float()


def test_export_conversion_to_half_precision_names_the_line(tmp_path: Path) -> None:
    message = refusal(SaysHalf(), tmp_path)
    assert "the model itself converts a tensor to half precision. Remove that conversion" in message
    assert "The line: test_causes.py:" in message


class Compressed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("adjacency", torch.eye(4).to_sparse_csr())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.adjacency @ x.t()).t()


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
def test_export_buffer_that_torch_cannot_save_names_its_layout(tmp_path: Path) -> None:
    message = refusal(Compressed(), tmp_path)
    assert "adjacency has the layout sparse_csr" in message
    assert ".to_sparse_coo()" in message


def test_export_wrong_shape_keeps_the_general_remedy(tmp_path: Path) -> None:
    message = refusal(nn.Linear(3, 2), tmp_path)
    assert "Pass the shape, dtype and range" in message


def test_export_attention_with_dropout_names_it(tmp_path: Path) -> None:
    message = refusal(AttentionDropout(), tmp_path)
    assert "scaled_dot_product_attention (test_causes.py:39) has a dropout: pass dropout_p=" in message


def test_export_dropout_in_a_python_list_names_the_list(tmp_path: Path) -> None:
    message = refusal(HiddenDropout(), tmp_path)
    assert "parts holds layers in a Python list or dict, which stay in training mode. Put the layers into nn" in message


def test_export_layers_in_a_python_dict_names_the_dict(tmp_path: Path) -> None:
    message = refusal(HiddenLayers(), tmp_path)
    assert "trace: heads holds layers in a Python list or dict, so their weights do not belong to the model" in message
    assert "Put the layers into nn.ModuleList or nn.ModuleDict" in message


def test_export_list_of_pictures_names_what_to_export(tmp_path: Path) -> None:
    assert "The model takes a list of pictures. Export a module that takes one tensor" in refusal(
        TakesPictures(), tmp_path
    )


def test_export_message_has_neither_values_nor_addresses(tmp_path: Path) -> None:
    message = refusal(SaysEverything(), tmp_path)
    assert "cannot use a tensor with <object object>" in message
    assert message == refusal(SaysEverything(), tmp_path)


def test_export_messages_are_the_same_twice(tmp_path: Path) -> None:
    assert refusal(Draws(), tmp_path) == refusal(Draws(), tmp_path)


class Calls(nn.Module):
    """Passes what it gets on to a function that takes less."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor, y: torch.Tensor | None = None, **more: object) -> torch.Tensor:
        return self.added(x, y, **more)

    def added(self, x: torch.Tensor, y: torch.Tensor | None, scale: float = 1.0) -> torch.Tensor:
        return self.fc(y) * scale + x


@pytest.mark.parametrize(
    ("inputs", "bound", "message"),
    [
        ({"x": "1x4"}, {}, "A value is None where the model needs a tensor. .* pass it with --input NAME=SHAPE"),
        ({"x": "1x4"}, {"y": 3}, "Pass that parameter with --input NAME=SHAPE, and not with --bind"),
        ({"x": "1x4", "y": "1x4", "z": "1x4"}, {}, "no parameter of this name. Correct it, or leave that --input"),
    ],
)
def test_export_call_that_the_model_refuses_names_the_option(
    tmp_path: Path, inputs: dict[str, str], bound: dict[str, object], message: str
) -> None:
    with pytest.raises(EdgekitError, match=message):
        edgekit.export(Calls(), inputs, name="m", output=tmp_path / "m.ptl", bind=bound)


class StaysInTraining(nn.Module):
    """Drops out at inference too, as its train() ignores the mode."""

    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5)

    def train(self, _mode: bool = True) -> nn.Module:
        return super().train(True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.drop(x)


def test_export_layer_that_stays_in_training_mode_is_named(tmp_path: Path) -> None:
    with pytest.raises(EdgekitError, match="drop is in training mode after eval"):
        edgekit.export(StaysInTraining(), ["1x64"], name="m", output=tmp_path / "m.ptl")
