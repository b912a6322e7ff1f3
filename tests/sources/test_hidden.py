"""Layers in plain Python lists and dicts."""

from torch import nn

from edgekit.sources.hidden import hidden_layers, stays_in_training


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 2))
        self.shared = [self.body[0]]  # belongs to the model too
        self.blocks = [[nn.Linear(2, 2)], (nn.Dropout(),)]
        self.named = {"a": nn.ReLU()}
        self.body[0].extra = [nn.BatchNorm1d(2)]


def test_hidden_layers_are_found_at_any_depth_by_attribute() -> None:
    net = Net()
    assert list(hidden_layers(net)) == ["blocks", "named", "body.0.extra"]
    assert [type(layer).__name__ for layer in hidden_layers(net)["blocks"]] == ["Linear", "Dropout"]


def test_stays_in_training_lists_what_eval_does_not_reach() -> None:
    net = Net().eval()
    assert stays_in_training(net) == ["blocks", "body.0.extra"]
    net.blocks[1][0].eval()
    assert stays_in_training(net) == ["body.0.extra"]


def test_hidden_layers_of_a_usual_model_are_none() -> None:
    assert hidden_layers(nn.ModuleList([nn.Linear(2, 2), nn.ModuleDict({"a": nn.ReLU()})])) == {}
