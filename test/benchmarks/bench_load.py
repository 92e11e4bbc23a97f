"""The live node under the load of real sensors: what is lost, what a message and a result cost.

Node, publisher and subscriber are three processes on loopback. Two loads:

* `real`: 1280 x 720 color and depth images at 30 Hz, 130,000 points at 10 Hz, packets of 1 MB of
  events at 100 Hz;
* `street`: the simulated sensors (640 x 384, 320 x 192 for events) at 30, 30, 10 and 50 Hz.

Printed per sensor: sent, taken in, lost, rejected, 95th percentile of intake per message. For the
results: per second, share with each sensor, share that has every healthy sensor, clouds per
second, latency. Per process: CPU and resident memory. With the load of the machine and the share
of its time that the host took away (steal). `--speed 0.1` makes time pass ten times as slowly for
sensors and node alike: on a machine that others use, the node then has what a free one gives it.
Rates, ages and latencies are on that clock; intake and CPU times are not.

Run: python test/benchmarks/bench_load.py [--load real|street] [--seconds 60] [--speed 1]
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import resource
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from load_feeder import RATES_HZ, LoadClock, feed, messages_of

from mmseg_ros.benchmark.machine import describe_machine, describe_software, now, steal_between
from mmseg_ros.core.atomic_files import write_text
from mmseg_ros.core.resources import config_file
from mmseg_ros.up.supervised import Program, Supervised
from mmseg_ros.up.supervisor import Supervisor

SETTLE_S, PAUSE_S = 6.0, 2.5


@dataclass
class Heard:
    """What the subscriber got.

    Attributes:
        clock: What stamps are on. outputs: Messages per topic.
        latencies_ms: From the stamp of the labels to their receipt.
        subsets: Results per combination. complete: Those with every healthy sensor.
        ages_ms: Distance of the samples in the results from their frames.
        sensors: Last values that each sensor reported.
    """

    clock: LoadClock
    outputs: Counter[str] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)
    subsets: Counter[str] = field(default_factory=Counter)
    ages_ms: list[float] = field(default_factory=list)
    complete: int = 0
    sensors: dict[str, dict[str, str]] = field(default_factory=dict)

    def share(self, count: int) -> float:
        """Return the share of the results."""
        return round(count / max(sum(self.subsets.values()), 1), 3)

    def on_labels(self, data: bytes) -> None:
        self.outputs['labels'] += 1
        stamp_ns = int.from_bytes(data[4:8], 'little') * 10**9 + int.from_bytes(
            data[8:12], 'little'
        )
        self.latencies_ms.append((self.clock.now_ns() - stamp_ns) / 1e6)

    def on_modalities(self, message: Any) -> None:
        values = {s.name: {v.key: v.value for v in s.values} for s in message.status}
        used = {name for name, value in values.items() if value['available'] == 'true'}
        healthy = {name for name, value in values.items() if value['health'] == 'OK'}
        self.subsets['+'.join(name for name in values if name in used)] += 1
        self.complete += healthy <= used
        ages = [abs(float(v['age_ms'])) for v in values.values() if v['age_ms']]
        self.ages_ms += [age for age in ages if age > 0.0]

    def on_diagnostics(self, message: Any) -> None:
        for status in message.status:
            if ': sensor ' in status.name:
                name = status.name.rsplit(' ', 1)[1]
                self.sensors[name] = {v.key: v.value for v in status.values}


def listen(heard: Heard, until: Any) -> None:
    """Receive results and diagnostics until `until()` is true."""
    import rclpy
    from diagnostic_msgs.msg import DiagnosticArray
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.node import Node
    from sensor_msgs.msg import Image, PointCloud2

    from mmseg_ros.ros.qos import output_qos

    context = rclpy.Context()
    rclpy.init(context=context)
    node = Node('bench_load_listener', context=context)
    qos = output_qos(10)
    node.create_subscription(Image, '/mmseg/labels', heard.on_labels, qos, raw=True)
    node.create_subscription(
        PointCloud2, '/mmseg/points', lambda _: heard.outputs.update(['points']), qos, raw=True
    )
    node.create_subscription(DiagnosticArray, '/mmseg/modalities', heard.on_modalities, qos)
    node.create_subscription(DiagnosticArray, '/diagnostics', heard.on_diagnostics, 10)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    while not until():
        executor.spin_once(timeout_sec=0.05)
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown(context=context)


def run(load: str, seconds: float, speed: float, bundle: str) -> dict[str, Any]:
    """Start the processes, measure for `seconds` after the node has settled, return the report."""
    from mmseg_ros.ros.environment import prepare_process

    os.environ.update(
        ROS_DOMAIN_ID=str(101 + os.getpid() % 100), ROS_AUTOMATIC_DISCOVERY_RANGE='LOCALHOST'
    )
    prepare_process()
    machine = describe_machine()
    messages, rig = messages_of(load)
    clock = LoadClock(time.time_ns(), speed)
    with tempfile.TemporaryDirectory(prefix='bench_load_') as text:
        folder = Path(text)
        (folder / 'rig.yaml').write_text(yaml.safe_dump(rig.to_dict(), sort_keys=False))
        (folder / 'messages').write_bytes(pickle.dumps((messages, RATES_HZ[load], clock)))
        feeding = [sys.executable, __file__, '--feed', str(folder / 'messages')]
        started = [
            Program('node', node_command(bundle, folder / 'rig.yaml'), restarts=False),
            Program('feeder', feeding, lasts=False, restarts=False),
        ]
        environment = {**os.environ, 'ROS_LOG_DIR': text}
        with Supervisor(started, environment, lambda name, line: None) as running:
            node, feeder = running['node'], running['feeder']
            wait_until_active(Heard(clock), running)
            report = measured(node, feeder, folder / 'counts', seconds, clock)
            (folder / 'stop').touch()
            running.check()
    facts = {'load': load, 'speed': speed, 'bundle': bundle, 'created': now(), 'machine': machine}
    return {**facts, 'software': describe_software(), **report}


def wait_until_active(heard: Heard, running: Supervisor) -> None:
    """Wait for the first result, then let rates be learned and graphs be compiled."""
    end_s = time.monotonic() + 400.0
    settled_s: list[float] = []

    def settled() -> bool:
        running.check()
        if heard.outputs['labels'] and not settled_s:
            settled_s.append(time.monotonic() + SETTLE_S / heard.clock.speed)
        if time.monotonic() > end_s:
            raise SystemExit('The node published nothing in 400 s.')
        return bool(settled_s) and time.monotonic() > settled_s[0]

    listen(heard, settled)


def heard_for(seconds: float, clock: LoadClock) -> Heard:
    """Receive for a while, in seconds of the clock."""
    heard, end_s = Heard(clock), time.monotonic() + seconds / clock.speed
    listen(heard, lambda: time.monotonic() > end_s)
    return heard


def measured(
    node: Supervised, feeder: Supervised, counts: Path, seconds: float, clock: LoadClock
) -> dict[str, Any]:
    """Return what happens within `seconds`, all rates and times on the clock of the load.

    The feeder pauses before and after, until the node has reported what it took in: then nothing
    is on the way, and what was sent and not taken in is lost.
    """
    pause = counts.with_name('pause')
    pause.touch()
    before = heard_for(PAUSE_S, clock)
    sent_before = Counter(json.loads(counts.read_text()))
    cpu_before = {child.program.name: child.usage().cpu_s for child in (node, feeder)}
    own_before, machine_before = time.process_time(), Path('/proc/stat').read_text()
    pause.unlink()
    began_s = time.monotonic()
    heard = heard_for(seconds, clock)
    spent_s = (time.monotonic() - began_s) * clock.speed
    pause.touch()
    machine_after, own_s = Path('/proc/stat').read_text(), time.process_time() - own_before
    cpu_after = {child.program.name: child.usage().cpu_s for child in (node, feeder)}
    heard.sensors = heard_for(PAUSE_S, clock).sensors
    sent = Counter(json.loads(counts.read_text())) - sent_before
    cpu = {name: (cpu_after[name] - cpu_before[name]) / spent_s for name in cpu_after}
    results = max(heard.outputs['labels'], 1)
    return {
        'seconds': round(spent_s, 1),
        'steal': steal_between(machine_before, machine_after),
        'load_1min_end': round(os.getloadavg()[0], 2),
        'results_hz': round(heard.outputs['labels'] / spent_s, 2),
        'clouds_hz': round(heard.outputs['points'] / spent_s, 2),
        'with_every_healthy_sensor': heard.share(heard.complete),
        'shares': {
            name: heard.share(sum(n for k, n in heard.subsets.items() if name in k.split('+')))
            for name in heard.sensors
        },
        'age_p50_ms': _quantile(heard.ages_ms, 50),
        'latency_p50_ms': _quantile(heard.latencies_ms, 50),
        'latency_p95_ms': _quantile(heard.latencies_ms, 95),
        'node_cpu_ms_per_result': round(1000 * cpu['node'] * spent_s / results, 1),
        'sensors': {
            name: sensor_row(name, heard, before, sent) for name in heard.sensors
        },
        'processes': {
            **{
                child.program.name: {
                    'cpu': round(cpu[child.program.name], 3),
                    'peak_mb': round(child.usage().peak_mb, 1),
                }
                for child in (node, feeder)
            },
            'listener': {'cpu': round(own_s / spent_s, 3), 'peak_mb': own_peak_mb()},
        },
    }  # fmt: skip


def own_peak_mb() -> float:
    """Return the largest resident memory of this process in megabytes."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def sensor_row(name: str, heard: Heard, before: Heard, sent: Counter[str]) -> dict[str, Any]:
    """Return what became of a sensor's messages."""
    last, first = heard.sensors[name], before.sensors[name]
    taken = int(last['received']) - int(first['received'])
    return {
        'sent': sent[name],
        'taken_in': taken,
        'lost': sent[name] - taken,
        'rejected': int(last['rejected']) - int(first['rejected']),
        'intake_p95_ms': float(last.get('intake_p95_ms', 'nan')),
        'intake_cpu_p95_ms': float(last.get('intake_cpu_p95_ms', 'nan')),
    }


def node_command(bundle: str, rig: Path) -> list[str]:
    """Return the command that starts the node."""
    given = {'model.bundle': bundle, 'calibration.file': str(rig), 'use_sim_time': 'true'}
    options = [word for key, value in given.items() for word in ('-p', f'{key}:={value}')]
    module = [sys.executable, '-m', 'mmseg_ros.ros.segmentation_node', '--ros-args']
    return [*module, '--params-file', str(config_file('mmseg.yaml')), *options]


def _quantile(values: list[float], percent: float) -> float | None:
    return round(float(np.percentile(values, percent)), 1) if values else None


def text_of(report: dict[str, Any]) -> str:
    """Return the tables."""
    machine = report['machine']
    lines = [
        f'{report["load"]} load, {report["bundle"]}, {report["created"]}, {machine["cpu"]}, '
        f'{machine["cores"]} cores, load {machine["load_1min"]} to {report["load_1min_end"]}, '
        f'steal {report["steal"]:.1%}, {report["seconds"]} s at {report["speed"]:g} of the speed',
        f'{report["results_hz"]} results/s, {report["clouds_hz"]} clouds/s, '
        f'{report["with_every_healthy_sensor"]:.0%} with every healthy sensor, median age '
        f'{report["age_p50_ms"]} ms, latency {report["latency_p50_ms"]} ms (p95 '
        f'{report["latency_p95_ms"]}), {report["node_cpu_ms_per_result"]} ms CPU per result',
        '',
        '| sensor | sent | taken in | lost | rejected | in the results | intake p95 ms (CPU) |',
        '|---|---|---|---|---|---|---|',
    ]
    lines += [
        f'| {name} | {row["sent"]} | {row["taken_in"]} | {row["lost"]} | {row["rejected"]} | '
        f'{report["shares"][name]:.0%} | {row["intake_p95_ms"]} ({row["intake_cpu_p95_ms"]}) |'
        for name, row in report['sensors'].items()
    ]
    lines += ['', '| process | CPU | peak MB |', '|---|---|---|']
    lines += [
        f'| {name} | {row["cpu"]:.0%} | {row.get("peak_mb", "")} |'
        for name, row in report['processes'].items()
    ]
    return '\n'.join(lines) + '\n'


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--load', choices=tuple(RATES_HZ), default='real')
    parser.add_argument('--seconds', type=float, default=60.0)
    parser.add_argument(
        '--speed', type=float, default=1.0, help='of time: 0.1 gives all ten times as long'
    )
    parser.add_argument('--bundle', default='stitchfusion-lite0-sim')
    parser.add_argument('--json', type=Path, help='write the numbers to this file')
    parser.add_argument('--feed', type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.feed:
        own = pickle.loads(arguments.feed.read_bytes())
        feed(*own, arguments.feed.with_name('counts'))
        return
    report = run(arguments.load, arguments.seconds, arguments.speed, arguments.bundle)
    if arguments.json:
        write_text(arguments.json, json.dumps(report, indent=2) + '\n')
    sys.stdout.write(text_of(report))


if __name__ == '__main__':
    main()
