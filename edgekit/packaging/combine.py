"""Several methods in one package: one module, one evidence of capture and one list of passes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.jit._recursive import create_script_module, infer_methods_to_compile, wrap_cpp_module

from edgekit.format.schema import CaptureEvidence, MethodSpec, RecipeResult
from edgekit.optimize.optimizer import OptimizedModel

Part = tuple[torch.jit.ScriptModule, str, MethodSpec]  # a module, the name of its method, and the method of the package


class Methods(nn.Module):
    """The parts of a package, whose weights torch stores once where they are the same tensors."""

    def __init__(self, parts: Sequence[torch.jit.ScriptModule]) -> None:
        super().__init__()
        for index, part in enumerate(parts):
            self.add_module(f"part{index}", wrap_cpp_module(part._c))


def method_names(module: torch.jit.ScriptModule) -> set[str]:
    """The methods that a file with this module would have. A module that is not frozen has all methods of its source."""
    return set(module._c._method_names())


def combined(parts: Sequence[Part]) -> torch.jit.ScriptModule:
    """A module with a method for each part. It is not frozen: freezing several methods would store the weights of each."""
    together = Methods([module for module, _, _ in parts]).eval()
    # With shared types, a second draft of the same parts could not define the methods again.
    module: Any = create_script_module(together, infer_methods_to_compile, share_types=False)
    for index, (_, called, spec) in enumerate(parts):
        names = [f"x{number}" for number in range(len(spec.inputs))]
        parameters = "".join(f", {name}: Tensor" for name in names)
        module.define(f"def {spec.name}(self{parameters}):\n    return self.part{index}.{called}({', '.join(names)})\n")
    made: torch.jit.ScriptModule = module
    return made


def merged_evidence(models: Sequence[OptimizedModel]) -> CaptureEvidence:
    """The evidence of the first method, and that of the others with the name of the method in front."""
    first, *others = (model.captured for model in models)
    evidence = first.evidence
    for captured in others:
        method, found = captured.source.method, captured.evidence
        evidence = replace(
            evidence,
            reason=f"{evidence.reason}; {method}: {found.mode}, {found.reason}",
            scripted=(*evidence.scripted, *(f"{method}: {name}" for name in found.scripted)),
            mismatch_allowed=evidence.mismatch_allowed or found.mismatch_allowed,
            fast_path_error=max(
                (e for e in (evidence.fast_path_error, found.fast_path_error) if e is not None), default=None
            ),
            warnings=(*evidence.warnings, *(f"{method}: {warning}" for warning in found.warnings)),
            probes=(*evidence.probes, *(replace(probe, name=f"{method}: {probe.name}") for probe in found.probes)),
        )
    return evidence


def merged_recipe(models: Sequence[OptimizedModel]) -> RecipeResult:
    """The passes of the first method, and those of the others with the name of the method in front."""
    first, *others = models
    named = (
        replace(step, name=f"{model.captured.source.method}: {step.name}")
        for model in others
        for step in model.recipe.passes
    )
    return replace(first.recipe, passes=(*first.recipe.passes, *named))
