"""Text-prompted segmentation: a camera image and sentences to masks."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.aspects import DEFAULT_ASPECT
from mmseg_ros.core.errors import BackendError, BundleError, ConfigError, SampleError
from mmseg_ros.core.model_config import PROMPT_RUNTIMES
from mmseg_ros.inference.backend import available_backends, create_runtime
from mmseg_ros.inference.runtime import Runtime
from mmseg_ros.labelling.colors import as_rgb
from mmseg_ros.projection.fit import Fit
from mmseg_ros.projection.images import scaled_plane
from mmseg_ros.referring.bundle import (
    VOCABULARY_FILE,
    ReferringBundle,
    load_referring_bundle,
)
from mmseg_ros.referring.graphs import MaskDecoder, TextEncoder
from mmseg_ros.referring.result import ReferringResult
from mmseg_ros.referring.tokenizer import Reading, Tokenizer
from mmseg_ros.referring.torch_runtime import TorchReferring

# torch is only for comparison; `auto` takes the first of the others that is installed.
_AUTOMATIC = tuple(name for name in PROMPT_RUNTIMES if name != 'torch')
_REMEMBERED = 64
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Encoded:
    """A sentence that has been read and encoded.

    Attributes:
        features: L x C float32. attention_mask: L bool. reading: Its tokens.
    """

    features: NDArray[np.float32]
    attention_mask: NDArray[np.bool_]
    reading: Reading


class ReferringSegmenter:
    """Answers text prompts about images. Used by one thread at a time.

    Args:
        bundle: The network. runtime: What runs it.
        aspect: What becomes of images of another shape than the network's, see `Fit.of`.

    Attributes:
        encoded: How many prompts went through the text encoder; one that comes again does not.

    Raises:
        BackendError: The runtime is missing or rejects a graph.
        BundleError: A graph or the vocabulary does not match the manifest.
    """

    def __init__(
        self, bundle: ReferringBundle, runtime: Runtime, aspect: str = DEFAULT_ASPECT
    ) -> None:
        self.bundle = bundle
        self.aspect = aspect
        self.encoded = 0
        self.backend_name = runtime.name
        try:
            self._tokenizer = Tokenizer(bundle.path / VOCABULARY_FILE, bundle.manifest.max_tokens)
        except ConfigError as error:
            raise BundleError(f'{bundle.path}: {error}') from error
        self._text_encoder = TextEncoder(bundle, runtime)
        self._mask_decoder = MaskDecoder(bundle, runtime)
        self._memory: OrderedDict[str, _Encoded] = OrderedDict()

    def read(self, sentences: Sequence[str]) -> tuple[str, ...]:
        """Encode the prompts that are new; return what should be told about them, if anything.

        Raises:
            SampleError: One cannot be read, or no word of it is in the vocabulary.
            BackendError: The runtime failed.
        """
        encoded = self._recall(sentences)
        return tuple(dict.fromkeys(note for item in encoded for note in item.reading.notes))

    def segment(self, pixels: NDArray[Any], sentences: Sequence[str]) -> ReferringResult:
        """Return the masks of the text prompts, all in one batch, at the size of the image.

        Args:
            pixels: H x W x 3 uint8 RGB, or a gray image.
            sentences: At least one, all different.

        Raises:
            SampleError: A sentence cannot be read; see `read`.
            BackendError: The runtime failed.
        """
        encoded = self._recall(sentences)
        if not encoded:
            raise SampleError('There is no text prompt to look for.')
        manifest = self.bundle.manifest
        height, width = pixels.shape[:2]
        fit = Fit.of((height, width), (manifest.height, manifest.width), self.aspect)
        scaled = scaled_plane(as_rgb(pixels), fit.scaled_height, fit.scaled_width).values
        image = fit.lay(scaled)
        probability = self._mask_decoder.decode(
            np.ascontiguousarray(image),
            np.stack([item.features for item in encoded]),
            np.stack([item.attention_mask for item in encoded]),
        )
        restored = [fit.restore(plane, 0, cv2.INTER_LINEAR) for plane in probability]
        return ReferringResult(tuple(sentences), np.stack(restored))

    def warm_up(self) -> None:
        """Run the segmenter once on zeros, so that the first real image is not the slow one."""
        manifest = self.bundle.manifest
        token_ids = np.zeros((1, manifest.max_tokens), np.int64)
        attention_mask = np.ones((1, manifest.max_tokens), bool)
        features = self._text_encoder.encode(token_ids, attention_mask)
        image = np.zeros((manifest.height, manifest.width, 3), np.uint8)
        self._mask_decoder.decode(image, features, attention_mask)

    def close(self) -> None:
        """Free the graphs."""
        self._text_encoder.close()
        self._mask_decoder.close()

    def _recall(self, sentences: Sequence[str]) -> list[_Encoded]:
        """Return every text prompt encoded; the new ones go through the network as one batch."""
        new = [s for s in sentences if not isinstance(s, str) or s not in self._memory]
        if new:
            self._remember(new)
        for sentence in sentences:
            self._memory.move_to_end(sentence)
        found = [self._memory[sentence] for sentence in sentences]
        while len(self._memory) > max(_REMEMBERED, len(sentences)):
            self._memory.popitem(last=False)
        return found

    def _remember(self, sentences: Sequence[str]) -> None:
        readings = [self._tokenizer.read(sentence) for sentence in sentences]
        for reading in readings:
            if not reading.known:
                words = ', '.join(map(repr, reading.unknown_words)) or 'punctuation'
                raise SampleError(f'No word of the text prompt is in the vocabulary: {words}.')
        token_ids, attention_mask = self._tokenizer.batch(readings)
        features = self._text_encoder.encode(token_ids, attention_mask)
        self.encoded += len(sentences)
        for i, sentence in enumerate(sentences):
            self._memory[sentence] = _Encoded(features[i], attention_mask[i], readings[i])


def load_segmenter(
    name_or_path: str, backend: str = 'auto', threads: int = 0, aspect: str = DEFAULT_ASPECT
) -> ReferringSegmenter:
    """Load a bundle and make it ready.

    Args:
        name_or_path: Folder of the bundle, or its name in models/zoo/.
        backend: `auto` or one of `PROMPT_RUNTIMES`.
        threads: CPU threads; 0 leaves the choice to the runtime.
        aspect: What becomes of images of another shape than the network's, see `Fit.of`.

    Raises:
        BundleError: The bundle is missing, damaged or of another task.
        BackendError: The runtime is missing, unknown here, or rejects the bundle.
    """
    bundle = load_referring_bundle(name_or_path)
    segmenter = ReferringSegmenter(bundle, _create_runtime(backend, threads), aspect)
    segmenter.warm_up()
    _LOGGER.info('Bundle %s is ready on %s.', bundle.manifest.name, segmenter.backend_name)
    return segmenter


def _create_runtime(backend: str, threads: int) -> Runtime:
    if backend == 'auto':
        found = [name for name in _AUTOMATIC if name in available_backends()]
        if not found:
            raise BackendError(
                f'No inference runtime is installed; install one of: {", ".join(_AUTOMATIC)}.'
            )
        return create_runtime(found[0], threads)
    if backend not in PROMPT_RUNTIMES:
        raise BackendError(
            f'Backend {backend!r} does not run text-prompted segmentation; these do: '
            f'{", ".join(PROMPT_RUNTIMES)}.'
        )
    return TorchReferring(threads) if backend == 'torch' else create_runtime(backend, threads)
