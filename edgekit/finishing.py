"""From captured models to files: optimizing, packaging, verifying and the server's file. Takes data alone, no eager model."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from edgekit.format.schema import Manifest, Tolerance
from edgekit.packaging.draft import PackageDraft, finish_package
from edgekit.packaging.proof import check_manifest
from edgekit.packaging.server import draft_server
from edgekit.proving import ExportRequest, Method, Progress, proved_draft
from edgekit.report.export import ServerResult
from edgekit.runtimes.compat import ANDROID, fit_of, operator_table
from edgekit.runtimes.results import CaseResult, CaseRow
from edgekit.sources.methods import FORWARD

SERVER = "server.pt"  # in the job's scratch folder

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to make. `package` is the file to write; `scratch` is a folder for the server's file."""

    options: ExportRequest
    tolerance: Tolerance
    package: Path
    scratch: Path

    def to_plain(self) -> Any:
        """As JSON takes it; paths become texts."""
        return msgspec.to_builtins(self, enc_hook=str)

    @classmethod
    def from_plain(cls, value: Any) -> "Job":
        """What `to_plain` gave."""
        return msgspec.convert(value, cls, dec_hook=lambda _path, text: Path(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What was written. `server` describes the file `SERVER` in the scratch folder; None if there is none."""

    manifest: Manifest
    results: tuple[CaseResult, ...]
    server: ServerResult | None

    def to_plain(self) -> dict[str, Any]:
        """As JSON takes it."""
        rows = [CaseRow.of(result) for result in self.results]
        plain: dict[str, Any] = msgspec.to_builtins({"manifest": self.manifest, "results": rows, "server": self.server})
        return plain

    @classmethod
    def from_plain(cls, value: Mapping[str, Any]) -> "Finished":
        """What `to_plain` gave."""
        rows = msgspec.convert(value["results"], tuple[CaseRow, ...])
        return cls(
            manifest=msgspec.convert(value["manifest"], Manifest),
            results=tuple(row.result() for row in rows),
            server=msgspec.convert(value["server"], ServerResult | None),
        )


def finish(job: Job, methods: Sequence[Method], progress: Progress) -> Finished:
    """Makes a verified package of the captured methods, and the server's file if it is wanted."""
    draft, results = proved_draft(methods, job.options, job.tolerance, job.package, progress)
    manifest = finish_package(draft, results)
    check_manifest(manifest, job.options.allow_unproven)
    if job.options.fit == "android":
        _warn_if_unfit(manifest)
    server = _server(draft, job.scratch) if job.options.server else None
    return Finished(manifest=manifest, results=results, server=server)


def _server(draft: PackageDraft, folder: Path) -> ServerResult | None:
    """Writes the server's file.

    Returns:
        None if the file breaks parity, or if there is no `forward`, the only method that the file can have.
    """
    source, lacking = draft.optimized.captured.source, [model.captured.source.method for model in draft.others]
    if source.method != FORWARD:
        _log.warning("%s: the server's file was not written, because the model has no forward", source.name)
        return None
    if lacking:
        _log.warning("%s: the server's file has forward alone, without %s", source.name, ", ".join(lacking))
    made = draft_server(draft.optimized, draft.tolerance, folder)
    if made is None:
        return None
    return ServerResult(
        file=made.path.name,
        size_bytes=made.path.stat().st_size,
        norm_error=made.norm_error,
        optimize_for_inference=made.step,
    )


def _warn_if_unfit(manifest: Manifest) -> None:
    if ANDROID in manifest.fits:
        return
    fit = fit_of(operator_table(ANDROID), manifest.operators, manifest.bytecode_version, manifest)
    _log.warning("%s does not fit %s, which lacks %s: %s", manifest.name, ANDROID, ", ".join(fit.lacks), fit.remedy)
