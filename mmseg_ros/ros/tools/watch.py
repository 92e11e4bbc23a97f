"""One line per second about a running node: sensors that are out, results per second, latency."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from mmseg_ros.messages import stamp_ns
from mmseg_ros.ros.environment import prepare_process
from mmseg_ros.ros.qos import NO_INPUT_EVENTS

_SENSOR = 'sensor '
_SPIN_S = 0.1


class Watch:
    """Turns the reports of a node into lines.

    Args:
        node_name: Full name of the node.
        clock: Gives the seconds over which results are counted: those of the wall, also where the
            node's own time runs slower.
    """

    def __init__(
        self, node_name: str = '/mmseg', clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._prefix = f'{node_name.lstrip("/")}: '
        self._start_ns: int | None = None
        self._last: tuple[float, int] | None = None

    def line(self, array: Any) -> str:
        """Return the line of one report.

        It is '' for one of another node, of one not active, and before simulated time begins.
        """
        parts = {
            status.name.removeprefix(self._prefix): (
                str(status.message),
                {str(v.key): str(v.value) for v in status.values},
            )
            for status in array.status
            if status.name.startswith(self._prefix)
        }
        now_ns = stamp_ns(array.header)
        if 'processing' not in parts or not now_ns:
            return ''
        if self._start_ns is None or now_ns < self._start_ns:
            self._start_ns, self._last = now_ns, None
        time_s = (now_ns - self._start_ns) / 1e9
        values = parts['processing'][1]
        rate = self._rate(int(values.get('published', 0)))
        latency = values.get('latency_p50_ms', '')
        words = [f'{time_s:5.1f} s', rate]
        words.append(f'{float(latency):4.0f} ms' if latency else '   - ms')
        out = [
            f'{name.removeprefix(_SENSOR)} is out'
            for name, (_, sensor) in parts.items()
            if name.startswith(_SENSOR) and sensor.get('health') == 'LOST'
        ]
        return '  '.join([*words, ', '.join(out) or 'all sensors deliver'])

    def _rate(self, published: int) -> str:
        """Return results per second since the report before."""
        time_s = self._clock()
        before, self._last = self._last, (time_s, published)
        if before is None or time_s <= before[0]:
            return '   -  labels/s'
        return f'{(published - before[1]) / (time_s - before[0]):4.1f} labels/s'


def main() -> int:
    """Print lines until SIGINT or SIGTERM."""
    prepare_process()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    context = Context()
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    node = Node('mmseg_watch', context=context)
    watch = Watch()

    def show(array: DiagnosticArray) -> None:
        line = watch.line(array)
        if line:
            print(line, flush=True)

    node.create_subscription(
        DiagnosticArray, '/diagnostics', show, 10, event_callbacks=NO_INPUT_EVENTS
    )
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    while not stop.is_set():
        executor.spin_once(timeout_sec=_SPIN_S)
    executor.shutdown()
    node.destroy_node()
    context.try_shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
