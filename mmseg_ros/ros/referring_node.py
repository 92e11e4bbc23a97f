"""The node's ear for sentences: ~/referring/expression in, masks of what it means out.

It takes the camera images that the segmentation has received and decoded, in its own thread
that gives way to everything else. Until the first expression comes, it has neither thread nor
network.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from rclpy.lifecycle import LifecycleNode
from std_msgs.msg import String

from mmseg_ros.core.config import NodeConfig
from mmseg_ros.core.errors import MissingLibraryError, SampleError
from mmseg_ros.core.priority import LOW, lower_priority
from mmseg_ros.core.timing import StageStatistics, StageTimer
from mmseg_ros.core.types import FrameSet, ImageData
from mmseg_ros.core.unexpected import reason_of
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.referring.expression import split_expression
from mmseg_ros.referring.segmenter import ReferringSegmenter, load_segmenter
from mmseg_ros.referring.tokenizer import MISSING_LIBRARY, is_available
from mmseg_ros.ros.newest_slot import NewestSlot
from mmseg_ros.ros.qos import NO_INPUT_EVENTS
from mmseg_ros.ros.referring_outputs import ReferringOutputs
from mmseg_ros.ros.throttle import Throttle

EXPRESSION_TOPIC = '~/referring/expression'
_QUEUE_DEPTH = 10


class ReferringState(str, Enum):
    """What it is doing."""

    IDLE = 'no expression'
    UNAVAILABLE = 'unavailable'
    LOADING = 'loading'
    SEGMENTING = 'segmenting'
    REJECTED = 'rejected'
    FAILED = 'failed'


@dataclass(frozen=True, slots=True, eq=False)
class _Request:
    """One expression; a later one with the same words is another request."""

    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Job:
    """An expression to make ready, and an image to answer it on, if there is one yet.

    Without an expression, the worker only looks whether there is another network.
    """

    request: _Request | None
    frame_set: FrameSet | None


class Referring:
    """Takes expressions and frames, publishes what is meant.

    Attributes:
        outputs: The publishers. state: What it is doing. reason: Why it does not segment.
        notes: What was cut or unknown in the present expression.
        published: Images answered. failures: Images without an answer since the expression came.
        idle: Images that nobody wanted an answer for. stages: Milliseconds per image.
        slot: Hand-over to the worker.
    """

    def __init__(self, node: LifecycleNode, config: NodeConfig, rig: Callable[[], Rig]) -> None:
        """Create the publishers; `start` listens."""
        self.outputs = ReferringOutputs(node, config.output)
        self.state, self.reason = _at_rest(), ''
        self.notes: tuple[str, ...] = ()
        self.published = self.failures = self.idle = 0
        self.stages = StageStatistics()
        self.segmenter: ReferringSegmenter | None = None
        self._next: ReferringSegmenter | None = None
        self._node = node
        self._config = config.referring
        self._rig = rig
        self._request: _Request | None = None
        self._understood: _Request | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self.slot: NewestSlot[_Job] = NewestSlot()
        self._is_running: Callable[[], bool] = node.context.ok
        self._warn = Throttle(lambda text: node.get_logger().warning(text))
        self._error = Throttle(lambda text: node.get_logger().error(text))

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return what is being looked for."""
        request = self._request
        return () if request is None else request.sentences

    def standing(self) -> tuple[ReferringState, str, tuple[str, ...], tuple[str, ...]]:
        """Return state, reason, notes and text prompts of one moment."""
        with self._lock:
            return self.state, self.reason, self.notes, self.sentences

    def start(self) -> None:
        """Listen to expressions."""
        self.slot = NewestSlot()
        self._subscription = self._node.create_subscription(
            String,
            EXPRESSION_TOPIC,
            self._on_expression,
            _QUEUE_DEPTH,
            event_callbacks=NO_INPUT_EVENTS,
        )

    def offer(self, frame_set: FrameSet) -> None:
        """Take a frame; without an expression this does nothing at all."""
        request = self._request
        if request is not None:
            self.slot.put(_Job(request, frame_set))

    def stop(self, timeout_s: float = 10.0) -> bool:
        """Forget the expression and end the thread; return whether it ended in time."""
        self._node.destroy_subscription(self._subscription)
        self._forget(_at_rest())
        self.slot.close()
        thread, self._thread = self._thread, None
        if thread is None:
            return True
        thread.join(timeout_s)
        return not thread.is_alive()

    def use(self, bundle: str, segmenter: ReferringSegmenter | None) -> None:
        """Answer the next image, and the prompt at hand, with another bundle.

        Args:
            bundle: Its folder or name.
            segmenter: It, loaded; None loads it at the next prompt.
        """
        with self._lock:
            self._config = replace(self._config, bundle=bundle)
            waiting, self._next = self._next, segmenter
        if waiting is not None:
            waiting.close()
        if self._thread is None:
            self._adopt()
        else:
            self.slot.put(_Job(self._request, None))

    def close(self) -> None:
        """Free the network and the publishers."""
        self.outputs.close()
        self._adopt()
        if self.segmenter is not None:
            self.segmenter.close()
            self.segmenter = None

    def _on_expression(self, message: String) -> None:
        """Take one expression; what was looked for before ends with it, also if it is rejected."""
        try:
            sentences = split_expression(message.data)
        except SampleError as error:
            self._forget(ReferringState.REJECTED, str(error))
            self._warn(f'Expression rejected: {error}')
            return
        if sentences and sentences == self.sentences:
            return
        self._forget(_at_rest())
        if not sentences:
            return
        if not is_available():
            self._forget(ReferringState.UNAVAILABLE, MISSING_LIBRARY)
            self._error(MISSING_LIBRARY)
            return
        request = _Request(sentences)
        with self._lock:
            self._request, self.state = request, ReferringState.LOADING
        self.slot.put(_Job(request, None))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name='mmseg_referring', daemon=True)
            self._thread.start()

    def _forget(
        self, state: ReferringState, reason: str = '', only: _Request | None = None
    ) -> None:
        """Look for nothing any more; `only` leaves another request than that one as it is."""
        with self._lock:
            if only is not None and only is not self._request:
                return
            self._request = None
            self.slot.clear()
            self.state, self.reason = state, reason
            self.notes, self.failures = (), 0

    def _run(self) -> None:
        lower_priority(LOW)  # labels come first
        slot = self.slot
        while (job := slot.take()) is not None:
            try:
                self._work(job)
            except Exception as error:  # one image or text prompt must never end the thread
                if self._is_running():
                    self._fail(job, error)

    def _adopt(self) -> None:
        """Take over the network that `use` left, and free the one so far."""
        with self._lock:
            following, self._next = self._next, None
            if following is None:
                return
            replaced, self.segmenter = self.segmenter, following
            self._understood = None
        if replaced is not None:
            replaced.close()

    def _work(self, job: _Job) -> None:
        self._adopt()
        if job.request is None or job.request is not self._request:
            return
        segmenter = self._loaded()
        if job.request is not self._understood:
            notes = segmenter.read(job.request.sentences)
            self._understood = job.request
            with self._lock:
                if job.request is self._request:
                    self.notes, self.state = notes, ReferringState.SEGMENTING
        if job.frame_set is None:
            return
        if not self.outputs.wanted():
            self.idle += 1
            return
        self._answer(segmenter, job.request, job.frame_set)

    def _loaded(self) -> ReferringSegmenter:
        while self.segmenter is None:
            config = self._config
            segmenter = load_segmenter(
                config.bundle, config.backend, config.threads, config.aspect
            )
            if config is self._config:
                self.segmenter = segmenter
            else:  # another bundle was chosen meanwhile
                segmenter.close()
        return self.segmenter

    def _answer(
        self, segmenter: ReferringSegmenter, request: _Request, frame_set: FrameSet
    ) -> None:
        rig = self._rig()
        image = frame_set.samples.get(rig.reference)
        if image is None or not isinstance(image.payload, ImageData):
            return
        timer = StageTimer()
        with timer.stage('infer'):
            result = segmenter.segment(image.payload.pixels, request.sentences)
        if request is not self._request:  # another expression came, and this mask is not its
            return
        with timer.stage('publish'):
            self.outputs.publish(result, image, frame_set, rig)
        self.published += 1
        self.reason = ''
        self.stages.add(timer.stage_ms)

    def _fail(self, job: _Job, error: Exception) -> None:
        """Say what went wrong; only what may pass by itself is tried again on the next image."""
        text = reason_of(error, 'answering')
        rejected = isinstance(error, SampleError)
        if job.request is not self._understood:
            self._forget(_state_after(error), text, only=job.request)
        elif job.request is self._request:
            self.failures += 1
            self.reason = text
        if rejected:
            self._warn(f'Expression rejected: {text}')
        else:
            self._error(f'Text-prompted segmentation: {text}')


def _at_rest() -> ReferringState:
    """Return the state without an expression; the library that prompts need is optional."""
    return ReferringState.IDLE if is_available() else ReferringState.UNAVAILABLE


def _state_after(error: Exception) -> ReferringState:
    if isinstance(error, SampleError):
        return ReferringState.REJECTED
    if isinstance(error, MissingLibraryError):
        return ReferringState.UNAVAILABLE
    return ReferringState.FAILED
