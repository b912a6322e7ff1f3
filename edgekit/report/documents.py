"""JSON documents: the one place where results become JSON."""

import json
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

DOCUMENT_VERSION = "1.0"

Context = TypeVar("Context")
Results = TypeVar("Results")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document(Generic[Context, Results]):
    """What every tool writes: where and of what, and the results.

    `schema_version` is the document's, apart from the package's. Both fields hold dataclasses, or plain JSON values.
    """

    schema_version: str = DOCUMENT_VERSION
    context: Context
    results: Results

    def to_json(self) -> str:
        """The document as text that ends in a newline.

        Raises:
            ValueError: a number is NaN or infinite.
        """
        return json.dumps(self.to_builtins(), indent=1, allow_nan=False) + "\n"

    def to_builtins(self) -> Any:
        """The document in dicts, lists, texts and numbers."""
        return msgspec.to_builtins(self)
