"""Nested values and how their structure is spelled."""

import pytest
import torch

from edgekit.nested import structure_of

T = torch.zeros(1)


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        (T, "*"),
        ((T,), "(*,)"),
        ([T, (1, None)], "[*, (*, None)]"),
        ({"logits": T, "a": T}, "{'logits': *, 'a': *}"),
        ({"it's": T}, r"{'it\'s': *}"),
        ({r"back\slash": T}, r"{'back\\slash': *}"),
        ({3: T}, "{'3': *}"),
    ],
)
def test_structureOf_spells_as_the_format_says(value: object, spelled: str) -> None:
    assert structure_of(value) == spelled
