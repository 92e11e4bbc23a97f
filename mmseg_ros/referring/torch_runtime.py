"""torch: runs the weights of a bundle without its ONNX files, to compare with."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mmseg_ros.core.errors import BackendError
from mmseg_ros.core.freed_memory import keep_freed_memory
from mmseg_ros.inference.runtime import TensorSpec
from mmseg_ros.inference.torch_backend import TorchExecutable
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

    def compile(self, path: Path) -> TorchExecutable:
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
        keep_freed_memory()
        bundle = load_referring_bundle(path.parent)
        manifest = bundle.manifest
        network = referring_network(bundle, path.name)
        mask = TensorSpec(np.dtype(bool), (-1, manifest.max_tokens))
        if path.name == TEXT_FILE:
            token_ids = TensorSpec(np.dtype(np.int64), (-1, manifest.max_tokens))
            inputs = {TEXT_INPUTS[0]: token_ids, MASK_INPUT: mask}
            return TorchExecutable(network, inputs, TEXT_OUTPUTS)
        image = TensorSpec(np.dtype(np.uint8), (manifest.height, manifest.width, 3))
        text = TensorSpec(np.dtype(np.float32), (-1, manifest.max_tokens, -1))
        inputs = {IMAGE_INPUT: image, TEXT_INPUT: text, MASK_INPUT: mask}
        return TorchExecutable(network, inputs, SEGMENTER_OUTPUTS)
