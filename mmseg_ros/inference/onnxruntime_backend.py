"""ONNX Runtime: runs everywhere, on CUDA where its GPU build is installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import BackendError
from mmseg_ros.inference.runtime import TensorSpec, import_runtime

_DTYPES = {
    'tensor(uint8)': np.uint8,
    'tensor(bool)': np.bool_,
    'tensor(int64)': np.int64,
    'tensor(float)': np.float32,
}
_PROVIDERS = ('CUDAExecutionProvider', 'CPUExecutionProvider')


class OnnxRuntime:
    """Compiles graphs with ONNX Runtime.

    Args:
        threads: CPU threads; 0 leaves the choice to the library.
    """

    name = 'onnxruntime'
    precision = 'as exported'

    def __init__(self, threads: int = 0) -> None:
        self._threads = threads

    def compile(self, path: Path) -> OnnxRuntimeExecutable:
        """Create a session; see `Runtime.compile`."""
        onnxruntime = import_runtime('onnxruntime')
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        # A spinning pool would take the core from the DDS threads between two frames.
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        options.log_severity_level = 3
        installed = onnxruntime.get_available_providers()
        try:
            session = onnxruntime.InferenceSession(
                str(path), options, providers=[name for name in _PROVIDERS if name in installed]
            )
        except Exception as error:  # the library's exceptions share no base class
            raise BackendError(f'{path}: ONNX Runtime rejects it: {error}') from error
        return OnnxRuntimeExecutable(session)


class OnnxRuntimeExecutable:
    """One session.

    Args:
        session: An `onnxruntime.InferenceSession`.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self.inputs: Mapping[str, TensorSpec] = {
            item.name: TensorSpec(
                np.dtype(_DTYPES.get(item.type, np.void)),
                tuple(size if isinstance(size, int) else -1 for size in item.shape),
            )
            for item in session.get_inputs()
        }
        self.outputs = tuple(item.name for item in session.get_outputs())

    def run(self, feed: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """Run the session; see `Executable.run`."""
        try:
            values = self._session.run(self.outputs, dict(feed))
        except Exception as error:
            raise BackendError(f'ONNX Runtime failed: {error}') from error
        return dict(zip(self.outputs, values, strict=True))

    def close(self) -> None:
        """Drop the session."""
        self._session = None
