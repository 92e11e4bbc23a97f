"""TensorRT 10 or 11, or TensorRT-RTX: the vehicle's GPU. Precision is what the ONNX file holds."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import BackendError
from mmseg_ros.inference.bundle import MANIFEST_FILE
from mmseg_ros.inference.cuda_memory import CudaStream, device_name
from mmseg_ros.inference.engine_cache import EngineCache, EngineKey, graph_sha256
from mmseg_ros.inference.runtime import TensorSpec
from mmseg_ros.inference.tensorrt_build import (
    Progress,
    build_engine,
    import_library,
    library_name,
    make_logger,
)

_LOGGER = logging.getLogger(__name__)
_TELL_EVERY_S = 10.0
ANY_DEVICE = 'any supported GPU'
"""Device of an engine that was built where there is no GPU (TensorRT-RTX can)."""


class EngineRejectedError(BackendError):
    """The library does not accept an engine; a new one may help."""


class TensorRt:
    """Compiles graphs to engines, which are kept on disk.

    Args:
        threads: Not used; the GPU does the work.
        cache: Where engines are kept.
        progress: Told how far a build is; by default the log is, every ten seconds.
    """

    name = 'tensorrt'
    precision = 'as exported'

    def __init__(
        self, threads: int = 0, cache: EngineCache | None = None, progress: Progress | None = None
    ) -> None:
        self._cache = cache or EngineCache()
        self._progress = progress

    def compile(self, path: Path) -> TensorRtExecutable:
        """Load the engine from the cache, or build it first; see `Runtime.compile`."""
        trt = import_library()
        key = self.key(trt, path)
        content = self.engine(path)
        try:
            return TensorRtExecutable(trt, content)
        except EngineRejectedError as error:
            # Whole, yet rejected: the driver or the library was changed under the same version.
            _LOGGER.warning('%s: the engine is built again: %s', path, error)
            self._cache.discard(key)
            return TensorRtExecutable(trt, self.engine(path))

    def engine(self, path: Path) -> bytes:
        """Return the engine of an ONNX file, from the cache or built now.

        Raises:
            BackendError: TensorRT is missing or cannot build it.
        """
        trt = import_library()
        progress = self._progress or _log_progress(path)
        return self._cache.find_or_build(
            self.key(trt, path), lambda: build_engine(trt, path, progress=progress)
        )

    def has_engine(self, path: Path) -> bool:
        """Return whether `compile` would find the engine instead of building it."""
        return self._cache.find(self.key(import_library(), path)) is not None

    def key(self, trt: Any, path: Path) -> EngineKey:
        """Return what the engine of an ONNX file depends on."""
        manifest = json.loads(path.with_name(MANIFEST_FILE).read_text(encoding='utf-8'))
        return EngineKey(
            graph=graph_sha256(path),
            library=library_name(trt),
            device=device_name() or ANY_DEVICE,
            precision=str(manifest['precision']),
            shapes=json.dumps(manifest['input'], sort_keys=True),
        )


class TensorRtExecutable:
    """One engine with its context, stream and buffers.

    The first run is plain; the second is recorded as a CUDA graph, which later runs replay.

    Args:
        trt: The module. content: The engine.

    Raises:
        EngineRejectedError: The engine is not for this GPU or version.
        BackendError: There is no GPU, or its memory is used up.
    """

    def __init__(self, trt: Any, content: bytes) -> None:
        logger = make_logger(trt)
        self._runtime = trt.Runtime(logger)
        self._engine = self._runtime.deserialize_cuda_engine(content)
        if self._engine is None:
            device = device_name()
            raise (EngineRejectedError if device else BackendError)(
                f'{library_name(trt)} rejects the engine on '
                f'{device or "a machine without a GPU"}: '
                f'{logger.last_error or "it gives no reason"}'
            )
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise BackendError(f'{library_name(trt)} has no memory for the engine on the GPU.')
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        specs = {name: self._spec(trt, name) for name in names}
        modes = {name: self._engine.get_tensor_mode(name) for name in names}
        self.inputs: Mapping[str, TensorSpec] = {
            name: specs[name] for name in names if modes[name] == trt.TensorIOMode.INPUT
        }
        self.outputs = tuple(name for name in names if name not in self.inputs)
        self._stream = CudaStream()
        try:
            self._buffers = {name: self._stream.allocate(spec) for name, spec in specs.items()}
        except BackendError:
            self._stream.close()
            raise
        for name, buffer in self._buffers.items():
            self._context.set_tensor_address(name, buffer.device)
        self._runs = 0
        self._recorded = False

    def run(self, feed: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """Copy in, execute, copy out; see `Executable.run`."""
        for name in self.inputs:
            np.copyto(self._buffers[name].host, feed[name])
        if self._runs == 1:
            self._record()
        if self._recorded:
            self._stream.launch()
        else:
            self._queue()
        self._stream.wait()
        self._runs += 1
        return {name: self._buffers[name].host for name in self.outputs}

    def close(self) -> None:
        """Free the engine and all memory."""
        self._stream.close()
        self._buffers.clear()
        self._context = self._engine = self._runtime = None

    def _queue(self) -> None:
        for name in self.inputs:
            self._stream.upload(self._buffers[name])
        if not self._context.execute_async_v3(int(self._stream.handle)):
            raise BackendError('TensorRT failed to run the engine; the log holds its reason.')
        for name in self.outputs:
            self._stream.download(self._buffers[name])

    def _record(self) -> None:
        """Record one run as a CUDA graph; an engine that cannot be recorded runs plainly."""
        self._stream.begin_capture()
        try:
            self._queue()
            self._stream.end_capture()
            self._recorded = True
        except BackendError as error:
            _LOGGER.info('The engine runs without a CUDA graph: %s', error)
            with suppress(BackendError):
                self._stream.end_capture()

    def _spec(self, trt: Any, name: str) -> TensorSpec:
        dtype = np.dtype(trt.nptype(self._engine.get_tensor_dtype(name)))
        return TensorSpec(dtype, tuple(self._engine.get_tensor_shape(name)))


def _log_progress(path: Path) -> Progress:
    began_s = told_s = time.monotonic()
    _LOGGER.info('%s: building a TensorRT engine; this takes minutes, once.', path.name)

    def tell(phase: str, share: float) -> None:
        nonlocal told_s
        now_s = time.monotonic()
        if now_s - told_s >= _TELL_EVERY_S:
            told_s = now_s
            _LOGGER.info('%s: %s %.0f %%, %.0f s', path.name, phase, 100 * share, now_s - began_s)

    return tell
