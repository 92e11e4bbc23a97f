"""Label images per second with the page and without it, and the gap when the model is switched.

The node gets the beginning of the demo's sequence at a fixed rate. `view`: turns of some seconds
each way, one after another; the page changes `--rate` times a second and a headless Chromium shows
it, on the same cores. Beside the rate stands what the node, the page's process and the browser's
processes use of the cores. `switch`: `~/load_model` is called while the sensors run.

Run: python test/benchmarks/bench_view.py view|switch [--rate HZ] [--seconds S] [--pages ...]
    [--json FILE]
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
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mmseg_ros.benchmark.live_node import sensor_messages
from mmseg_ros.benchmark.machine import describe_machine, describe_software, now
from mmseg_ros.core.child_process import usage_of
from mmseg_ros.core.resources import DEFAULT_BUNDLE
from mmseg_ros.demo.sequence import SEED
from mmseg_ros.sim.sequence import Drive, DriveConfig
from mmseg_ros.up.command_lines import NODE, UpOptions, programs
from mmseg_ros.up.supervised import Supervised
from mmseg_ros.up.supervisor import Supervisor

_HERE = Path(__file__).resolve().parents[2]
_FRAMES, _START_S, _WARM_S = 8, 120.0, 10.0
_WITHOUT = 'no page'
_PAGES = {
    'not opened': '',
    '200 x 150': '--window-size=200,150',
    '1500 x 950': '--window-size=1500,950',
}
"""A browser without a GPU renders the cloud on the processor: the less, the smaller its window."""
_CHROMIUM = next(filter(None, map(shutil.which, ('chromium', 'google-chrome'))), None)


class Shown:
    """The page's process and a browser's, and what they have used of the processor."""

    def __init__(self, served: int, browser: int) -> None:
        self._served, self._browser = served, browser

    def cpu_s(self) -> dict[str, float]:
        """Return processor seconds by who used them; the browser's by kind of its processes."""
        used = {'page': usage_of(self._served).cpu_s}
        for pid, kind in _family(self._browser):
            name = f'browser: {kind}'
            used[name] = used.get(name, 0.0) + usage_of(pid).cpu_s
        return used


def _family(pid: int) -> Iterator[tuple[int, str]]:
    """Yield a browser's processes and their kinds; nothing if there is no browser."""
    if not pid:
        return
    command = Path(f'/proc/{pid}/cmdline').read_text()
    found = re.search(r'--type=([\w-]+)', command)
    yield pid, found[1] if found else 'main'
    for child in Path(f'/proc/{pid}/task/{pid}/children').read_text().split():
        with suppress(OSError):
            yield from _family(int(child))


@contextmanager
def page(checkout: Path, rate_hz: float, window: str) -> Iterator[Shown]:
    """Serve the page, and show it in a browser window if one is named, while the block runs."""
    python = sys.executable if checkout == _HERE else checkout / '.venv/bin/python'
    command = [python, '-u', '-m', 'mmseg_ros', 'view', '--rate', f'{rate_hz:g}', '--port', '8450']
    served = subprocess.Popen(command, cwd=checkout, stdout=subprocess.PIPE, text=True)
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
            yield Shown(served.pid, shown.pid if shown is not None else 0)
            if shown is not None:
                shown.terminate()
                shown.wait(20)
    finally:
        served.terminate()
        served.wait(20)


def turn(
    node: Supervised, probe: Any, rate_hz: float, seconds: float, shown: Shown
) -> dict[str, Any]:
    """Return what the node makes of the load for some seconds, and who uses how many cores."""
    began_s = time.monotonic()
    before = {'node': node.usage().cpu_s, **shown.cpu_s()}
    run = probe.run(rate_hz, seconds)
    after = {'node': node.usage().cpu_s, **shown.cpu_s()}
    took_s = time.monotonic() - began_s
    cores = {n: round((cpu_s - before.get(n, 0.0)) / took_s, 2) for n, cpu_s in after.items()}
    return {'labels_hz': round(run.received_hz, 2), 'cores': cores}


def compare_views(
    node: Supervised, probe: Any, arguments: argparse.Namespace
) -> dict[str, list[dict[str, Any]]]:
    """Return the turns without a page, with one that nobody opens, and with one in a browser."""
    rate_hz, seconds = arguments.rate, arguments.seconds
    pages = {name: (_HERE, _PAGES[name]) for name in arguments.pages}
    if arguments.against:
        pages |= {f'{n} (against)': (arguments.against, _PAGES[n]) for n in arguments.pages}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in (_WITHOUT, *pages)}
    for _ in range(arguments.turns):
        found[_WITHOUT].append(turn(node, probe, rate_hz, seconds, Shown(0, 0)))
        for name, (checkout, window) in pages.items():
            with page(checkout, 10.0, window) as shown:
                probe.run(rate_hz, arguments.settle)
                found[name].append(turn(node, probe, rate_hz, seconds, shown))
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
    parser.add_argument(
        '--settle', type=float, default=10.0, help='s before each turn with a page'
    )
    parser.add_argument('--against', type=Path, help='another checkout whose page is shown too')
    parser.add_argument('--pages', nargs='+', choices=list(_PAGES), default=list(_PAGES))
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
        probe.run(rate_hz, _WARM_S)
        running.check()
        if arguments.what == 'view':
            rows: Any = compare_views(running[NODE], probe, arguments)
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
