"""What `export` reports: the results of its document, which is also the JSON file beside the package."""

from dataclasses import dataclass

from edgekit.format.schema import ImageSpec, Manifest, ParityResult, PassResult, RecipeResult, Versions, WeightsInfo
from edgekit.report.documents import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportContext:
    name: str
    versions: Versions


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureSummary:
    mode: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerResult:
    """The server's file, its largest error, and what became of `optimize_for_inference`."""

    file: str
    size_bytes: int
    norm_error: float
    optimize_for_inference: PassResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportResult:
    """File names without folders, sizes in bytes, and what the manifest says of the way from the model to the file.

    `image` has what `predict` ranks; it is null for a package without `predict`.
    """

    package: str
    package_bytes: int
    server: ServerResult | None
    weights: WeightsInfo
    capture: CaptureSummary
    recipe: RecipeResult
    parity: ParityResult
    image: ImageSpec | None


ExportDocument = Document[ExportContext, ExportResult]


def export_document(
    manifest: Manifest, *, package: str, package_bytes: int, server: ServerResult | None
) -> ExportDocument:
    return Document(
        context=ExportContext(name=manifest.name, versions=manifest.provenance.versions),
        results=ExportResult(
            package=package,
            package_bytes=package_bytes,
            server=server,
            weights=manifest.provenance.weights,
            capture=CaptureSummary(mode=manifest.capture.mode, reason=manifest.capture.reason),
            recipe=manifest.recipe,
            parity=manifest.parity,
            image=manifest.image,
        ),
    )
