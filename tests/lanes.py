"""Which lane a test belongs to: exactly one. A lane is a marker that one Make target selects by `-m`."""

from pathlib import Path

import pytest

LANES = ("python", "native", "android", "installs", "aarch64", "slow")
DEFAULT = "python"
FOLDERS = {"cpp_runner": "native", "android_demo": "android"}  # below tests/; a test's own marker comes first
_TESTS = Path(__file__).parent


def assign(items: list[pytest.Item]) -> None:
    """Marks each test with its lane.

    Raises:
        pytest.UsageError: a test names two lanes.
    """
    for item in items:
        named = sorted({marker.name for marker in item.iter_markers()} & set(LANES))
        if len(named) > 1:
            raise pytest.UsageError(f"{item.nodeid} has the markers of {len(named)} lanes: {', '.join(named)}")
        if not named:
            item.add_marker(folder_lane(item.path))


def folder_lane(path: Path) -> str:
    """The lane of the tests of a file that name none."""
    folder = path.relative_to(_TESTS).parts[0] if path.is_relative_to(_TESTS) else ""
    return FOLDERS.get(folder, DEFAULT)
