"""The parity check of a bundle for text prompts: its graphs must answer as the network does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from mmseg_models.export.parity import CELL_PX
from mmseg_models.export.referring_graph import SegmenterGraph, TextGraph
from mmseg_ros.core.errors import BundleError
from mmseg_ros.inference.backend import create_runtime
from mmseg_ros.referring.bundle import ReferringBundle
from mmseg_ros.referring.graphs import MaskDecoder, TextEncoder
from mmseg_ros.referring.result import MEANT

LARGEST_FEATURE_DIFFERENCE = 1e-4
LARGEST_STEPS = 2
"""Of 254 between the probabilities 0 and 1."""
_SENTENCES = (1, 3)
_FIRST_WORD = 4
_SHORTEST = 3


@dataclass(frozen=True, slots=True)
class ReferringParity:
    """Agreement of the exported graphs with torch.

    Attributes:
        features: Largest difference of the text features.
        steps: Largest difference of the probabilities, in steps of 1/254.
        agreement: Share of pixels whose masks are equal.
    """

    features: float
    steps: int
    agreement: float


def check_referring_parity(
    text_graph: TextGraph,
    segmenter: SegmenterGraph,
    bundle: ReferringBundle,
    runtime: str = 'onnxruntime',
) -> ReferringParity:
    """Compare both graphs of a bundle with torch, with one sentence and with several.

    Args:
        text_graph: The network in torch.
        segmenter: Its other half.
        bundle: The exported files.
        runtime: What executes them.

    Raises:
        BundleError: Features or probabilities differ by more than rounding explains.
    """
    encoder = TextEncoder(bundle, create_runtime(runtime))
    decoder = MaskDecoder(bundle, create_runtime(runtime))
    image = _probe_image(bundle)
    features, steps, agreement = 0.0, 0, 1.0
    for count in _SENTENCES:
        token_ids, attention_mask = _probe_sentences(bundle, text_graph, count)
        with torch.inference_mode():
            mask = torch.from_numpy(attention_mask)
            text = text_graph(torch.from_numpy(token_ids), mask)
            expected = segmenter(torch.from_numpy(image), text, mask).numpy()
        found_text = encoder.encode(token_ids, attention_mask)
        found = decoder.decode(image, found_text, attention_mask)
        features = max(features, float(np.abs(found_text - text.numpy()).max()))
        steps = max(steps, int(np.abs(found.astype(int) - expected.astype(int)).max()))
        agreement = min(agreement, float(((found >= MEANT) == (expected >= MEANT)).mean()))
    encoder.close()
    decoder.close()
    if features > LARGEST_FEATURE_DIFFERENCE or steps > LARGEST_STEPS:
        raise BundleError(
            f'The exported graphs differ from torch by {features:.2e} in the text features '
            f'(allowed: {LARGEST_FEATURE_DIFFERENCE:.0e}) and {steps} steps of 254 in the '
            f'probabilities (allowed: {LARGEST_STEPS}).'
        )
    return ReferringParity(features, steps, agreement)


def _probe_image(bundle: ReferringBundle) -> NDArray[np.uint8]:
    """Return H x W x 3 uint8: colored squares, the same for every bundle of this size."""
    height, width = bundle.manifest.height, bundle.manifest.width
    rows, columns = -(-height // CELL_PX), -(-width // CELL_PX)
    cells = np.random.default_rng(0).integers(0, 256, (rows, columns, 3), np.uint8)
    image = cells.repeat(CELL_PX, axis=0).repeat(CELL_PX, axis=1)
    return np.ascontiguousarray(image[:height, :width])


def _probe_sentences(
    bundle: ReferringBundle, text_graph: TextGraph, count: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return N x L token ids of random words in prompts of different lengths, and the mask."""
    rng = np.random.default_rng(count)
    length = bundle.manifest.max_tokens
    lengths = rng.integers(min(_SHORTEST, length), length + 1, (count, 1))
    attention_mask = np.arange(length)[None] < lengths
    size = text_graph.model.vocabulary_size
    token_ids = rng.integers(min(_FIRST_WORD, size - 1), size, (count, length))
    return np.where(attention_mask, token_ids, 0), attention_mask
