"""Runs a package for long, and loads it again and again, in Python and through the C ABI: `make soak N=100000`.

Two threads predict pictures of changing sizes. The resident memory must not grow.

malloc has one arena. By default glibc has one for each thread, and their free parts take about 20,000 runs to reach their final
size, 0.5 MB more, which would hide a small leak.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from reliability import write_figures
from small_net import net

import edgekit

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "build" / "cpp" / "release" / "tests" / "edgekit_soak"
ARENAS = "MALLOC_ARENA_MAX"
SAMPLES = 200
SHORTEST, SIDES = 32, 128  # the sides of pictures are 32 to 159
FIRST = 5000  # runs, in which allocators and caches fill; at most a quarter of all
# The most that the memory may grow: by 1 KB in 1,000 runs and by 1 KB in a load. A short form has too few to tell so little.
MOST_BYTES = {"runs": 1.024, "loads": 1024.0}
LONG = {"runs": 20_000, "loads": 500}
MOST_OF_SHORT = 4 << 20  # in all


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """The resident memory at the end of some runs or loads, and how much each of them adds."""

    tool: str
    what: str
    number: int
    resident_bytes: int
    slope_bytes: float

    @property
    def is_leak(self) -> bool:
        is_long = self.number >= LONG[self.what]
        return self.slope_bytes > (MOST_BYTES[self.what] if is_long else MOST_OF_SHORT / self.number)


def growth(tool: str, what: str, samples: list[tuple[int, int]]) -> Growth:
    """What samples of a number and the resident memory say: the slope is that of the least squares."""
    number, resident_bytes = samples[-1]
    late = np.array([it for it in samples if it[0] >= min(FIRST, number / 4)], dtype=np.float64)
    slope = float(np.polyfit(late[:, 0] - late[0, 0], late[:, 1] - late[0, 1], 1)[0])
    return Growth(tool=tool, what=what, number=number, resident_bytes=resident_bytes, slope_bytes=slope)


def in_python(package: Path, runs: int, loads: int) -> Iterator[Growth]:
    yield growth("Python", "runs", soak_runs(package, runs))
    yield growth("Python", "loads", soak_loads(package, loads))


def soak_runs(package: Path, runs: int) -> list[tuple[int, int]]:
    """Predicts by two threads. Returns the number of runs and the resident memory at some moments."""
    model = edgekit.load(package)
    assert isinstance(model, edgekit.model.LiteModel)
    samples: list[tuple[int, int]] = []
    every = max(1, runs // SAMPLES)
    done = iter(range(1, runs + 1))
    lock = threading.Lock()

    def work(seed: int) -> None:
        chance = np.random.default_rng(seed)
        pixels = np.full((SHORTEST + SIDES, SHORTEST + SIDES, 3), 127, np.uint8)
        while True:
            with lock:
                number = next(done, 0)
            if number == 0:
                return
            height, width = (SHORTEST + int(side) for side in chance.integers(0, SIDES, 2))
            model.predict(np.ascontiguousarray(pixels[:height, :width]))
            if number % every == 0:
                samples.append((number, resident_bytes()))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(samples)


def soak_loads(package: Path, loads: int) -> list[tuple[int, int]]:
    samples = []
    every = max(1, loads // SAMPLES)
    for number in range(loads + 1):
        edgekit.load(package)
        if number % every == 0:
            samples.append((number, resident_bytes()))
    return samples


def in_c(program: Path, package: Path, runs: int, loads: int) -> Iterator[Growth]:
    done = subprocess.run([program, package, str(runs), str(loads)], check=True, stdout=subprocess.PIPE, text=True)
    rows = [line.split() for line in done.stdout.splitlines()]
    for what in ("runs", "loads"):
        yield growth("C", what, [(int(number), int(size)) for name, number, size in rows if name == what])


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def table(results: list[Growth], runs: int, loads: int) -> str:
    rows = [f"`make soak N={runs}` and {loads:,} loads, torch {torch.__version__}:", ""]
    rows += [
        "| API | what | number | resident at the end, MB | growth, bytes for each 1,000 |",
        "|---|---|---|---|---|",
    ]
    for it in results:
        size, slope = f"{it.resident_bytes / 1e6:.0f}", f"{it.slope_bytes * 1000:,.0f}"
        rows.append(f"| {it.tool} | {it.what} | {it.number:,} | {size} | {slope} |")
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-n", type=int, default=100_000, help="the number of predictions")
    parser.add_argument("--loads", type=int, default=1000)
    parser.add_argument("--program", type=Path, default=PROGRAM, help="edgekit_soak of another build")
    parser.add_argument("--write", action="store_true", help="write the figures into docs/reliability.md")
    options = parser.parse_args()
    if ARENAS not in os.environ:  # glibc reads it as the process starts
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, ARENAS: "1"})
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        package = Path(folder) / "net.ptl"
        image = edgekit.ImageSpec(resize=36, crop=32, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
        edgekit.export(net(), "1x3x32x32", name="net", output=package, image=image, server=False)
        results = [
            *in_c(options.program, package, options.n, options.loads),
            *in_python(package, options.n, options.loads),
        ]
    text = table(results, options.n, options.loads)
    print(text)
    if options.write:
        write_figures("soak", text)
    return 1 if any(it.is_leak for it in results) else 0


if __name__ == "__main__":
    sys.exit(main())
