"""Writes a bundle of text-prompted segmentation, or nothing at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from mmseg_models.crossvlt import CrossVLT
from mmseg_models.export.card import plain, table
from mmseg_models.export.referring_graph import (
    SegmenterGraph,
    TextGraph,
    write_segmenter_graph,
    write_text_graph,
)
from mmseg_models.export.referring_parity import ReferringParity, check_referring_parity
from mmseg_models.export.shared_weights import WeightStore
from mmseg_models.training.referring_checkpoint import ReferringInfo
from mmseg_ros.core.atomic_files import (
    atomic_folder,
    require_absent,
    write_bytes,
    write_text,
)
from mmseg_ros.core.errors import BundleError
from mmseg_ros.inference.bundle import CARD_FILE, CONSTANTS_FILE, WEIGHTS_FILE
from mmseg_ros.referring.bundle import (
    SEGMENTER_FILE,
    TEXT_FILE,
    VOCABULARY_FILE,
    ReferringBundle,
    ReferringManifest,
    load_referring_bundle,
    seal_referring_bundle,
    unsealed_referring_bundle,
)

_PLACES = ('run_dir', 'resume', 'init_from', 'encoder_from')


def write_referring_bundle(
    model: CrossVLT,
    manifest: ReferringManifest,
    vocabulary: Sequence[str],
    path: Path,
    progress: Callable[[str], None] = lambda message: None,
) -> ReferringBundle:
    """Export `model` into the folder `path`, which appears only if the graphs answer as it does.

    Args:
        model: The trained network.
        manifest: Everything but the files.
        vocabulary: Tokens; the position is the id.
        path: Folder to make; must not exist.
        progress: Told each step in a few words.

    Raises:
        BundleError: `path` exists, the vocabulary or the tokens do not fit the network, or an
            exported graph does not answer as the network does.
        OutputError: `path` cannot be written.
    """
    if len(vocabulary) != model.vocabulary_size or manifest.max_tokens > model.max_tokens:
        raise BundleError(
            f'The network knows {model.vocabulary_size} tokens in text prompts of at most '
            f'{model.max_tokens}, but was given {len(vocabulary)} and {manifest.max_tokens}.'
        )
    require_absent(path, BundleError)
    with atomic_folder(path) as draft:
        _fill(draft, model.eval().cpu(), manifest, vocabulary, progress)
    return load_referring_bundle(path)


def referring_manifest_of(info: ReferringInfo, name: str, licence: str) -> ReferringManifest:
    """Return the manifest of a trained network, still without files.

    Args:
        info: What stands beside the trained weights.
        name: Name of the bundle.
        licence: SPDX identifier of the weights.
    """
    return ReferringManifest(
        name=name,
        model=info.model,
        model_options=info.options,
        height=info.height,
        width=info.width,
        mean=info.mean,
        std=info.std,
        max_tokens=info.max_tokens,
        precision='fp32',
        training={'steps': info.step, 'recipe': _without_places(info.recipe)},
        metrics=info.metrics,
        licence=licence,
    )


def _fill(
    draft: Path,
    model: CrossVLT,
    manifest: ReferringManifest,
    vocabulary: Sequence[str],
    progress: Callable[[str], None],
) -> None:
    write_text(draft / VOCABULARY_FILE, '\n'.join(vocabulary) + '\n')
    write_bytes(draft / WEIGHTS_FILE, save(_compact(model.state_dict())))
    store = WeightStore(draft / WEIGHTS_FILE, draft / CONSTANTS_FILE)
    progress('exporting the graph of the text prompts')
    text_graph = TextGraph(model).eval()
    write_text_graph(text_graph, manifest.max_tokens, draft)
    store.link(draft / TEXT_FILE)
    progress('exporting the graph of image and text prompts')
    segmenter = SegmenterGraph(model, manifest).eval()
    text_dim = model.text.embedding.words.embedding_dim
    write_segmenter_graph(segmenter, manifest, text_dim, draft)
    store.link(draft / SEGMENTER_FILE)
    bundle = unsealed_referring_bundle(draft, manifest)
    progress('comparing with torch')
    parity = check_referring_parity(text_graph, segmenter, bundle)
    write_text(draft / CARD_FILE, _card(manifest, parity))
    seal_referring_bundle(draft, manifest)


def _compact(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights in half precision where that changes no value."""
    found = {}
    for name, tensor in state.items():
        half = tensor.half() if tensor.is_floating_point() else tensor
        found[name] = (half if torch.equal(half.to(tensor.dtype), tensor) else tensor).contiguous()
    return found


def _without_places(recipe: dict[str, Any]) -> dict[str, Any]:
    """Return the recipe without the folders of the machine it ran on."""
    kept = {key: value for key, value in recipe.items() if key not in _PLACES}
    data = dict(kept.get('data', {}))
    data['roots'] = [Path(root).name for root in data.get('roots', [])]
    data['vocabulary'] = Path(str(data.get('vocabulary', ''))).name
    return {**kept, 'data': data}


def _card(manifest: ReferringManifest, parity: ReferringParity) -> str:
    return f"""# {plain(manifest.name)}

{plain(manifest.model)}, {manifest.precision}: points at what a sentence means, in camera images \
of {manifest.height} x {manifest.width} pixels, by text prompts of up to {manifest.max_tokens} \
tokens (`{VOCABULARY_FILE}`, WordPiece, uncased). License of the weights: \
{plain(manifest.licence)}.

## Training

{table(manifest.training)}

## Scores

{table(manifest.metrics)}

## Parity with torch

With one sentence and with several at once: text features within {parity.features:.1e}, \
probabilities within {parity.steps}/254, masks equal on {parity.agreement:.4%} of the pixels.

## Options

{table(manifest.model_options)}
"""
