"""What to do about a runtime that is not built: a Make target in a checkout, a verb of edgekit where it was installed."""

from pathlib import Path

ROOT = Path(__file__).parents[2]  # the checkout, if this is one
RUNNER = "runner"


def in_checkout() -> bool:
    """Whether edgekit runs from a checkout of its sources, where its Makefile is."""
    return (ROOT / "Makefile").is_file() and (ROOT / "cpp_runner" / "CMakeLists.txt").is_file()


def how_to_build(make_target: str) -> str:
    """The remedy, as a sentence, for a runtime that this Make target builds."""
    if in_checkout():
        return f"Run make {make_target}."
    if make_target == RUNNER:
        return "Run edgekit build-runner."
    return "It can be built only from a checkout of edgekit's sources, not from an installed package."
