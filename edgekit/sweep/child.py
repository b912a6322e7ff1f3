"""The process that exports one model of a sweep: `python -m edgekit.sweep.child FOLDER PARENT THREADS`.

It reads FOLDER/request.json and writes FOLDER/row.json. It ends when PARENT, the process that started it, ends. XNNPACK's
pool gets THREADS threads.
"""

import contextlib
import ctypes
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec

from edgekit.errors import EdgekitError, first_line, printable
from edgekit.report.console import UNPROVEN_MEANS
from edgekit.sweep.rows import ModelRequest, SweepRow
from edgekit.threads import prepare_process, share_cores

REQUEST, ROW = "request.json", "row.json"
_PR_SET_PDEATHSIG = 1
_OPERATOR = re.compile(r"\b[a-z_][a-z0-9_]*::\w+")


def main() -> None:
    """Does the request."""
    folder, parent = Path(sys.argv[1]), int(sys.argv[2])
    _end_with(parent)
    prepare_process()
    share_cores(int(sys.argv[3]))
    request = msgspec.json.decode((folder / REQUEST).read_bytes(), type=ModelRequest)
    row = exported(request, folder / "model.ptl")
    (folder / ROW).write_bytes(msgspec.json.encode(row))


def exported(request: ModelRequest, package: Path) -> SweepRow:
    """Exports one model. What goes wrong becomes a row."""
    try:
        return _exported(request, package)
    except EdgekitError as error:
        return failed(request.source, first_line(error))
    except MemoryError:
        return failed(request.source, "out of memory")
    except Exception as error:
        return failed(request.source, f"a bug of edgekit: {type(error).__name__}: {first_line(error)}")


def failed(source: str, reason: str) -> SweepRow:
    """The row of a model that was not exported."""
    found = _OPERATOR.search(reason)
    return SweepRow(
        model=source, status="failed", reason=printable(reason), operator=None if found is None else found[0]
    )


def _exported(request: ModelRequest, package: Path) -> SweepRow:
    from edgekit.pipeline import export_source
    from edgekit.proving import ExportRequest
    from edgekit.sources.inputs import parse_input
    from edgekit.sources.source import SourceRequest

    options = request.options
    source = SourceRequest(inputs=tuple(map(parse_input, options.inputs)), weights=options.weights, seed=options.seed)
    # An unproven output is a result here, so the export must not stop at it.
    fit: Any = options.fit  # one of the choices of the option
    wanted = ExportRequest(output=package, fit=fit, allow_unproven=True, server=False)
    report = export_source(request.source, source, wanted)
    manifest = report.manifest
    unproven = f"{', '.join(manifest.unproven)}. {UNPROVEN_MEANS}" if manifest.unproven else ""
    return SweepRow(
        model=request.source,
        status="UNPROVEN" if manifest.unproven else "verified",
        reason=unproven,
        package_bytes=package.stat().st_size,
        capture=manifest.capture.mode,
        weights=manifest.provenance.weights.kind,
        norm_error=manifest.parity.norm_error,
        fits=manifest.fits,
    )


def _end_with(parent: int) -> None:
    """Lets the system kill this process when its parent ends, also by a signal that the parent cannot handle."""
    with contextlib.suppress(OSError, AttributeError):  # only Linux has it
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


if __name__ == "__main__":
    main()
