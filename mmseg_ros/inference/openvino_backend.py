"""OpenVINO: the fastest on every CPU measured."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import BackendError
from mmseg_ros.inference.engine_cache import EngineCache, EngineKey, graph_sha256
from mmseg_ros.inference.runtime import TensorSpec, import_runtime

_LOGGER = logging.getLogger(__name__)
_LONGEST_WAIT_S = 20.0
_CAPABILITIES = {'fp16': 'FP16', 'bf16': 'BF16'}
_HINTS = {'fp32': 'f32', 'fp16': 'f16', 'bf16': 'bf16'}
_CORE_LOCK = threading.Lock()
_DTYPES = {'u8': np.uint8, 'boolean': np.bool_, 'i64': np.int64, 'f32': np.float32}


def shared_core() -> Any:
    """Return the process's one `openvino.Core`, which is never freed.

    Where processors have large registers (AVX-512, AMX), a core replaces the stack on which its
    thread handles signals, and puts the one before back when it is freed. Two that are not freed
    in the reverse order of their making leave freed memory there, and the next signal, such as
    Ctrl-C, kills the process.
    """
    with _CORE_LOCK:
        return _core()


@cache
def _core() -> Any:
    return import_runtime('openvino').Core()


class OpenVino:
    """Compiles graphs with OpenVINO for the CPU, and keeps them compiled on disk.

    Args:
        threads: CPU threads; 0 leaves the choice to the library.
        precision: `fp32`, or `fp16` or `bf16`, which become `fp32` where the CPU lacks them.
        cache: Where compiled graphs are kept.
    """

    name = 'openvino'

    def __init__(
        self, threads: int = 0, precision: str = 'fp32', cache: EngineCache | None = None
    ) -> None:
        self._threads = threads
        self._cache = cache or EngineCache()
        self.precision = precision

    def compile(self, path: Path) -> OpenVinoExecutable:
        """Compile for low latency, or read what an earlier run compiled; see `Runtime.compile`."""
        core = shared_core()
        self._check_precision(core)
        settings = self._settings()
        try:
            return OpenVinoExecutable(self._cached(core, path, settings))
        except BackendError as error:
            _LOGGER.warning('%s is compiled without the cache: %s', path.name, error)
        except Exception as error:  # the library raises RuntimeError and its own
            _LOGGER.info('%s is compiled again: %s', path.name, error)
            self._cache.discard(self._key(core, path))
        try:
            return OpenVinoExecutable(core.compile_model(core.read_model(path), 'CPU', settings))
        except Exception as error:
            raise BackendError(f'{path}: OpenVINO rejects it: {error}') from error

    def _cached(self, core: Any, path: Path, settings: dict[str, Any]) -> Any:
        """Return the compiled graph; it is compiled by one process at a time and only once."""
        compiled = None

        def build() -> bytes:
            nonlocal compiled
            compiled = core.compile_model(core.read_model(path), 'CPU', settings)
            return bytes(compiled.export_model().getvalue())

        content = self._cache.find_or_build(self._key(core, path), build, _LONGEST_WAIT_S)
        return compiled or core.import_model(BytesIO(content), 'CPU', settings)

    def _check_precision(self, core: Any) -> None:
        """Compute in fp32, and say so, where the processor does not have what was asked for."""
        wanted = _CAPABILITIES.get(self.precision)
        found = core.get_property('CPU', 'OPTIMIZATION_CAPABILITIES')
        if wanted is not None and wanted not in found:
            _LOGGER.warning(
                'This processor does not compute in %s (but in %s): fp32 is used.',
                self.precision,
                ', '.join(found),
            )
            self.precision = 'fp32'

    def _settings(self) -> dict[str, Any]:
        # Left alone it computes in bf16 on newer CPUs, which changes the numbers unasked.
        settings: dict[str, Any] = {
            'PERFORMANCE_HINT': 'LATENCY',
            'INFERENCE_PRECISION_HINT': _HINTS[self.precision],
            # A pinned thread waits for its core although another one may be free.
            'ENABLE_CPU_PINNING': False,
        }
        if self._threads:
            settings['INFERENCE_NUM_THREADS'] = self._threads
        return settings

    def _key(self, core: Any, path: Path) -> EngineKey:
        openvino = import_runtime('openvino')
        return EngineKey(
            graph=graph_sha256(path),
            library=f'openvino {openvino.__version__}',
            device=str(core.get_property('CPU', 'FULL_DEVICE_NAME')),
            precision=self.precision,
            shapes=f'threads {self._threads}',
        )


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
