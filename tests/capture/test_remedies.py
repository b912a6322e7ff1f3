"""The remedy follows from torch's message."""

import pytest

from edgekit.capture.remedies import capture_remedy


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("heads holds layers in a Python list or dict, so", "Put the layers into nn.ModuleList"),
        (
            "you are using FX to torch.jit.trace a dynamo-optimized function",
            "forward calls a function that torch.compile",
        ),
        ("The stateless API can't be used with Jitted modules", "Call the module itself"),
        (
            "Cannot insert a Tensor that requires grad as a constant\nscript: aten::grad(Tensor[]",
            "forward computes gradients",
        ),
        ("Cannot insert a Tensor that requires grad as a constant", "Register the tensor"),
        ("ENTER is not supported in mobile module", "Scripted code has a with statement"),
        ("Could not export Python function call 'Swish'", "A custom autograd function cannot be scripted"),
        ("attribute lookup is not defined on python value of type 'FunctionMeta'", "A custom autograd function"),
        ("the program has HigherOrderOperator cond", "Write the model without torch.cond"),
        ("'Tensor' object has no attribute or method 'numpy'.", "Use torch's functions in forward"),
        ("f-strings are not supported", "Rewrite that code"),
    ],
)
def test_capture_remedy_follows_from_the_message(text: str, remedy: str) -> None:
    assert capture_remedy(text).startswith(remedy)


def test_capture_remedy_has_the_default_of_its_caller() -> None:
    assert capture_remedy("disk full", "") == ""
