"""Loads a package or server file and runs it, with the checks that torch does not make."""

import os
from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from edgekit.engines import held_engine
from edgekit.errors import DeviceError, PackageError, UsageError
from edgekit.format.archive import Archive
from edgekit.format.boxes import MIN_SCORE, Detection, detections
from edgekit.format.decode import decode_image
from edgekit.format.picture import PictureSizeError, check_size
from edgekit.format.schema import BOXES, DTYPES, LABELS, MASK, Manifest, MethodSpec, RuntimeHints, TensorSpec
from edgekit.format.signature import read_public_key, require_signature
from edgekit.nested import named_arrays
from edgekit.packaging.server import load_server, server_settings
from edgekit.parity.eager import exact_eager
from edgekit.runtimes.base import Runtime
from edgekit.runtimes.registry import DEFAULT, resolve
from edgekit.runtimes.workshop_lite import open_lite

Array = npt.NDArray[np.generic]

_TASKS = {
    LABELS: ("labels", "predict() returns them"),
    MASK: ("a mask", "segment() returns it"),
    BOXES: ("boxes", "detect() returns them"),
}


class PackageModel:
    """A loaded `.ptl`. It checks inputs against the manifest, and outputs for NaN and infinity.

    Without these checks XNNPACK accepts a wrong number of channels, and a wrong number of arguments aborts the process.
    """

    def __init__(self, path: str | os.PathLike[str], public_key: str | os.PathLike[str] | None = None) -> None:
        with Archive(path) as archive:
            if public_key is not None:
                require_signature(archive, read_public_key(public_key))
            if archive.manifest is not None:
                archive.check_digests()
                archive.check_documents()
                archive.check_methods()
            archive.check_storages()
            self.manifest: Manifest | None = archive.manifest
            self.labels = archive.labels
            self._methods = {method.name: method for method in archive.bytecode.methods}
        self._path = Path(path)

    def _call(self, method: str, arrays: Sequence[Array]) -> dict[str, Array]:
        raise NotImplementedError

    def run(self, inputs: Array | Sequence[Array] | Mapping[str, Array], method: str = "forward") -> dict[str, Array]:
        """Runs a method.

        Args:
            inputs: one array for each input, in order or by name.
            method: `forward`, or another method of the package.

        Returns:
            The outputs by their flattened names.

        Raises:
            UsageError: the method does not exist; the number, dtype or shape of the inputs is wrong; or an input has NaN
                elements. Infinite elements are allowed, because attention masks have them.
            DeviceError: the runtime failed, or returned NaN or infinity.
        """
        arrays = self._checked(inputs, method)
        outputs = self._call(method, arrays)
        for name, value in outputs.items():
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                finite = all(array.dtype.kind != "f" or np.isfinite(array).all() for array in arrays)
                raise DeviceError(
                    f"{self._path}: {method} gave NaN or infinity in output {name} for {'finite' if finite else 'infinite'} "
                    "inputs. Compare the range of the inputs with `edgekit inspect`, and check the package with `edgekit verify`."
                )
        return outputs

    def predict(self, image: str | os.PathLike[str] | Array, topk: int = 5) -> tuple[tuple[str, float], ...]:
        """The labels and scores of a picture, best first. The manifest's `image` says what the scores are.

        Args:
            image: a picture file, or uint8 [H, W, 3] RGB.
            topk: how many labels to return.

        Raises:
            ImageError: the picture cannot be decoded.
            UsageError: the package has no `predict`, or one that gives something else, or topk is not positive.
        """
        if topk < 1:
            raise UsageError(f"topk is {topk}; expected at least 1.")
        self.check_task(LABELS)
        pixels = self._pixels(image)
        outputs = self.run([pixels], "predict")
        if not {"0", "1"} <= outputs.keys():
            found = ", ".join(outputs) or "nothing"
            raise PackageError(
                f"{self._path}: predict returns {found}; expected scores in 0 and labels in 1. Export the model again."
            )
        pairs = zip(outputs["0"][:topk], outputs["1"][:topk], strict=True)
        return tuple((self.label(int(index)), float(score)) for score, index in pairs)

    def segment(self, image: str | os.PathLike[str] | Array) -> npt.NDArray[np.uint8]:
        """The class of each pixel of a picture, [H, W], at the picture's own size. `labels` has the names of the classes.

        Args:
            image: a picture file, or uint8 [H, W, 3] RGB.

        Raises:
            ImageError: the picture cannot be decoded.
            UsageError: the package has no `predict`, or one that gives something else.
        """
        self.check_task(MASK)
        pixels = self._pixels(image)
        mask = self.run([pixels], "predict").get("0")
        if mask is None or mask.dtype != np.uint8 or mask.shape != pixels.shape[:2]:
            found = "nothing" if mask is None else f"{mask.dtype} {list(mask.shape)}"
            raise PackageError(
                f"{self._path}: predict gives {found} for a picture {list(pixels.shape)}; expected uint8 "
                f"{list(pixels.shape[:2])}. Export the model again."
            )
        return mask.astype(np.uint8, copy=False)

    def detect(self, image: str | os.PathLike[str] | Array, min_score: float = MIN_SCORE) -> tuple[Detection, ...]:
        """The boxes in a picture with their labels, best first.

        Args:
            image: a picture file, or uint8 [H, W, 3] RGB.
            min_score: the least score of a box.

        Raises:
            ImageError: the picture cannot be decoded.
            UsageError: the package has no `predict`, or one that gives something else, or min_score is not from 0 to 1.
        """
        if not (isinstance(min_score, Real) and 0.0 <= min_score <= 1.0):
            raise UsageError(f"min_score is {min_score!r}; expected a number from 0 to 1.")
        self.check_task(BOXES)
        found = self.run([self._pixels(image)], "predict")
        try:
            return detections(found, min_score, self.label)
        except ValueError as error:
            raise PackageError(f"{self._path}: predict gives {error}. Export the model again.") from error

    @property
    def task(self) -> str | None:
        """What `predict` gives: labels, mask or boxes. None if the package does not take pictures."""
        return None if self.manifest is None or self.manifest.image is None else self.manifest.image.task

    def _pixels(self, image: str | os.PathLike[str] | Array) -> Array:
        if isinstance(image, np.ndarray):
            if image.size == 0:
                raise UsageError(f"the picture is {image.dtype} {list(image.shape)}; expected at least one pixel.")
            return image
        if not isinstance(image, str | os.PathLike):
            raise UsageError(
                f"the picture is of type {type(image).__name__}; expected the path of a file, or a numpy array, uint8 [H, W, 3] "
                "RGB."
            )
        return decode_image(Path(image), self.picture_resize(), full=self.needs_full_pictures)

    def check_task(self, wanted: str, instead: str | None = None) -> None:
        """Refuses a package whose `predict` gives something else, by the name of that. `instead` ends the message.

        Raises:
            UsageError: it does.
        """
        if self.task in (None, wanted):
            return
        if self.task in _TASKS:
            what, method = _TASKS[self.task]
            raise UsageError(f"{self._path}: predict of this package gives {what}; {instead or method}.")
        raise UsageError(
            f"{self._path}: predict of this package gives {self.task!r}; this version knows {', '.join(_TASKS)}. Update edgekit."
        )

    def picture_resize(self) -> int:
        """The length to which `predict` resizes the shorter side of a picture; 0 if it brings each picture to one size.

        Raises:
            UsageError: the package has no `predict`.
        """
        if self.manifest is None or self.manifest.image is None:
            raise UsageError(
                f"{self._path} has no image contract, so it does not take pictures. Export a classifier or a segmenter with "
                "--image or a detector of torchvision, or pass arrays with --input."
            )
        return self.manifest.image.resize

    @property
    def needs_full_pictures(self) -> bool:
        """Whether `predict` gives something in the picture's own pixels, so that a JPEG is not decoded smaller."""
        return self.task != LABELS

    def label(self, index: int) -> str:
        """The name of a class, or its number if the package has no labels."""
        return self.labels[index] if 0 <= index < len(self.labels) else f"class {index}"

    def _checked(self, inputs: Array | Sequence[Array] | Mapping[str, Array], method: str) -> list[Array]:
        if method not in self._methods:
            raise UsageError(f"{self._path} has no method {method!r}; it has {', '.join(self._methods)}.")
        spec = None if self.manifest is None else self.manifest.method(method)
        arrays = _in_order(inputs, spec, method)
        if spec is not None and len(arrays) != len(spec.inputs):
            expected = ", ".join(map(str, spec.inputs)) or "none"
            raise UsageError(f"{self._path}: {method} got {len(arrays)} inputs; expected {expected}.")
        called = self._methods[method]
        if not called.takes_tensors(len(arrays)):
            wrap = any(each.required and not each.is_tensor for each in called.inputs)
            raise UsageError(
                f"{self._path}: {method} takes ({', '.join(map(str, called.inputs))}), got {len(arrays)} tensors. "
                + ("Wrap it in a module that takes tensors only." if wrap else "Pass one array for each.")
            )
        for index, array in enumerate(arrays):
            _check_array(array, spec.inputs[index] if spec is not None else None, f"{method} input {index}")
        if spec is not None and (unequal := spec.unequal([array.shape for array in arrays])):
            raise UsageError(f"{method}: {unequal}; expected equal sizes. Pad or cut the inputs.")
        if method == "predict" and self.manifest is not None and self.manifest.image is not None:
            _check_picture(arrays[0], self.manifest.image.resize)
        return arrays


class LiteModel(PackageModel):
    """A `.ptl` in torch's lite interpreter: in this process if its torch has XNNPACK, else in one of the workshop."""

    def __init__(self, path: str | os.PathLike[str], public_key: str | os.PathLike[str] | None = None) -> None:
        super().__init__(path, public_key)
        hints = self.manifest.runtime if self.manifest else RuntimeHints(pool="xnnpack")
        self._module = open_lite(path, hints.pool, hints.quantized_engine)

    def _call(self, method: str, arrays: Sequence[Array]) -> dict[str, Array]:
        return self._module.run(method, arrays)[1]


class RemoteModel(PackageModel):
    """A `.ptl` that runs in another process. The runtime loads it again for each run."""

    def __init__(self, path: str | os.PathLike[str], runtime: Runtime) -> None:
        super().__init__(path)
        self._runtime = runtime

    def _call(self, method: str, arrays: Sequence[Array]) -> dict[str, Array]:
        return self._runtime.run(self._path, method, arrays)


def _in_order(
    inputs: Array | Sequence[Array] | Mapping[str, Array], spec: MethodSpec | None, method: str
) -> list[Array]:
    if isinstance(inputs, np.ndarray):  # one input; without this, its rows would be taken as inputs
        return [inputs]
    if not isinstance(inputs, Mapping):
        return [np.asarray(array) for array in inputs]
    if spec is None:
        raise UsageError(f"{method}: this package has no manifest, so its inputs have no names. Pass them in order.")
    names = [tensor.name for tensor in spec.inputs]
    if set(inputs) != set(names):
        raise UsageError(f"{method} got inputs named ({', '.join(inputs)}); expected ({', '.join(names)}).")
    return [np.asarray(inputs[name]) for name in names]


def _check_array(array: Array, spec: TensorSpec | None, what: str) -> None:
    if str(array.dtype) not in DTYPES:
        raise UsageError(f"{what} is {array.dtype}; expected one of {', '.join(DTYPES)}. Convert it with .astype().")
    if spec is not None and (str(array.dtype) != spec.dtype or not spec.accepts(array.shape)):
        raise UsageError(f"{what} is {array.dtype} {list(array.shape)}; expected {spec}. Convert or reshape it.")
    if np.isnan(array).any():
        raise UsageError(f"{what} has NaN elements; expected numbers. Replace them.")


def _check_picture(pixels: Array, resize: int) -> None:
    try:
        check_size(pixels.shape[1], pixels.shape[0], resize)
    except PictureSizeError as error:
        raise UsageError(f"predict input 0 is {error}") from error


class ServerModel:
    """A server's `.pt`, optimized for this machine after loading. It takes and returns torch tensors."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._engine = server_settings(path).quantized_engine
        self._module = load_server(path)

    def __call__(self, *inputs: torch.Tensor) -> Any:
        with exact_eager(), held_engine(self._engine):
            return self._module(*inputs)

    def run(self, inputs: Sequence[Array]) -> dict[str, Array]:
        """Runs `forward` on numpy arrays. Returns the outputs by their flattened names."""
        return named_arrays(self(*(torch.from_numpy(np.require(array, requirements=("C", "W"))) for array in inputs)))


def open_package(path: str | os.PathLike[str], runtime: str = DEFAULT) -> PackageModel:
    """Opens a `.ptl` in the named runtime.

    Raises:
        UsageError: the runtime is unknown, or cannot run inputs.
        DeviceError: it cannot run on this machine.
        PackageError: the package is damaged, was changed, or does not load.
    """
    if runtime == DEFAULT:
        return LiteModel(path)
    return RemoteModel(path, resolve(runtime, "run"))


def load(path: str | os.PathLike[str], public_key: str | os.PathLike[str] | None = None) -> LiteModel | ServerModel:
    """Loads a file that export wrote: a `.ptl` as LiteModel, a server's `.pt` as ServerModel.

    Args:
        path: the file.
        public_key: the PEM file of an Ed25519 public key. A package that was not signed with its private key is
            refused, and so is each `.pt`.

    Raises:
        UsageError: the public key cannot be read.
        PackageError: the file is missing, is damaged, was changed, or was not made by edgekit.
    """
    suffix = Path(path).suffix
    if suffix == ".pt":
        if not Path(path).is_file():
            raise PackageError(f"{path} does not exist or is not a file. Make it with edgekit export.")
        if public_key is not None:
            raise PackageError(
                f"{path} is a server's file, which is never signed. Load the .ptl, or give no public key."
            )
        return ServerModel(path)
    return LiteModel(path, public_key)
