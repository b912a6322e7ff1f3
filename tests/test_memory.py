"""Memory that was freed goes back to the system."""

import sys
from pathlib import Path

import pytest

from edgekit.memory import release_memory


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps it")
def test_release_memory_gives_back_what_small_blocks_held() -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1])

    kept = [bytearray(60_000) for _ in range(2000)]  # below the size that gets pages of its own
    last = bytearray(60_000)  # above them, so that the heap does not end where they do
    held = resident()
    kept.clear()
    release_memory()
    assert last
    assert held - resident() > 20_000  # pages
