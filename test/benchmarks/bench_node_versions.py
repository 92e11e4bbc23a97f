"""Nodes of several checkouts beside the same bare engine, in turn and in one run.

As `benchmark --parts node` does in its row `beside engine`: each node gets 1.5 times what it can
take, with labels subscribed, and the same is published while the bare engine runs from memory.
The engine runs before and after each node, and the node is compared with these two runs: the speed
of a shared host changes within a minute.

Run: python test/benchmarks/bench_node_versions.py [CHECKOUT ...] [--subset rgb] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from mmseg_ros.benchmark.bare_engine import BareEngine, Throughput
from mmseg_ros.benchmark.beside_engine import Load, compared, engine_under_load, node_under_load
from mmseg_ros.benchmark.live_node import sensor_messages
from mmseg_ros.benchmark.machine import describe_machine, describe_software, now, steal_between
from mmseg_ros.benchmark.workload import simulated_frames
from mmseg_ros.core.atomic_files import write_text
from mmseg_ros.core.modalities import SENSOR_TOPICS
from mmseg_ros.core.resources import config_file
from mmseg_ros.up.supervised import Program
from mmseg_ros.up.supervisor import Supervisor

START_LIMIT_S, SETTLE_S, SETTLE_HZ = 60.0, 4.0, 4.0


def node_command(bundle: str) -> list[str]:
    """Return the command of a node of whichever checkout the environment names."""
    given = {'model.bundle': bundle, 'model.backend': 'openvino', 'calibration.file': 'demo_rig'}
    options = [word for key, value in given.items() for word in ('-p', f'{key}:={value}')]
    module = [sys.executable, '-m', 'mmseg_ros.ros.segmentation_node', '--ros-args']
    return [*module, '--params-file', str(config_file('mmseg.yaml')), *options]


def of_checkout(checkout: Path, bundle: str, probe: Any, load: Load, logs: str) -> Throughput:
    """Return what a fresh node of a checkout makes of the load."""
    environment = {**os.environ, 'ROS_LOG_DIR': logs, 'PYTHONPATH': str(checkout)}
    program = Program('node', node_command(bundle), restarts=False)
    with Supervisor([program], environment, lambda name, line: None) as running:
        probe.wait_for_node(START_LIMIT_S)
        probe.run(SETTLE_HZ, SETTLE_S, load.off)
        found = node_under_load(running['node'], probe, load)
        running.check()
    return found


def measured(checkouts: list[Path], bundle: str, subset: list[str], load: Load) -> dict[str, Any]:
    """Return a row per checkout and turn, beside the engine."""
    from mmseg_ros.ros.environment import prepare_process

    domain = str(101 + os.getpid() % 100)
    os.environ.update(ROS_DOMAIN_ID=domain, ROS_AUTOMATIC_DISCOVERY_RANGE='LOCALHOST')
    prepare_process()
    from mmseg_ros.ros.tools.rate_probe import RateProbe

    drive, frames = simulated_frames(4)
    messages = [sensor_messages(drive, frame) for frame in frames]
    rows: list[dict[str, Any]] = []
    before = Path('/proc/stat').read_text()
    with (
        tempfile.TemporaryDirectory(prefix='bench_node_versions_') as logs,
        BareEngine(bundle, 'openvino', 0, subset) as engine,
        RateProbe(messages) as probe,
    ):
        alone = engine_under_load(engine, probe, load)
        for checkout in checkouts:
            node = of_checkout(checkout, bundle, probe, load, logs)
            alone, last = engine_under_load(engine, probe, load), alone
            rows.append({'checkout': checkout.name, **compared(node, last + alone)})
    return {
        'subset': '+'.join(subset),
        'sent_hz': load.rate_hz,
        'steal': steal_between(before, Path('/proc/stat').read_text()),
        'rows': rows,
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkouts', nargs='*', type=Path, default=[Path(__file__).parents[2]])
    parser.add_argument('--bundle', default='stitchfusion-lite0-sim')
    parser.add_argument('--subset', default='rgb+depth+event+lidar')
    parser.add_argument('--rate', type=float, default=33.0, help='frames published per second')
    parser.add_argument('--seconds', type=float, default=3.0, help='of each turn')
    parser.add_argument('--json', type=Path, help='write the numbers to this file')
    arguments = parser.parse_args()
    subset = arguments.subset.split('+')
    off = [topic for name, topic in SENSOR_TOPICS.items() if name not in subset]
    load = Load(arguments.rate, arguments.seconds, off)
    machine = describe_machine()
    checkouts = [Path(os.path.abspath(path)) for path in arguments.checkouts]
    report = {
        'created': now(),
        'machine': machine,
        'software': describe_software(),
        **measured(checkouts, arguments.bundle, subset, load),
    }
    if arguments.json:
        write_text(arguments.json, json.dumps(report, indent=2) + '\n')
    sys.stdout.write(json.dumps(report['rows'], indent=1) + f'\nsteal {report["steal"]:.2%}\n')


if __name__ == '__main__':
    main()
