"""Checkpoints as trainers write them: finds the state dict in the file that fits the model, and says what was taken."""

import functools
import json
import logging
import pickle
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from edgekit.errors import SourceError, UsageError, first_line
from edgekit.sources.weights import first_names, load_state

_log = logging.getLogger(__name__)

State = Mapping[str, torch.Tensor]

_DEEPEST = 4
_INFIXES = ("_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.")  # of torch's wrappers, at any depth
_COUNTER = "num_batches_tracked"  # BatchNorm's own count, which eval mode does not use
_AVERAGES = ("ema", "swa", "avg", "averag", "teacher")  # in the names of weights that are copies of the trained ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A state dict of a file, held against a model.

    `key` is where it is in the file, dotted; empty for the file itself. The keys of the model stand behind `prefix`.
    """

    key: str
    prefix: str
    state: dict[str, torch.Tensor]
    left_out: tuple[str, ...]
    fits: bool
    matched: int

    @property
    def path(self) -> str:
        """What `--checkpoint-key` calls it."""
        return ".".join(filter(None, (self.key, self.prefix.rstrip("."))))

    @property
    def is_average(self) -> bool:
        return any(part in self.path.lower() for part in _AVERAGES)


def load_checkpoint(module: nn.Module, path: Path, key: str | None = None, trusted: bool = False) -> None:
    """Loads the state dict of a checkpoint that fits the module.

    Args:
        module: its keys decide which state dict of the file is taken, and which prefix is removed.
        path: a `.safetensors` file, or one of `torch.save`.
        key: where the state dict is, if several fit; dotted.
        trusted: whether the pickle in the file may run code.

    Raises:
        UsageError: there is no state dict under that key.
        SourceError: the file cannot be read, or no state dict in it fits.
    """
    what = f"checkpoint {path}"
    found = dict(_state_dicts(_content(path, trusted), ""))
    if not found:
        raise SourceError(f"{what} does not hold a state dict. Write it with torch.save(model.state_dict(), path).")
    own = {name: value for name, value in module.state_dict().items() if isinstance(value, torch.Tensor)}
    candidates = [candidate for where, state in found.items() for candidate in _candidates(where, state, own)]
    chosen = _chosen(candidates, key, what)
    at = f" at {chosen.path}" if chosen.path else ""
    implied = _implied(own, chosen.state)
    load_state(module, {**implied, **chosen.state}, f"{what}{at}")
    missing = [name for name in implied if name.endswith(_COUNTER)]
    others = [other.path for other in candidates if other.fits and other is not chosen]
    _report(path.name, chosen, [] if key == chosen.path else others, missing, own)


def _content(path: Path, trusted: bool) -> Any:
    if not path.is_file():
        raise SourceError(f"checkpoint {path} does not exist or is not a file.")
    if path.suffix == ".json":
        return {name: value for part in _parts(path) for name, value in _content(part, trusted).items()}
    if trusted and path.suffix != ".safetensors":
        _log.warning("--trust-checkpoint: %s may run any code on this machine while it is read", path.name)
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        if _is_torchscript(path):
            return torch.jit.load(str(path), map_location="cpu")
        with torch.serialization.safe_globals(_harmless()):
            return torch.load(path, map_location="cpu", weights_only=not trusted)
    except Exception as error:  # torch and safetensors raise many types for a damaged file
        if isinstance(error, pickle.UnpicklingError) and (foreign := _foreign(path)):
            raise SourceError(
                f"checkpoint {path} holds Python objects besides tensors ({first_names(foreign)}), and reading them runs code "
                "from the file. Write the weights alone with torch.save(model.state_dict(), path), or pass "
                "--trust-checkpoint if you know who made the file."
            ) from error
        raise SourceError(
            f"checkpoint {path} cannot be read: {type(error).__name__}: {first_line(error)} "
            "Expected a state dict (.pth or .safetensors) written by torch.save(model.state_dict(), path)."
        ) from error


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _harmless() -> list[Any]:
    """What numpy's numbers need, such as the best accuracy beside the weights: they run no code of the file."""
    kinds = {type(np.dtype(code)) for code in np.typecodes["AllInteger"] + np.typecodes["AllFloat"] + "?"}
    scalar: Any = np.float64(0.0).__reduce__()[0]
    names = ("numpy._core.multiarray.scalar", "numpy.core.multiarray.scalar")  # of numpy 2 and of numpy 1
    return [*((scalar, name) for name in names), np.dtype, *kinds]


def _parts(index: Path) -> list[Path]:
    """The files of an index, as `model.safetensors.index.json` lists them for weights in several files."""
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        if not all(isinstance(name, str) and Path(name).name == name and not name.endswith(".json") for name in names):
            raise ValueError("a file of it is not in the same folder")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(
            f"checkpoint {index} is not an index of weights: {type(error).__name__}: {first_line(error)}. Expected "
            '{"weight_map": {NAME: FILE}}.'
        ) from error
    return [index.parent / name for name in names]


def _foreign(path: Path) -> list[str]:
    """The classes and functions that the pickle names and torch does not load without trust."""
    try:
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(str(path)))
    except Exception:  # a damaged file, which the caller reports
        return []


def _state_dicts(value: Any, key: str, depth: int = 0) -> Iterator[tuple[str, State]]:
    """Every state dict in a value, with its dotted key: mappings from names to tensors, and whole modules."""
    if isinstance(value, nn.Module):
        value = {name: item for name, item in value.state_dict().items() if isinstance(item, torch.Tensor)}
    if isinstance(value, list | tuple):
        value = dict(enumerate(value))
    if not isinstance(value, Mapping) or "param_groups" in value:  # the latter is an optimizer's
        return
    if value and all(isinstance(name, str) and isinstance(item, torch.Tensor) for name, item in value.items()):
        yield key, value
    elif depth < _DEEPEST:
        for name, item in value.items():
            yield from _state_dicts(item, f"{key}.{name}" if key else str(name), depth + 1)


def _candidates(key: str, state: State, own: State) -> Iterator[Candidate]:
    """The state dict behind every prefix with which the most keys of the model are in it."""
    if not any(infix in name for name in own for infix in _INFIXES):
        state = {
            functools.reduce(lambda text, infix: text.replace(infix, ""), _INFIXES, k): v for k, v in state.items()
        }
    matches: Counter[str] = Counter()
    for name in state:
        starts = [0, *(index + 1 for index, letter in enumerate(name) if letter == ".")]
        matches.update(name[:start] for start in starts if name[start:] in own)
    most = max(matches.values(), default=0)
    prefixes = [prefix for prefix, count in matches.items() if count == most] or [""]
    for prefix in prefixes:
        inside = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        others = tuple(other for other in prefixes if other != prefix and other.startswith(prefix))
        taken = {name: value for name, value in inside.items() if not f"{prefix}{name}".startswith(others)}
        whole = {**_implied(own, taken), **taken}
        fits = all(name in whole and whole[name].shape == value.shape for name, value in own.items())
        yield Candidate(
            key=key,
            prefix=prefix,
            state=taken,
            left_out=tuple(name for name in state if not name.startswith((prefix, *prefixes))) if prefix else (),
            fits=fits and taken.keys() <= own.keys(),
            matched=most,
        )


def _implied(own: State, taken: State) -> dict[str, torch.Tensor]:
    """What a state dict may lack: counters, and names of a tensor that it has under another name (tied weights)."""
    names = {(value.data_ptr(), value.shape): name for name, value in own.items() if name in taken and value.numel()}
    implied = {}
    for name in own.keys() - taken.keys():
        twin = names.get((own[name].data_ptr(), own[name].shape))
        if name.endswith(_COUNTER):
            implied[name] = own[name]
        elif twin is not None:
            implied[name] = taken[twin]
    return implied


def _chosen(candidates: list[Candidate], key: str | None, what: str) -> Candidate:
    """The candidate under a key; else one that fits, trained weights before averages; else the nearest."""
    if key is not None:
        paths = [
            found.path or "no key (the file itself)" for found in candidates if found.matched or len(candidates) == 1
        ]
        candidates = [found for found in candidates if key in (found.key, found.path)]
        if not candidates:
            raise UsageError(
                f"--checkpoint-key {key}: {what} has no state dict there; expected {' or '.join(paths) or 'no key'}."
            )
    return min(candidates, key=lambda found: (not found.fits, found.is_average, -found.matched))


def _report(name: str, chosen: Candidate, others: list[str], missing: list[str], own: State) -> None:
    """Says what was taken, unless the file is a plain state dict with the model's own keys."""
    notes = []
    if others:
        notes.append(
            f"the file also has {', '.join(other or 'weights beside it' for other in others)}; choose with --checkpoint-key"
        )
    if chosen.left_out:
        notes.append(f"left out {first_names(list(chosen.left_out))}")
    if missing:
        notes.append(f"{len(missing)} counters {_COUNTER} are missing, which eval mode does not use")
    cast = sorted(
        {
            str(value.dtype).removeprefix("torch.")
            for key, value in chosen.state.items()
            if value.dtype != own[key].dtype
        }
    )
    if cast:
        notes.append(f"converted {', '.join(cast)} weights to the model's types")
    if chosen.path or notes:
        _log.warning("checkpoint %s: %s", name, "; ".join([f"took {chosen.path or 'the weights'}", *notes]))
