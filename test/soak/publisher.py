"""Publishes a recording again and again with new stamps and a random schedule of faults.

`python publisher.py BAG SECONDS SEED LOG`: LOG gets one JSON line per fault.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import random
import struct
import sys
import time
from pathlib import Path

from mmseg_ros.ros.environment import prepare_process

prepare_process()

import rclpy  # noqa: E402 - after the environment is set
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy  # noqa: E402

from mmseg_ros.bag.reader import BagReader  # noqa: E402

SENSORS = ('rgb', 'depth', 'event', 'lidar')
OF_ONE = (
    'drop', 'burst', 'late', 'corrupt', 'cut', 'ahead', 'behind', 'restart', 'zero', 'black',
)  # fmt: skip
OF_ALL = ('drop all', 'back all', 'ahead all', 'overload', 'restart all')
S = 10**9
EVERY_FAULT = [
    *(('all', kind) for kind in OF_ALL),
    *((SENSORS[k % len(SENSORS)], kind) for k, kind in enumerate(OF_ONE)),
]
FIRST_FAULT_S = 20.0
SHORTEST_PAUSE_S, LONGEST_PAUSE_S, PAUSE_OF_FIRST_ROUND_S = 6.0, 9.0, 4.5
LATE_NS, AHEAD_NS, BEHIND_NS = 400_000_000, 37 * S, 10 * S


class Publisher:
    """Plays messages with what is wrong at the time."""

    def __init__(self, bag: Path, seed: int, log: Path) -> None:
        with BagReader(bag) as reader:
            raw = [m for m in reader.raw() if _is_played(m)]
        self.messages = [(m.stamp_ns, m.topic, bytearray(m.data)) for m in raw]
        self.types = {m.topic: m.type_name for m in raw}
        self.node = rclpy.create_node('soak_publisher')
        self.rng = random.Random(seed)
        self.log = log.open('w', buffering=1, encoding='utf-8')
        self.publishers = {topic: self._publisher(topic) for topic in self.types}
        self.sensor_faults = dict.fromkeys(SENSORS, ('', 0.0))
        self.common_fault = ('', 0.0)
        self.held = {name: [] for name in SENSORS}
        self.shift_ns = 0
        self.to_come = EVERY_FAULT[::-1]

    def _publisher(self, topic):
        package, _, name = self.types[topic].partition('/msg/')
        latched = topic == '/tf_static' or topic.endswith('camera_info')
        qos = QoSProfile(
            depth=5,
            reliability=ReliabilityPolicy.RELIABLE,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
        )
        message = getattr(importlib.import_module(package + '.msg'), name)
        return self.node.create_publisher(message, topic, qos)

    def play(self, seconds: float) -> None:
        """Publish for so long: twenty quiet seconds, every fault once, then random ones."""
        first_ns = self.messages[0][0]
        span_ns = self.messages[-1][0] - first_ns + 20_000_000
        start = time.time()
        next_fault = start + FIRST_FAULT_S
        index = 0
        while time.time() - start < seconds:
            stamp_ns, topic, data = self.messages[index % len(self.messages)]
            due = start + (stamp_ns - first_ns + index // len(self.messages) * span_ns) / S
            index += 1
            pause = due - time.time()
            if pause > 0:
                time.sleep(pause)
            elif pause < -2:
                start_late = -pause
                start += start_late  # this process was stopped; what it missed is not made up for
            now = time.time()
            if now > next_fault:
                pause_s = self.rng.uniform(SHORTEST_PAUSE_S, LONGEST_PAUSE_S)
                next_fault = now + (PAUSE_OF_FIRST_ROUND_S if self.to_come else pause_s)
                self._begin_fault(now)
            self._publish(topic, data, now)

    def _begin_fault(self, now: float) -> None:
        until = now + self.rng.uniform(1.5, 4)
        sensor, kind = self.to_come.pop() if self.to_come else self._any_fault()
        if sensor != 'all':
            self.sensor_faults[sensor] = (kind, until)
            if kind == 'restart':
                self._restart([t for t in self.types if _sensor(t) == sensor])
        else:
            self.common_fault = (kind, until)
            self.shift_ns += {'back all': -20 * S, 'ahead all': 30 * S}.get(kind, 0)
            if kind == 'restart all':
                self._restart(self.types)
                for _, topic, data in self.messages:
                    if topic == '/tf_static' or topic.endswith('camera_info'):
                        self._send(topic, data)
        line = {'t': now, 'fault': kind, 'sensor': sensor, 'until': until}
        self.log.write(json.dumps(line) + '\n')

    def _any_fault(self) -> tuple[str, str]:
        if self.rng.random() < 0.75:
            return self.rng.choice(SENSORS), self.rng.choice(OF_ONE)
        return 'all', self.rng.choice(OF_ALL)

    def _restart(self, topics) -> None:
        for topic in topics:
            self.node.destroy_publisher(self.publishers[topic])
            self.publishers[topic] = self._publisher(topic)

    def _publish(self, topic: str, original: bytearray, now: float) -> None:
        common = self.common_fault[0] if now < self.common_fault[1] else ''
        if common == 'drop all' and topic != '/tf_static':
            return
        sensor = _sensor(topic)
        kind, until = self.sensor_faults.get(sensor, ('', 0.0))
        if kind and now > until:
            self.sensor_faults[sensor] = ('', 0.0)
            for held in self.held[sensor]:
                self._send(topic, held)
            self.held[sensor], kind = [], ''
        data = self._damaged(topic, original, now, kind)
        if kind == 'drop':
            return
        if kind == 'burst':
            self.held[sensor].append(data)
            return
        for _ in range(4 if common == 'overload' else 1):
            self._send(topic, data)

    def _damaged(self, topic: str, original: bytearray, now: float, kind: str) -> bytearray:
        data = bytearray(original)
        stamp_ns = int(now * S) + self.shift_ns
        stamp_ns += {'ahead': AHEAD_NS, 'behind': -BEHIND_NS, 'late': -LATE_NS}.get(kind, 0)
        stamp_ns = 0 if kind == 'zero' else stamp_ns
        if topic != '/tf_static':
            struct.pack_into('<iI', data, 4, stamp_ns // S, stamp_ns % S)
        if kind == 'corrupt':
            for _ in range(self.rng.choice((1, 5, 50))):
                data[self.rng.randrange(12, min(len(data), 300))] = self.rng.randrange(256)
        if kind == 'cut':
            data = data[: self.rng.randrange(8, len(data))]
        if kind == 'black':
            data[400:] = bytes(max(len(data) - 400, 0))
        return data

    def _send(self, topic: str, data: bytearray) -> None:
        self.publishers[topic].publish(bytes(data))


def _is_played(message) -> bool:
    package = message.type_name.partition('/')[0]
    return not message.topic.startswith('/truth') and bool(importlib.util.find_spec(package))


def _sensor(topic: str) -> str:
    name = topic.split('/')[1]
    return name if name in SENSORS and not topic.endswith('camera_info') else ''


if __name__ == '__main__':
    rclpy.init()
    Publisher(Path(sys.argv[1]), int(sys.argv[3]), Path(sys.argv[4])).play(float(sys.argv[2]))
