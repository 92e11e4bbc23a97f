"""SAM 2's published weights for the parts that MLE-SAM shares; every name is accounted for.

Files: `sam2_hiera_*.pt` and `sam2.1_hiera_*.pt` of facebookresearch/sam2 (Apache-2.0).
"""

from __future__ import annotations

import re
from pathlib import Path

from torch import Tensor

from mmseg_models.mle_sam.model import MleSam
from mmseg_models.tensors import load_strict, read_tensors

UNUSED = (
    # Memory of earlier frames.
    'memory_attention.',
    'memory_encoder.',
    'mask_downsample.',
    'maskmem_tpos_enc',
    'no_mem_pos_enc',
    'no_obj_ptr',
    'no_obj_embed_spatial',
    'obj_ptr_proj.',
    'obj_ptr_tpos_proj.',
    # Prompts.
    'sam_prompt_encoder.point_embeddings.',
    'sam_prompt_encoder.not_a_point_embed.',
    'sam_prompt_encoder.mask_downscaling.',
    # Four masks of one object, and which of them is right; here there is one mask per class.
    'sam_mask_decoder.mask_tokens.',
    'sam_mask_decoder.output_hypernetworks_mlps.',
    'sam_mask_decoder.iou_prediction_head.',
    'sam_mask_decoder.pred_obj_score_head.',
)
"""Prefixes of the tensors that a published file holds and MLE-SAM has no use for."""

_BASE = re.compile(r'^(encoder|decoder|position)\.|^no_(memory|mask)$')
_ADDED = re.compile(r'_MRC$|^decoder\.(mask_tokens|filters)')


def load_sam2(model: MleSam, file: Path | str) -> None:
    """Load SAM 2's image encoder and the decoder's shared parts; the others stay as they are.

    Args:
        model: Built with the encoder of the file, and with experts that are not merged.
        file: `.pt`, read with `weights_only=True`, or `.safetensors`.

    Raises:
        ConfigError: The file cannot be read, or a tensor is missing, of another shape, or neither
            needed nor known to be of no use; all are named.
    """
    state = model.state_dict()
    names = {model.reference_key(key): key for key in state if is_base(key)}
    kept = {key: value for key, value in state.items() if not is_base(key)}
    found = {
        names.get(key, key): value
        for key, value in read_tensors(file).items()
        if not key.startswith(UNUSED)
    }
    load_strict(model, {**kept, **found}, {own: name for name, own in names.items()})


def base_tensors(model: MleSam) -> dict[str, Tensor]:
    """Return what `load_sam2` loads, under SAM 2's names."""
    state = model.state_dict()
    return {model.reference_key(key): state[key] for key in state if is_base(key)}


def is_base(key: str) -> bool:
    """Return whether SAM 2 has the tensor `key` of `MleSam` too, in the same shape."""
    return bool(_BASE.search(key)) and not _ADDED.search(key)
