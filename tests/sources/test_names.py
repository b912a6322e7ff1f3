"""Models by name."""

import pytest
from torchvision.models import _api

from edgekit.errors import UsageError
from edgekit.sources.inputs import parse_input
from edgekit.sources.names import from_name
from edgekit.sources.resolve import load_source
from edgekit.sources.source import SourceRequest


def test_load_source_random_weights_download_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default, torchvision's segmentation and detection models download a pretrained backbone, even without weights."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a download")

    monkeypatch.setattr(_api, "load_state_dict_from_url", refuse)
    request = SourceRequest(weights="random", inputs=[parse_input("1x3x64x64")])
    assert load_source("lraspp_mobilenet_v3_large", request).weights.kind == "random"


def test_from_name_quantized_at_export_has_forward_alone() -> None:
    request = SourceRequest(weights="random", methods={"features": [parse_input("1x3x224x224")]})
    with pytest.raises(UsageError, match="is quantized at export, so only forward can be exported"):
        from_name("quantized_mobilenet_v2", request)
