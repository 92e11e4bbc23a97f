"""Looks now and then whether LiDAR and depth camera still sit where the calibration says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from mmseg_ros.core.config import DiagnosticsConfig
from mmseg_ros.core.priority import LOWEST, lower_priority
from mmseg_ros.core.types import CloudData, DepthData, FrameSet, Modality
from mmseg_ros.core.unexpected import log_once
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.projection.misalignment import Misalignment
from mmseg_ros.projection.misalignment_monitor import MisalignmentMonitor
from mmseg_ros.projection.odometry import Odometry
from mmseg_ros.ros.newest_slot import NewestSlot
from mmseg_ros.ros.sensor_report import OK, WARN

MOST_FRAMES = 12
Status = tuple[bytes, str, dict[str, object]]


class CalibrationWatch:
    """Takes a frame every few seconds; a thread of low priority looks at it, none waits for it.

    Until the first frame with a camera and a LiDAR or depth image comes there is no thread.
    """

    def __init__(
        self, rig: Callable[[], Rig], odometry: Odometry, config: DiagnosticsConfig
    ) -> None:
        """Start without frames.

        Args:
            rig: The present intrinsics and extrinsics.
            odometry: Motion of the vehicle.
            config: How often, and up to which angle.
        """
        self._rig = rig
        self._odometry = odometry
        self._config = config
        self._slot: NewestSlot[FrameSet] = NewestSlot()
        self._thread: threading.Thread | None = None
        self._next_s = 0.0
        self._found: Mapping[Modality, Misalignment] = {}

    @property
    def is_on(self) -> bool:
        """Return whether it looks at all."""
        return self._config.misalignment_rate_hz > 0

    def tune(self, config: DiagnosticsConfig) -> None:
        """Take over changed live parameters."""
        self._config = config

    def offer(self, frame_set: FrameSet) -> None:
        """Take a frame if it is time for one; costs the caller nothing."""
        now_s = time.monotonic()
        if not self.is_on or now_s < self._next_s or not _can_tell(frame_set, self._rig()):
            return
        self._next_s = now_s + 1.0 / self._config.misalignment_rate_hz
        self._slot.put(frame_set)
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name='mmseg_calibration', daemon=True
            )
            self._thread.start()

    def status(self) -> Status:
        """Return level, text and values of the status in /diagnostics."""
        found, limit_deg = self._found, self._config.misalignment_limit_deg
        values: dict[str, object] = {
            f'{name} {key}': value
            for name, item in found.items()
            for key, value in item.plain().items()
        }
        values['limit_deg'] = limit_deg
        if not found:
            text = 'Extrinsics not judged: no frame with camera and LiDAR or depth image yet.'
            return OK, text, values
        texts = [f'{name}: {item.text()}' for name, item in found.items()]
        off = [name for name, item in found.items() if item.exceeds(limit_deg)]
        if off:
            text = (
                f'The extrinsics of {", ".join(off)} seem to be off by more than {limit_deg:g} '
                f'deg; check them with `mmseg_ros project-check`. {"; ".join(texts)}'
            )
            return WARN, text, values
        return OK, '; '.join(texts), values

    def stop(self, timeout_s: float) -> bool:
        """End the thread; return whether it ended in time."""
        self._slot.close()
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        lower_priority(LOWEST)
        monitor = MisalignmentMonitor(MOST_FRAMES)
        while (frame_set := self._slot.take()) is not None:
            try:
                monitor.add(frame_set, self._rig(), self._odometry)
                self._found = monitor.report(self._config.misalignment_limit_deg)
            except Exception as error:  # a frame of any content costs this look alone
                log_once(error, 'judging the extrinsics with')


def _can_tell(frame_set: FrameSet, rig: Rig) -> bool:
    samples = frame_set.samples
    return rig.reference in samples and any(
        isinstance(sample.payload, CloudData | DepthData) for sample in samples.values()
    )
