"""Messages in, samples out: decodes, rejects what is malformed, and counts why."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.timing import StageStatistics
from mmseg_ros.core.types import EventData, Modality, SensorSample, pixel_size
from mmseg_ros.core.unexpected import cause_of, reason_of
from mmseg_ros.messages import decode_camera_info, stamp_ns
from mmseg_ros.messages.sensor_decoder import Decode, SensorDecoder
from mmseg_ros.projection.cloud_frames import CloudFrames, Join
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.ros.calibration import Calibration

_MAX_CAUSES = 16


@dataclass(slots=True)
class Rejections:
    """What was rejected of one sensor.

    Attributes:
        total: Number of rejected samples.
        causes: Number per cause; numbers inside a cause, and what an unexpected error says beside
            its type, are left out so that it stays countable.
        last_text: The last rejection in full.
        last_ns: When that was, on the node's clock.
    """

    total: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    last_text: str = ''
    last_ns: int = 0

    def add(self, text: str, now_ns: int) -> None:
        """Count one rejection."""
        cause = re.sub(r'\d+', '#', cause_of(text))
        if cause not in self.causes and len(self.causes) >= _MAX_CAUSES:
            cause = 'other causes'
        self.causes[cause] += 1
        self.total += 1
        self.last_text = text
        self.last_ns = now_ns


class Intake:
    """Turns messages of all sensors into samples and hands them on.

    Attributes:
        rejections: Per sensor.
        received: Number of messages per sensor, rejected ones included.
        info_problems: Why the last CameraInfo of a camera was rejected, until a good one comes.
        decoders: Of each sensor; they count what was lost of samples that were taken.
        costs: Milliseconds per message of each sensor, from its decoding to the collector: those
            that pass, and below `<sensor> cpu` those of the processor.
    """

    def __init__(
        self,
        calibration: Calibration,
        deliver: Callable[[SensorSample], None],
        now_ns: Callable[[], int],
        warn: Callable[[str], None],
        on_frame: Callable[[Modality, str], None] = lambda modality, frame_id: None,
        join: Join = lambda target, source: None,
    ) -> None:
        """Wire the intake.

        Args:
            calibration: Where intrinsics are kept; CameraInfo messages go there.
            deliver: Takes each good sample.
            now_ns: The node's clock.
            warn: Takes one sentence per rejection; throttles by itself.
            on_frame: Told the frame of a sensor when it is first seen or changes.
            join: Transforms between the frames of several LiDARs on one topic.
        """
        self.rejections: dict[Modality, Rejections] = {}
        self.received: Counter[Modality] = Counter()
        self.info_problems: dict[Modality, str] = {}
        self.decoders: dict[Modality, SensorDecoder] = {}
        self.costs = StageStatistics()
        self._clouds = CloudFrames(join)
        self._calibration = calibration
        self._deliver = deliver
        self._now_ns = now_ns
        self._warn = warn
        self._on_frame = on_frame
        self._frames: dict[Modality, str] = {}
        self._complete: dict[Modality, Rig] = {}
        self._lock = threading.Lock()

    def on_message(self, modality: Modality, decode: Decode, message: Any) -> None:
        """Decode one sensor message and deliver it, or reject it."""
        self.received[modality] += 1
        began_ns, began_cpu_ns = time.perf_counter_ns(), time.thread_time_ns()
        self._take(modality, decode, message)
        spent_ms = (time.perf_counter_ns() - began_ns) / 1e6
        spent_cpu_ms = (time.thread_time_ns() - began_cpu_ns) / 1e6
        self.costs.add({modality: spent_ms, f'{modality} cpu': spent_cpu_ms})

    def _take(self, modality: Modality, decode: Decode, message: Any) -> None:
        try:
            frame_id = str(message.header.frame_id)
            self._note_frame(modality, self._clouds.main_frame(modality, frame_id))
            self._require(modality)
            payload = decode(message)
            size = pixel_size(payload)
            if isinstance(payload, EventData):
                self._calibration.learn_size(modality, payload.height, payload.width)
            elif size is not None:
                self._calibration.note_image_size(modality, *size)
                self._require(modality)
            sample = SensorSample(
                modality=modality,
                stamp_ns=stamp_ns(message.header),
                frame_id=frame_id,
                payload=payload,
                received_ns=self._now_ns(),
            )
            self._deliver(self._clouds.unified(sample))
        except Exception as error:  # a message of any content must never end the node
            self.reject(modality, reason_of(error, 'taking in'))

    def on_camera_info(self, modality: Modality, message: Any) -> None:
        """Take the intrinsics of one camera; what is invalid is rejected and the old ones stay."""
        if self._calibration.is_known(modality, message):
            self.info_problems.pop(modality, None)
            return
        try:
            rectified = self._calibration.is_rectified(modality)
            camera = decode_camera_info(message, rectified)
            difference = self._calibration.update(modality, message, camera)
            if difference:
                self._warn(difference)
            self._note_frame(modality, str(message.header.frame_id))
            self.info_problems.pop(modality, None)
        except Exception as error:  # as above
            text = self._calibration.size_note(modality, message) + reason_of(error, 'reading')
            self.info_problems[modality] = text
            self._warn(f'{modality}: CameraInfo rejected: {text}')

    def reject(self, modality: Modality, text: str) -> None:
        """Count and report one rejection; any thread may call it."""
        with self._lock:
            self.rejections.setdefault(modality, Rejections()).add(text, self._now_ns())
        self._warn(f'{modality}: sample rejected: {text}')

    def _require(self, modality: Modality) -> None:
        """Check that the calibration has what samples of a sensor need.

        Raises:
            SampleError: It lacks something; says what.
        """
        rig = self._calibration.rig
        if self._complete.get(modality) is rig:  # as for nearly every message
            return
        missing = self._calibration.missing(modality)
        if missing:
            raise SampleError(missing)
        self._complete[modality] = rig

    def _note_frame(self, modality: Modality, frame_id: str) -> None:
        if self._frames.get(modality) == frame_id:
            return
        self._frames[modality] = frame_id
        self._on_frame(modality, frame_id)
        expected = self._calibration.frame_id(modality)
        if expected and frame_id != expected:
            self._warn(
                f'{modality}: messages come in frame {frame_id!r}, the calibration says '
                f'{expected!r}; the calibration of {modality!r} is used all the same.'
            )
