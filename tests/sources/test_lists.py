"""One tensor for a parameter that takes several is refused."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, Union  # noqa: UP035  as models have them

import pytest
import torch
from torch import Tensor, nn

import edgekit
from edgekit.errors import UsageError
from edgekit.sources.arguments import arguments_of
from edgekit.sources.inputs import parse_input
from edgekit.sources.lists import check_lists


class Fc(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)


class Pictures(Fc):
    def forward(self, xs):
        return [self.fc(x) for x in xs]


class Numbered(Fc):
    def forward(self, xs):
        found = {}
        for index, x in enumerate(xs):
            found[f"level {index}"] = self.fc(x)
        return found


class Counted(Fc):
    def forward(self, xs):
        found = []
        for index in range(len(xs)):
            found.append(self.fc(xs[index]))
        return tuple(found)


class Applied(Fc):
    def forward(self, xs):
        return list(map(self.fc, xs))


class Heads(nn.Module):
    """One layer for each tensor of the list."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.ModuleList([nn.Linear(4, 3), nn.Linear(4, 3)])

    def forward(self, xs):
        return [head(x) for head, x in zip(self.heads, xs, strict=False)]


class Sized(Fc):
    """The number of rows matters, and there is one output."""

    def forward(self, x):
        return self.fc(x).sum(0) / len(x)


class Unpacked(Fc):
    def forward(self, features):
        low, high = features
        return self.fc(low) + high.sum()


class Annotated(Fc):
    def forward(self, xs: List[Tensor]) -> Tensor:  # noqa: UP006  older annotations are tested
        return self.fc(torch.stack(xs)).sum(0)


class Modern(Fc):
    def forward(self, xs: list[Tensor] | None) -> Tensor:
        assert xs is not None
        return self.fc(torch.stack(xs)).sum(0)


class Old(Fc):
    def forward(self, xs: Optional[Sequence[Tensor]] = None) -> Tensor:  # noqa: UP045  older annotations are tested
        assert xs is not None
        return self.fc(xs[0])


class Paired(Fc):
    def forward(self, xs: Tuple[Tensor, Tensor]) -> Tensor:  # noqa: UP006  older annotations are tested
        return self.fc(xs[0]) + self.fc(xs[1])


class Quoted(Fc):
    def forward(self, xs: "Tuple[Tensor, NotImported]") -> Tensor:  # noqa: F821, UP006  older annotations are tested
        return self.fc(xs[0])


class Batch(Fc):
    def forward(self, batch: Dict[str, Tensor]) -> Tensor:  # noqa: UP006  older annotations are tested
        return self.fc(batch["image"])


class Mapped(Fc):
    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        return self.fc(batch["image"])


class Rows(Fc):
    """A loop over the rows of a tensor, which gives one output."""

    def forward(self, x):
        h = torch.zeros(3)
        for row in x:
            h = torch.tanh(self.fc(row) + h)
        return h


class RowsOfATensor(Fc):
    def forward(self, x: Tensor) -> list[Tensor]:
        return [self.fc(row) for row in x]


class Either(Fc):
    def forward(self, x: Union[Tensor, List[Tensor]]) -> Tensor:  # noqa: UP006, UP007  older annotations are tested
        return self.fc(x if isinstance(x, Tensor) else x[0])


class Checked(Fc):
    def forward(self, x):
        if isinstance(x, tuple | list):
            x, _ = x
        return self.fc(x)


class Anything(Fc):
    def forward(self, x: Any, scale: float = 2.0) -> Tensor:
        return self.fc(x) * scale


def check(kind: type[nn.Module]) -> None:
    module = kind().eval()
    check_lists(module, arguments_of(module.forward, [parse_input("2x4")]))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Pictures, r"a list of tensors as 'xs'.*--input xs\.0=2x4 --input xs\.1=2x4; .*annotate it with torch\.Tensor"),
        (Numbered, "a list of tensors as 'xs'"),
        (Counted, "a list of tensors as 'xs'"),
        (Applied, "a list of tensors as 'xs'"),
        (Heads, "a list of tensors as 'xs'"),
        (Unpacked, "a list of tensors as 'features'"),
        (Annotated, "a list of tensors as 'xs'"),
        (Modern, "a list of tensors as 'xs'"),
        (Old, "a list of tensors as 'xs'"),
        (Paired, "a tuple of tensors as 'xs'"),
        (Quoted, "a tuple of tensors as 'xs'"),
        (Batch, r"a dict of tensors as 'batch'.*--input batch\.KEY=2x4; in Python, pass a dict"),
        (Mapped, "a dict of tensors as 'batch'"),
    ],
)
def test_check_lists_one_tensor_for_several_is_a_usage_error(kind: type[nn.Module], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check(kind)


@pytest.mark.parametrize("kind", [Rows, Sized, RowsOfATensor, Either, Checked, Anything])
def test_check_lists_parameter_that_may_take_a_tensor_is_accepted(kind: type[Fc]) -> None:
    check(kind)


@pytest.mark.parametrize("kind", [Pictures, Unpacked, Annotated, Paired])
def test_export_list_by_its_tensors(tmp_path: Path, kind: type[Fc]) -> None:
    torch.manual_seed(0)
    with pytest.raises(UsageError, match="one tensor was given"):
        edgekit.export(kind().eval(), ["2x4"], output=tmp_path / "m.ptl")
    report = edgekit.export(kind().eval(), [["2x4", "2x4"]], output=tmp_path / "m.ptl", server=False)
    assert [spec.name.partition(".")[2] for spec in report.manifest.methods[0].inputs] == ["0", "1"]
    assert report.verdict.passed
