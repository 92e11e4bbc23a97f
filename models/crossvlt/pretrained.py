"""BERT's weights in CrossVLT's first language stage."""

from __future__ import annotations

from pathlib import Path

from mmseg_models.crossvlt.model import CrossVLT
from mmseg_models.encoders.bert_keys import hugging_face_key, plain_bert
from mmseg_models.tensors import load_strict, read_tensors

_PREFIXES = ('text.embedding.', 'text.layers.')


def load_pretrained_text(model: CrossVLT, file: Path | str) -> None:
    """Load Hugging Face's `bert-base-uncased` into the embeddings and the first stage's layers.

    As in the authors' code, BERT's later layers and its heads are not used, and the later
    stages keep their random weights. `load_pretrained_encoder` does the same for Swin.

    Args:
        model: Built with the text size of the file.
        file: `model.safetensors` or `pytorch_model.bin`, read with `weights_only=True`.

    Raises:
        ConfigError: The file cannot be read, or a tensor is missing, unexpected or of another
            shape; all are named.
    """
    state = model.state_dict()
    names = {
        hugging_face_key(key.removeprefix('text.')): key
        for key in state
        if key.startswith(_PREFIXES)
    }
    found = plain_bert(read_tensors(file), len(model.text.layers))
    kept = {key: value for key, value in state.items() if not key.startswith(_PREFIXES)}
    loaded = {names.get(name, name): value for name, value in found.items()}
    load_strict(model, {**kept, **loaded}, {key: name for name, key in names.items()})
