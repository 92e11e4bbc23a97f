"""Names of MLE-SAM's tensors in SAM 2's checkpoints; what SAM 2 has not is named in its style."""

from __future__ import annotations

from mmseg_models.decoders.keys import reference_head_key
from mmseg_models.encoders.hiera_keys import official_hiera_key
from mmseg_models.encoders.keys import Rule, rename

_WHOLE = {
    'no_memory': 'no_mem_embed',
    'no_mask': 'sam_prompt_encoder.no_mask_embed.weight',
    'position.directions': 'sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix',
}
_DECODER: list[Rule] = [
    (r'^presence_token$', 'obj_score_token.weight'),
    (r'^quality_token$', 'iou_token.weight'),
    (r'^mask_tokens$', 'mask_tokens.weight'),
    (r'^narrow_fine\.', 'conv_s0.'),
    (r'^narrow_middle\.', 'conv_s1.'),
    (r'^to_middle\.', 'output_upscaling.0.'),
    (r'^middle_norm\.', 'output_upscaling.1.'),
    (r'^to_fine\.', 'output_upscaling.3.'),
    (r'^filters\.', 'output_hypernetworks_mlps.'),
    (r'^quality\.', 'iou_prediction_head.'),
    (r'^presence\.', 'pred_obj_score_head.'),
    (r'^transformer\.norm\.', 'transformer.norm_final_attn.'),
    (r'^transformer\.to_image\.', 'transformer.final_attn_token_to_image.'),
    (r'^transformer\.blocks\.', 'transformer.layers.'),
    (r'\.self_attention\.', '.self_attn.'),
    (r'\.to_image\.', '.cross_attn_token_to_image.'),
    (r'\.to_tokens\.', '.cross_attn_image_to_token.'),
    (r'\.expand\.', '.mlp.layers.0.'),
    (r'\.contract\.', '.mlp.layers.1.'),
    (r'\.query\.', '.q_proj.'),
    (r'\.key\.', '.k_proj.'),
    (r'\.value\.', '.v_proj.'),
    (r'\.output\.', '.out_proj.'),
]


def decoder_key(key: str) -> str:
    """Return SAM 2's name, below `sam_mask_decoder.`, of the tensor `key` of `MaskDecoder`."""
    return rename(key, _DECODER)


def mle_sam_key(key: str) -> str:
    """Return SAM 2's name of the tensor `key` of `MleSam`."""
    if key in _WHOLE:
        return _WHOLE[key]
    part, _, rest = key.partition('.')
    if part == 'encoder':
        return 'image_encoder.' + official_hiera_key(rest)
    if part == 'decoder':
        return 'sam_mask_decoder.' + decoder_key(rest)
    if part == 'auxiliary':
        return 'auxiliary_head.' + reference_head_key(rest)
    return key
