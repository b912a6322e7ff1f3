"""Records what a module computes, operator by operator: an eager model, TorchScript, or a package in the lite interpreter."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

from edgekit.dispatch import DispatchMode
from edgekit.errors import DeviceError, first_line

Array = npt.NDArray[np.generic]
Place = tuple[int, int]  # a step, and one of its outputs

# These run on the constants of a TorchScript graph too, which torch hands to a dispatch mode as numbers.
_OF_CONSTANTS = (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.equal.default)

_MOST_ELEMENTS = 1 << 20  # of a tensor; a larger one is kept as a regular sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A tensor, flat. `elements` are all of it, a regular sample of a large one, or none if numpy lacks its dtype."""

    shape: tuple[int, ...]
    elements: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An operator that ran, or an input of the run, for which `operator` is empty.

    `uses` are the tensors that it read, as far as steps made them. `module` is the name of the submodule in which it ran and
    `layer` the class of that one, and `line` is the line of the source, such as `net.py:12`, where they are known.
    """

    operator: str
    uses: tuple[Place, ...]
    outputs: tuple[Value, ...]
    module: str = ""
    layer: str = ""
    line: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The steps of a run in their order. `error` says why it ended before.

    `answers` are the steps that made its outputs. `results` is each output with the step that made or last wrote it; -1 if
    none is known.
    """

    steps: tuple[Step, ...]
    answers: tuple[int, ...]
    results: tuple[tuple[int, Value], ...] = ()
    error: str = ""

    def to_frame(self) -> tuple[dict[str, Any], list[Array]]:
        """A message for another process, and its arrays."""
        values = [value for step in self.steps for value in step.outputs] + [value for _, value in self.results]
        steps = [replace(step, outputs=()) for step in self.steps]
        message = {
            "steps": msgspec.to_builtins(steps),
            "shapes": [[value.shape for value in step.outputs] for step in self.steps],
            "answers": self.answers,
            "results": [[step, value.shape] for step, value in self.results],
            "error": self.error,
        }
        return message, [value.elements for value in values]

    @classmethod
    def from_frame(cls, message: dict[str, Any], arrays: Sequence[Array]) -> "Recording":
        """What `to_frame` gave."""
        left = iter(arrays)
        steps = msgspec.convert(message["steps"], tuple[Step, ...])
        outputs = [
            tuple(Value(shape=tuple(shape), elements=next(left)) for shape in shapes) for shapes in message["shapes"]
        ]
        return cls(
            steps=tuple(replace(step, outputs=values) for step, values in zip(steps, outputs, strict=True)),
            answers=tuple(message["answers"]),
            results=tuple((step, Value(shape=tuple(shape), elements=next(left))) for step, shape in message["results"]),
            error=message["error"],
        )


Locate = Callable[[], tuple[str, str, str]]  # gives the submodule, its class and the line of the operator that runs


def record(run: Callable[[], Any], inputs: Sequence[torch.Tensor], locate: Locate = lambda: ("", "", "")) -> Recording:
    """Runs a function on tensors that it has, and records every operator of torch. What it raises ends the recording.

    Raises:
        DeviceError: it raises only while it is recorded.
    """
    recorder = _Recorder(locate)
    for tensor in inputs:
        recorder.add("", (), [tensor])
    value, error = None, ""
    try:
        with torch.no_grad(), recorder:
            value = run()
    except Exception as raised:
        error = first_line(raised)
        if _runs(run):
            raise DeviceError(f"the operators of the run cannot be recorded: {error.rstrip('. ')}.") from raised
    made = [(tensor, [step for step, _ in recorder.made(tensor)]) for tensor in _tensors(value)]
    return Recording(
        steps=tuple(recorder.steps),
        answers=tuple(dict.fromkeys(step for _, steps in made for step in steps)),
        results=tuple((max(steps, default=-1), _value(tensor)) for tensor, steps in made),
        error=error,
    )


def _runs(run: Callable[[], Any]) -> bool:
    with suppress(Exception), torch.no_grad():
        run()
        return True
    return False


class _Recorder(DispatchMode):
    def __init__(self, locate: Locate) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self._locate = locate
        self._places = WeakTensorKeyDictionary()
        self._writers: dict[int, Place] = {}  # the last step that wrote to a storage in place

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in _OF_CONSTANTS:
            args = tuple(_as_tensor(arg) for arg in args)
        read = tuple(dict.fromkeys(place for tensor in _tensors((args, kwargs)) for place in self.made(tensor)))
        result = func(*args, **(kwargs or {}))
        step = self.add(func._schema.name, read, list(_tensors(result)))
        is_view = any(made.alias_info is not None for made in func._schema.returns)
        for index, storage in enumerate(map(_storage, _tensors(result))):
            if func._schema.is_mutable and storage:
                self._writers[storage] = (step, index)
            elif not is_view:  # an address may be that of a tensor that is gone
                self._writers.pop(storage, None)
        return result

    def made(self, tensor: torch.Tensor) -> Iterator[Place]:
        """Where a tensor comes from: the step that made it, and the last one that wrote to its storage."""
        if tensor in self._places:
            yield self._places[tensor]
        if (storage := _storage(tensor)) in self._writers:
            yield self._writers[storage]

    def add(self, operator: str, read: tuple[Place, ...], made: Sequence[torch.Tensor]) -> int:
        """Adds a step, and returns its number."""
        step = len(self.steps)
        for index, tensor in enumerate(made):
            self._places[tensor] = (step, index)
        module, layer, line = self._locate() if operator else ("", "", "")
        outputs = tuple(map(_value, made))
        self.steps.append(Step(operator=operator, uses=read, outputs=outputs, module=module, layer=layer, line=line))
        return step


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    return (leaf for leaf in tree_leaves(value) if isinstance(leaf, torch.Tensor))


def _as_tensor(value: Any) -> torch.Tensor:
    return value if isinstance(value, torch.Tensor) else torch.from_numpy(np.asarray(value))  # with all of its digits


def _storage(tensor: torch.Tensor) -> int:
    """The address of the numbers of a tensor, which its views share; 0 if it has none, as a sparse one."""
    try:
        address: int = tensor.untyped_storage().data_ptr()
    except (NotImplementedError, RuntimeError):
        return 0
    return address


def _value(tensor: torch.Tensor) -> Value:
    """The elements as numpy has them: dequantized, dense, and not in half precision."""
    tensor = tensor.detach()
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    if tensor.layout is not torch.strided:
        tensor = tensor.to_dense()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
    if tensor.dtype in (torch.float16, torch.bfloat16):
        tensor = tensor.float()
    flat = tensor.resolve_neg().reshape(-1)
    step = max(1, -(-flat.numel() // _MOST_ELEMENTS))
    elements: Array = np.empty(0)
    with suppress(TypeError):  # numpy lacks some dtypes
        elements = np.array(flat[::step].numpy())
    return Value(shape=tuple(tensor.shape), elements=elements)
