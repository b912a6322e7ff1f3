"""Recipes: ordered lists of passes by name. A pass is the file of that name in `optimize/passes/`.

The default is the fastest recipe that gives right answers; see docs/recipes.md. This module does not import torch.
"""

from dataclasses import dataclass
from typing import Literal, get_args

Fit = Literal["android", "current"]
FITS: tuple[Fit, ...] = get_args(Fit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    name: str
    passes: tuple[str, ...]


_SOUND = ("remove_no_grad", "own_inputs", "contiguous_outputs")  # in every recipe, for models that need them

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="mobile",
            passes=(
                *("freeze", "explicit_padding", "remove_no_grad", "own_inputs"),
                *("decompose_attention", "decompose_rms_norm"),
                *("channels_last", "contiguous_outputs", "optimize_for_mobile"),
            ),
        ),
        Recipe(name="mobile-nchw", passes=("freeze", "explicit_padding", *_SOUND, "optimize_for_mobile")),
        Recipe(name="frozen", passes=("freeze", *_SOUND)),
        Recipe(name="naive", passes=(*_SOUND, "optimize_for_mobile")),
        Recipe(name="none", passes=_SOUND),
    )
}
DEFAULT_RECIPE = "mobile"
