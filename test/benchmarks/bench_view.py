"""Label images per second with the page and without it, and the gap when the model is switched.

The node gets the beginning of the demo's sequence at a fixed rate. `view`: turns of some seconds
each way, one after another; the page changes `--rate` times a second and a headless Chromium shows
it, on the same cores. `switch`: `~/load_model` is called while the sensors run.

Run: python test/benchmarks/bench_view.py view|switch [--rate HZ] [--seconds S] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmseg_ros.benchmark.live_node import sensor_messages
from mmseg_ros.benchmark.machine import describe_machine, describe_software, now
from mmseg_ros.core.resources import DEFAULT_BUNDLE
from mmseg_ros.demo.sequence import SEED
from mmseg_ros.sim.sequence import Drive, DriveConfig
from mmseg_ros.up.command_lines import NODE, UpOptions, programs
from mmseg_ros.up.supervised import Supervised
from mmseg_ros.up.supervisor import Supervisor

_FRAMES, _START_S, _SETTLE_S = 8, 120.0, 5.0
_PAGES = {
    'page, not opened': '',
    'page in a window of 200 x 150': '--window-size=200,150',
    'page in a window of 1500 x 950': '--window-size=1500,950',
}
"""A browser without a GPU renders the cloud on the processor: the less, the smaller its window."""
_CHROMIUM = next(filter(None, map(shutil.which, ('chromium', 'google-chrome'))), None)


@contextmanager
def page(rate_hz: float, window: str) -> Iterator[None]:
    """Serve the page, and show it in a browser window if one is named, while the block runs."""
    command = [sys.executable, '-u', '-m', 'mmseg_ros', 'view', '--rate', f'{rate_hz:g}']
    served = subprocess.Popen([*command, '--port', '8450'], stdout=subprocess.PIPE, text=True)
    shown = None
    try:
        url = next(filter(None, (re.search(r'http://\S+', line) for line in served.stdout)))[0]
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            if window:
                flags = ['--headless=new', '--no-sandbox', '--enable-unsafe-swiftshader', window]
                flags += [f'--user-data-dir={folder}', '--remote-debugging-port=0']
                shown = subprocess.Popen(
                    [_CHROMIUM, *flags, url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
            yield
            if shown is not None:
                shown.terminate()
                shown.wait(20)
    finally:
        served.terminate()
        served.wait(20)


def turn(node: Supervised, probe: Any, rate_hz: float, seconds: float) -> dict[str, float]:
    """Return what the node makes of the load for some seconds."""
    before, began_s = node.usage().cpu_s, time.monotonic()
    run = probe.run(rate_hz, seconds)
    cpu = (node.usage().cpu_s - before) / (time.monotonic() - began_s)
    return {'labels_hz': round(run.received_hz, 2), 'node_cores': round(cpu, 2)}


def compare_views(
    node: Supervised, probe: Any, rate_hz: float, seconds: float, turns: int
) -> dict[str, list[dict[str, float]]]:
    """Return the turns without a page, with one that nobody opens, and with one in a browser."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ('without', *_PAGES)}
    for _ in range(turns):
        found['without'].append(turn(node, probe, rate_hz, seconds))
        for name, window in _PAGES.items():
            with page(10.0, window):
                probe.run(rate_hz, _SETTLE_S)
                found[name].append(turn(node, probe, rate_hz, seconds))
    return found


def switch(probe: Any, rate_hz: float, seconds: float, bundle: str) -> dict[str, Any]:
    """Return gaps between label images, in frame periods, without and over a switch."""
    found = {}
    for name in ('without', 'over a switch'):
        caller = threading.Timer(2.0, load_model, [bundle])
        if name != 'without':
            caller.start()
        run = probe.run(rate_hz, seconds)
        found[name] = {
            'longest_gap_periods': round(run.longest_gap_s * rate_hz, 2),
            'sent': run.sent,
            'lost': run.sent - len(run.latencies_ms),
            'model_at_the_end': probe.model,
        }
    return found


def load_model(bundle: str) -> None:
    """Ask the node for another bundle."""
    import rclpy
    from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
    from rcl_interfaces.srv import SetParameters

    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node('bench_switch', context=context)
    client = node.create_client(SetParameters, '/mmseg/load_model')
    client.wait_for_service(30.0)
    value = ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=bundle)
    request = SetParameters.Request(parameters=[Parameter(name='model.bundle', value=value)])
    answer = client.call_async(request)
    executor = rclpy.executors.SingleThreadedExecutor(context=context)
    executor.add_node(node)
    executor.spin_until_future_complete(answer, 30.0)
    print('load_model:', answer.result(), flush=True)
    rclpy.shutdown(context=context)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('what', choices=['view', 'switch'])
    parser.add_argument('--rate', type=float, default=10.0, help='frames per second')
    parser.add_argument('--seconds', type=float, default=8.0, help='of each turn')
    parser.add_argument('--turns', type=int, default=2, help='of each kind of view')
    parser.add_argument('--bundle', default='geminifusion-lite0-sim', help='switched to')
    parser.add_argument('--json', type=Path)
    arguments = parser.parse_args()
    from mmseg_ros.ros.environment import prepare_process

    domain = str(101 + os.getpid() % 100)
    os.environ.update(ROS_DOMAIN_ID=domain, ROS_AUTOMATIC_DISCOVERY_RANGE='LOCALHOST')
    prepare_process()
    from mmseg_ros.ros.tools.rate_probe import RateProbe

    drive = Drive(SEED, DriveConfig(frames=_FRAMES))
    messages = [sensor_messages(drive, frame) for frame in drive.frames()]
    started = programs(UpOptions({'calibration': 'demo_rig', 'model': DEFAULT_BUNDLE}))
    rate_hz, seconds = arguments.rate, arguments.seconds
    with (
        RateProbe(messages) as probe,
        Supervisor(started, dict(os.environ), lambda name, line: None) as running,
    ):
        probe.wait_for_node(_START_S)
        probe.run(rate_hz, 2 * _SETTLE_S)
        running.check()
        if arguments.what == 'view':
            rows: Any = compare_views(running[NODE], probe, rate_hz, seconds, arguments.turns)
        else:
            rows = switch(probe, rate_hz, seconds, arguments.bundle)
        running.check()
    facts = {'created': now(), 'machine': describe_machine(), 'software': describe_software()}
    result = {**facts, 'frames_hz': rate_hz, 'seconds': seconds, 'rows': rows}
    print(json.dumps(rows, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + '\n')


if __name__ == '__main__':
    main()
