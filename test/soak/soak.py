"""The live node for a long time under faults: `python test/soak/soak.py SECONDS [SEED]`.

Prints memory, threads, files and labels over time and every fault with the silence after it.
Warm-up ends when the node has compiled all its graphs and every kind of fault has come once: then
all buffers have been as full as they get. Exits with 1 if memory grows by 1 MB a minute or more
after it, threads or files grow, or labels stay away for more than a second after a fault.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from publisher import OF_ALL, OF_ONE

from mmseg_ros.ros.environment import prepare_process

prepare_process()

import rclpy  # noqa: E402 - after the environment is set
from diagnostic_msgs.msg import DiagnosticArray  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.qos import QoSProfile, ReliabilityPolicy  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402

from mmseg_ros.demo.sequence import cached_drive  # noqa: E402

LOG = Path('out/soak/node.log')
RIG = Path('config/calibration/demo_rig.yaml').resolve()
HERE = Path(__file__).parent
SAMPLE_S = 5.0
FEWEST_SAMPLES = 12
ROW_S = 30.0
FOLLOWED_S = 10.0
MOST_MB_PER_MINUTE = 1.0
LONGEST_SILENCE_S = 1.0
DRIVE_S = 6.0
START_S = 120.0
"""Longest time until the first label; the test begins with it."""


def main(seconds: float, seed: int) -> int:
    """Run node, publisher and monitor; print the table; return the exit status."""
    drive = cached_drive(Path('out/cache'), DRIVE_S, 11, lambda done, total: None)
    with TemporaryDirectory() as folder:
        log = Path(folder) / 'faults.jsonl'
        LOG.parent.mkdir(parents=True, exist_ok=True)
        with LOG.open('wb') as output:
            node = _start(
                output, '-m', 'mmseg_ros.ros.segmentation_node',
                '--ros-args', '--params-file', 'config/mmseg.yaml',
                '-p', f'calibration.file:={RIG}',
            )  # fmt: skip
            publisher = _start(
                output,
                str(HERE / 'publisher.py'),
                str(drive),
                str(START_S + seconds),
                str(seed),
                str(log),
            )
            try:
                samples, labels = _watch(node.pid, seconds)
            finally:
                publisher.kill()
                node.send_signal(signal.SIGINT)
                status = node.wait(30)
        faults = [json.loads(line) for line in log.read_text().splitlines()]
    text, good = report(samples, labels, faults, status)
    sys.stdout.write(f'{seconds:g} s, seed {seed}\n\n{text}')
    return int(not good)


def _start(output, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *arguments], stdout=output, stderr=output)


def _watch(pid: int, seconds: float) -> tuple[list[dict[str, float]], list[float]]:
    """Return samples of the process and the times at which labels came."""
    ready: list[float] = []
    rclpy.init()
    monitor = rclpy.create_node('soak_monitor')
    labels: list[float] = []
    qos = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
    monitor.create_subscription(
        Image, '/mmseg/labels', lambda _: labels.append(time.time()), qos, raw=True
    )
    monitor.create_subscription(
        DiagnosticArray, '/diagnostics', lambda m: ready or ready.extend(_ready_at(m)), 10
    )
    executor = SingleThreadedExecutor()
    executor.add_node(monitor)
    samples: list[dict[str, float]] = []
    limit = time.time() + START_S
    while not labels and time.time() < limit:
        executor.spin_once(timeout_sec=0.2)
    end = time.time() + seconds
    while time.time() < end:
        executor.spin_once(timeout_sec=0.2)
        if not samples or time.time() - samples[-1]['t'] >= SAMPLE_S:
            samples.append(_usage(pid) | {'compiling': not ready})
    rclpy.shutdown()
    return samples, labels


def _ready_at(message: DiagnosticArray) -> list[float]:
    """Return the time if the node says that all its graphs are compiled."""
    values = [v for status in message.status for v in status.values if v.key == 'being compiled']
    return [time.time()] if values and values[0].value == 'none' else []


def _usage(pid: int) -> dict[str, float]:
    status = Path(f'/proc/{pid}/status').read_text()
    values = dict(line.split(':', 1) for line in status.splitlines())
    return {
        't': time.time(),
        'rss_mb': int(values['VmRSS'].split()[0]) / 1024,
        'threads': int(values['Threads']),
        'fds': len(os.listdir(f'/proc/{pid}/fd')),
    }


def report(samples, labels, faults, status) -> tuple[str, bool]:
    """Return what happened as text, and whether it may happen."""
    start, end = samples[0]['t'], samples[-1]['t'] - FOLLOWED_S
    warm_at = _every_fault_came_at(faults)
    warm = [s for s in samples if s['t'] >= warm_at and not s['compiling']]
    if len(warm) < FEWEST_SAMPLES:
        return 'The node was not warm in time: give it more seconds.\n', False
    faults = [f for f in faults if f['t'] > start and f['until'] < end]
    minutes = np.array([s['t'] for s in warm]) / 60
    slope = float(np.polyfit(minutes - minutes[0], [s['rss_mb'] for s in warm], 1)[0])
    silences = [_silence(fault, labels) for fault in faults]
    growth = {name: warm[-1][name] - warm[0][name] for name in ('threads', 'fds')}
    late = sum(silence > LONGEST_SILENCE_S for silence in silences)
    good = slope < MOST_MB_PER_MINUTE and max(growth.values()) <= 0 and not late and status == 0
    lines = [
        f'exit status of the node {status}; warm after {warm[0]["t"] - start:.0f} s, from then on '
        f'memory {slope:+.2f} MB/min, threads {growth["threads"]:+.0f}, files '
        f'{growth["fds"]:+.0f}; {len(labels)} labels, '
        f'{len(faults)} faults, {late} followed by more than {LONGEST_SILENCE_S:g} s of silence, '
        f'the longest {max(silences, default=0.0):.2f} s',
        '',
        '| s | RSS MB | threads | files | labels/s |',
        '|---|---|---|---|---|',
        *_rows(samples, labels, start),
        '',
        '| s | fault | sensor | lasted s | silence after it s |',
        '|---|---|---|---|---|',
    ]
    for fault, silence in zip(faults, silences, strict=True):
        lasted = fault['until'] - fault['t']
        lines.append(
            f'| {fault["t"] - start:.0f} | {fault["fault"]} | {fault["sensor"]} | {lasted:.1f} | '
            f'{silence:.2f} |'
        )
    return '\n'.join([*lines, '']), good


def _every_fault_came_at(faults) -> float:
    ends = {}
    for fault in faults:
        ends.setdefault(fault['fault'], fault['until'])
    return max(ends.values()) if ends.keys() == {*OF_ONE, *OF_ALL} else float('inf')


def _silence(fault, labels) -> float:
    """Return seconds from the end of a fault to the first label after it."""
    return min((t - fault['until'] for t in labels if t >= fault['until']), default=float('inf'))


def _rows(samples, labels, start):
    shown = 0.0
    for sample in samples:
        elapsed = sample['t'] - start
        if elapsed + 1e-3 < shown:
            continue
        rate = sum(elapsed - ROW_S < t - start <= elapsed for t in labels) / ROW_S
        yield (
            f'| {elapsed:.0f} | {sample["rss_mb"]:.0f} | {sample["threads"]:.0f} | '
            f'{sample["fds"]:.0f} | {rate:.1f} |'
        )
        shown += ROW_S


if __name__ == '__main__':
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
