"""Which runtime is used: the one asked for, or the best that works here."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import Any

from mmseg_ros.core.errors import BackendError
from mmseg_ros.inference.bundle import ONNX_FILE, Bundle
from mmseg_ros.inference.cuda_memory import device_name
from mmseg_ros.inference.fallback_backend import FallbackBackend
from mmseg_ros.inference.protocol import Backend, Prediction
from mmseg_ros.inference.routed_backend import RoutedBackend
from mmseg_ros.inference.runtime import Runtime

__all__ = ['Backend', 'Prediction', 'available_backends', 'create_backend', 'create_runtime']


@dataclass(frozen=True, slots=True)
class _Entry:
    """One runtime: any of these libraries, and where its class stands."""

    libraries: tuple[str, ...]
    module: str
    class_name: str


# Best first: the order in which `auto` tries them. torch is only for comparison.
_RUNTIMES: dict[str, _Entry] = {
    'tensorrt': _Entry(('tensorrt', 'tensorrt_rtx'), 'tensorrt_backend', 'TensorRt'),
    'openvino': _Entry(('openvino',), 'openvino_backend', 'OpenVino'),
    'onnxruntime': _Entry(('onnxruntime',), 'onnxruntime_backend', 'OnnxRuntime'),
    'torch': _Entry(('torch',), 'torch_backend', 'Torch'),
}
_AUTOMATIC = ('tensorrt', 'openvino', 'onnxruntime')


def available_backends() -> list[str]:
    """Return the names of the backends that can work here, best first."""
    return [name for name in _RUNTIMES if _installed(name) and _usable(name)]


def create_backend(
    name: str = 'auto', threads: int = 0, precision: str = 'fp32', specialise: bool = True
) -> Backend:
    """Return a backend that is not loaded yet.

    `auto` prefers TensorRT where there is a GPU, then OpenVINO, then ONNX Runtime; each falls back
    to the next if it fails to load or to run. A CPU runtime that is asked for by name stands
    alone; TensorRT always has a fallback, which serves while its engines are built, and for good
    where its library or a GPU is missing.

    Args:
        name: `auto` or one of the backends.
        threads: CPU threads; 0 leaves the choice to the runtime.
        precision: What OpenVINO computes in; the others compute in what the graph was exported in.
        specialise: Whether subsets of the modalities get graphs that compute only these.

    Raises:
        BackendError: There is no such backend, or no library for it and its fallback.
    """
    if name != 'auto' and name != 'tensorrt':
        return RoutedBackend(create_runtime(name, threads, precision), specialise)
    candidates = [item for item in available_backends() if item in _AUTOMATIC]
    if name == 'tensorrt':
        candidates = ['tensorrt', *(item for item in candidates if item != 'tensorrt')]
    if not candidates:
        libraries = ', '.join(_RUNTIMES[item].libraries[0] for item in _AUTOMATIC)
        raise BackendError(f'No inference runtime is installed; install one of: {libraries}.')
    backend: Backend = RoutedBackend(
        create_runtime(candidates[-1], threads, precision), specialise
    )
    for item in reversed(candidates[:-1]):
        # Not checked for its library here: what is missing is found and told when it is loaded.
        preferred = RoutedBackend(_new_runtime(item, threads, precision), specialise)
        if item == 'tensorrt':
            backend = FallbackBackend(preferred, backend, _engines_missing)
        else:
            backend = FallbackBackend(preferred, backend)
    return backend


def create_runtime(name: str, threads: int = 0, precision: str = 'fp32') -> Runtime:
    """Return the runtime of that name; arguments and errors as in `create_backend`."""
    if name not in _RUNTIMES:
        raise BackendError(f'There is no backend {name!r}; there are: {", ".join(_RUNTIMES)}.')
    if not _installed(name):
        raise BackendError(
            f'Backend {name!r} needs the Python package '
            f'{" or ".join(_RUNTIMES[name].libraries)}, which is not installed; '
            f'usable backends: {", ".join(available_backends()) or "none"}.'
        )
    return _new_runtime(name, threads, precision)


def _new_runtime(name: str, threads: int, precision: str) -> Runtime:
    entry = _RUNTIMES[name]
    module = importlib.import_module(f'mmseg_ros.inference.{entry.module}')
    runtime_class: Any = getattr(module, entry.class_name)
    options = {'precision': precision} if name == 'openvino' else {}
    runtime: Runtime = runtime_class(threads=threads, **options)
    return runtime


def _engines_missing(bundle: Bundle) -> bool:
    """Return whether TensorRT has to build before it can serve this bundle."""
    from mmseg_ros.inference.tensorrt_backend import TensorRt

    if not _usable('tensorrt'):
        raise BackendError('TensorRT needs an NVIDIA GPU and cuda-python; none was found.')
    return not TensorRt().has_engine(bundle.path / ONNX_FILE)


def _installed(name: str) -> bool:
    return any(importlib.util.find_spec(library) for library in _RUNTIMES[name].libraries)


def _usable(name: str) -> bool:
    return name != 'tensorrt' or device_name() is not None
