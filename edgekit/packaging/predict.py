"""The image contract as modules: preprocessing from uint8 HWC to normalized NCHW, and a classifier that sorts its scores."""

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.jit._recursive import wrap_cpp_module

from edgekit.format.schema import ImageSpec
from edgekit.nested import keys_of
from edgekit.parity.eager import exact_eager
from edgekit.parity.ranking import Ranking


class Preprocess(nn.Module):
    """Preprocesses a picture. The result is bit for bit that of torchvision's `ImageClassification` on a uint8 tensor.

    It resizes in float32 and rounds back to whole levels, because older runtimes lack the uint8 antialias operator.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, spec: ImageSpec) -> None:
        super().__init__()
        self.resize = spec.resize
        self.crop = spec.crop
        self.mode = spec.interpolation
        self.antialias = spec.antialias
        self.grey = spec.channels == 1
        self.register_buffer("mean", torch.tensor(spec.mean).reshape(-1, 1, 1))
        self.register_buffer("std", torch.tensor(spec.std).reshape(-1, 1, 1))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """[H, W, 3] uint8 to [1, C, crop, crop] float32."""
        levels = self.cropped(image, torch.float32).round().clamp(0.0, 255.0)
        return ((levels / 255.0) - self.mean) / self.std

    def cropped(self, image: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """[H, W, 3] uint8 to [1, C, crop, crop] in `dtype`: resized and cropped, not yet rounded to whole levels."""
        pixels = image.permute(2, 0, 1).unsqueeze(0)
        if self.grey:
            wide = pixels.to(torch.int32)
            grey = (19595 * wide[:, 0] + 38470 * wide[:, 1] + 7471 * wide[:, 2] + 32768) // 65536
            pixels = grey.unsqueeze(1)
        x = pixels.to(dtype)
        height, width = x.size(2), x.size(3)
        if height <= width:
            new_height, new_width = self.resize, int(self.resize * width / height)
        else:
            new_height, new_width = int(self.resize * height / width), self.resize
        if new_height != height or new_width != width:
            x = F.interpolate(x, [new_height, new_width], mode=self.mode, align_corners=False, antialias=self.antialias)
        pad_width, pad_height = max(self.crop - new_width, 0), max(self.crop - new_height, 0)
        if pad_width > 0 or pad_height > 0:
            x = F.pad(x, [pad_width // 2, (pad_width + 1) // 2, pad_height // 2, (pad_height + 1) // 2])
        top = int(round((x.size(2) - self.crop) / 2.0))  # noqa: RUF046  TorchScript's round gives a float
        left = int(round((x.size(3) - self.crop) / 2.0))  # noqa: RUF046
        return x[:, :, top : top + self.crop, left : left + self.crop]


class Classifier(nn.Module):
    """The two halves of a classifier, which share the weights of `forward`. `with_predict` defines both methods."""

    def __init__(self, core: torch.jit.ScriptModule, preprocess: torch.jit.ScriptModule) -> None:
        super().__init__()
        self.core = core
        self.preprocess = preprocess


_SCORES = {"softmax": "torch.softmax(row, 0)", "sigmoid": "torch.sigmoid(row)", "none": "row"}


def with_predict(core: torch.jit.ScriptModule, ranking: Ranking, example: tuple[torch.Tensor, ...]) -> Any:
    """Adds `predict(image)` to an optimized core: [H, W, 3] uint8 to scores [C] in descending order, and their classes [C].

    Both halves are frozen, but the wrapper is not: freezing it with two methods would store the weights twice.
    Without freezing, the preprocessing would need operators that older runtimes lack.

    Args:
        core: what `forward` runs. Its outputs may be nested.
        ranking: the preprocessing, the output to rank, and its activation.
        example: inputs of `forward`, to find where the output is.
    """
    frozen = torch.jit.freeze(torch.jit.script(Preprocess(ranking.image).eval()))
    halves = (wrap_cpp_module(core._c), wrap_cpp_module(frozen._c))
    module: Any = torch.jit.script(Classifier(*halves).eval())
    with exact_eager():
        keys = keys_of(core(*(tensor.clone() for tensor in example)))[ranking.image.output]
    taken = "".join(f"[{key!r}]" for key in keys)
    scores = _SCORES[ranking.image.activation]
    module.define("def forward(self, x: Tensor):\n    return self.core(x)\n")
    module.define(
        "def predict(self, image: Tensor) -> Tuple[Tensor, Tensor]:\n"
        f"    row = self.core(self.preprocess(image)){taken}.reshape(-1)\n"
        f"    scores = {f'torch.cat([1.0 - {scores}, {scores}])' if ranking.pair else scores}\n"
        "    return torch.topk(scores, scores.size(0))\n"
    )
    return module
