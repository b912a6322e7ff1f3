"""The original model as a classifier of pictures: eager, with the preprocessing and the activation of the package."""

import numpy as np
import numpy.typing as npt
import torch

from edgekit.engines import held_engine
from edgekit.errors import SourceError, UsageError, first_line
from edgekit.format.schema import Manifest
from edgekit.nested import named_tensors
from edgekit.parity.eager import FreshModel, exact_eager
from edgekit.parity.preprocess import Preprocess
from edgekit.sources.adapter import inner
from edgekit.sources.source import SourceModel

Scores = npt.NDArray[np.float32]


def same_weights(source: SourceModel, manifest: Manifest) -> bool | None:
    """Whether a model has the weights of a package; None if that is not known, as for frozen TorchScript."""
    known, weights = manifest.provenance.weights.sha256, source.weights.sha256
    return None if known is None or not inner(source.module).state_dict() else known == weights


class Original:
    """A loaded source, for a package with an image contract.

    Raises:
        UsageError: the package has no image contract.
    """

    def __init__(self, source: SourceModel, manifest: Manifest, classes: int) -> None:
        if manifest.image is None:
            raise UsageError(f"{manifest.name} has no image contract, so it does not take pictures.")
        self._image, self._classes = manifest.image, classes
        self._source, self._engine = source.source, manifest.runtime.quantized_engine
        self._model, self._preprocess = FreshModel(source.module), Preprocess(manifest.image).eval()
        self.same_weights = same_weights(source, manifest)

    def scores(self, pixels: npt.NDArray[np.uint8]) -> Scores:
        """The score of each class for a picture, uint8 [H, W, 3].

        Raises:
            SourceError: the model fails.
            UsageError: it gives other outputs or another number of classes than the package.
        """
        try:
            with held_engine(self._engine), exact_eager():
                named = named_tensors(self._model.module(self._preprocess(torch.from_numpy(pixels))))
        except RuntimeError as error:
            raise SourceError(f"{self._source} fails on a picture: {first_line(error)}") from error
        if self._image.output not in named:
            raise UsageError(
                f"{self._source} has no output {self._image.output}, which the package ranks; it has {', '.join(named)}. Give "
                "the model of which the package was made."
            )
        row = self._activated(named[self._image.output].reshape(-1).float())
        if row.numel() == 1 and self._classes == 2:
            row = torch.cat([1.0 - row, row])
        if row.numel() != self._classes:
            raise UsageError(
                f"{self._source} has {row.numel()} classes, and the package {self._classes}. Give the model of which the package "
                "was made."
            )
        return np.asarray(row.numpy(), dtype=np.float32)

    def _activated(self, row: torch.Tensor) -> torch.Tensor:
        if self._image.activation == "softmax":
            return torch.softmax(row, 0)
        return torch.sigmoid(row) if self._image.activation == "sigmoid" else row
