"""Six cameras in one street: rates, processor time, memory; a node each, and one process for all.

Publishes what six simulated cameras and a LiDAR see (poses of nuScenes' vehicle, 1600 x 900, 32
rings) at a fixed rate, and counts each camera's label images and the merged clouds.

Run: python test/benchmarks/bench_rig.py [--rate HZ] [--seconds S] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from six_camera_scene import RIG, cameras, scene_messages

from mmseg_ros.bag.typestore import typestore
from mmseg_ros.benchmark.machine import describe_machine, describe_software, now, steal_between
from mmseg_ros.up.command_lines import MERGER, NODE, UpOptions, node_command, programs
from mmseg_ros.up.supervised import Program
from mmseg_ros.up.supervisor import Supervisor

_STAMP = slice(4, 12)
_START_S, _SETTLE_S = 120.0, 4.0
_ARGUMENTS = {'model': 'stitchfusion-lite0-sim'}


def six_processes() -> list[Program]:
    """Return a node per camera and the merger, as `mmseg_ros up --rig` starts them."""
    return programs(UpOptions(_ARGUMENTS, rig=RIG))


def one_process() -> list[Program]:
    """Return the merger and one process that has all six nodes."""
    merger = [program for program in six_processes() if program.name == MERGER]
    return [Program(NODE, [sys.executable, __file__, '--all-nodes']), *merger]


def run_all_nodes() -> None:
    """Run a node per camera in this process, each in a thread and context of its own."""
    import rclpy
    from rclpy.executors import SingleThreadedExecutor

    from mmseg_ros.ros.environment import prepare_process

    prepare_process()
    from mmseg_ros.ros.node import SegmentationNode

    for name, own in cameras().items():
        context = rclpy.Context()
        command = node_command(name, {**own, **_ARGUMENTS})
        rclpy.init(args=command[2:], context=context)
        node = SegmentationNode(context=context)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(node)
        threading.Thread(target=executor.spin, daemon=True).start()
    threading.Event().wait()


class Feeder:
    """Publishes the scene and counts what comes back."""

    def __init__(self) -> None:
        import rclpy
        from rclpy.executors import SingleThreadedExecutor
        from rclpy.node import Node

        from mmseg_ros.ros.qos import output_qos
        from mmseg_ros.ros.tools.message_types import message_class_of

        rclpy.init()
        self._node = Node('bench_rig')
        self.counts: Counter[str] = Counter()
        self._messages = []
        for topic, type_name, message in scene_messages():
            made = self._node.create_publisher(message_class_of(type_name), topic, output_qos(5))
            data = bytearray(bytes(typestore().serialize_cdr(message, type_name)))
            self._messages.append((made, data))
        image, cloud = (message_class_of(f'sensor_msgs/msg/{n}') for n in ('Image', 'PointCloud2'))
        for topic, kind in (
            *((f'/{name}/mmseg/labels', image) for name in cameras()),
            *((f'/{name}/mmseg/points', cloud) for name in cameras()),
            ('/cloud_merger/points', cloud),
        ):
            self._node.create_subscription(
                kind, topic, lambda _, t=topic: self.counts.update([t]), output_qos(5), raw=True
            )
        executor = SingleThreadedExecutor()
        executor.add_node(self._node)
        threading.Thread(target=executor.spin, daemon=True).start()

    def publish(self, rate_hz: float, seconds: float, check: Any) -> None:
        """Publish scans at a rate; `check` is called after each."""
        began_s = time.monotonic()
        for k in range(round(rate_hz * seconds)):
            time.sleep(max(began_s + k / rate_hz - time.monotonic(), 0))
            stamp = divmod(time.time_ns(), 1_000_000_000)
            for publisher, data in self._messages:
                data[_STAMP] = b''.join(part.to_bytes(4, 'little') for part in stamp)
                publisher.publish(bytes(data))
            check()


def measured(started: list[Program], feeder: Feeder, rate_hz: float, seconds: float) -> Any:
    """Return what the programs make of the load after every camera has answered."""
    with Supervisor(started, dict(os.environ), lambda name, line: None) as running:
        wanted = {f'/{name}/mmseg/labels' for name in cameras()}
        began_s = time.monotonic()
        feeder.counts.clear()
        while not wanted <= set(feeder.counts):
            feeder.publish(2.0, 1.0, running.check)
            if time.monotonic() - began_s > _START_S:
                raise SystemExit(f'No labels of {sorted(wanted - set(feeder.counts))}.')
        start_s = time.monotonic() - began_s
        feeder.publish(rate_hz, _SETTLE_S, running.check)
        feeder.counts.clear()
        before = {child.program.name: child.usage() for child in running.children}
        stat, began_s = Path('/proc/stat').read_text(), time.monotonic()
        feeder.publish(rate_hz, seconds, running.check)
        spent_s, counts = time.monotonic() - began_s, dict(feeder.counts)
        after = {child.program.name: child.usage() for child in running.children}
        steal = steal_between(stat, Path('/proc/stat').read_text())
    cpu_s = {name: after[name].cpu_s - before[name].cpu_s for name in after}
    nodes = [name for name in cpu_s if name != MERGER]
    labels = [counts.get(topic, 0) for topic in sorted(wanted)]
    return {
        'processes': len(nodes),
        'start_s': round(start_s, 1),
        'labels_hz_per_camera': [round(n / spent_s, 2) for n in labels],
        'labels_hz_together': round(sum(labels) / spent_s, 2),
        'merged_clouds_hz': round(counts.get('/cloud_merger/points', 0) / spent_s, 2),
        'cores_per_camera': round(sum(cpu_s[n] for n in nodes) / spent_s / len(labels), 3),
        'cpu_ms_per_result': round(1000 * sum(cpu_s[n] for n in nodes) / max(sum(labels), 1), 1),
        'merger_cores': round(cpu_s[MERGER] / spent_s, 3),
        'peak_mb_together': round(sum(after[n].peak_mb for n in nodes)),
        'steal': steal,
    }


def main() -> None:
    """Measure both ways and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rate', type=float, default=2.0, help='scans per second')
    parser.add_argument('--seconds', type=float, default=15.0)
    parser.add_argument('--json', type=Path)
    parser.add_argument('--all-nodes', action='store_true', help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.all_nodes:
        run_all_nodes()
    from mmseg_ros.ros.environment import prepare_process

    domain = str(101 + os.getpid() % 100)
    os.environ.update(ROS_DOMAIN_ID=domain, ROS_AUTOMATIC_DISCOVERY_RANGE='LOCALHOST')
    prepare_process()
    feeder = Feeder()
    rows = {
        name: measured(started, feeder, arguments.rate, arguments.seconds)
        for name, started in (('a node per camera', six_processes()), ('one', one_process()))
    }
    facts = {'created': now(), 'machine': describe_machine(), 'software': describe_software()}
    result = {**facts, 'scans_hz': arguments.rate, 'seconds': arguments.seconds, 'rows': rows}
    for name, row in rows.items():
        print(name, json.dumps(row, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + '\n')
    os._exit(0)


if __name__ == '__main__':
    main()
