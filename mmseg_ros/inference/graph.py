"""The graphs of a bundle: one that serves every subset by a mask, and one per subset."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import BackendError
from mmseg_ros.inference.bundle import ONNX_FILE, Bundle
from mmseg_ros.inference.protocol import Prediction
from mmseg_ros.inference.runtime import Runtime, TensorSpec, require_tensors

OUTPUT_NAMES = ('labels', 'confidence')
ROUTER_NAME = 'router_weights'
"""An output more for networks that weight their modalities."""


class Graph:
    """One graph of a bundle, compiled by one runtime.

    Args:
        bundle: The bundle. runtime: What compiles and runs it.
        file: The graph's name in the bundle.

    Raises:
        BackendError: The runtime is missing or rejects the graph.
        BundleError: Its inputs or outputs are not those that the manifest promises.
    """

    def __init__(self, bundle: Bundle, runtime: Runtime, file: str = ONNX_FILE) -> None:
        manifest = bundle.manifest
        self._shape = (len(manifest.modalities), manifest.height, manifest.width, 3)
        self._masked = file == ONNX_FILE
        self._count = self._shape[0] if self._masked else len(manifest.subsets[file][0])
        self._path = bundle.path / file
        self._ignore_id = manifest.label_space.ignore_id
        self._name = runtime.name
        self._executable = runtime.compile(self._path)
        self._check()

    def infer(self, images: NDArray[np.uint8], available: NDArray[np.bool_]) -> Prediction:
        """Run on one frame; see `Backend.infer`."""
        if images.shape != self._shape or images.dtype != np.uint8:
            raise BackendError(
                f'Images must be uint8 of shape {self._shape}, but are {images.dtype} of '
                f'shape {images.shape}.'
            )
        if self._masked:
            found = self._executable.run({'images': images[None], 'available': available[None]})
        else:
            members = np.flatnonzero(available)
            found = self._executable.run({'images': images[None, members], 'members': members})
        return self._prediction(found)

    def close(self) -> None:
        """Free the graph."""
        self._executable.close()

    def _prediction(self, found: Any) -> Prediction:
        labels = np.array(found['labels'][0])
        confidence = np.array(found['confidence'][0])
        if not confidence.all():
            _reject_numbers_lost(labels, confidence, self._ignore_id, self._name)
        router = found.get(ROUTER_NAME)
        return Prediction(labels, confidence, None if router is None else np.array(router[0]))

    def _check(self) -> None:
        expected = {'images': TensorSpec(np.dtype(np.uint8), (1, self._count, *self._shape[1:]))}
        if self._masked:
            expected['available'] = TensorSpec(np.dtype(bool), (1, self._count))
        else:
            expected['members'] = TensorSpec(np.dtype(np.int64), (self._count,))
        require_tensors(self._executable, expected, OUTPUT_NAMES, str(self._path))


def _reject_numbers_lost(
    labels: NDArray[np.uint8], confidence: NDArray[np.uint8], ignore_id: int, runtime: str
) -> None:
    """Ignore pixels whose scores are NaN or infinite; a frame without any other is rejected."""
    if not confidence.any():
        raise BackendError(
            f'{runtime}: the network answered with NaN in every pixel; its weights are damaged '
            'or its arithmetic overflowed: use a bundle or a precision with more range.'
        )
    labels[confidence == 0] = ignore_id
