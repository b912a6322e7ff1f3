"""`edgekit sweep`: requests that are refused before anything runs. tests/sweep has what runs."""

from pathlib import Path

import pytest

from cli.command import Command, everything_in


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--models", "no_such_*"], "--models no_such_*: no model has such a name"),
        (["--models", "resnet81"], "--models resnet81: no model has such a name"),
        (["--jobs", "0"], "--jobs is 0; expected at least 1"),
        (["--retry-failed"], "Give --resume too"),
        (["--memory-limit", "much"], "'much' is not a size"),
        (["--timeout", "0"], "is not a positive number of seconds"),
        (["--models", "resnet18", "--input", "1xx"], "--input"),
    ],
)
def test_sweep_wrong_request_is_a_usage_error(cli: Command, folder: Path, arguments: list[str], message: str) -> None:
    cli("sweep", *arguments).failed(2, message)
    assert everything_in(folder) == []
