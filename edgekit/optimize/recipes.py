"""Recipes: ordered passes by name, without torch. A pass is the file of that name in `optimize/passes/`.

The default is the fastest recipe that is right (docs/recipes.md): freeze, channels_last at the front, optimize_for_mobile.
"""

from dataclasses import dataclass
from typing import Literal, get_args

Fit = Literal["android", "current"]
FITS: tuple[Fit, ...] = get_args(Fit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    name: str
    passes: tuple[str, ...]


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="mobile",
            passes=(
                *("freeze", "own_inputs", "decompose_attention", "channels_last", "contiguous_outputs"),
                "optimize_for_mobile",
            ),
        ),
        Recipe(name="mobile-nchw", passes=("freeze", "own_inputs", "contiguous_outputs", "optimize_for_mobile")),
        Recipe(name="frozen", passes=("freeze", "own_inputs", "contiguous_outputs")),
        Recipe(name="naive", passes=("own_inputs", "contiguous_outputs", "optimize_for_mobile")),
        Recipe(name="none", passes=("own_inputs", "contiguous_outputs")),
    )
}
DEFAULT_RECIPE = "mobile"
