"""The node as a process of its own, fed over DDS: highest rate, and latency at fixed rates."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mmseg_ros.bag import builders
from mmseg_ros.bag.typestore import typestore
from mmseg_ros.benchmark.bare_engine import BareEngine
from mmseg_ros.benchmark.beside_engine import (
    Load,
    by_turns,
    compared,
    feeding_rate_hz,
)
from mmseg_ros.benchmark.timing import summary
from mmseg_ros.core.modalities import SENSOR_TOPICS, camera_info_topic
from mmseg_ros.core.resources import config_file
from mmseg_ros.core.subsets import subset_name
from mmseg_ros.core.types import DEPTH, LIDAR, RGB, Modality
from mmseg_ros.sim.sequence import Drive, DriveFrame
from mmseg_ros.up.supervised import Program, Supervised
from mmseg_ros.up.supervisor import Supervisor

if TYPE_CHECKING:
    from mmseg_ros.ros.tools.rate_probe import RateProbe, RateRun, SensorMessage

Row = dict[str, Any]

MOST_DROPPED = 0.05
FIXED_RATES_HZ = (10.0, 20.0, 30.0)
_SEARCH_STEPS = 6
_START_LIMIT_S = 300.0
_SETTLE_HZ = 4.0
_DIAGNOSTICS_S = 1.2
_BESIDE_S = 9.0
_DOMAINS = 50
"""So many for nodes, and as far above each one without a node."""


def measure_node(
    bundle: str,
    backend: str,
    threads: int,
    subsets: Sequence[Sequence[Modality]],
    seconds: float,
    drive: tuple[Drive, Sequence[DriveFrame]],
    expected_hz: Mapping[str, float],
) -> list[Row]:
    """Return one row per subset and rate, and one beside the bare engine; each has a fresh node.

    Args:
        bundle: Name or folder.
        backend: Name of the backend.
        threads: CPU threads; 0 for all.
        subsets: Modalities whose sensors publish.
        seconds: How long each rate is kept.
        drive: What `simulated_frames` returned.
        expected_hz: Rate of the bare pipeline per subset, where the search begins.

    Raises:
        ProcessError: The node ended by itself; its last lines are shown.
        ConfigError: The node does not come up, or a message type is not installed.
    """
    from mmseg_ros.ros.environment import prepare_process

    domain = 101 + os.getpid() % _DOMAINS
    os.environ.update(ROS_DOMAIN_ID=str(domain), ROS_AUTOMATIC_DISCOVERY_RANGE='LOCALHOST')
    prepare_process()
    from mmseg_ros.ros.tools.rate_probe import RateProbe

    rows = []
    with tempfile.TemporaryDirectory(prefix='mmseg_benchmark_') as folder:
        messages = [sensor_messages(drive[0], frame) for frame in drive[1]]
        for i, subset in enumerate(subsets):
            off = [topic for name, topic in SENSOR_TOPICS.items() if name not in subset]
            peak_hz = expected_hz.get(subset_name(subset), 10.0)
            load = Load(feeding_rate_hz(peak_hz), _BESIDE_S, off)
            environment = {**os.environ, 'ROS_LOG_DIR': f'{folder}/logs_{i}'}
            with (
                BareEngine(bundle, backend, threads, subset) as engine,
                RateProbe(messages) as probe,
                RateProbe(messages, domain + _DOMAINS) as elsewhere,
                Supervisor([_node(bundle, backend, threads)], environment, _no_log) as running,
            ):
                node = running['node']
                facts, found = _measure(node, probe, off, seconds, peak_hz)
                fed, alone = by_turns(node, probe, engine, elsewhere, load)
                running.check()
            found.append({'mode': 'beside engine', **compared(fed, alone)})
            rows += [{'subset': subset_name(subset), **facts, **row} for row in found]
    return [{'what': 'node', 'backend': backend, **row} for row in rows]


def _measure(
    node: Supervised, probe: RateProbe, off: Sequence[str], seconds: float, expected_hz: float
) -> tuple[Row, list[Row]]:
    """Return what holds for the whole run of a node, and one row per rate."""
    start_s = probe.wait_for_node(_START_LIMIT_S)
    # The graph of this subset is compiled meanwhile, and lost sensors are found out.
    probe.run(_SETTLE_HZ, max(seconds, 6.0), off)
    # The slowest rate first: its times are not those of waiting behind other frames.
    runs = {_rate_name(FIXED_RATES_HZ[0]): _fixed(probe, FIXED_RATES_HZ[0], seconds, off)}
    time.sleep(_DIAGNOSTICS_S)
    stages = stages_ms(probe.processing)
    for rate_hz in FIXED_RATES_HZ[1:]:
        runs[_rate_name(rate_hz)] = _fixed(probe, rate_hz, seconds, off)
    runs['peak'] = search_peak(lambda rate_hz: probe.run(rate_hz, seconds, off), expected_hz)
    facts = {
        'start_s': round(start_s, 2),
        'peak_mb': round(node.usage().peak_mb, 1),
        'stages_p50_ms': {stage: values['p50'] for stage, values in stages.items()},
        'stages_ms': stages,
        'overhead_p50_ms': overhead_ms(stages),
    }
    return facts, [{'mode': mode, **_row(rate, run)} for mode, (rate, run) in runs.items()]


def search_peak(run: Callable[[float], RateRun], expected_hz: float) -> tuple[float, RateRun]:
    """Return the highest rate at which at most one frame in twenty has no labels, and its run.

    A rate that fails is tried once more: on a busy host a single run tells little.

    Args:
        run: Publishes at a rate.
        expected_hz: Where the search begins; it goes up to 1.3 times that.
    """
    low_hz, high_hz = 0.0, 1.3 * expected_hz
    rate_hz = 0.8 * expected_hz
    best: tuple[float, RateRun] | None = None
    for _ in range(_SEARCH_STEPS):
        found = run(rate_hz)
        if found.dropped >= MOST_DROPPED:
            found = run(rate_hz)
        if found.dropped < MOST_DROPPED:
            low_hz, best = rate_hz, (rate_hz, found)
        else:
            high_hz = rate_hz
        rate_hz = (low_hz + high_hz) / 2
    return best if best is not None else (high_hz, found)


def _fixed(
    probe: RateProbe, rate_hz: float, seconds: float, off: Sequence[str]
) -> tuple[float, RateRun]:
    return rate_hz, probe.run(rate_hz, seconds, off)


def _rate_name(rate_hz: float) -> str:
    return f'{rate_hz:g} Hz'


def _row(rate_hz: float, run: RateRun) -> Row:
    latency = summary(run.latencies_ms) if run.latencies_ms else {}
    return {
        'asked_hz': round(rate_hz, 2),
        'sent_hz': round(run.sent_hz, 2),
        'received_hz': round(run.received_hz, 2),
        'dropped': round(run.dropped, 3),
        **latency,
    }


def stages_ms(processing: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Return {stage: {p50, p95, p99}} from the values of the node's report."""
    found: dict[str, dict[str, float]] = {}
    for key, value in processing.items():
        match = re.fullmatch(r'(.+)_(p\d\d)_ms', key)
        if match:
            found.setdefault(match[1], {})[match[2]] = float(value)
    return found


def overhead_ms(stages: Mapping[str, Mapping[str, float]]) -> float | None:
    """Return what a frame takes from its last message to its labels besides the network."""
    if 'latency' not in stages or 'infer' not in stages:
        return None
    return round(stages['latency']['p50'] - stages['infer']['p50'], 2)


def _node(bundle: str, backend: str, threads: int) -> Program:
    parameters = {
        'model.bundle': bundle,
        'model.backend': backend,
        'model.threads': str(threads),
        'calibration.file': 'demo_rig',
    }
    given = [word for key, value in parameters.items() for word in ('-p', f'{key}:={value}')]
    command = [sys.executable, '-m', 'mmseg_ros.ros.segmentation_node', '--ros-args']
    command += ['--params-file', str(config_file('mmseg.yaml')), *given]
    return Program('node', command, restarts=False)


def _no_log(name: str, text: str) -> None:
    """Drop a line; an error shows the last ones."""


def sensor_messages(drive: Drive, frame: DriveFrame) -> list[SensorMessage]:
    """Return a frame's messages, serialised: intrinsics, then the sensors, the camera last."""
    from mmseg_ros.ros.tools.rate_probe import SensorMessage

    stamp_ns = frame.stamp_ns
    found = [
        (camera_info_topic(name), builders.CAMERA_INFO, stamp_ns, info)
        for name, camera in drive.rig.cameras.items()
        for info in [builders.camera_info_message(stamp_ns, camera)]
    ]
    images = [frame.samples[name] for name in (LIDAR, DEPTH, RGB)]
    for sample in (*frame.event_packets, *images):
        type_name, message = builders.sample_message(sample)
        found.append((SENSOR_TOPICS[sample.modality], type_name, sample.stamp_ns, message))
    return [
        SensorMessage(
            topic, name, bytes(typestore().serialize_cdr(message, name)), at_ns - stamp_ns
        )
        for topic, name, at_ns, message in found
    ]
