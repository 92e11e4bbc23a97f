"""The sensors of `bench_load`: what they send, and the process that sends it."""

from __future__ import annotations

import heapq
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mmseg_ros.bag import builders
from mmseg_ros.bag.typestore import typestore
from mmseg_ros.benchmark.real_size import many_events, real_size
from mmseg_ros.benchmark.workload import simulated_frames
from mmseg_ros.core.atomic_files import write_text
from mmseg_ros.core.modalities import SENSOR_TOPICS, camera_info_topic
from mmseg_ros.core.types import DEPTH, EVENT, LIDAR, RGB, SensorSample
from mmseg_ros.projection.extrinsics import Rig

RATES_HZ = {
    'real': {RGB: 30.0, DEPTH: 30.0, LIDAR: 10.0, EVENT: 100.0},
    'street': {RGB: 30.0, DEPTH: 30.0, LIDAR: 10.0, EVENT: 50.0},
}
EVENT_BYTES = 1_000_000
BYTES_PER_EVENT = 12
STAMP = slice(4, 12)
INFO_HZ, CLOCK_HZ = 1.0, 100.0
CLOCK = 'clock'
LATEST_S = 0.05
"""How far behind a message may be sent: what a driver's own queue holds back on a busy machine."""

Message = tuple[str, str, bytes]


def messages_of(load: str) -> tuple[dict[str, list[Message]], Rig]:
    """Return per sensor the serialised (topic, type, data) that take turns, and the rig."""
    drive, frames = simulated_frames(3)
    found: dict[str, list[Message]] = {name: [] for name in RATES_HZ[load]}
    rig = drive.rig
    for frame in frames:
        samples = frame.samples
        if load == 'real':
            samples, rig = real_size(samples, drive.rig)
            count = EVENT_BYTES // BYTES_PER_EVENT
            events = many_events(frame.stamp_ns, count, 10_000_000)
            samples[EVENT] = SensorSample(EVENT, frame.stamp_ns, 'event_optical', events)
            rig = rig.with_camera(EVENT, rig.camera(EVENT).resized(events.height, events.width))
        packets = frame.event_packets if load == 'street' else (samples[EVENT],)
        for sample in (samples[RGB], samples[DEPTH], samples[LIDAR], *packets):
            name, message = builders.sample_message(sample)
            data = bytes(typestore().serialize_cdr(message, name))
            found[sample.modality].append((SENSOR_TOPICS[sample.modality], name, data))
    for name, camera in rig.cameras.items():
        message = builders.camera_info_message(0, camera)
        data = bytes(typestore().serialize_cdr(message, builders.CAMERA_INFO))
        found[f'{name} info'] = [(camera_info_topic(name), builders.CAMERA_INFO, data)]
    return found, rig


@dataclass(frozen=True, slots=True)
class LoadClock:
    """Time that passes at `speed`: on a machine with little to spare all can be slower alike."""

    origin_ns: int
    speed: float

    def now_ns(self) -> int:
        """Return the time that stamps and latencies are on."""
        return self.origin_ns + round((time.time_ns() - self.origin_ns) * self.speed)


def feed(
    messages: dict[str, list[Message]], rates_hz: dict[str, float], clock: LoadClock, file: Path
) -> None:
    """Publish every sensor at its rate until the file `stop` lies beside `file`; write counts.

    A message that is behind by more than `LATEST_S` is left out, so no long burst makes up for a
    pause of this process; what was sent is counted. While the file `pause` is there, only time
    goes on.
    """
    import rclpy

    rclpy.init()
    publish = _publisher(messages)
    buffers = {name: [bytearray(data) for _, _, data in turn] for name, turn in messages.items()}
    sent: Counter[str] = Counter()
    began_s = time.monotonic()
    due = [(began_s, name) for name in (CLOCK, *messages)]
    heapq.heapify(due)
    stop, pause = file.with_name('stop'), file.with_name('pause')
    while not stop.exists():
        at_s, name = heapq.heappop(due)
        period_s = 1.0 / (rates_hz.get(name, CLOCK_HZ if name == CLOCK else INFO_HZ))
        time.sleep(max(at_s - time.monotonic(), 0.0))
        late = time.monotonic() - at_s > LATEST_S / clock.speed
        heapq.heappush(due, (at_s + period_s / clock.speed, name))
        if name == CLOCK:
            publish(name, bytearray(), clock.now_ns())
            if pause.exists():
                write_text(file, json.dumps(sent))  # whole or not at all: another process reads
        elif not late and not pause.exists():
            turn = buffers[name][sent[name] % len(buffers[name])]
            # A packet of events is sent when its last event is there, stamped with its first.
            begin_ns = round(period_s * 1e9) if name == EVENT else 0
            publish(name, turn, clock.now_ns() - begin_ns)
            sent[name] += 1
    rclpy.try_shutdown()


def _publisher(messages: dict[str, list[Message]]) -> Callable[[str, bytearray, int], None]:
    """Return what publishes serialised data of a sensor, or /clock, with a stamp."""
    from builtin_interfaces.msg import Time
    from rclpy.node import Node
    from rosgraph_msgs.msg import Clock

    from mmseg_ros.ros.qos import output_qos
    from mmseg_ros.ros.tools.message_types import message_class_of

    node = Node('bench_load_feeder')
    publishers = {
        name: node.create_publisher(message_class_of(turn[0][1]), turn[0][0], output_qos(10))
        for name, turn in messages.items()
    }
    publishers[CLOCK] = node.create_publisher(Clock, '/clock', 10)

    def publish(name: str, data: bytearray, stamp_ns: int) -> None:
        seconds, nanoseconds = divmod(stamp_ns, 1_000_000_000)
        if name == CLOCK:
            publishers[name].publish(Clock(clock=Time(sec=seconds, nanosec=nanoseconds)))
            return
        data[STAMP] = seconds.to_bytes(4, 'little') + nanoseconds.to_bytes(4, 'little')
        publishers[name].publish(bytes(data))

    return publish
