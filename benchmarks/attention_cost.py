"""The cost of replacing fused attention: packages with `--fit android` and `--fit current`, interleaved, random weights.

The lite interpreter, one thread, batch 1, CPU time. Each model runs in a new process, because torch reads its threads once.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Literal

from common import in_process, parser, print_context, print_document, summary

FITS: tuple[Literal["current", "android"], ...] = ("current", "android")
WARM_UP = 3


def _vit() -> tuple[Any, tuple[str, ...]]:
    from torch import nn
    from torchvision.models import vit_b_16

    model = vit_b_16(weights=None)
    nn.init.normal_(model.heads.head.weight, std=0.02)  # with torchvision's zeros, every answer would be the same
    return model, ("1x3x224x224",)


def _encoder() -> tuple[Any, tuple[str, ...]]:
    from torch import nn

    layer = nn.TransformerEncoderLayer(256, 4, 512, batch_first=True)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), ("1x64x256",)


def _padded() -> tuple[Any, tuple[str, ...]]:
    from torch import Tensor, nn

    class Padded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, _ = _encoder()

        def forward(self, x: Tensor, mask: Tensor) -> Tensor:
            y: Tensor = self.encoder(x, src_key_padding_mask=mask == 0)
            return y

    return Padded(), ("1x64x256", "1x64:int64[0,1]")


MODELS = {
    "vit_b_16": _vit,
    "small encoder (2 layers of 256, 64 tokens)": _encoder,
    "small encoder with a padding mask": _padded,
}


def measure(name: str, rounds: int) -> dict[str, Any]:
    """Milliseconds of both packages of a model, each exported and verified first, and their parity."""
    import torch

    import edgekit
    from edgekit.runtimes.compat import FUSED
    from edgekit.runtimes.lite import LiteModule

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model, inputs = MODELS[name]()
    shapes = [[int(size) for size in text.partition(":")[0].split("x")] for text in inputs]
    example = [torch.ones(shape, dtype=torch.int64) if len(shape) == 2 else torch.rand(shape) for shape in shapes]
    modules, found = {}, {}
    with tempfile.TemporaryDirectory() as scratch:
        for fit in FITS:
            report = edgekit.export(model.eval(), inputs, name=fit, output=Path(scratch) / f"{fit}.ptl", fit=fit)
            if (FUSED in report.manifest.operators) != (fit == "current"):
                sys.exit(f"{name}: the two packages have the same operators; expected that they differ in attention")
            modules[fit] = LiteModule(report.package)
            found[fit] = {"norm_error": report.manifest.parity.norm_error}
        samples: dict[str, list[float]] = {fit: [] for fit in FITS}
        for round_index in range(WARM_UP + rounds):
            for fit, module in modules.items():
                start = time.process_time()
                module.call("forward", example)
                if round_index >= WARM_UP:
                    samples[fit].append(1e3 * (time.process_time() - start))
    return {fit: {**found[fit], **summary(samples[fit])} for fit in FITS}


def main() -> None:
    options_parser = parser(__doc__)
    options_parser.add_argument("--one", choices=MODELS, help=argparse.SUPPRESS)
    options = options_parser.parse_args()
    rounds = options.rounds or 40
    if options.one:
        print(json.dumps(measure(options.one, rounds)))
        return
    print_context()
    results = {name: in_process(__file__, name, rounds) for name in MODELS}
    if options.json:
        print_document(results)
        return
    print(f"  {'minimum ms':<44}{'current':>10}{'android':>10}{'ratio':>8}")
    for name, found in results.items():
        current, android = (found[fit]["min"] for fit in FITS)
        print(f"  {name:<44}{current:>10.2f}{android:>10.2f}{android / current:>8.3f}")


if __name__ == "__main__":
    main()
