"""What is in a package, read without torch or numpy."""

from dataclasses import dataclass

from edgekit.format.archive import Archive, Record
from edgekit.format.schema import ConstantInfo, Manifest
from edgekit.format.signature import KEY_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodSummary:
    """A method as the manifest describes it, or as the bytecode does if there is no manifest."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """`signed_by` is the public key in the signature, in hex, and None without one. The signature is not checked here."""

    file: str
    size_bytes: int
    bytecode_version: int
    manifest: Manifest | None
    signed_by: str | None
    methods: tuple[MethodSummary, ...]
    operators: tuple[str, ...]
    constants: tuple[ConstantInfo, ...]
    labels: tuple[str, ...]
    records: tuple[Record, ...]


def inspect_package(archive: Archive) -> Inspection:
    """Reads everything except the weights.

    Raises:
        PackageError: a record is damaged.
    """
    archive.check_documents()
    archive.check_storages()
    manifest = archive.manifest
    named = {} if manifest is None else {(c.record, c.shape): c.parameter for c in manifest.constants}
    constants = tuple(
        ConstantInfo(record=t.record, dtype=t.dtype, shape=t.shape, parameter=named.get((t.record, t.shape)))
        for t in archive.tensors()
    )
    return Inspection(
        file=archive.path.name,
        size_bytes=archive.path.stat().st_size,
        bytecode_version=archive.bytecode.version,
        manifest=manifest,
        signed_by=None if archive.signature is None else archive.signature[:KEY_BYTES].hex(),
        methods=_methods(archive),
        operators=archive.bytecode.operators,
        constants=constants,
        labels=archive.labels,
        records=archive.records,
    )


def _methods(archive: Archive) -> tuple[MethodSummary, ...]:
    summaries = []
    for method in archive.bytecode.methods:
        spec = None if archive.manifest is None else archive.manifest.method(method.name)
        if spec is not None:
            inputs, outputs = tuple(map(str, spec.inputs)), tuple(map(str, spec.outputs))
        else:
            inputs = tuple(map(str, method.inputs))
            outputs = tuple(output.type for output in method.outputs)
        summaries.append(MethodSummary(name=method.name, inputs=inputs, outputs=outputs, operators=method.operators))
    return tuple(summaries)


def selective_build_yaml(operators: tuple[str, ...]) -> str:
    """The operators in the format that a custom libtorch build reads as SELECTED_OP_LIST."""
    return "".join(f"- {name}\n" for name in operators)
