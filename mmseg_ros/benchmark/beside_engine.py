"""The live node against its bare engine, under the same feeding load and in one run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mmseg_ros.benchmark.bare_engine import BareEngine, Throughput
from mmseg_ros.up.supervised import Supervised

if TYPE_CHECKING:
    from mmseg_ros.ros.tools.rate_probe import RateProbe

Row = dict[str, Any]

_MORE_THAN_IT_TAKES = 1.5
TURNS = 6


@dataclass(frozen=True, slots=True)
class Load:
    """What is published beside the network.

    Attributes:
        rate_hz: Frames per second. seconds: How long.
        off: Topics that stay silent.
    """

    rate_hz: float
    seconds: float
    off: Sequence[str] = ()


def feeding_rate_hz(expected_hz: float) -> float:
    """Return a rate at which a frame always waits for the network."""
    return _MORE_THAN_IT_TAKES * expected_hz


def engine_under_load(engine: BareEngine, probe: RateProbe, load: Load) -> Throughput:
    """Run the engine while the probe publishes the load, and itself receives it."""
    with probe.receiving():
        running = engine.run(load.seconds)
        probe.run(load.rate_hz, load.seconds, load.off, is_answered=False)
        return running.result()


def node_under_load(node: Supervised, probe: RateProbe, load: Load) -> Throughput:
    """Return what the node made of the load."""
    began_s, began_cpu_s = time.perf_counter(), node.usage().cpu_s
    run = probe.run(load.rate_hz, load.seconds, load.off)
    spent_s, spent_cpu_s = time.perf_counter() - began_s, node.usage().cpu_s - began_cpu_s
    results = len(run.latencies_ms)
    # From the first label to the last: waiting for the last one is none of the node's time.
    seconds = results / run.received_hz if run.received_hz else spent_s
    return Throughput(results, seconds, spent_cpu_s)


def by_turns(
    node: Supervised, probe: RateProbe, engine: BareEngine, elsewhere: RateProbe, load: Load
) -> tuple[Throughput, Throughput]:
    """Return what node and engine make of the load, in short turns.

    The speed of a shared host changes within a minute: only what runs next to each other can be
    compared. The node idles while the engine runs.

    Args:
        node: The node.
        probe: Publishes to it.
        engine: The network alone.
        elsewhere: Publishes in a domain where the node is not.
        load: What is published, and for how long each runs in all.
    """
    turn = replace(load, seconds=load.seconds / TURNS)
    fed, alone = Throughput(0, 0.0, 0.0), Throughput(0, 0.0, 0.0)
    for _ in range(TURNS):
        alone += engine_under_load(engine, elsewhere, turn)
        fed += node_under_load(node, probe, turn)
    return fed, alone


def compared(node: Throughput, engine: Throughput) -> Row:
    """Return both, and the node over the engine: results per second, CPU time per result."""
    return {
        'received_hz': round(node.rate_hz, 2),
        'engine_hz': round(engine.rate_hz, 2),
        'results_over_engine': _ratio(node.rate_hz, engine.rate_hz),
        'cpu_ms_per_result': round(node.cpu_ms, 2),
        'engine_cpu_ms_per_result': round(engine.cpu_ms, 2),
        'cpu_over_engine': _ratio(node.cpu_ms, engine.cpu_ms),
    }


def _ratio(value: float, other: float) -> float:
    return round(value / other, 3) if other else float('nan')
