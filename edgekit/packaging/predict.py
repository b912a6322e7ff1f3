"""The image contract as a module: a classifier that preprocesses a picture and sorts its scores."""

from typing import Any

import torch
from torch import nn
from torch.jit._recursive import wrap_cpp_module

from edgekit.nested import keys_of
from edgekit.parity.eager import exact_eager
from edgekit.parity.preprocess import Preprocess
from edgekit.parity.ranking import Ranking


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
