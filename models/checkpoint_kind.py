"""Which network a checkpoint is of, told by the names of its tensors."""

from __future__ import annotations

from collections.abc import Iterable

_SIGNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ('geminifusion', ('cross_attn_0_to_1', 'relation_judger')),
    ('stitchfusion', ('adap_t_att', 'adap_t_mlp', 'adap_t.adapter', 'feature_cross.')),
    ('crossvlt', ('lang_encoder', 'text_encoder', 'bert.embeddings', 'sim_map')),
    ('SAM 2, the base of mle_sam (model.pretrained)', ('sam_mask_decoder.', 'memory_attention.')),
    ('segformer', ('segformer.encoder.', 'decode_head.linear_c.')),
    ('segformer as mmsegmentation saves it', ('decode_head.linear_c1.proj',)),
    ('an encoder alone (model.pretrained)', ('patch_embed1.proj', 'patch_embeddings.0.proj')),
)


def which_model(names: Iterable[str]) -> str:
    """Return what a checkpoint with tensors of these names looks like; '' if nothing known."""
    everything = '\n'.join(names)
    return next((kind for kind, signs in _SIGNS if any(sign in everything for sign in signs)), '')
