"""torch: runs the weights without an ONNX file, to compare with; the node never needs it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import BackendError
from mmseg_ros.core.freed_memory import keep_freed_memory
from mmseg_ros.inference.bundle import ONNX_FILE, load_bundle
from mmseg_ros.inference.graph import OUTPUT_NAMES, ROUTER_NAME
from mmseg_ros.inference.runtime import TensorSpec


class Torch:
    """Rebuilds the network of a bundle and runs it eagerly, channels last.

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

            from mmseg_models.export.deployed import deployed_network
            from mmseg_models.module_lists import channels_last
        except ImportError as error:
            raise BackendError(
                f'Backend torch cannot be loaded ({error}); install mmseg_ros[train].'
            ) from error
        if self._threads:
            torch.set_num_threads(self._threads)
        keep_freed_memory()
        bundle = load_bundle(path.parent)
        manifest = bundle.manifest
        network = channels_last(deployed_network(bundle, path.name))
        masked = path.name == ONNX_FILE
        count = len(manifest.modalities) if masked else len(manifest.subsets[path.name][0])
        images = TensorSpec(np.dtype(np.uint8), (1, count, manifest.height, manifest.width, 3))
        if masked:
            inputs = {'images': images, 'available': TensorSpec(np.dtype(bool), (1, count))}
        else:
            inputs = {'images': images, 'members': TensorSpec(np.dtype(np.int64), (count,))}
        has_router = network.model.has_router
        outputs = (*OUTPUT_NAMES, ROUTER_NAME) if has_router else OUTPUT_NAMES
        return TorchExecutable(network, inputs, outputs)


class TorchExecutable:
    """One network.

    Args:
        network: Called with the inputs in order; returns one tensor, or one per output.
        inputs: Names, types and shapes.
        outputs: Names of what it returns.
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
                values = self._network(*(torch.from_numpy(feed[name]) for name in self.inputs))
        except (RuntimeError, ValueError) as error:
            raise BackendError(f'torch failed: {error}') from error
        if len(self.outputs) == 1:
            values = (values,)
        return {name: value.numpy() for name, value in zip(self.outputs, values, strict=True)}

    def close(self) -> None:
        """Drop the network."""
        self._network = None
