"""Checkpoints as trainers write them: finds the state dict in the file that fits the model, and says what was taken."""

import json
import logging
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from edgekit.errors import SourceError, UsageError, first_line
from edgekit.sources.fitting import COUNTER, Candidate, State, candidates_of, implied_by
from edgekit.sources.kinds import is_safetensors, what_is
from edgekit.sources.weights import first_names, load_state

_log = logging.getLogger(__name__)

_DEEPEST = 4


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
    candidates = [candidate for where, state in found.items() for candidate in candidates_of(where, state, own)]
    chosen = _chosen(candidates, key, what)
    at = f" at {chosen.path}" if chosen.path else ""
    implied = implied_by(own, chosen.state)
    load_state(module, {**implied, **_plain(chosen.state, own)}, f"{what}{at}")
    missing = [name for name in implied if name.endswith(COUNTER)]
    others = [other.path for other in candidates if other.fits and other is not chosen]
    _report(path.name, chosen, [] if key == chosen.path else others, missing, own)


def _content(path: Path, trusted: bool) -> Any:
    if not path.is_file():
        raise SourceError(f"checkpoint {path} does not exist or is not a file.")
    if path.suffix == ".json":
        return {name: value for part in _parts(path) for name, value in _content(part, trusted).items()}
    is_plain = is_safetensors(path)
    if trusted and not is_plain:
        _log.warning("--trust-checkpoint: %s may run any code on this machine while it is read", path.name)
    try:
        if is_plain:
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
        if kind := what_is(path):
            raise SourceError(f"checkpoint {path} {kind}") from error
        cause = f"{type(error).__name__}: {first_line(error)}".rstrip(". ")
        if isinstance(error, pickle.UnpicklingError | KeyError):  # torch's text is about trust, which is not the cause
            cause = "it is not a file of torch.save, or it is damaged"
        raise SourceError(
            f"checkpoint {path} cannot be read: {cause}. Expected a state dict (.pth or .safetensors) written by "
            "torch.save(model.state_dict(), path)."
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


def _plain(state: State, own: State) -> dict[str, torch.Tensor]:
    """The weights without the quantized form of a tensor that the model has in floating point."""
    return {
        name: value.dequantize() if value.is_quantized and name in own and not own[name].is_quantized else value
        for name, value in state.items()
    }


def _report(name: str, chosen: Candidate, others: list[str], missing: list[str], own: State) -> None:
    """Says what was taken, unless the file is a plain state dict with the model's own keys."""
    notes = []
    if others:
        notes.append(
            f"the file also has {', '.join(other or 'weights beside it' for other in others)}; choose with --checkpoint-key"
        )
    if chosen.dropped:
        notes.append(f"removed {' and '.join(chosen.dropped)} from the middle of keys")
    if chosen.left_out:
        notes.append(f"left out {first_names(list(chosen.left_out))}")
    if not chosen.fits:
        notes.append("the model converted keys of another version")
    if missing:
        notes.append(f"{len(missing)} counters {COUNTER} are missing, which eval mode does not use")
    if cast := _cast(chosen.state, own):
        notes.append(f"converted {', '.join(cast)} weights to the model's types")
    if chosen.path or notes:
        _log.warning("checkpoint %s: %s", name, "; ".join([f"took {chosen.path or 'the weights'}", *notes]))


def _cast(state: State, own: State) -> list[str]:
    """The types of weights that are not the model's; whole numbers have no scale, which is said."""
    different = {value.dtype for key, value in state.items() if key in own and value.dtype != own[key].dtype}
    whole = {dtype for dtype in different if dtype in (torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64)}
    names = sorted(str(dtype).removeprefix("torch.") for dtype in different - whole)
    return [
        *names,
        *(f"{str(dtype).removeprefix('torch.')} (as they are, without a scale)" for dtype in sorted(whole, key=str)),
    ]
