"""The base of the classes that see every operator of a run."""

from torch.utils._python_dispatch import TorchDispatchMode


class DispatchMode(TorchDispatchMode):
    """Gives every operator to `__torch_dispatch__`, without torch's compiler, which takes a second to load.

    torch loads it to declare that the method is not to be compiled, but no model is compiled here: wrappers of torch.compile are
    removed before.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch gives it no types

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """torch's private name; a torch that does not ask loads its compiler."""
        return False
