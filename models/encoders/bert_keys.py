"""Names of BERT's tensors in Hugging Face's files."""

from __future__ import annotations

import re

from torch import Tensor

from mmseg_models.encoders.keys import Rule, rename

LAYER_RULES: list[Rule] = [
    (r'\.attention\.(query|key|value)\.', r'.attention.self.\1.'),
    (r'\.attention\.output\.', '.attention.output.dense.'),
    (r'\.attention\.norm\.', '.attention.output.LayerNorm.'),
    (r'\.mlp\.expand\.', '.intermediate.dense.'),
    (r'\.mlp\.contract\.', '.output.dense.'),
    (r'\.mlp\.norm\.', '.output.LayerNorm.'),
]
EMBEDDING_RULES: list[Rule] = [
    (r'(^|\.)embedding\.words\.', r'\1embeddings.word_embeddings.'),
    (r'(^|\.)embedding\.positions\.', r'\1embeddings.position_embeddings.'),
    (r'(^|\.)embedding\.segments\.', r'\1embeddings.token_type_embeddings.'),
    (r'(^|\.)embedding\.norm\.', r'\1embeddings.LayerNorm.'),
]
_LAYERS: list[Rule] = [(r'^layers\.(\d+)\.', r'encoder.layer.\1.')]
_LEGACY: list[Rule] = [(r'\.gamma$', '.weight'), (r'\.beta$', '.bias')]
_IGNORED = re.compile(r'^pooler\.|^cls\.|position_ids$')


def hugging_face_key(key: str) -> str:
    """Return the name that `transformers.BertModel` gives to `embedding.*` or `layers.N.*`."""
    return rename(key, [*EMBEDDING_RULES, *_LAYERS, *LAYER_RULES])


def plain_bert(tensors: dict[str, Tensor], num_layers: int) -> dict[str, Tensor]:
    """Return a file's embeddings and first layers under the names of `transformers.BertModel`.

    Heads, the pooler and the layers after the first `num_layers` are left out; the names that
    the first files have for layer norms (`gamma`, `beta`) are replaced.
    """
    plain = {}
    for name, value in tensors.items():
        key = rename(name.removeprefix('bert.'), _LEGACY)
        layer = re.match(r'encoder\.layer\.(\d+)\.', key)
        if _IGNORED.search(key) or (layer and int(layer[1]) >= num_layers):
            continue
        plain[key] = value
    return plain
