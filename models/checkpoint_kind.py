"""Which network a checkpoint is of, told by the names of its tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias

from torch import Tensor

from mmseg_models.tensors import found_names
from mmseg_ros.core.errors import ConfigError

Infer: TypeAlias = Callable[[dict[str, Tensor]], dict[str, Any]]

_SIGNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ('geminifusion', ('cross_attn_0_to_1', 'relation_judger')),
    ('stitchfusion', ('adap_t_att', 'adap_t_mlp', 'adap_t.adapter', 'feature_cross.')),
    ('crossvlt', ('lang_stage1.', 'lang_stage2.')),
    ('mle_sam', ('.qkv.down_MRC', '.qkv.members.', 'router.gates.', 'auxiliary_head.')),
    ('SAM 2, the base of mle_sam (model.pretrained)', ('sam_mask_decoder.', 'memory_attention.')),
    ('segformer', ('segformer.encoder.', 'decode_head.linear_c.')),
    ('segformer as mmsegmentation saves it', ('decode_head.linear_c1.proj',)),
    ('LAVT, from which crossvlt derives', ('backbone.layers.0.fusion.', 'text_encoder.')),
    (
        'BERT, the text encoder of crossvlt (pretrained_text)',
        ('embeddings.word_embeddings.', 'bert.encoder.layer.'),
    ),
    (
        'an encoder alone (model.pretrained)',
        (
            'patch_embed1.proj', 'patch_embeddings.0.proj',
            'layers.0.blocks.0.attn.relative_position_bias_table',
        ),
    ),
)  # fmt: skip


def which_model(names: Iterable[str]) -> str:
    """Return what a checkpoint with tensors of these names looks like; '' if nothing known."""
    everything = '\n'.join(names)
    return next((kind for kind, signs in _SIGNS if any(sign in everything for sign in signs)), '')


def inferred_options(
    file: Path | str, tensors: dict[str, Tensor], name: str, infer: Infer
) -> dict[str, Any]:
    """Return the options of a checkpoint as its tensors tell them.

    Args:
        file: Where they were read from, for the error message.
        tensors: The authors' names to tensors.
        name: The model it should be of.
        infer: Reads the options; raises KeyError or ConfigError where the tensors are others.

    Raises:
        ConfigError: It is a checkpoint of another model; says which, if that is known.
    """
    try:
        return infer(tensors)
    except KeyError as error:
        raise ConfigError(
            f'{file} is no {name} checkpoint: it has no {error.args[0]}; {_looks_like(tensors)}'
        ) from error
    except ConfigError as error:
        raise ConfigError(f'{file}: {error}; {_looks_like(tensors)}') from error


def require_kind(file: Path | str, tensors: dict[str, Tensor], name: str) -> None:
    """Reject a checkpoint that looks like another model than `name`.

    Raises:
        ConfigError: It does; says which.
    """
    kind = which_model(tensors)
    if kind and kind != name:
        raise ConfigError(f'{file} is no {name} checkpoint; {_looks_like(tensors)}')


def _looks_like(tensors: dict[str, Tensor]) -> str:
    kind = which_model(tensors)
    guess = f'it looks like {kind}; ' if kind else ''
    return f'{guess}its tensors are {found_names(tensors)}'
