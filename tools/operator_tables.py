"""Writes edgekit/runtimes/operators/*.json: the operators and bytecode versions of each known runtime.

It makes one file for each operator that this torch knows, and for each bytecode version, and loads it in the runtime.
The runtime has the operators whose files it loads, and lacks those that it refuses by name. A package can use no others.

    python tools/operator_tables.py --python .venv/bin/python --python OLD_ENVIRONMENT/bin/python
        --android 1.12.2 HOST_CLI/lib AAR/jni CACHE_FOLDER

`make android-runtime` builds what --android needs; `edgekit verify --runtime torch-1.13.1` makes an old environment.
"""

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import edgekit

TABLES = Path(edgekit.__file__).parent / "runtimes" / "operators"
MADE_UP = "edgekit::made_up"  # a runtime that does not refuse this one, or refuses PRESENT, gives no usable answers
PRESENT = "aten::relu"
BYTECODES = range(1, 33)
PROBE = """
import sys, warnings
warnings.simplefilter("ignore")
from torch.jit.mobile import _load_for_lite_interpreter
for file in open(sys.argv[1]).read().splitlines():
    refusal = ""
    try:
        _load_for_lite_interpreter(file)
    except RuntimeError as error:
        refusal = (str(error).splitlines() or ["no reason"])[0]
    print("probe:", refusal)
"""


def base_records(folder: Path) -> dict[str, bytes]:
    """The records of a module that every runtime can load."""
    path = folder / "base.ptl"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.trace(torch.nn.ReLU(), torch.zeros(1))._save_for_lite_interpreter(str(path))
    with zipfile.ZipFile(path) as archive:
        return {info.filename.partition("/")[2]: archive.read(info) for info in archive.infolist()}


def write_probe(base: dict[str, bytes], path: Path, *, version: int | None = None, operator: str = PRESENT) -> Path:
    """Writes the base with another bytecode version, or with one more operator in its table that is never called."""
    own_version, (name, table, *schema) = pickle.loads(base["bytecode.pkl"])
    more = operator.partition(".")[::2]
    table = tuple((key, (*value, more) if key == "operators" else value) for key, value in table)
    content = (own_version if version is None else version, (name, table, *schema))
    records = {**base, "bytecode.pkl": pickle.dumps(content, protocol=2)}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as target:
        for record, data in records.items():
            target.writestr(f"archive/{record}", data)
    return path


def candidates() -> list[str]:
    """Every operator that this torch knows, including prepacked and quantized ones, without torchvision's."""
    schemas = torch._C._jit_get_all_schemas()
    names = {f"{one.name}.{one.overload_name}" if one.overload_name else one.name for one in schemas}
    return sorted(name for name in names if not name.startswith("torchvision::"))


def refusals(command: Sequence[str], files: Sequence[Path], folder: Path) -> list[str]:
    """The reason why a runtime refuses each file; empty if it loads the file."""
    listed = folder / "files.txt"
    listed.write_text("".join(f"{file}\n" for file in files))
    done = subprocess.run([*command, str(listed)], capture_output=True, text=True, check=False)
    answers = [line[6:].strip() for line in done.stdout.splitlines() if line.startswith("probe:")]
    if len(answers) != len(files):
        sys.exit(f"{command[0]} answered {len(answers)} of {len(files)} probes:\n{done.stderr[-2000:]}")
    return answers


def table(runtime: str, version: str, command: Sequence[str], folder: Path) -> dict[str, Any]:
    """Asks a runtime for its operators and bytecode versions.

    Raises:
        SystemExit: its answers contradict what is known about every runtime.
    """
    base = base_records(folder)
    known = [*candidates(), MADE_UP]
    probes = [write_probe(base, folder / f"operator-{i}.ptl", operator=name) for i, name in enumerate(known)]
    probes += [write_probe(base, folder / f"version-{n}.ptl", version=n) for n in BYTECODES]
    answers = refusals(command, probes, folder)
    reasons = dict(zip(known, answers, strict=False))
    unclear = [
        f"{name}: {answer}" for name, answer in reasons.items() if answer and name.partition(".")[0] not in answer
    ]
    if unclear or reasons[PRESENT] or not reasons[MADE_UP]:
        sys.exit(f"{runtime}: its answers are not usable: {unclear[:3] or reasons[PRESENT] or MADE_UP}")
    versions = [n for n, answer in zip(BYTECODES, answers[len(known) :], strict=True) if not answer]
    if not versions or versions != list(range(versions[0], versions[-1] + 1)):
        sys.exit(f"{runtime}: it loads the bytecode versions {versions}; expected a range")
    operators = [name for name in known if not reasons[name]]
    return {"runtime": runtime, "torch": version, "bytecode": [versions[0], versions[-1]], "operators": operators}


def write(found: dict[str, Any]) -> None:
    """Writes a compact file: one line for each namespace, and the names in it without the namespace."""
    grouped: dict[str, list[str]] = {}
    for name in found["operators"]:
        namespace, _, rest = name.partition("::")
        grouped.setdefault(namespace, []).append(rest)
    head = json.dumps({key: value for key, value in found.items() if key != "operators"})[:-1]
    lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(' '.join(names))}" for key, names in grouped.items())
    path = TABLES / f"{found['runtime']}.json"
    path.write_text(f'{head}, "operators": {{\n{lines}\n}}}}\n')
    print(f"{path.name}: {len(found['operators'])} operators, bytecode {found['bytecode']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", default=[], help="the interpreter of an environment with torch")
    parser.add_argument("--android", nargs=4, metavar=("VERSION", "LIBRARIES", "JNI", "CACHE"))
    options = parser.parse_args()
    TABLES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for python in options.python:
            asked = [python, "-W", "ignore", "-c", "import torch; print(torch.__version__)"]
            output = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
            version = output.strip().partition("+")[0]  # without the name of its build
            write(table(f"torch-{version}", version, [python, "-c", PROBE], Path(scratch)))
        if options.android:
            version, libraries, jni, cache = options.android
            java = ["java", "-cp", f"{libraries}/*", str(Path(__file__).with_name("OperatorProbe.java")), jni, cache]
            write(table(f"android-{version}", version, java, Path(scratch)))


if __name__ == "__main__":
    main()
