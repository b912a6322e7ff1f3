"""Finds how the keys of a state dict fit a model: the prefix before them, wrappers inside them, and what may be left out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch

State = Mapping[str, torch.Tensor]

COUNTER = "num_batches_tracked"  # BatchNorm's own count, which eval mode does not use
_COUNTERS = (COUNTER, "total_ops", "total_params", "n_averaged")  # the others are of profilers and averages
_WRAPPERS = (
    "_orig_mod",
    "_fsdp_wrapped_module",
    "_checkpoint_wrapped_module",
)  # of torch, which may stand side by side
_AVERAGES = ("ema", "swa", "avg", "averag", "teacher")  # in the names of weights that are copies of the trained ones
_DEEPEST = 4  # wrappers inside one key


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A state dict of a file, held against a model.

    `key` is where it is in the file, dotted; empty for the file itself. The keys of the model stand behind `prefix`, and
    `dropped` are the names of wrappers that were removed from inside them.
    """

    key: str
    prefix: str
    state: dict[str, torch.Tensor]
    left_out: tuple[str, ...]
    fits: bool
    matched: int
    dropped: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """What `--checkpoint-key` calls it."""
        return ".".join(filter(None, (self.key, self.prefix.rstrip("."))))

    @property
    def is_average(self) -> bool:
        return any(part in self.path.lower() for part in _AVERAGES)


def candidates_of(key: str, state: State, own: State) -> list[Candidate]:
    """The state dict behind every prefix with which the most keys of the model are in it.

    Names inside the keys are removed only if the keys fit the model no other way.
    """
    plain = list(_behind_prefixes(key, state, own, ()))
    if any(candidate.fits for candidate in plain):
        return plain
    dropped = _inside(state, own)
    fitting = (
        [candidate for candidate in _behind_prefixes(key, state, own, dropped) if candidate.fits] if dropped else []
    )
    return fitting or plain


def implied_by(own: State, taken: State) -> dict[str, torch.Tensor]:
    """What a state dict may lack: counters, and names of a tensor that it has under another name (tied weights)."""
    names = {(value.data_ptr(), value.shape): name for name, value in own.items() if name in taken and value.numel()}
    implied = {}
    for name in own.keys() - taken.keys():
        twin = names.get((own[name].data_ptr(), own[name].shape))
        if name.endswith(COUNTER):
            implied[name] = own[name]
        elif twin is not None:
            implied[name] = taken[twin]
    return implied


def _behind_prefixes(key: str, state: State, own: State, dropped: Sequence[str]) -> Iterator[Candidate]:
    matches = _matches(state, own, dropped)
    most = max(matches.values(), default=0)
    prefixes = [prefix for prefix, count in matches.items() if count == most] or [""]
    for prefix in prefixes:
        others = tuple(other for other in prefixes if other != prefix and other.startswith(prefix))
        renamed = _renamed(state, prefix, own, dropped)
        inside = {name: state[key] for name, key in renamed.items() if not f"{prefix}{name}".startswith(others)}
        surplus = [name for name in inside if name not in own and _may_be_left_out(name, inside[name])]
        taken = {name: value for name, value in inside.items() if name not in surplus}
        whole = {**implied_by(own, taken), **taken}
        fits = all(name in whole and whole[name].shape == value.shape for name, value in own.items())
        used = set(renamed.values())
        outside = (
            [name for name in state if name not in used and not name.startswith(tuple(prefixes))] if prefix else []
        )
        yield Candidate(
            key=key,
            prefix=prefix,
            state=taken,
            left_out=(*outside, *surplus),
            fits=fits and taken.keys() <= own.keys(),
            matched=most,
            dropped=tuple(dropped),
        )


def _matches(state: State, own: State, dropped: Sequence[str]) -> dict[str, int]:
    """How many of the model's own keys are in the state behind each prefix."""
    found: dict[str, set[str]] = {}
    for name in state:
        for form in _forms(name, dropped):
            for start in (0, *(index + 1 for index, letter in enumerate(form) if letter == ".")):
                if form[start:] in own:
                    found.setdefault(form[:start], set()).add(form[start:])
    return {prefix: len(names) for prefix, names in found.items()}


def _renamed(state: State, prefix: str, own: State, dropped: Sequence[str]) -> dict[str, str]:
    """The keys behind a prefix, each by the model's own key if one of its forms is that; else by the rest of its key."""
    found: dict[str, str] = {}
    left = []
    for name in state:
        forms = (form.removeprefix(prefix) for form in _forms(name, dropped) if form.startswith(prefix))
        new = next((form for form in forms if form in own and form not in found), None)
        if new is None:
            left.append(name)
        else:
            found[new] = name
    return {**found, **{name.removeprefix(prefix): name for name in left if name.startswith(prefix)}}


def _forms(name: str, dropped: Sequence[str]) -> Iterator[str]:
    """A key without some of the names inside it, with the fewest removed first."""
    parts = name.split(".")
    places = [index for index, part in enumerate(parts[:-1]) if part in dropped][:_DEEPEST]
    for count in range(len(places) + 1):
        for chosen in combinations(places, count):
            yield ".".join(part for index, part in enumerate(parts) if index not in chosen)


def _inside(state: State, own: State) -> tuple[str, ...]:
    """The names inside the keys without which the most keys are the model's own, such as `module` in `encoder.module.weight`."""
    names = {part for name in state for part in name.split(".")[:-1] if not part.isdigit()}
    dropped = [name for name in _WRAPPERS if name in names]
    best = max(_matches(state, own, dropped).values(), default=0)
    while best < len(own):
        counts = {
            name: max(_matches(state, own, (*dropped, name)).values(), default=0) for name in sorted(names - {*dropped})
        }
        name = max(counts, key=lambda each: counts[each], default="")
        if not name or counts[name] <= best:
            break
        best = counts[name]
        dropped.append(name)
    return tuple(dropped)


def _may_be_left_out(name: str, value: torch.Tensor) -> bool:
    """Counters, and buffers of positions and masks, which older versions of a model kept: no weight is lost with them."""
    return name.endswith(_COUNTERS) or value.dtype in (torch.int64, torch.int32, torch.bool)
