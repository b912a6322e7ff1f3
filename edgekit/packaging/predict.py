"""The image contract as a module: it preprocesses a picture, and sorts the scores, makes a mask of them or moves boxes."""

from typing import Any

import torch
from torch import nn
from torch.jit._recursive import wrap_cpp_module

from edgekit.nested import keys_of
from edgekit.parity.eager import exact_eager
from edgekit.parity.masks import MaskHead, Sides, WholePicture
from edgekit.parity.preprocess import Preprocess
from edgekit.parity.ranking import Ranking
from edgekit.sources.boxes import BoxHead, FittedPicture
from edgekit.sources.detection import OUTPUTS


class PictureModel(nn.Module):
    """The parts of a model for pictures, which share the weights of `forward`. `with_predict` defines both methods."""

    def __init__(self, core: torch.jit.ScriptModule, **parts: torch.jit.ScriptModule) -> None:
        super().__init__()
        self.core = core
        for name, part in parts.items():
            self.add_module(name, part)


_SCORES = {"softmax": "torch.softmax(row, 0)", "sigmoid": "torch.sigmoid(row)", "none": "row"}


def with_predict(
    core: torch.jit.ScriptModule, ranking: Ranking, example: tuple[torch.Tensor, ...], sides: Sides
) -> Any:
    """Adds `predict(image)` to an optimized core: [H, W, 3] uint8 to scores [C] in descending order, and their classes [C].

    If the task is a mask, it gives the class of each pixel instead, [H, W] uint8.

    All parts are frozen, but the wrapper is not: freezing it with two methods would store the weights twice. Without
    freezing, the preprocessing would need operators that older runtimes lack.

    Args:
        core: what `forward` runs. Its outputs may be nested.
        ranking: the preprocessing, the output to rank, and its activation.
        example: inputs of `forward`, to find where the output is.
        sides: the sizes that the core takes, for a mask.
    """
    taken = _places(core, example)[ranking.image.output]
    parts: dict[str, nn.Module] = {"preprocess": Preprocess(ranking.image)}
    if ranking.is_mask:
        parts = {"preprocess": WholePicture(ranking.image, sides), "head": MaskHead(ranking.pair, ranking.threshold)}
    module = _joined(core, parts)
    if ranking.is_mask:
        module.define(
            "def predict(self, image: Tensor) -> Tensor:\n"
            "    prepared = self.preprocess(image)\n"
            f"    return self.head(self.core(prepared){taken}, prepared, image)\n"
        )
        return module
    scores = _SCORES[ranking.image.activation]
    module.define(
        "def predict(self, image: Tensor) -> Tuple[Tensor, Tensor]:\n"
        f"    row = self.core(self.preprocess(image)){taken}.reshape(-1)\n"
        f"    scores = {f'torch.cat([1.0 - {scores}, {scores}])' if ranking.pair else scores}\n"
        "    return torch.topk(scores, scores.size(0))\n"
    )
    return module


def with_boxes(core: torch.jit.ScriptModule, ranking: Ranking, example: tuple[torch.Tensor, ...]) -> Any:
    """Adds `predict(image)` to the optimized core of a detector: [H, W, 3] uint8 to the boxes in it, their labels and scores."""
    places, size = _places(core, example), example[0].shape
    module = _joined(core, {"preprocess": FittedPicture(ranking.image, size), "head": BoxHead(ranking.image, size)})
    taken = ", ".join(f"found{places[name]}" for name in OUTPUTS)
    module.define(
        "def predict(self, image: Tensor) -> Dict[str, Tensor]:\n"
        "    found = self.core(self.preprocess(image))\n"
        f"    return self.head({taken}, image)\n"
    )
    return module


def _places(core: torch.jit.ScriptModule, example: tuple[torch.Tensor, ...]) -> dict[str, str]:
    """The code that takes each output from what the core gives, for example `['out'][0]`."""
    with exact_eager():
        keys = keys_of(core(*(tensor.clone() for tensor in example)))
    return {name: "".join(f"[{key!r}]" for key in path) for name, path in keys.items()}


def _joined(core: torch.jit.ScriptModule, parts: dict[str, nn.Module]) -> Any:
    frozen = {name: torch.jit.freeze(torch.jit.script(part.eval())) for name, part in parts.items()}
    halves = {name: wrap_cpp_module(part._c) for name, part in frozen.items()}
    module: Any = torch.jit.script(PictureModel(wrap_cpp_module(core._c), **halves).eval())
    module.define("def forward(self, x: Tensor):\n    return self.core(x)\n")
    return module
