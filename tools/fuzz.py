"""Runs libFuzzer on the readers of cpp_runner/fuzz for some seconds each, from the files of the tests: `make fuzz SECONDS=60`.

What libFuzzer finds stays in build/fuzz/READER/: new inputs in corpus/, and crash-*, timeout-*, oom-* and leak-* beside it.
"""

import argparse
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from reliability import write_figures

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))  # for the files of tests/attacks
CONFORMANCE = ROOT / "tests" / "conformance"
PROGRAM = ROOT / "build" / "cpp" / "fuzz" / "fuzz" / "edgekit_fuzz"
BUILD = ROOT / "build" / "fuzz"
READERS = ("package", "pickle", "text", "npy", "png", "jpeg")
FINDINGS = ("crash-*", "timeout-*", "oom-*", "leak-*")
OPTIONS = ("-timeout=25", "-rss_limit_mb=3000", "-print_final_stats=1")  # seconds and memory of one input
ENVIRONMENT = {"ASAN_OPTIONS": "allocator_may_return_null=1", "UBSAN_OPTIONS": "print_stacktrace=1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuzzed:
    """What libFuzzer did with a reader."""

    reader: str
    seeds: int
    runs: int
    edges: int
    kept: int
    findings: tuple[str, ...]


def seeds_of(reader: str, package: Path) -> Iterator[bytes]:
    """Inputs to begin with: the files of tests/conformance, or what tests/attacks makes of the package."""
    if reader == "package":
        yield from package_seeds(package)
    elif reader == "pickle":
        yield from pickle_seeds(package)
    elif reader == "text":
        for letter, file in (("m", "manifests.json"), ("g", "goldens.json"), ("l", "labels.json")):
            for case in json.loads((CONFORMANCE / file).read_text())["cases"]:
                yield (letter + case["text"]).encode()
    elif reader == "npy":
        yield from npy_seeds()
    else:
        for path in sorted((CONFORMANCE / "images").glob("*.jpg" if reader == "jpeg" else "*.png")):
            yield path.read_bytes()


def package_seeds(package: Path) -> Iterator[bytes]:
    from attacks.containers import ATTACKS, join, parts_of
    from attacks.test_containers import records_of

    parts = parts_of(records_of(package))
    yield join(parts)
    yield join([part for part in parts if "/extra/" not in part.name])
    for _, attack in ATTACKS.values():
        yield attack(parts)


def pickle_seeds(package: Path) -> Iterator[bytes]:
    from attacks.test_containers import records_of
    from attacks.test_pickles import PICKLES, START

    yield from (content for name, content in records_of(package).items() if name.endswith(".pkl"))
    for _, pickle in PICKLES.values():
        if len(pickle) < 1 << 16:  # a large input is slow
            yield START + pickle


def npy_seeds() -> Iterator[bytes]:
    for dtype in ("<f4", "<f8", "u1", "i1", "<i4", "<i8", "?", ">f4", "<c8"):
        for shape in ((), (3,), (2, 3, 4), (0, 5)):
            file = io.BytesIO()
            np.save(file, np.zeros(shape, dtype=dtype))
            yield file.getvalue()


def write_seeds(reader: str, package: Path, folder: Path) -> list[Path]:
    """Writes the seeds into the folder, which it makes anew, and returns their files."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    files = []
    for number, content in enumerate(seeds_of(reader, package)):
        files.append(folder / f"{number:03}")
        files[-1].write_bytes(content)
    return files


def fuzz(reader: str, package: Path, seconds: int) -> Fuzzed:
    """Runs libFuzzer on one reader in its folder."""
    folder = BUILD / reader
    seeds = write_seeds(reader, package, folder / "seeds")
    (folder / "corpus").mkdir(exist_ok=True)
    for pattern in FINDINGS:
        for old in folder.glob(pattern):
            old.unlink()
    command = [PROGRAM, reader, f"-max_total_time={seconds}", *OPTIONS, f"-artifact_prefix={folder}/"]
    with (folder / "log").open("w") as log:
        done = subprocess.run(
            [*command, folder / "corpus", folder / "seeds"], check=False, stderr=log, env=os.environ | ENVIRONMENT
        )
    findings = sorted(path.name for pattern in FINDINGS for path in folder.glob(pattern))
    if done.returncode != 0 and not findings:
        findings = [f"exit code {done.returncode}, see {folder.relative_to(ROOT)}/log"]
    text = (folder / "log").read_text(errors="replace")
    return Fuzzed(
        reader=reader,
        seeds=len(seeds),
        runs=last_number(r"stat::number_of_executed_units: (\d+)", text),
        edges=last_number(r"cov: (\d+)", text),
        kept=len(list((folder / "corpus").iterdir())),
        findings=tuple(findings),
    )


def last_number(pattern: str, text: str) -> int:
    return int((re.findall(pattern, text) or ["0"])[-1])


def table(results: list[Fuzzed], seconds: int) -> str:
    rows = [f"`make fuzz SECONDS={seconds}`, with the address and undefined-behaviour sanitizers of clang:", ""]
    rows += ["| reader | seeds | inputs run | edges covered | inputs kept | findings |", "|---|---|---|---|---|---|"]
    for it in results:
        found = ", ".join(it.findings) or "0"
        rows.append(f"| {it.reader} | {it.seeds} | {it.runs:,} | {it.edges:,} | {it.kept:,} | {found} |")
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=60, help="the time of each reader")
    parser.add_argument("--jobs", type=int, default=2, help="how many readers run at the same time")
    parser.add_argument("--write", action="store_true", help="write the figures into docs/reliability.md")
    options = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    package = BUILD / "good.ptl"
    torture = [sys.executable, "-W", "ignore", ROOT / "tools" / "torture.py"]
    subprocess.run([*torture, "--export", package], check=True, stdout=subprocess.DEVNULL)
    with ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(partial(fuzz, package=package, seconds=options.seconds), READERS))
    text = table(results, options.seconds)
    print(text)
    if options.write:
        write_figures("fuzz", text)
    return 1 if any(it.findings for it in results) else 0


if __name__ == "__main__":
    sys.exit(main())
