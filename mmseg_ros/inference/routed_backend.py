"""A backend that runs the cheapest graph for the sensors that are there."""

from __future__ import annotations

import logging
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import BackendError, MmsegError
from mmseg_ros.inference.background import BackgroundJobs
from mmseg_ros.inference.bundle import Bundle
from mmseg_ros.inference.graph import Graph
from mmseg_ros.inference.protocol import Prediction
from mmseg_ros.inference.runtime import Runtime

_LOGGER = logging.getLogger(__name__)


class RoutedBackend:
    """Answers every frame at once and gets faster in the background.

    The masked graph serves any subset of the modalities in the time of all of them. The graph
    that computes only the modalities of a subset is compiled in another thread, when `prepare`
    asks for it or the subset comes for the first time; it takes over between two frames.

    Args:
        runtime: What compiles and runs the graphs.
        specialise: Whether to use graphs for subsets at all.
    """

    def __init__(self, runtime: Runtime, specialise: bool = True) -> None:
        self.name = runtime.name
        self._runtime = runtime
        self._specialise = specialise
        self._masked: Graph | None = None
        self._bundle: Bundle | None = None
        self._file_of: dict[tuple[str, ...], str] = {}
        self._graphs: dict[str, Graph] = {}
        self._failed: dict[str, str] = {}
        self._compiler: BackgroundJobs | None = None

    @property
    def precision(self) -> str:
        """Return what the runtime computes in."""
        return self._runtime.precision

    def load(self, bundle: Bundle) -> None:
        """Compile the masked graph; see `Backend.load`."""
        self._masked = Graph(bundle, self._runtime)
        self._bundle = bundle
        if self._specialise:
            self._file_of = {
                subset: file
                for file, served in bundle.manifest.subsets.items()
                for subset in served
            }
            self._compiler = BackgroundJobs('mmseg compile', self._compile)

    def warm_up(self) -> None:
        """Run once on zeros with everything available, and ask for that subset's graph."""
        manifest = self._loaded().manifest
        shape = (len(manifest.modalities), manifest.height, manifest.width, 3)
        self.infer(np.zeros(shape, np.uint8), np.ones(shape[0], bool))

    def prepare(self, modalities: Collection[str]) -> None:
        """Ask for the graphs of all subsets of these modalities, those of most sensors first."""
        by_size = sorted(self._file_of.items(), key=lambda item: -len(item[0]))
        for subset, file in by_size:
            if self._compiler is not None and set(subset) <= set(modalities):
                self._compiler.request(file)

    def infer(self, images: NDArray[np.uint8], available: NDArray[np.bool_]) -> Prediction:
        """Run the best graph that is ready; see `Backend.infer`."""
        return self._choose(available).infer(images, available)

    def settle(self, timeout_s: float = 120.0) -> bool:
        """Wait until every graph that was asked for is ready or rejected; return whether so."""
        return self._compiler is None or self._compiler.wait(timeout_s)

    def status(self) -> dict[str, str]:
        """Return what is worth a line in the diagnostics: graphs ready, being made, rejected."""
        wanted = [] if self._compiler is None else self._compiler.pending()
        return {
            'specialised graphs': ', '.join(sorted(self._graphs)) or 'none',
            'being compiled': ', '.join(wanted) or 'none',
            'rejected': '; '.join(f'{k}: {v}' for k, v in list(self._failed.items())) or 'none',
        }

    def close(self) -> None:
        """Stop compiling and free all graphs."""
        if self._compiler is not None:
            self._compiler.stop()
            self._compiler = None
        for graph in (self._masked, *self._graphs.values()):
            if graph is not None:
                graph.close()
        self._masked = self._bundle = None
        self._graphs = {}

    def _choose(self, available: NDArray[np.bool_]) -> Graph:
        names = self._loaded().manifest.modality_names
        subset = tuple(name for name, there in zip(names, available, strict=True) if there)
        if not subset:
            raise BackendError('No modality is available; the network needs at least one.')
        file = self._file_of.get(subset)
        if file is not None:
            graph = self._graphs.get(file)
            if graph is not None:
                return graph
            if file not in self._failed and self._compiler is not None:
                self._compiler.request(file)
        assert self._masked is not None  # noqa: S101
        return self._masked

    def _compile(self, file: str) -> None:
        """Make one graph ready; called in the compiler's thread."""
        try:
            graph = Graph(self._loaded(), self._runtime, file)
            self._warm(graph, file)
        except MmsegError as error:
            self._failed[file] = str(error)
            _LOGGER.warning(
                '%s is not used, the graph for all subsets serves instead: %s', file, error
            )
        else:
            self._graphs[file] = graph

    def _warm(self, graph: Graph, file: str) -> None:
        manifest = self._loaded().manifest
        shape = (len(manifest.modalities), manifest.height, manifest.width, 3)
        available = np.isin(manifest.modality_names, manifest.subsets[file][0])
        graph.infer(np.zeros(shape, np.uint8), available)

    def _loaded(self) -> Bundle:
        if self._bundle is None:
            raise BackendError('The backend has no network; call load() before infer().')
        return self._bundle
