"""The models of tools/torch_differences.py: names of torchvision, and small models of timm and transformers from factories."""

import importlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from hub_models import MODELS, HubModel

_PATH = "tools/torch_models.py"
HUB = {row.label: row for row in MODELS}
TIMM = {  # names, and the side of a picture
    **{"mobilenetv4_conv_small_050": 64, "lcnet_050": 64, "ghostnet_050": 64, "repvgg_a0": 64, "resnet10t": 64},
    **{"convnext_atto": 64, "fastvit_t8": 64, "hgnetv2_b0": 64, "mobilevit_xxs": 64},
    **{"inception_next_atto": 64, "levit_128s": 224, "vit_tiny_patch16_224": 224},
}
TORCHVISION = {
    **dict.fromkeys(("densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet", "mnasnet0_5"), 64),
    **dict.fromkeys(("mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "regnet_y_400mf", "resnet18"), 64),
    **dict.fromkeys(("resnext50_32x4d", "shufflenet_v2_x1_0", "squeezenet1_1", "convnext_tiny", "swin_t"), 64),
    **dict.fromkeys(("swin_v2_t", "lraspp_mobilenet_v3_large", "deeplabv3_mobilenet_v3_large", "fcn_resnet50"), 64),
    **{"alexnet": 224, "vgg11_bn": 64, "vit_b_16": 224},
}
SHORT = (  # about ten minutes on two cores
    *("torchvision/resnet18", "torchvision/mobilenet_v3_small", "torchvision/swin_t"),
    *("torchvision/lraspp_mobilenet_v3_large", "timm/convnext_atto", "timm/fastvit_t8", "timm/vit_tiny_patch16_224"),
    *("transformers/BertModel", "transformers/LlamaModel-use_cache", "transformers/ViTModel"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model by its library and name, and the arguments of `edgekit export` for it."""

    name: str
    arguments: tuple[str, ...]


def known_models() -> dict[str, Model]:
    """All models by name."""
    found = [
        *(_pictures("torchvision", name, side, name, "--weights", "random") for name, side in TORCHVISION.items()),
        *(_pictures("timm", name, side, f"{_PATH}:from_timm", "--arg", f"name={name}") for name, side in TIMM.items()),
        *(_of_hub(name, row) for name, row in HUB.items()),
    ]
    return {model.name: model for model in found}


def _pictures(library: str, name: str, side: int, *arguments: str) -> Model:
    return Model(name=f"{library}/{name}", arguments=(*arguments, "--input", f"1x3x{side}x{side}"))


def _of_hub(name: str, row: HubModel) -> Model:
    inputs = [word for text in row.inputs for word in ("--input", text)]
    bound = [word for key, value in row.bind.items() for word in ("--bind", f"{key}={json.dumps(value)}")]
    source = (f"{_PATH}:from_hub", "--arg", f"name={name}")
    return Model(name=f"transformers/{name}", arguments=(*source, *inputs, *bound))


def from_timm(name: str) -> nn.Module:
    """A model of timm with random weights."""
    torch.manual_seed(0)
    made: nn.Module = importlib.import_module("timm").create_model(name, pretrained=False)
    return made


def from_hub(name: str) -> nn.Module:
    """A small model of transformers with random weights."""
    return HUB[name].make()
