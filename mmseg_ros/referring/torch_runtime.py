"""torch: runs the weights of a bundle without its ONNX files, to compare with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import BackendError
from mmseg_ros.inference.runtime import TensorSpec
from mmseg_ros.referring.bundle import TEXT_FILE, load_referring_bundle
from mmseg_ros.referring.graphs import (
    IMAGE_INPUT,
    MASK_INPUT,
    SEGMENTER_OUTPUTS,
    TEXT_INPUT,
    TEXT_INPUTS,
    TEXT_OUTPUTS,
)


class TorchReferring:
    """Rebuilds the network of a bundle and runs it eagerly.

    Args:
        threads: CPU threads; 0 leaves the choice to the library.
    """

    name = 'torch'
    precision = 'as exported'

    def __init__(self, threads: int = 0) -> None:
        self._threads = threads

    def compile(self, path: Path) -> TorchReferringExecutable:
        """Build the network that an ONNX file was exported from; see `Runtime.compile`."""
        try:
            import torch

            from mmseg_models.export.referring_graph import referring_network
        except ImportError as error:
            raise BackendError(
                f'Backend torch cannot be loaded ({error}); install mmseg_ros[train].'
            ) from error
        if self._threads:
            torch.set_num_threads(self._threads)
        bundle = load_referring_bundle(path.parent)
        manifest = bundle.manifest
        network = referring_network(bundle, path.name)
        mask = TensorSpec(np.dtype(bool), (-1, manifest.max_tokens))
        if path.name == TEXT_FILE:
            token_ids = TensorSpec(np.dtype(np.int64), (-1, manifest.max_tokens))
            inputs = {TEXT_INPUTS[0]: token_ids, MASK_INPUT: mask}
            return TorchReferringExecutable(network, inputs, TEXT_OUTPUTS)
        image = TensorSpec(np.dtype(np.uint8), (manifest.height, manifest.width, 3))
        text = TensorSpec(np.dtype(np.float32), (-1, manifest.max_tokens, -1))
        inputs = {IMAGE_INPUT: image, TEXT_INPUT: text, MASK_INPUT: mask}
        return TorchReferringExecutable(network, inputs, SEGMENTER_OUTPUTS)


class TorchReferringExecutable:
    """One half of the network.

    Args:
        network: Called with the inputs in order; answers with one tensor.
        inputs: Names, types and shapes.
        outputs: The name of the answer.
    """

    def __init__(
        self, network: Any, inputs: Mapping[str, TensorSpec], outputs: tuple[str, ...]
    ) -> None:
        self._network = network
        self.inputs = inputs
        self.outputs = outputs

    def run(self, feed: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """Run the network; see `Executable.run`."""
        import torch

        try:
            with torch.inference_mode():
                value = self._network(*(torch.from_numpy(feed[name]) for name in self.inputs))
        except (RuntimeError, ValueError) as error:
            raise BackendError(f'torch failed: {error}') from error
        return {self.outputs[0]: value.numpy()}

    def close(self) -> None:
        """Drop the network."""
        self._network = None
