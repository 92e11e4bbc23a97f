"""The few CUDA calls that running an engine needs, through `cuda-python`."""

from __future__ import annotations

import ctypes
import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import BackendError
from mmseg_ros.inference.runtime import TensorSpec

_MODULE = 'cuda.bindings.runtime'


def import_cuda() -> Any:
    """Return the CUDA runtime's bindings.

    Raises:
        BackendError: They are not installed.
    """
    try:
        return importlib.import_module(_MODULE)
    except ImportError as error:
        raise BackendError(
            f'TensorRT needs the CUDA bindings ({error}): pip install cuda-python.'
        ) from error


def device_name() -> str | None:
    """Return name and compute capability of the GPU in use, None where there is none."""
    try:
        cuda = import_cuda()
    except BackendError:
        return None
    status, count = cuda.cudaGetDeviceCount()
    if int(status) != 0 or count == 0:
        return None
    properties = _checked(cuda.cudaGetDeviceProperties(0))
    name = bytes(properties.name).split(b'\0')[0].decode()
    return f'{name} sm_{properties.major}{properties.minor}'


def _checked(result: tuple[Any, ...]) -> Any:
    """Return the value of a CUDA call.

    Raises:
        BackendError: The call failed.
    """
    status, *values = result
    if int(status) != 0:
        raise BackendError(f'CUDA failed: {status!r}. Other programs may use up the GPU memory.')
    return values[0] if values else None


@dataclass(frozen=True, slots=True)
class Buffer:
    """One tensor on both sides.

    Attributes:
        host: Pinned memory, as an array. device: Address on the GPU. bytes: Size.
    """

    host: NDArray[Any]
    device: int
    bytes: int


class CudaStream:
    """A stream with buffers of its own; used by one thread at a time."""

    def __init__(self) -> None:
        self._cuda = import_cuda()
        self.handle = _checked(self._cuda.cudaStreamCreate())
        self._buffers: list[Buffer] = []
        self._graph: Any = None

    def allocate(self, spec: TensorSpec) -> Buffer:
        """Return a pinned and a device buffer for one tensor.

        Raises:
            BackendError: The GPU's memory is used up.
        """
        size = int(np.prod(spec.shape)) * spec.dtype.itemsize
        address = int(_checked(self._cuda.cudaMallocHost(size)))
        memory = memoryview((ctypes.c_byte * size).from_address(address))
        raw = np.frombuffer(memory, spec.dtype)
        try:
            device = int(_checked(self._cuda.cudaMalloc(size)))
        except BackendError:
            self._cuda.cudaFreeHost(address)
            raise
        buffer = Buffer(raw.reshape(spec.shape), device, size)
        self._buffers.append(buffer)
        return buffer

    def upload(self, buffer: Buffer) -> None:
        """Queue the copy to the GPU."""
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._copy(buffer.device, buffer.host.ctypes.data, buffer.bytes, kind)

    def download(self, buffer: Buffer) -> None:
        """Queue the copy from the GPU."""
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._copy(buffer.host.ctypes.data, buffer.device, buffer.bytes, kind)

    def begin_capture(self) -> None:
        """Record what is queued from now on instead of running it."""
        mode = self._cuda.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        _checked(self._cuda.cudaStreamBeginCapture(self.handle, mode))

    def end_capture(self) -> None:
        """Keep what was recorded for `launch`."""
        graph = _checked(self._cuda.cudaStreamEndCapture(self.handle))
        self._graph = _checked(self._cuda.cudaGraphInstantiate(graph, 0))
        self._cuda.cudaGraphDestroy(graph)

    def launch(self) -> None:
        """Queue what was recorded."""
        _checked(self._cuda.cudaGraphLaunch(self._graph, self.handle))

    def wait(self) -> None:
        """Wait until everything queued is done."""
        _checked(self._cuda.cudaStreamSynchronize(self.handle))

    def close(self) -> None:
        """Free buffers and stream; the arrays of the buffers must not be used any more."""
        for buffer in self._buffers:
            self._cuda.cudaFreeHost(buffer.host.ctypes.data)
            self._cuda.cudaFree(buffer.device)
        self._buffers.clear()
        if self._graph is not None:
            self._cuda.cudaGraphExecDestroy(self._graph)
            self._graph = None
        self._cuda.cudaStreamDestroy(self.handle)

    def _copy(self, target: int, source: int, size: int, kind: Any) -> None:
        _checked(self._cuda.cudaMemcpyAsync(target, source, size, kind, self.handle))
