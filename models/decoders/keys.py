"""Names of the SegFormer head's tensors in published checkpoints."""

from __future__ import annotations

from mmseg_models.encoders.keys import Rule, rename

_HEAD: list[Rule] = [
    (r'^projections\.(\d)\.', lambda m: f'linear_c{int(m[1]) + 1}.proj.'),
    (r'^fuse\.', 'linear_fuse.conv.'),
    (r'^norm\.', 'linear_fuse.bn.'),
    (r'^classifier\.', 'linear_pred.'),
]


def reference_head_key(key: str) -> str:
    """Return the published name of the tensor `key` of `SegFormerHead`."""
    return rename(key, _HEAD)
