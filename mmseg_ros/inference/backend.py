"""The protocol of inference backends, and the choice among them."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import BackendError
from mmseg_ros.inference.bundle import Bundle
from mmseg_ros.inference.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Prediction:
    """The network's answer at the size of its input.

    Attributes:
        labels: H x W uint8 class ids.
        confidence: H x W uint8, probability of that class scaled to 0..255.
        router_weights: M float32 summing to 1 where the network has a router, else None.
    """

    labels: NDArray[np.uint8]
    confidence: NDArray[np.uint8]
    router_weights: NDArray[np.float32] | None = None


class Backend(Protocol):
    """One inference runtime. Its library is imported in `load` only.

    A backend is used by one thread at a time.
    """

    name: str

    def load(self, bundle: Bundle) -> None:
        """Read the network.

        Raises:
            BackendError: The library is missing or refuses the network.
            BundleError: The network's inputs or outputs do not match the manifest.
        """

    def warm_up(self) -> None:
        """Run once on zeros, so that the first real frame is not the slow one."""

    def infer(self, images: NDArray[np.uint8], available: NDArray[np.bool_]) -> Prediction:
        """Run the network on one frame.

        Args:
            images: M x H x W x 3 uint8, encoded; what an absent modality holds has no influence.
            available: M bool, at least one True.

        Raises:
            BackendError: The runtime failed.
        """

    def close(self) -> None:
        """Free the network."""


# In the order in which `auto` tries them: name -> (library, module, class).
_RUNTIMES: dict[str, tuple[str, str, str]] = {
    'openvino': ('openvino', 'openvino_backend', 'OpenVino'),
    'onnxruntime': ('onnxruntime', 'onnxruntime_backend', 'OnnxRuntime'),
}


def available_backends() -> list[str]:
    """Return the names of the backends whose library is installed, best first."""
    return [name for name, (library, *_) in _RUNTIMES.items() if _installed(library)]


def create_backend(name: str = 'auto', threads: int = 0) -> Backend:
    """Return a backend that is not loaded yet.

    Args:
        name: `auto` for the best that is installed, or one of the backends.
        threads: CPU threads; 0 leaves the choice to the runtime.

    Raises:
        BackendError: There is no such backend, or its library is not installed.
    """
    from mmseg_ros.inference.routed_backend import RoutedBackend

    return RoutedBackend(create_runtime(name, threads))


def create_runtime(name: str = 'auto', threads: int = 0) -> Runtime:
    """Return a runtime; arguments and errors as in `create_backend`."""
    installed = available_backends()
    if name == 'auto':
        if not installed:
            libraries = ', '.join(library for library, *_ in _RUNTIMES.values())
            raise BackendError(f'No inference runtime is installed; install one of: {libraries}.')
        name = installed[0]
    if name not in _RUNTIMES:
        raise BackendError(f'There is no backend {name!r}; there are: {", ".join(_RUNTIMES)}.')
    library, module, class_name = _RUNTIMES[name]
    if name not in installed:
        raise BackendError(
            f'Backend {name!r} needs the Python package {library!r}, which is not installed; '
            f'installed backends: {", ".join(installed) or "none"}.'
        )
    runtime_class: Any = getattr(
        importlib.import_module(f'mmseg_ros.inference.{module}'), class_name
    )
    runtime: Runtime = runtime_class(threads=threads)
    return runtime


def _installed(library: str) -> bool:
    return importlib.util.find_spec(library) is not None
