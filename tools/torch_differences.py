"""Writes docs/torch-versions.md: what differs between a newer torch with the workshop, and this torch in one process.

    python tools/torch_differences.py --python NEWEST_ENVIRONMENT/bin/python

Each model is exported in the environment with the newer torch, where this Python is the workshop, and here in process. The
golden cases of the package made here are replayed in the one made there. Both need torchvision, timm and transformers.
`docs/torch-versions.json` keeps what was found: a run measures the models that it names, and the others stay as they are.
"""

import argparse
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch_models import SHORT, Model, known_models

from edgekit.format.archive import Archive
from edgekit.runtimes.lite import LiteModule, golden_cases, replay

ROOT = Path(__file__).parents[1]
PAGE, DATA = ROOT / "docs" / "torch-versions.md", ROOT / "docs" / "torch-versions.json"
LIBRARIES = ("torch", "torchvision", "timm", "transformers")
SAME, DIFFERENT = "same answers", "other answers"
FAILED, ONLY_THERE, NEITHER = "fails in the workshop", "fails in one process", "fails in both"
DRIVER = """
import contextlib, io, json, os, sys
from edgekit.cli.main import main
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for line in sys.stdin:
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = main(json.loads(line))
    print(json.dumps([code, said.getvalue()]), file=answers, flush=True)
"""  # one interpreter for all models, because it takes longer to import torch than to export a small one
HEAD = """# What differs between torches

Models that torch {newest} captured and the workshop finished, against the same export in one process with torch {workshop}.
`tools/torch_differences.py` writes this page, with timm {timm} and transformers {transformers}; the weights are random.

- **Verdict**: the golden cases of the package made in process, replayed in the other one with the same bounds. The error is the
  largest norm error of them.
- **Operators**: those of the package that only one of the two has; the packages of the other models have the same operators.

| Model | Operators only from torch {newest} | Only from torch {workshop} | Verdict | Error |
|---|---|---|---|---|
"""
TAIL = """
{same} of {all} models have the same answers, {operators} of them with other operators.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found for a model. `error` is the largest norm error, None if nothing was replayed."""

    model: str
    verdict: str
    only_newest: tuple[str, ...] = ()
    only_workshop: tuple[str, ...] = ()
    error: float | None = None
    message: str = ""


class Side:
    """An interpreter that exports one model after the other."""

    def __init__(self, python: str) -> None:
        self._python = python
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Side":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            with self._process as ending:  # waits for it
                ending.kill()

    def export(self, model: Model, package: Path) -> str:
        """Exports a model. Returns the message if that fails."""
        if self._process is None or self._process.poll() is not None:
            environment = {
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "EDGEKIT_WORKSHOP": sys.executable,
                "OMP_NUM_THREADS": "1",
            }
            command = [self._python, "-W", "ignore", "-c", DRIVER]
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        arguments = ["--quiet", "export", *model.arguments, "--no-server", "-o", str(package)]
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            return f"the process ended with {self._process.wait()}"
        code, said = json.loads(answer)
        if code == 0:
            return ""
        lines = said.strip().splitlines() or [f"exit code {code}"]
        message = next((line for line in lines if line.startswith("edgekit: ")), lines[-1])
        return str(message.removeprefix("edgekit: "))


def survey(model: Model, newest: Side, this: Side, folder: Path) -> Found:
    """Exports a model on both sides and compares the packages."""
    there, here = folder / "there.ptl", folder / "here.ptl"
    said_there, said_here = newest.export(model, there), this.export(model, here)
    if said_there or said_here:
        verdict = NEITHER if said_there and said_here else FAILED if said_there else ONLY_THERE
        return Found(model=model.name, verdict=verdict, message=said_there or said_here)
    return compared(model.name, there, here)


def compared(name: str, there: Path, here: Path) -> Found:
    """Compares the packages of a model, and replays the golden cases of the one in the other."""
    with Archive(there) as a, Archive(here) as b:
        assert a.manifest is not None
        assert b.manifest is not None
        cases, manifest = golden_cases(b)
        module = LiteModule(there)
        replayed = [
            found for case in cases for found in replay(module, case, manifest.method(case.method), manifest.tolerance)
        ]
        new, old = set(a.manifest.operators), set(b.manifest.operators)
    return Found(
        model=name,
        verdict=SAME if replayed and all(found.passed for found in replayed) else DIFFERENT,
        only_newest=tuple(sorted(new - old)),
        only_workshop=tuple(sorted(old - new)),
        error=max((found.norm_error for found in replayed if found.norm_error is not None), default=None),
    )


def versions(python: str) -> dict[str, str]:
    """The versions of the page: both torches, and the libraries, which both environments must have alike."""
    code = f"import importlib.metadata as m, json; print(json.dumps({{n: m.version(n) for n in {LIBRARIES}}}))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{python}: {done.stderr.strip().splitlines()[-1]}. Install {', '.join(LIBRARIES)} there.")
    there = json.loads(done.stdout)
    here = {name: importlib.metadata.version(name) for name in LIBRARIES}
    for name in ("timm", "transformers"):
        if there[name] != here[name]:
            sys.exit(f"{name} is {there[name]} there and {here[name]} here: install the same version.")
    return {
        "newest": there["torch"],
        "workshop": here["torch"],
        "timm": here["timm"],
        "transformers": here["transformers"],
    }


def page(document: dict[str, Any], known: Iterable[str]) -> str:
    """The page for what `DATA` holds, of the known models."""
    found = [Found(**{key: _tupled(value) for key, value in row.items()}) for row in document["models"]]
    good = [row for row in found if row.verdict == SAME]
    tail = TAIL.format(
        same=len(good), all=len(found), operators=sum(bool(r.only_newest or r.only_workshop) for r in good)
    )
    said = "".join(f"\n- {row.model}: {row.message}" for row in found if row.message)
    missing = sorted(set(known) - {row.model for row in found})
    unmeasured = f"\nNot measured with these versions: {', '.join(missing)}.\n" if missing else ""
    return (
        HEAD.format(**document["versions"])
        + "".join(map(_row, found))
        + tail
        + (f"{said}\n" if said else "")
        + unmeasured
    )


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _row(row: Found) -> str:
    error = "" if row.error is None else f"{row.error:.1e}"
    return f"| {row.model} | {_named(row.only_newest)} | {_named(row.only_workshop)} | {row.verdict} | {error} |\n"


def _named(operators: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in operators)


def main() -> None:
    models = known_models()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True, help="the interpreter of the environment with the newer torch")
    parser.add_argument(
        "--models", nargs="+", default=SHORT, metavar="NAME", help="LIBRARY/NAME, or all (default: ten)"
    )
    options = parser.parse_args()
    names = list(models) if options.models == ["all"] else options.models
    if unknown := [name for name in names if name not in models]:
        parser.error(f"unknown models {', '.join(unknown)}; expected some of {', '.join(models)}")
    document: dict[str, Any] = json.loads(DATA.read_text()) if DATA.is_file() else {}
    here = versions(options.python)
    rows = {row["model"]: row for row in document.get("models", [])} if document.get("versions") == here else {}
    with Side(options.python) as newest, Side(sys.executable) as this:
        for name in names:
            with tempfile.TemporaryDirectory() as folder:
                found = survey(models[name], newest, this, Path(folder))
            print(
                found.model,
                found.verdict,
                found.error,
                *found.only_newest,
                *found.only_workshop,
                found.message,
                flush=True,
            )
            rows[name] = asdict(found)
            document = {"versions": here, "models": [rows[known] for known in models if known in rows]}
            DATA.write_text(json.dumps(document, indent=1) + "\n")
            PAGE.write_text(page(document, models))


if __name__ == "__main__":
    main()
