"""Names of CrossVLT's tensors in the authors' checkpoints."""

from __future__ import annotations

from mmseg_models.encoders.bert_keys import EMBEDDING_RULES, LAYER_RULES
from mmseg_models.encoders.keys import Rule, rename
from mmseg_models.encoders.swin_keys import official_swin_key

_FUSION: list[Rule] = [
    (r'\.query\.', '.v_q.0.'),
    (r'\.key\.', '.l_q.'),
    (r'\.value\.', '.values_l.'),
    (r'\.output\.', '.w_v.0.'),
    (r'\.mix\.', '.project_mm.0.'),
]
_GATES: list[Rule] = [
    (r'^fusions\.(\d)\.attention\.', r'backbone.\1.layers.attn1.'),
    (r'^fusions\.(\d)\.squeeze\.', r'backbone.\1.layers.linear1.0.'),
    (r'^fusions\.(\d)\.excite\.', r'backbone.\1.layers.linear1.2.'),
    (r'^entry_fusions\.(\d)\.attention\.', r'backbone.\1.layers.attn2.'),
    (r'^entry_fusions\.(\d)\.squeeze\.', r'backbone.\1.layers.linear2.0.'),
    (r'^entry_fusions\.(\d)\.excite\.', r'backbone.\1.layers.linear2.2.'),
    (r'^aligns\.(\d)\.', r'backbone.\1.layers.proj.'),
]
_TEXT: list[Rule] = [
    *LAYER_RULES,
    (r'^text\.embedding\.', 'text.embedding.'),
    *EMBEDDING_RULES,
    (r'^text\.layers\.', 'lang_stage1.encoder.layer.'),
    (r'^text\.align\.', 'lang_stage1.encoder.proj.'),
    (r'^text\.', 'lang_stage1.'),
    (r'^text_stages\.(\d)\.align\.', lambda m: f'lang_stage{int(m[1]) + 2}.proj.'),
    (r'^text_stages\.(\d)\.layers\.', lambda m: f'lang_stage{int(m[1]) + 2}.layer.'),
    (r'^text_stages\.(\d)\.look\.(query|key|value)\.',
     lambda m: f'lang_stage{int(m[1]) + 2}.crossattention.self.{m[2]}.'),
    (r'^text_stages\.(\d)\.look\.output\.',
     lambda m: f'lang_stage{int(m[1]) + 2}.crossattention.output.dense.'),
    (r'^text_stages\.(\d)\.look\.norm\.',
     lambda m: f'lang_stage{int(m[1]) + 2}.crossattention.output.LayerNorm.'),
    (r'^text_stages\.(\d)\.', lambda m: f'lang_stage{int(m[1]) + 2}.'),
]  # fmt: skip
_DECODER: list[Rule] = [
    (r'^decoder\.refinements\.(\d)\.conv(\d)\.', lambda m: f'classifier.conv{m[2]}_{_step(m)}.'),
    (r'^decoder\.refinements\.(\d)\.norm(\d)\.', lambda m: f'classifier.bn{m[2]}_{_step(m)}.'),
    (r'^classify\.', 'classifier.conv1_1.'),
]
_SWIN: list[Rule] = [
    (r'^patch_embed\.', 'backbone.0.patch_embed.'),
    (r'^norm(\d)\.', r'backbone.\1.norm\1.'),
    (r'^layers\.(\d)\.', r'backbone.\1.layers.'),
]


def _step(match: object) -> int:
    return 4 - int(match[1])  # type: ignore[index]


def crossvlt_key(key: str) -> str:
    """Return the authors' name of the tensor `key` of `CrossVLT`."""
    if key == 'temperature':
        return 'temp'
    if key.startswith('encoder.'):
        return rename(official_swin_key(key.removeprefix('encoder.')), _SWIN)
    if key.startswith(('text.', 'text_stages.')):
        return rename(key, _TEXT)
    if key.startswith(('decoder.', 'classify.')):
        return rename(key, _DECODER)
    name = rename(key, _GATES)
    return rename(name, _FUSION) if '.attn' in name else name
