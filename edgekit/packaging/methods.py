"""The methods of a package, as the manifest describes them."""

import logging

from edgekit.errors import UsageError
from edgekit.format.golden import GoldenCase
from edgekit.format.schema import ImageSpec, MethodSpec, TensorSpec
from edgekit.optimize.optimizer import OptimizedModel
from edgekit.parity.comparison import Reference

_log = logging.getLogger(__name__)


def image_of(optimized: OptimizedModel) -> ImageSpec | None:
    """The image contract, or None if the model is not an image classifier: one picture in, one row of logits out."""
    source, first = optimized.captured.source, optimized.captured.references[0]
    image = source.image
    if image is None or first.structure != "*" or len(source.inputs) != 1:
        return None
    logits = first.outputs["0"]
    wanted = (image.channels, image.crop, image.crop)
    fits = source.inputs[0].shape[1:] == wanted and logits.ndim == 2 and logits.dtype.kind == "f"
    if not fits:
        _log.warning(
            "%s gets no predict method: forward takes %s and returns %s; with this preprocessing, expected a forward that takes "
            "[N, %d, %d, %d] and returns float32 [N, classes]",
            source.name,
            list(source.inputs[0].shape),
            f"{logits.dtype} {list(logits.shape)}",
            *wanted,
        )
    return image if fits else None


def describe_methods(
    optimized: OptimizedModel, image: ImageSpec | None, cases: tuple[GoldenCase, ...]
) -> tuple[MethodSpec, ...]:
    captured = optimized.captured
    free = set(captured.free_axes)
    inputs = tuple(
        TensorSpec(
            name=spec.name,
            dtype=spec.dtype,
            shape=tuple(None if (index, axis) in free else size for axis, size in enumerate(spec.shape)),
            low=spec.low,
            high=spec.high,
        )
        for index, spec in enumerate(captured.source.inputs)
    )
    first = captured.references[0]
    outputs = tuple(_output(name, captured.references, free) for name in first.outputs)
    methods = (MethodSpec(name="forward", structure=first.structure, inputs=inputs, outputs=outputs),)
    if image is None:
        return methods
    picture = TensorSpec(name="image", dtype="uint8", shape=(None, None, 3), low=0, high=255)
    ranked = next(case.outputs for case in cases if case.method == "predict")
    results = tuple(TensorSpec(name=output.name, dtype=output.dtype, shape=output.shape) for output in ranked)
    return (*methods, MethodSpec(name="predict", structure="(*, *)", inputs=(picture,), outputs=results))


def _output(name: str, references: tuple[Reference, ...], free: set[tuple[int, int]]) -> TensorSpec:
    value = references[0].outputs[name]
    shape: list[int | None] = list(value.shape)
    for reference in references:
        if set(reference.probe.axes) <= free and name in reference.outputs:
            for axis, size in enumerate(reference.outputs[name].shape):
                if axis < len(shape) and size != value.shape[axis]:
                    shape[axis] = None
    return TensorSpec(name=name, dtype=str(value.dtype), shape=tuple(shape))


def check_labels(labels: tuple[str, ...], methods: tuple[MethodSpec, ...]) -> tuple[str, ...]:
    """The labels for a package with these methods; none if it has no `predict`.

    Raises:
        UsageError: the number of labels differs from the number of classes.
    """
    predict = next((method for method in methods if method.name == "predict"), None)
    if predict is None:
        return ()
    classes = predict.outputs[0].shape[0]
    if labels and len(labels) != classes:
        raise UsageError(
            f"{len(labels)} labels were given for {classes} classes. Pass one label for each class, in order."
        )
    return labels
