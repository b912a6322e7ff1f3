"""`edgekit bench` as a gate: `--save`, `--compare`, `--budget`, and what does not fit together."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from schemas import validate

from cli.command import Command


def test_command_line_saves_compares_and_keeps_a_budget(cli: Command, tiny: Path, tmp_path: Path) -> None:
    short = ("bench", tiny, "--iterations", 10, "--min-seconds", 0, "--threads", 1)
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    cli(*short, "--save", one).passed("recipe mobile, method forward")
    validate(json.loads(one.read_text()), "bench")
    over = cli(*short, "--save", two, "--budget", "p50_ms=1e-9")
    assert over.code == 1
    assert "OVER BUDGET: p50_ms is" in over.out
    assert len(json.loads(two.read_text())["context"]["exceeded"]) == 1
    result = cli("bench", "--compare", one, two, "--threshold", "100000%", "--json")
    assert result.code == 0, result.err
    document = json.loads(result.out)
    validate(document, "bench-compare")
    assert [row["figure"] for row in document["results"]] == ["p50_ms", "peak_rss_bytes", "size_bytes"]
    slow = json.loads(two.read_text())
    slow["results"][0].update(p50_ms=1e9, peak_rss_bytes=1 << 60)
    two.write_text(json.dumps(slow))
    worse = cli("bench", "--compare", one, two)
    assert worse.code == 1
    assert "REGRESSED" in worse.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "expected a package, or --compare OLD NEW"),
        (("x.ptl", "--threshold", "5%"), "--threshold is for --compare"),
        (("x.ptl", "--rounds", "0"), "rounds must be at least 1"),
        (("--compare", "a.json", "b.json", "--threshold", "x"), "no such file|cannot be read"),
        (("x.ptl", "--compare", "a.json", "b.json"), "Leave a package out"),
        (("--compare", "a.json", "b.json", "--save", "c.json"), "Leave --save out"),
    ],
)
def test_command_line_refuses_what_does_not_fit(cli: Command, arguments: Sequence[str], message: str) -> None:
    result = cli("bench", *arguments)
    assert result.code == 2
    assert any(part in result.err for part in message.split("|")), result.err
