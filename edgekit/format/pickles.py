"""Reads torch's pickles without torch. Only the stand-ins below are ever imported or called."""

import io
import pickle
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edgekit.errors import PackageError
from edgekit.format.pickle_limits import check_pickle

_STORAGE_DTYPES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "ByteStorage": "uint8",
    "CharStorage": "int8",
    "ShortStorage": "int16",
    "IntStorage": "int32",
    "LongStorage": "int64",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "QInt8Storage": "qint8",
    "QUInt8Storage": "quint8",
    "QInt32Storage": "qint32",
}
ITEM_BYTES = {
    **dict.fromkeys(("uint8", "int8", "bool", "qint8", "quint8"), 1),
    **dict.fromkeys(("float16", "bfloat16", "int16"), 2),
    **dict.fromkeys(("float32", "int32", "qint32"), 4),
    **dict.fromkeys(("float64", "int64", "complex64"), 8),
    "complex128": 16,
}
# Calls whose results do not matter here: their arguments hold the tensors.
_STAND_INS = (
    ("torch", "device"),
    ("torch._utils", "_rebuild_sparse_tensor"),
    ("torch.serialization", "_get_layout"),
)
_QUANTIZERS = ("per_tensor_affine", "per_channel_affine", "per_channel_affine_float_qparams")


@dataclass(frozen=True, slots=True)
class StorageTensor:
    """A tensor as the archive stores it; `offset` and `strides` count elements."""

    record: str
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def end_bytes(self) -> int:
        """Where its last element ends in the record; 0 without elements."""
        if 0 in self.shape:
            return 0
        last = self.offset + sum((extent - 1) * stride for extent, stride in zip(self.shape, self.strides, strict=True))
        return (last + 1) * ITEM_BYTES[self.dtype]


@dataclass(frozen=True, slots=True)
class Parameter:
    """An input or output of a method; `type` is in TorchScript, for example `Tensor` or `List[int]`."""

    name: str
    type: str
    required: bool

    @property
    def is_tensor(self) -> bool:
        return self.type in ("Tensor", "Optional[Tensor]")

    def __str__(self) -> str:
        return f"{self.name}: {self.type}{'' if self.required else ', optional'}"


@dataclass(frozen=True, slots=True)
class MethodBytecode:
    """`inputs` are without self. They and `outputs` are empty where the file has no schema."""

    name: str
    operators: tuple[str, ...]
    inputs: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...]

    def takes_tensors(self, count: int) -> bool:
        """Whether it can be called with so many tensors. The interpreter does not check, and any others end the process."""
        given, left_out = self.inputs[:count], self.inputs[count:]
        return len(given) == count and all(each.is_tensor for each in given) and not any(e.required for e in left_out)


@dataclass(frozen=True, slots=True)
class Bytecode:
    version: int
    methods: tuple[MethodBytecode, ...]

    @property
    def operators(self) -> tuple[str, ...]:
        return tuple(sorted({name for method in self.methods for name in method.operators}))


class _Object:
    """Stands for any TorchScript class: it keeps the state and does nothing with it."""

    def __new__(cls, *args: Any) -> "_Object":
        self = super().__new__(cls)
        self.__dict__["args"] = args
        return self

    def __setstate__(self, state: Any) -> None:
        self.__dict__["state"] = state


def _stand_in(*args: Any) -> tuple[Any, ...]:
    return args


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes, folder: str) -> None:
        super().__init__(io.BytesIO(data))
        self._folder = folder
        self.tensors: list[StorageTensor] = []

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch._utils" and name in ("_rebuild_tensor_v2", "_rebuild_qtensor"):
            return self._rebuild_tensor
        if module == "torch" and name in _STORAGE_DTYPES:
            return _STORAGE_DTYPES[name]
        if module == "torch" and name in _QUANTIZERS:
            return name
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch.jit._pickle" or (module, name) in _STAND_INS:
            return _stand_in
        if module.startswith("__torch__"):
            return _Object
        raise pickle.UnpicklingError(f"{module}.{name} is not a class of a TorchScript archive")

    def persistent_load(self, pid: Any) -> tuple[str, str]:
        _, dtype, key, *_ = pid
        return f"{self._folder}/{_text(key)}", _text(dtype)

    def _rebuild_tensor(
        self, storage: tuple[str, str], offset: int, shape: Any, strides: Any, *_: Any
    ) -> StorageTensor:
        tensor = StorageTensor(storage[0], storage[1], _extents((offset,))[0], _extents(shape), _extents(strides))
        if len(tensor.shape) != len(tensor.strides) or tensor.dtype not in ITEM_BYTES:
            raise pickle.UnpicklingError("a tensor has an unknown dtype, or another number of strides than of axes")
        self.tensors.append(tensor)
        return tensor


def _text(value: Any) -> str:
    """The value, if it is a text: the text of any other value could take hours to make."""
    if not isinstance(value, str):
        raise pickle.UnpicklingError(f"a {type(value).__name__} stands where a text is expected")
    return value


def _extents(values: Any) -> tuple[int, ...]:
    numbers = tuple(values)
    if not all(isinstance(number, int) and 0 <= number < 2**63 for number in numbers):
        raise pickle.UnpicklingError("a tensor has an offset, shape or stride that is not a number of at least 0")
    return numbers


def _load(data: bytes, folder: str, what: str) -> tuple[Any, list[StorageTensor]]:
    unpickler = _Unpickler(data, folder)
    try:
        check_pickle(data)
        return unpickler.load(), unpickler.tensors
    # A hostile pickle can make the standard unpickler raise almost any exception.
    except Exception as error:
        raise PackageError(
            f"{what} is damaged or hostile: {type(error).__name__}: {error}. Export it again."
        ) from error


def read_tensors(data: bytes, folder: str, what: str) -> Iterator[StorageTensor]:
    """The tensors of a `constants.pkl` or `data.pkl`, whose storages are records of `folder`."""
    yield from _load(data, folder, what)[1]


def read_bytecode(data: bytes, what: str) -> Bytecode:
    """The bytecode version and each method's operators and schema.

    Raises:
        PackageError: the record is damaged or has an unknown form.
    """
    content, _ = _load(data, "constants", what)
    try:
        version, *methods = content
        if not isinstance(version, int) or not 0 <= version < 2**31:
            raise ValueError("its version is not a number")
        return Bytecode(version, tuple(_method(*method) for method in methods))
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, pickle.UnpicklingError) as error:
        raise PackageError(f"{what} has an unknown form: {error}. Expected bytecode 4 to 9.") from error


def _method(qualified_name: str, table: tuple[Any, ...], schema: tuple[Any, ...] = ()) -> MethodBytecode:
    operators = tuple(dict.fromkeys(_operator(op[0], op[1]) for op in dict(table)["operators"]))
    described = dict(schema)
    return MethodBytecode(
        name=_text(qualified_name).rpartition(".")[2],
        operators=operators,
        inputs=tuple(_argument(item) for item in described.get("arguments", ()))[1:],
        outputs=tuple(_argument(item) for item in described.get("returns", ())),
    )


def _argument(item: tuple[Any, ...]) -> Parameter:
    fields = dict(item)
    # A default of None is written as if there were none.
    return Parameter(_text(fields["name"]), _text(fields["type"]), fields.get("default_value") is None)


def _operator(name: Any, overload: Any) -> str:
    return f"{_text(name)}.{_text(overload)}" if overload else _text(name)
