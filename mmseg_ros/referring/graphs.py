"""The two graphs of a bundle, compiled by one runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import BackendError
from mmseg_ros.inference.runtime import Runtime, TensorSpec, require_tensors
from mmseg_ros.referring.bundle import SEGMENTER_FILE, TEXT_FILE, ReferringBundle

IMAGE_INPUT, TEXT_INPUT, MASK_INPUT = 'image', 'text', 'attention_mask'
TEXT_INPUTS = ('token_ids', MASK_INPUT)
TEXT_OUTPUTS = ('features',)
SEGMENTER_INPUTS = (IMAGE_INPUT, TEXT_INPUT, MASK_INPUT)
SEGMENTER_OUTPUTS = ('probability',)


class TextEncoder:
    """Token ids to features that need no image.

    Args:
        bundle: The bundle. runtime: What compiles and runs its graph.

    Raises:
        BackendError: The runtime is missing or rejects the graph.
        BundleError: The graph's inputs or outputs are not those that the manifest promises.
    """

    def __init__(self, bundle: ReferringBundle, runtime: Runtime) -> None:
        self._executable = runtime.compile(bundle.path / TEXT_FILE)
        length = bundle.manifest.max_tokens
        expected = {
            TEXT_INPUTS[0]: TensorSpec(np.dtype(np.int64), (-1, length)),
            MASK_INPUT: TensorSpec(np.dtype(bool), (-1, length)),
        }
        require_tensors(self._executable, expected, TEXT_OUTPUTS, f'{bundle.path / TEXT_FILE}')

    def encode(
        self, token_ids: NDArray[np.int64], attention_mask: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Return N x L x C float32.

        Args:
            token_ids: N x L.
            attention_mask: N x L.

        Raises:
            BackendError: The runtime failed.
        """
        feed = {TEXT_INPUTS[0]: token_ids, MASK_INPUT: attention_mask}
        return np.array(self._executable.run(feed)[TEXT_OUTPUTS[0]])

    def close(self) -> None:
        """Free the graph."""
        self._executable.close()


class MaskDecoder:
    """A camera image and features of sentences to probabilities; arguments as `TextEncoder`."""

    def __init__(self, bundle: ReferringBundle, runtime: Runtime) -> None:
        self._executable = runtime.compile(bundle.path / SEGMENTER_FILE)
        manifest = bundle.manifest
        self._shape = (manifest.height, manifest.width, 3)
        expected = {
            IMAGE_INPUT: TensorSpec(np.dtype(np.uint8), self._shape),
            MASK_INPUT: TensorSpec(np.dtype(bool), (-1, manifest.max_tokens)),
        }
        require_tensors(
            self._executable, expected, SEGMENTER_OUTPUTS, f'{bundle.path / SEGMENTER_FILE}'
        )
        self._name = runtime.name

    def decode(
        self,
        image: NDArray[np.uint8],
        features: NDArray[np.float32],
        attention_mask: NDArray[np.bool_],
    ) -> NDArray[np.uint8]:
        """Return N x H x W uint8, 1..255 for probabilities 0..1; 0 where there is NaN or infinite.

        Args:
            image: H x W x 3, at the network's size.
            features: N x L x C.
            attention_mask: N x L.

        Raises:
            BackendError: The runtime failed, or the network answered with NaN everywhere.
        """
        feed: dict[str, NDArray[Any]] = {
            IMAGE_INPUT: image,
            TEXT_INPUT: features,
            MASK_INPUT: attention_mask,
        }
        probability = np.array(self._executable.run(feed)[SEGMENTER_OUTPUTS[0]])
        if not probability.any():
            raise BackendError(
                f'{self._name}: the network answered with NaN in every pixel; its weights are '
                'damaged or its arithmetic overflowed.'
            )
        return probability

    def close(self) -> None:
        """Free the graph."""
        self._executable.close()
