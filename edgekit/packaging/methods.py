"""The methods of a package, as the manifest describes them."""

from dataclasses import replace

from edgekit.capture.captured import CapturedModel
from edgekit.errors import UsageError
from edgekit.format.golden import GoldenCase
from edgekit.format.schema import LABELS, ImageSpec, MethodSpec, TensorSpec, Tolerance
from edgekit.packaging.proof import output_proofs, predict_proof
from edgekit.parity.comparison import Reference, shared_structure
from edgekit.parity.ranges import axis_ranges


def describe_method(captured: CapturedModel, tolerance: Tolerance) -> MethodSpec:
    """The method that a captured model is."""
    ranges, answers = axis_ranges(captured.ranges), (*captured.references, *captured.sizes)
    inputs = tuple(
        TensorSpec(
            name=spec.name,
            dtype=spec.dtype,
            shape=tuple(ranges.get((index, axis), size) for axis, size in enumerate(spec.shape)),
            low=spec.low,
            high=spec.high,
        )
        for index, spec in enumerate(captured.source.inputs)
    )
    first = next(reference for reference in captured.references if reference.outputs)
    proofs = output_proofs(captured, tolerance)
    outputs = tuple(replace(_output(name, first, answers), proof=proofs.get(name)) for name in first.outputs)
    structure = shared_structure(answers)
    return MethodSpec(name=captured.source.method, structure=structure, inputs=inputs, outputs=outputs)


def describe_predict(cases: tuple[GoldenCase, ...]) -> MethodSpec:
    """`predict`, by its golden cases."""
    picture = TensorSpec(name="image", dtype="uint8", shape=(None, None, 3), low=0, high=255)
    proof = predict_proof(cases)
    results = tuple(
        TensorSpec(name=output.name, dtype=output.dtype, shape=output.shape, proof=proof) for output in cases[0].outputs
    )
    return MethodSpec(name="predict", structure="(*, *)", inputs=(picture,), outputs=results)


def _output(name: str, answer: Reference, references: tuple[Reference, ...]) -> TensorSpec:
    """The spec of an output of an answer. An axis is null unless every reference has the same size there.

    If the structure depends on the data, an output may be absent from other references. Then no size of it is proved.
    """
    value = answer.outputs[name]
    shape: list[int | None] = list(value.shape)
    for reference in references:
        sizes = reference.outputs[name].shape if name in reference.outputs else ()
        shape = [size if sizes[axis : axis + 1] == (size,) else None for axis, size in enumerate(shape)]
    return TensorSpec(name=name, dtype=str(value.dtype), shape=tuple(shape))


def check_labels(
    labels: tuple[str, ...], methods: tuple[MethodSpec, ...], image: ImageSpec | None = None
) -> tuple[str, ...]:
    """The labels for a package with these methods; none if it has no `predict`.

    Raises:
        UsageError: the number of labels differs from the number of classes.
    """
    predict = next((method for method in methods if method.name == "predict"), None)
    if predict is None:
        return ()
    classes = predict.outputs[0].shape[0] if image is None or image.task == LABELS else image.classes
    if labels and len(labels) != classes and classes is not None:
        raise UsageError(
            f"{len(labels)} labels were given for {classes} classes. Pass one label for each class, in order."
        )
    return labels
