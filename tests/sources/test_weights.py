"""Random weights reveal wrong conversions, and checkpoints must match the model."""

import copy

import models
import pytest
import torch
import torchvision
from torch import nn

from edgekit.errors import SourceError, UsageError
from edgekit.sources.weights import choose_named, load_state, randomize, state_digest


def randomized(name: str, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    module = torchvision.models.get_model(name, weights=None).eval()
    randomize(module, (torch.rand(1, 3, 224, 224),), seed)
    return module


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small"])
def test_randomize_batchnorm_is_far_from_fresh_and_answers_depend_on_the_input(name: str) -> None:
    module = randomized(name)
    norms = [m for m in module.modules() if isinstance(m, nn.BatchNorm2d)]
    assert all(m.running_mean.abs().max() > 1e-3 for m in norms)
    assert all((m.running_var - 1).abs().max() > 1e-3 for m in norms)
    with torch.no_grad():
        first, second = module(torch.rand(1, 3, 224, 224)), module(-torch.rand(1, 3, 224, 224))
    assert float((first - second).norm() / first.norm()) > 1e-2


def test_randomize_network_agrees_with_itself_in_float64() -> None:
    """Otherwise rounding alone would exceed the bound, and the gate would refuse right conversions."""
    module = randomized("mobilenet_v3_small")
    x = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(3)) * 4 - 2
    with torch.no_grad():
        single = module(x).double()
        double = copy.deepcopy(module).double()(x.double())
    assert float((single - double).norm() / double.norm()) < 2e-6


def test_randomize_same_seed_same_weights_and_the_users_generator_is_untouched() -> None:
    torch.manual_seed(99)
    before = torch.random.get_rng_state()
    modules = [copy.deepcopy(models.ConvNet()) for _ in range(1)]
    torch.random.set_rng_state(before)
    digests = set()
    for _ in range(2):
        module = copy.deepcopy(modules[0])
        randomize(module, (torch.zeros(1, 3, 32, 32),), 5)
        digests.add(state_digest(module.state_dict()))
    assert len(digests) == 1
    assert torch.equal(torch.random.get_rng_state(), before)


def test_state_digest_one_changed_element_changes_it() -> None:
    state = models.ConvNet().state_dict()
    digest = state_digest(state)
    state["classifier.bias"][0] += 1
    assert state_digest(state) != digest


def test_load_state_names_what_does_not_fit() -> None:
    state = models.ConvNet().state_dict()
    del state["classifier.bias"]
    state["head.bias"] = torch.zeros(1)
    state["features.0.weight"] = torch.zeros(2, 2)
    with pytest.raises(SourceError) as caught:
        load_state(models.ConvNet(), state, "checkpoint x.pth")
    for part in ("lacks classifier.bias", "surplus head.bias", "features.0.weight (expected [8, 3, 3, 3], got [2, 2])"):
        assert part in str(caught.value)


def test_choose_named_unknown_weights_lists_the_known_ones() -> None:
    available = torchvision.models.get_model_weights("resnet50")
    assert choose_named("IMAGENET1K_V2", available).name == "IMAGENET1K_V2"
    with pytest.raises(UsageError, match="IMAGENET1K_V1, IMAGENET1K_V2"):
        choose_named("IMAGENET22K", available)
