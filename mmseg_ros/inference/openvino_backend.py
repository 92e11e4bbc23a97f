"""OpenVINO: the fastest on every CPU measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import BackendError
from mmseg_ros.inference.runtime import TensorSpec

_DTYPES = {'u8': np.uint8, 'boolean': np.bool_, 'i64': np.int64}


class OpenVino:
    """Compiles graphs with OpenVINO for the CPU.

    Args:
        threads: CPU threads; 0 leaves the choice to the library.
        precision: `f32`, or `f16` or `bf16` where the CPU computes them.
    """

    name = 'openvino'

    def __init__(self, threads: int = 0, precision: str = 'f32') -> None:
        self._threads = threads
        self.precision = precision

    def compile(self, path: Path) -> OpenVinoExecutable:
        """Compile for low latency; see `Runtime.compile`."""
        import openvino

        # Left alone it computes in bf16 on newer CPUs, which changes the numbers unasked.
        settings: dict[str, Any] = {
            'PERFORMANCE_HINT': 'LATENCY',
            'INFERENCE_PRECISION_HINT': self.precision,
        }
        if self._threads:
            settings['INFERENCE_NUM_THREADS'] = self._threads
        try:
            core = openvino.Core()
            return OpenVinoExecutable(core.compile_model(core.read_model(path), 'CPU', settings))
        except Exception as error:  # the library raises RuntimeError and its own
            raise BackendError(f'{path}: OpenVINO refuses it: {error}') from error


class OpenVinoExecutable:
    """One compiled model with its request.

    Args:
        compiled: An `openvino.CompiledModel`.
    """

    def __init__(self, compiled: Any) -> None:
        self._request = compiled.create_infer_request()
        self.inputs: Mapping[str, TensorSpec] = {
            port.get_any_name(): TensorSpec(
                np.dtype(_DTYPES.get(port.get_element_type().get_type_name(), np.void)),
                tuple(d.get_length() if d.is_static else -1 for d in port.get_partial_shape()),
            )
            for port in compiled.inputs
        }
        self.outputs = tuple(port.get_any_name() for port in compiled.outputs)

    def run(self, feed: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """Run the request; see `Executable.run`."""
        try:
            self._request.infer(dict(feed), share_inputs=True)
            return {name: self._request.get_tensor(name).data for name in self.outputs}
        except Exception as error:
            raise BackendError(f'OpenVINO failed: {error}') from error

    def close(self) -> None:
        """Drop the model."""
        self._request = None
