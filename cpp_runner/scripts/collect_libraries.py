"""Copies the libraries that a program needs, directly or not, into a folder. The C library comes from the board.

Usage: collect_libraries.py TARGET PROGRAM SEARCH_FOLDER...
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

C_LIBRARY = re.compile(r"^(ld-linux.*|lib(c|m|dl|rt|pthread|util)\.so\..*)$")


def needed(binary: Path) -> list[str]:
    dynamic = subprocess.run(["readelf", "-d", binary], check=True, capture_output=True, text=True).stdout
    return re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)


def collect(target: Path, program: Path, folders: list[Path]) -> None:
    waiting = [program]
    seen: set[str] = set()
    while waiting:
        for name in needed(waiting.pop()):
            if name in seen or C_LIBRARY.match(name):
                continue
            seen.add(name)
            library = next((folder / name for folder in [target, *folders] if (folder / name).exists()), None)
            if library is None:
                sys.exit(f"collect_libraries: {name} is in none of {', '.join(map(str, folders))}")
            if library.parent != target:
                shutil.copy(library, target / name)  # the target of a link, under the name that the program needs
            waiting.append(library)


if __name__ == "__main__":
    collect(Path(sys.argv[1]), Path(sys.argv[2]), [Path(folder) for folder in sys.argv[3:]])
