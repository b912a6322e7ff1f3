"""Golden cases."""

import torch
from torch import nn

import edgekit


class Logarithm(nn.Module):
    """NaN and infinite outside its range, where probes go too; a constant None in its graph."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.log(x) * torch.arange(x.shape[1])


def test_golden_cases_leave_out_answers_that_json_cannot_hold(tmp_path) -> None:
    report = edgekit.export(Logarithm(), ["1x8:float32[0.5,2]"], output=tmp_path / "logarithm.ptl")
    assert report.verdict.passed
    assert {result.case for result in report.verdict.results} >= {"forward: seed 1", "forward: seed 2"}
    assert "forward: negated" not in {result.case for result in report.verdict.results}
