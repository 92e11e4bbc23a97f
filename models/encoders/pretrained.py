"""Which tensor of a pretrained file goes to which tensor of an encoder."""

from __future__ import annotations

import re

from torch import Tensor
from torch.nn import functional

from mmseg_models.encoders.mit_keys import official_from_hugging_face, official_mit_key
from mmseg_models.encoders.swin_keys import official_swin_key
from mmseg_ros.core.errors import ConfigError

_PREFIX = 'encoder.'
_NOT_ENCODER = ('head.', 'decode_head.', 'auxiliary_head.', 'classifier.')
_OWN_NORM = re.compile(r'\.norms\.\d+\.')
_SWIN_OUTPUT_NORM = re.compile(r'^stages\.\d\.norm\.')
_SWIN_IGNORED = re.compile(r'^norm\.|\.attn_mask$|\.relative_position_index$')


def encoder_tensors(
    wanted: dict[str, Tensor], tensors: dict[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Translate a pretrained file.

    Args:
        wanted: Own names, starting with `encoder.stages.`, to the tensors of a model's encoder.
        tensors: Content of the file.

    Returns:
        Own names to tensors, with the file's leftovers under their own names; and own name to
        the file's name.

    Raises:
        ConfigError: The file or the model holds no encoder that is known.
    """
    found = {
        key.removeprefix('backbone.'): value
        for key, value in tensors.items()
        if not key.startswith(_NOT_ENCODER)
    }
    plain = {key: _OWN_NORM.sub('.', key.removeprefix(_PREFIX)) for key in _without_fusion(wanted)}
    if any('.position_bias' in key for key in plain):
        _expect(found, 'layers.0.blocks.0.attn.qkv.weight', 'Swin Transformer')
        return _swin_tensors(wanted, plain, found)
    names = {key: official_mit_key(name) for key, name in plain.items()}
    if any('patch_embeddings.' in key for key in found):
        found = official_from_hugging_face(found, list(dict.fromkeys(names.values())))
    _expect(found, 'block1.0.attn.q.weight', 'Mix Transformer')
    return _assign(names, found), names


def _without_fusion(keys: dict[str, Tensor]) -> list[str]:
    return [key for key in keys if '.fusion.' not in key]


def _expect(found: dict[str, Tensor], key: str, encoder: str) -> None:
    if key not in found:
        shown = ', '.join(list(found)[:3])
        raise ConfigError(
            f"the model's encoder is a {encoder}, but the file has no {key}; "
            f'it holds {shown} ...: choose the file of this encoder'
        )


def _assign(names: dict[str, str], found: dict[str, Tensor]) -> dict[str, Tensor]:
    loaded = {key: found[name] for key, name in names.items() if name in found}
    used = set(names.values())
    return loaded | {name: value for name, value in found.items() if name not in used}


def _swin_tensors(
    wanted: dict[str, Tensor], plain: dict[str, str], found: dict[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, str]]:
    names = {key: official_swin_key(name) for key, name in plain.items()}
    found = {key: value for key, value in found.items() if not _SWIN_IGNORED.search(key)}
    loaded = _assign(names, found)
    for key, name in plain.items():
        if key.endswith('.position_index') or (
            _SWIN_OUTPUT_NORM.match(name) and names[key] not in found
        ):
            loaded[key] = wanted[key]
        elif key.endswith('.position_bias') and key in loaded:
            loaded[key] = _resize_bias(loaded[key], wanted[key].shape[0])
    return loaded, names


def _resize_bias(bias_PH: Tensor, count: int) -> Tensor:
    """Return the position biases of a window of another size, bicubic."""
    side, new_side = (int(n**0.5) for n in (bias_PH.shape[0], count))
    if side == new_side:
        return bias_PH
    grid_1HRR = bias_PH.T.unflatten(1, (side, side))[None]
    resized = functional.interpolate(grid_1HRR, (new_side, new_side), mode='bicubic')
    return resized[0].flatten(1).T
