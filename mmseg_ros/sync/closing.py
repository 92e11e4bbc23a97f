"""What a closing frame takes from its sensors, and who names it when its reference has nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from mmseg_ros.core.types import Modality, SensorSample
from mmseg_ros.core.unexpected import reason_of
from mmseg_ros.sync.track import SensorTrack

_logger = logging.getLogger(__name__)


def taken(track: SensorTrack, stamp_ns: int, reach_ns: int) -> SensorSample | None:
    """Return the sample of a track for a frame; one that cannot be made costs only itself.

    Args:
        track: The sensor.
        stamp_ns: Stamp of the frame.
        reach_ns: How much newer a sample may be before it belongs to the next frame.
    """
    try:
        return track.take(stamp_ns, reach_ns)
    except Exception as error:  # packets may fit together in no way, or not into memory
        track.counters.content += 1
        track.buffer.drop_before(stamp_ns)
        _logger.warning('%s: %s', track.name, reason_of(error, 'merging'))
        return None


def renamed(
    by_rank: Sequence[SensorTrack], samples: Mapping[Modality, SensorSample], last_ns: int
) -> tuple[Modality, int, dict[Modality, SensorSample]]:
    """Return reference, stamp and samples of a frame whose own reference turned out to be missing.

    The events that named it had a gap, or could not be merged. The next in order that is newer
    than the last frame names it instead, with what lies in the windows around it; without such a
    one the frame is empty.

    Args:
        by_rank: The sensors in order of preference as a reference.
        samples: What the frame has.
        last_ns: Stamp of the frame before.
    """
    windows_ns = {track.name: track.window_ns for track in by_rank}
    for name in windows_ns:
        if name in samples and samples[name].stamp_ns > last_ns:
            stamp_ns = samples[name].stamp_ns
            near = {
                other: sample
                for other, sample in samples.items()
                if abs(sample.stamp_ns - stamp_ns) <= windows_ns[other]
            }
            return name, stamp_ns, near
    return '', last_ns, {}
