"""Small models of Hugging Face's transformers, made from their config classes with random weights, and their inputs by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from edgekit.sources.inputs import InputSpec, parse_input

TEXT = ("input_ids=1x12:int64[0,99]", "attention_mask=1x12:int64[0,1]")
PICTURE = ("pixel_values=1x3x64x64",)
_WIDTH = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
_BERT = {**_WIDTH, "vocab_size": 100, "max_position_embeddings": 64}
_VIT = {**_WIDTH, "image_size": 64, "patch_size": 16}
_T5 = {"vocab_size": 100, "d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2}
_LLAMA = {**_BERT, "num_key_value_heads": 1}
_WHISPER = {
    **{"vocab_size": 100, "num_mel_bins": 16, "d_model": 32, "encoder_layers": 2, "decoder_layers": 2},
    **{"encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64},
    **{"max_source_positions": 32, "max_target_positions": 32, "pad_token_id": 0, "decoder_start_token_id": 1},
}
_SPEECH = {
    **{**_WIDTH, "conv_dim": (32, 32), "conv_stride": (5, 4), "conv_kernel": (10, 8)},
    **{"num_feat_extract_layers": 2, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4},
}
_SEQ2SEQ = {
    **{"vocab_size": 100, "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "max_position_embeddings": 64},
    **{"encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64},
    **{"pad_token_id": 0, "decoder_start_token_id": 1},
}
_RESNET = {"embedding_size": 16, "hidden_sizes": [16, 32], "depths": [1, 1]}
_DETR = {
    **{"use_timm_backbone": False, "use_pretrained_backbone": False, "backbone": None},
    **{"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "num_queries": 6},
    **{"encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HubModel:
    """A class of transformers, the arguments of its config, and its inputs.

    Args:
        name: the model's class.
        config: the config's class.
        options: the arguments of the config; a pair (class, arguments) is a config in it.
        inputs: what `--input` takes.
        bind: what `--bind` takes.
        part: the attribute of the model that is exported, such as `encoder`.
        pinned: why sizes other than the example's are refused: a part of the manifest's reason. Empty if none is pinned.
    """

    name: str
    config: str
    options: Mapping[str, Any]
    inputs: tuple[str, ...]
    bind: Mapping[str, Any] = field(default_factory=dict)
    part: str = ""
    pinned: str = ""

    @property
    def label(self) -> str:
        return "-".join(filter(None, (self.name, self.part, *map(str, self.bind))))

    @property
    def specs(self) -> tuple[InputSpec, ...]:
        return tuple(map(parse_input, self.inputs))

    def make(self) -> nn.Module:
        import transformers

        def config(name: str, options: Mapping[str, Any]) -> Any:
            inner = {
                key: config(*value)
                if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str)
                else value
                for key, value in options.items()
            }
            return getattr(transformers, name)(**inner)

        torch.manual_seed(0)
        model: nn.Module = getattr(transformers, self.name)(config(self.config, self.options)).eval()
        varied(model, self.specs, self.bind)
        return model.get_submodule(self.part) if self.part else model


def varied(model: nn.Module, inputs: Sequence[InputSpec], bind: Mapping[str, Any]) -> None:
    """Weights as training leaves them: every output varies, and BatchNorm has the statistics of what it sees."""
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1:
            fan = 1 if "embed" in name else parameter[0].numel()
            nn.init.normal_(parameter, std=fan**-0.5)
        else:
            parameter.data += 0.1 * torch.randn_like(parameter)
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    if norms:
        with torch.no_grad():
            drawn = {s.name: np.concatenate([s.generate(seed) for seed in range(1, 9)]) for s in inputs}
            model(**{name: torch.from_numpy(array) for name, array in drawn.items()}, **bind)
    model.eval()


def _row(
    name: str,
    config: str,
    options: Mapping[str, Any],
    *inputs: str,
    part: str = "",
    pinned: str = "",
    **bind: Any,
) -> HubModel:
    return HubModel(name=name, config=config, options=options, inputs=inputs, bind=bind, part=part, pinned=pinned)


TEXTS = (
    _row("BertModel", "BertConfig", _BERT, *TEXT),
    _row(
        "DistilBertModel",
        "DistilBertConfig",
        {"vocab_size": 100, "dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64},
        *TEXT,
    ),
    _row(
        "MobileBertModel",
        "MobileBertConfig",
        {
            **_BERT,
            "intra_bottleneck_size": 32,
            "embedding_size": 16,
            "true_hidden_size": 32,
            "num_feedforward_networks": 1,
        },
        *TEXT,
    ),
    _row("AlbertModel", "AlbertConfig", {**_BERT, "embedding_size": 16}, *TEXT),
    _row("RobertaModel", "RobertaConfig", _BERT, *TEXT),
    _row("ElectraModel", "ElectraConfig", {**_BERT, "embedding_size": 16}, *TEXT),
    _row("SqueezeBertModel", "SqueezeBertConfig", {**_BERT, "embedding_size": 32}, *TEXT),
    _row("T5EncoderModel", "T5Config", _T5, *TEXT),
    _row("T5Model", "T5Config", _T5, *TEXT, "decoder_input_ids=1x5:int64[0,99]", use_cache=False),
    _row("T5Model", "T5Config", _T5, *TEXT, "decoder_input_ids=1x5:int64[0,99]"),
    _row(
        "GPT2Model",
        "GPT2Config",
        {"vocab_size": 100, "n_positions": 64, "n_embd": 32, "n_layer": 2, "n_head": 2},
        *TEXT,
        use_cache=False,
    ),
    _row(
        "GPT2LMHeadModel",
        "GPT2Config",
        {"vocab_size": 100, "n_positions": 64, "n_embd": 32, "n_layer": 2, "n_head": 2},
        TEXT[0],
    ),
    _row("LlamaModel", "LlamaConfig", _LLAMA, *TEXT, use_cache=False),
    _row("LlamaForCausalLM", "LlamaConfig", _LLAMA, *TEXT),
    _row("Qwen2Model", "Qwen2Config", _LLAMA, *TEXT, use_cache=False),
    _row("Qwen2ForCausalLM", "Qwen2Config", _LLAMA, *TEXT),
    _row("M2M100Model", "M2M100Config", _SEQ2SEQ, *TEXT, part="encoder"),
    _row("MarianMTModel", "MarianConfig", _SEQ2SEQ, *TEXT, "decoder_input_ids=1x5:int64[0,99]", use_cache=False),
    _row(
        "FunnelModel",
        "FunnelConfig",
        {
            "vocab_size": 100,
            "d_model": 32,
            "n_head": 2,
            "d_head": 16,
            "d_inner": 64,
            "block_sizes": [1, 1],
            "num_decoder_layers": 1,
        },
        *TEXT,
        pinned="modeling_funnel.py",
    ),
    _row(
        "DebertaV2Model",
        "DebertaV2Config",
        {**_BERT, "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 16},
        *TEXT,
    ),
    _row(
        "LayoutLMModel", "LayoutLMConfig", {**_BERT, "max_2d_position_embeddings": 64}, *TEXT, "bbox=1x12x4:int64[5,5]"
    ),
)

SOUNDS = (
    _row("WhisperModel", "WhisperConfig", _WHISPER, "input_features=1x16x64", part="encoder"),
    _row(
        "WhisperModel",
        "WhisperConfig",
        _WHISPER,
        "input_features=1x16x64",
        "decoder_input_ids=1x5:int64[0,99]",
        use_cache=False,
    ),
    _row("Wav2Vec2Model", "Wav2Vec2Config", _SPEECH, "input_values=1x800"),
)

PICTURES = (
    _row("CLIPVisionModel", "CLIPVisionConfig", _VIT, *PICTURE),
    _row("CLIPTextModel", "CLIPTextConfig", {**_BERT, "bos_token_id": 97, "eos_token_id": 98}, *TEXT),
    _row("ViTModel", "ViTConfig", _VIT, *PICTURE),
    _row("DeiTModel", "DeiTConfig", _VIT, *PICTURE),
    _row(
        "SwinModel",
        "SwinConfig",
        {"image_size": 64, "embed_dim": 16, "depths": [2, 2], "num_heads": [2, 2], "window_size": 4},
        *PICTURE,
        pinned="modeling_swin.py",
    ),
    _row(
        "ConvNextV2Model", "ConvNextV2Config", {"hidden_sizes": [16, 32], "depths": [1, 1], "num_stages": 2}, *PICTURE
    ),
    _row("RegNetModel", "RegNetConfig", {**_RESNET, "groups_width": 8}, *PICTURE),
    _row("ResNetModel", "ResNetConfig", _RESNET, *PICTURE),
    _row("MobileNetV1Model", "MobileNetV1Config", {"depth_multiplier": 0.25, "image_size": 64}, *PICTURE),
    _row(
        "MobileNetV2Model",
        "MobileNetV2Config",
        {"depth_multiplier": 0.25, "image_size": 64},
        *PICTURE,
        pinned="modeling_mobilenet_v2.py",
    ),
    _row(
        "MobileViTModel",
        "MobileViTConfig",
        {
            "image_size": 64,
            "hidden_sizes": [16, 24, 32],
            "neck_hidden_sizes": [8, 8, 16, 16, 24, 32, 32],
            "num_attention_heads": 2,
        },
        *PICTURE,
        pinned="modeling_mobilevit.py",
    ),
    _row(
        "MobileViTV2Model",
        "MobileViTV2Config",
        {"image_size": 64, "width_multiplier": 0.5, "n_attn_blocks": [1, 1, 1], "base_attn_unit_dims": [32, 32, 32]},
        *PICTURE,
    ),
    _row(
        "EfficientNetModel",
        "EfficientNetConfig",
        {"image_size": 64, "width_coefficient": 0.25, "depth_coefficient": 0.3, "hidden_dim": 320},
        *PICTURE,
    ),
    _row(
        "LevitModel",
        "LevitConfig",
        {
            "image_size": 64,
            "hidden_sizes": [16, 24, 32],
            "num_attention_heads": [2, 2, 2],
            "depths": [1, 1, 1],
            "key_dim": [8, 8, 8],
            "down_ops": [["Subsample", 8, 2, 4, 2, 2], ["Subsample", 8, 3, 4, 2, 2]],
        },
        *PICTURE,
    ),
    _row("PoolFormerModel", "PoolFormerConfig", {"hidden_sizes": [16, 16, 32, 32], "depths": [1, 1, 1, 1]}, *PICTURE),
    _row(
        "SegformerForSemanticSegmentation",
        "SegformerConfig",
        {
            "hidden_sizes": [8, 16, 16, 32],
            "depths": [1, 1, 1, 1],
            "num_attention_heads": [1, 1, 2, 2],
            "decoder_hidden_size": 16,
        },
        *PICTURE,
    ),
    _row(
        "YolosForObjectDetection",
        "YolosConfig",
        {**_WIDTH, "image_size": [64, 64], "patch_size": 16, "num_detection_tokens": 6},
        *PICTURE,
    ),
    _row(
        "DetrForObjectDetection",
        "DetrConfig",
        {**_DETR, "backbone_config": ("ResNetConfig", {**_RESNET, "out_features": ["stage2"]})},
        *PICTURE,
    ),
    _row(
        "DPTForDepthEstimation",
        "DPTConfig",
        {
            **_VIT,
            "num_hidden_layers": 4,
            "backbone_out_indices": [0, 1, 2, 3],
            "neck_hidden_sizes": [8, 16, 16, 16],
            "fusion_hidden_size": 16,
        },
        *PICTURE,
    ),
    _row(
        "DepthAnythingForDepthEstimation",
        "DepthAnythingConfig",
        {
            "backbone_config": (
                "Dinov2Config",
                {
                    **_VIT,
                    "num_hidden_layers": 4,
                    "image_size": 70,
                    "patch_size": 14,
                    "out_indices": [1, 2, 3, 4],
                    "reshape_hidden_states": False,
                    "apply_layernorm": True,
                },
            ),
            "reassemble_hidden_size": 32,
            "patch_size": 14,
            "neck_hidden_sizes": [8, 16, 16, 16],
            "fusion_hidden_size": 16,
            "head_hidden_size": 8,
        },
        "pixel_values=1x3x70x70",
        pinned="modeling_depth_anything.py",
    ),
    _row(
        "SamModel",
        "SamConfig",
        {
            "vision_config": (
                "SamVisionConfig",
                {
                    "hidden_size": 32,
                    "output_channels": 16,
                    "num_hidden_layers": 2,
                    "num_attention_heads": 2,
                    "image_size": 64,
                    "patch_size": 8,
                    "window_size": 3,
                    "global_attn_indexes": [1],
                    "mlp_dim": 64,
                },
            ),
            "prompt_encoder_config": ("SamPromptEncoderConfig", {"hidden_size": 16, "image_size": 64, "patch_size": 8}),
            "mask_decoder_config": (
                "SamMaskDecoderConfig",
                {"hidden_size": 16, "mlp_dim": 32, "num_attention_heads": 2, "iou_head_hidden_dim": 16},
            ),
        },
        *PICTURE,
        part="vision_encoder",
    ),
    _row(
        "TrOCRForCausalLM",
        "TrOCRConfig",
        {
            "vocab_size": 100,
            "d_model": 32,
            "decoder_layers": 2,
            "decoder_attention_heads": 2,
            "decoder_ffn_dim": 64,
            "max_position_embeddings": 64,
            "cross_attention_hidden_size": 32,
            "is_decoder": True,
        },
        *TEXT,
        "encoder_hidden_states=1x7x32",
        use_cache=False,
    ),
    _row(
        "DonutSwinModel",
        "DonutSwinConfig",
        {"image_size": 64, "embed_dim": 16, "depths": [2, 2], "num_heads": [2, 2], "window_size": 4},
        *PICTURE,
        pinned="modeling_donut_swin.py",
    ),
    _row("BlipVisionModel", "BlipVisionConfig", _VIT, *PICTURE),
)

MODELS = TEXTS + SOUNDS + PICTURES
