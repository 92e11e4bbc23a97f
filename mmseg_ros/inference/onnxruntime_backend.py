"""ONNX Runtime on the CPU: runs everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import BackendError, BundleError
from mmseg_ros.inference.backend import INPUT_NAMES, OUTPUT_NAMES, Prediction
from mmseg_ros.inference.bundle import Bundle


class OnnxRuntimeBackend:
    """Executes `model.onnx` with ONNX Runtime's CPU provider."""

    name = 'onnxruntime'

    def __init__(self, threads: int = 0) -> None:
        self._threads = threads
        self._session: Any = None
        self._shape: tuple[int, ...] = ()
        self._outputs: list[str] = []

    def load(self, bundle: Bundle) -> None:
        """Create the session and compare its inputs with the manifest."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        # A spinning pool would take the core from the DDS threads between two frames.
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(bundle.onnx_path), options, providers=['CPUExecutionProvider']
            )
        except Exception as error:  # the library's exceptions share no base class
            raise BackendError(f'{bundle.onnx_path}: ONNX Runtime refuses it: {error}') from error
        manifest = bundle.manifest
        self._shape = (1, len(manifest.modalities), manifest.height, manifest.width, 3)
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._check_graph(bundle)

    def warm_up(self) -> None:
        """Run once on zeros with everything available."""
        self.infer(np.zeros(self._shape[1:], np.uint8), np.ones(self._shape[1], bool))

    def infer(self, images: NDArray[np.uint8], available: NDArray[np.bool_]) -> Prediction:
        """Run the network on one frame; see `Backend.infer`."""
        if images.shape != self._shape[1:] or images.dtype != np.uint8:
            raise BackendError(
                f'Images must be uint8 of shape {self._shape[1:]}, but are {images.dtype} of '
                f'shape {images.shape}.'
            )
        feed = {'images': images[None], 'available': available[None]}
        try:
            values = self._session.run(self._outputs, feed)
        except Exception as error:
            raise BackendError(f'ONNX Runtime failed: {error}') from error
        found = dict(zip(self._outputs, values, strict=True))
        router = found.get('router_weights')
        return Prediction(
            found['labels'][0], found['confidence'][0], None if router is None else router[0]
        )

    def close(self) -> None:
        """Drop the session."""
        self._session = None

    def _check_graph(self, bundle: Bundle) -> None:
        inputs = {i.name: (i.type, list(i.shape)) for i in self._session.get_inputs()}
        expected = {
            'images': ('tensor(uint8)', list(self._shape)),
            'available': ('tensor(bool)', [1, self._shape[1]]),
        }
        for name in INPUT_NAMES:
            if inputs.get(name) != expected[name]:
                raise BundleError(
                    f'{bundle.onnx_path}: input {name!r} is {inputs.get(name)}, but the manifest '
                    f'asks for {expected[name]}.'
                )
        missing = set(OUTPUT_NAMES) - set(self._outputs)
        if missing:
            raise BundleError(f'{bundle.onnx_path}: the graph lacks the outputs {missing}.')
