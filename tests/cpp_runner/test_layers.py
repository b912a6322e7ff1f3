"""The folders (rooms) of the runner's sources include only lower ones, and only engine/ includes libtorch."""

import re
from collections.abc import Mapping
from pathlib import Path

RUNNER = Path(__file__).parents[2] / "cpp_runner"
ROOMS = ("core", "format", "image", "engine", "report", "api")  # lowest first
TORCH = ("torch/", "ATen/", "c10/", "caffe2/")
PUBLIC_HEADER = "edgekit/edgekit.h"


def includes(text: str) -> list[str]:
    return re.findall(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', text, re.MULTILINE)


def room_of(path: str) -> str | None:
    first, slash, _ = path.partition("/")
    return first if slash and first in ROOMS else None


def source_violations(sources: Mapping[str, str]) -> list[str]:
    """The includes in src/ that break the order. The keys are paths relative to src/."""
    found = []
    for path, text in sources.items():
        room = room_of(path)
        for included in includes(text):
            above = room_of(included)
            if room and above and ROOMS.index(above) > ROOMS.index(room):
                found.append(f"{path} includes {included}: {above} is above {room}")
            if room != "engine" and included.startswith(TORCH):
                found.append(f"{path} includes {included}: only engine/ includes libtorch")
            if room != "api" and included == PUBLIC_HEADER:
                found.append(f"{path} includes {included}: only api/ does")
            if text.count(f'"{included}"') and "/" not in included:
                found.append(f"{path} includes {included} without its room")
    return found


def program_violations(sources: Mapping[str, str]) -> list[str]:
    """The includes in cli/ of headers of the library other than the public one. The keys are paths relative to cli/."""
    return [
        f"{path} includes {included}: the command line includes only {PUBLIC_HEADER}"
        for path, text in sources.items()
        for included in includes(text)
        if room_of(included) or included.startswith(TORCH)
    ]


def read(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.suffix in {".cpp", ".h", ".c"}]
    assert files
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def test_sources_include_only_lower_rooms() -> None:
    assert source_violations(read(RUNNER / "src")) == []
    assert program_violations(read(RUNNER / "cli")) == []


def test_sources_are_in_a_known_room() -> None:
    assert {path for path in read(RUNNER / "src") if room_of(path) is None} == set()


def test_tests_mirror_the_rooms() -> None:
    folders = {path.name for path in (RUNNER / "tests").iterdir() if path.is_dir()}
    assert folders <= set(ROOMS)


def test_violations_are_found() -> None:
    sources = {
        "core/a.h": '#include "core/b.h"\n#include "format/c.h"\n',
        "format/d.cpp": "#include <torch/version.h>\n",
        "report/e.cpp": '#include "reports.h"\n#include <string>\n#include "engine/model.h"\n',
        "image/f.cpp": "#include <edgekit/edgekit.h>\n",
    }
    assert source_violations(sources) == [
        "core/a.h includes format/c.h: format is above core",
        "format/d.cpp includes torch/version.h: only engine/ includes libtorch",
        "report/e.cpp includes reports.h without its room",
        "image/f.cpp includes edgekit/edgekit.h: only api/ does",
    ]
    assert len(program_violations({"run.cpp": '#include "core/status.h"\n#include <ATen/Parallel.h>\n'})) == 2
