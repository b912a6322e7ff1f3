"""What a sweep is asked for, what it finds, and its JSON document. Without torch."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from edgekit.report.documents import Document
from edgekit.threads import usable_cores

Status = Literal["verified", "UNPROVEN", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOptions:
    """How every model is exported; the same options of another sweep give the same rows. `inputs` are as in `--input`."""

    weights: str | None = None
    seed: int = 0
    fit: str
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One model: a source of `edgekit export`, and the options."""

    source: str
    options: SweepOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one model. `memory_bytes` is what its processes have in memory together, and `threads` are those of XNNPACK's pool; None
    takes a share of the machine."""

    timeout_s: float
    memory_bytes: int | None = None
    threads: int | None = None

    def shared(self, jobs: int, memory_bytes: int) -> "Limits":
        """The same for each of several models at the same time, which share this machine's cores and this memory."""
        return replace(
            self,
            memory_bytes=memory_bytes // jobs if self.memory_bytes is None else self.memory_bytes,
            threads=max(1, usable_cores() // jobs) if self.threads is None else self.threads,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRow:
    """The result of one model.

    `reason` is empty for a verified model; `operator` is one that the reason names. What follows is null for a failed model,
    except the seconds and the largest memory of its processes. `weights` is the kind of the weights, and `norm_error` the
    largest error of the saved file; `fits` are the known runtimes that have every operator.
    """

    model: str
    status: Status
    reason: str = ""
    operator: str | None = None
    seconds: float = 0.0
    peak_rss_bytes: int = 0
    package_bytes: int | None = None
    capture: str | None = None
    weights: str | None = None
    norm_error: float | None = None
    fits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepVersions:
    """`torchvision` is null where it is not installed."""

    edgekit: str
    torch: str
    torchvision: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepContext:
    """Numbers of models; `names` is how many `edgekit models` lists. `cpu` is null if nothing says it."""

    versions: SweepVersions
    options: SweepOptions
    names: int
    models: int
    verified: int
    unproven: int
    failed: int
    cpu: str | None


SweepDocument = Document[SweepContext, tuple[SweepRow, ...]]


def sweep_document(
    rows: Sequence[SweepRow], versions: SweepVersions, options: SweepOptions, *, names: int, cpu: str | None
) -> SweepDocument:
    """A row for each model."""
    count = Counter(row.status for row in rows)
    context = SweepContext(
        versions=versions,
        options=options,
        names=names,
        models=len(rows),
        verified=count["verified"],
        unproven=count["UNPROVEN"],
        failed=count["failed"],
        cpu=cpu,
    )
    return Document(context=context, results=tuple(rows))
