"""A backend that keeps answering: another one serves while it is made ready and when it fails."""

from __future__ import annotations

import logging
from collections.abc import Collection
from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import BackendError, MmsegError
from mmseg_ros.inference.background import BackgroundJobs
from mmseg_ros.inference.bundle import Bundle
from mmseg_ros.inference.protocol import Backend, Prediction

_LOGGER = logging.getLogger(__name__)


class EngineState(str, Enum):
    """Where the preferred backend stands."""

    NONE = 'none'
    BUILDING = 'building'
    READY = 'ready'
    FAILED = 'failed'
    FALLBACK = 'fallback'


class NeedsTime(Protocol):
    """Tells beforehand whether loading a bundle takes minutes."""

    def __call__(self, bundle: Bundle) -> bool:
        """Return whether it does.

        Raises:
            BackendError: The backend cannot work here at all.
        """


class FallbackBackend:
    """Prefers one backend, and serves with another until and unless that works.

    If loading the preferred one takes minutes, it is loaded in the background and takes over
    between two frames. If it fails, then or later, the other one serves and the reason is kept.

    Args:
        preferred: The better one.
        fallback: The one that always works.
        needs_time: Whether loading the preferred one takes long.

    Attributes:
        state: Where the preferred one stands: FAILED if it never worked, FALLBACK if it stopped
            working; in both the other one serves.
        reason: Why, in a sentence; empty while all is well.
    """

    def __init__(
        self,
        preferred: Backend,
        fallback: Backend,
        needs_time: NeedsTime = lambda bundle: False,
    ) -> None:
        self.state = EngineState.NONE
        self.reason = ''
        self._preferred = preferred
        self._fallback = fallback
        self._needs_time = needs_time
        self._bundle: Bundle | None = None
        self._ahead: tuple[str, ...] = ()
        self._jobs: BackgroundJobs | None = None
        self._serving: Backend | None = None
        self._fallback_loaded = False

    @property
    def name(self) -> str:
        """Return the name of the backend that serves."""
        return (self._serving or self._preferred).name

    @property
    def precision(self) -> str:
        """Return what the backend that serves computes in."""
        return (self._serving or self._preferred).precision

    def load(self, bundle: Bundle) -> None:
        """Be ready to answer, one way or the other; see `Backend.load`."""
        self._bundle = bundle
        try:
            needs_time = self._needs_time(bundle)
        except BackendError as error:
            self._fail(EngineState.FAILED, error)
            return
        if not needs_time:
            self._load_now(bundle)
            return
        self.state = EngineState.BUILDING
        self._serve_fallback()
        self._jobs = BackgroundJobs('mmseg engine', self._load_later)
        self._jobs.request(self._preferred.name)

    def warm_up(self) -> None:
        """Run once on zeros; see `Backend.warm_up`."""
        self._loaded().warm_up()

    def prepare(self, modalities: Collection[str]) -> None:
        """Make ready what their subsets need, for whichever serves now or takes over later."""
        self._ahead = tuple(modalities)
        self._loaded().prepare(self._ahead)

    def infer(self, images: NDArray[np.uint8], available: NDArray[np.bool_]) -> Prediction:
        """Run on one frame; a frame on which the preferred backend fails is run on the other."""
        serving = self._loaded()
        try:
            return serving.infer(images, available)
        except BackendError as error:
            if serving is not self._preferred:
                raise
            self._fail(EngineState.FALLBACK, error)
            return self._loaded().infer(images, available)

    def settle(self, timeout_s: float = 120.0) -> bool:
        """Wait for everything in the background; return whether it is done."""
        done = self._jobs is None or self._jobs.wait(timeout_s)
        return self._loaded().settle(timeout_s) and done

    def status(self) -> dict[str, str]:
        """Return the state of the preferred backend, and what the one that serves says."""
        own = {'preferred backend': f'{self._preferred.name}: {self.state.value}'}
        if self.reason:
            own['reason'] = self.reason
        return {**own, **self._loaded().status()}

    def close(self) -> None:
        """Free both."""
        if self._jobs is not None:
            self._jobs.stop()
            self._jobs = None
        self._preferred.close()
        self._fallback.close()
        self._serving = None

    def _load_now(self, bundle: Bundle) -> None:
        try:
            self._preferred.load(bundle)
        except BackendError as error:
            self._fail(EngineState.FAILED, error)
            return
        self.state = EngineState.READY
        self._serving = self._preferred

    def _load_later(self, name: str) -> None:
        """Make the preferred backend ready; called in the background thread."""
        bundle = self._bundle
        if bundle is None:
            return
        try:
            self._preferred.load(bundle)
            self._preferred.warm_up()
        except MmsegError as error:
            self.state, self.reason = EngineState.FAILED, str(error)
            _LOGGER.warning('%s does not work, %s serves: %s', name, self._fallback.name, error)
            return
        self._serving = self._preferred
        self._preferred.prepare(self._ahead)  # read after it serves: `prepare` sets it before
        self.state = EngineState.READY
        _LOGGER.info('%s is ready and takes over from %s.', name, self._fallback.name)

    def _fail(self, state: EngineState, error: BackendError) -> None:
        self.state, self.reason = state, str(error)
        _LOGGER.warning(
            '%s does not work, %s takes over: %s', self._preferred.name, self._fallback.name, error
        )
        self._serve_fallback()

    def _serve_fallback(self) -> None:
        if self._bundle is not None and not self._fallback_loaded:
            self._fallback.load(self._bundle)
            self._fallback.prepare(self._ahead)
            self._fallback_loaded = True
        self._serving = self._fallback

    def _loaded(self) -> Backend:
        if self._serving is None:
            raise BackendError('The backend has no network; call load() before infer().')
        return self._serving
