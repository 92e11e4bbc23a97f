"""The search for the highest rate, and what the node's report says about a frame."""

from types import SimpleNamespace

import pytest

from mmseg_ros.benchmark.live_node import overhead_ms, search_peak, stages_ms


class Node:
    """Keeps up to a rate; every second run is disturbed if the host is busy."""

    def __init__(self, capacity_hz, busy=False):
        self.capacity_hz = capacity_hz
        self.busy = busy
        self.asked = []

    def run(self, rate_hz):
        self.asked.append(rate_hz)
        disturbed = self.busy and self.asked.count(rate_hz) == 1
        return SimpleNamespace(dropped=0.2 if disturbed or rate_hz > self.capacity_hz else 0.0)


@pytest.mark.parametrize('busy', [False, True])
@pytest.mark.parametrize('capacity_hz', [3.0, 9.0, 12.0])
def test_the_peak_is_found_also_on_a_busy_host(capacity_hz, busy):
    node = Node(capacity_hz, busy)
    rate_hz, found = search_peak(node.run, 10.0)
    assert found.dropped == 0.0
    assert rate_hz <= capacity_hz
    assert rate_hz == pytest.approx(capacity_hz, rel=0.12)
    assert len(node.asked) <= 12


def test_a_node_that_never_keeps_up_is_reported_as_it_is():
    rate_hz, found = search_peak(Node(0.0).run, 10.0)
    assert found.dropped == 0.2
    assert rate_hz < 1.0


def test_stages_and_overhead_come_from_the_diagnostics():
    report = {
        'infer_p50_ms': '20.00',
        'infer_p95_ms': '30.00',
        'latency_p50_ms': '23.50',
        'used rgb': '4',
        'published': '4',
    }
    stages = stages_ms(report)
    assert stages == {'infer': {'p50': 20.0, 'p95': 30.0}, 'latency': {'p50': 23.5}}
    assert overhead_ms(stages) == 3.5
    assert overhead_ms({'infer': {'p50': 20.0}}) is None
