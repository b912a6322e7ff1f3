"""Messages are the same in every run."""

import pytest

from edgekit.errors import first_line, plain_text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("got tensor([[0.1, 0.2]], grad_fn=<AddBackward0>) here", "got a tensor here"),
        ("got tensor([], size=(0, 2)) and tensor(1)", "got a tensor and a tensor"),
        ("got tensor([[0.1, 0.2],", "got a tensor"),
        ("<function f at 0x7fd047c51ee0> failed", "<function f> failed"),
        ("__torch__.net.___torch_mangle_12.Net", "__torch__.net.Net"),
        ("a tensor of 0x3 elements", "a tensor of 0x3 elements"),
        ("expected 1x0xf", "expected 1x0xf"),
    ],
)
def test_plain_text_has_no_values_addresses_or_numbers_of_classes(text: str, plain: str) -> None:
    assert plain_text(text) == plain


def test_first_line_of_an_empty_message_is_the_type() -> None:
    assert first_line(ValueError()) == "ValueError"
    assert first_line(ValueError("a\nb")) == "a"
