"""The node's own stage times are read from its diagnostics."""

from mmseg_ros.bag import builders
from mmseg_ros.bag.typestore import message_class
from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.demo.stages import stage_times

ARRAY = 'diagnostic_msgs/msg/DiagnosticArray'


def array(**by_part):
    status = message_class('diagnostic_msgs/msg/DiagnosticStatus')
    pair = message_class('diagnostic_msgs/msg/KeyValue')
    statuses = [
        status(0, f'mmseg: {part}', '', '', [pair(key, value) for key, value in values.items()])
        for part, values in by_part.items()
    ]
    return message_class(ARRAY)(builders.header(0, ''), statuses)


def test_the_last_report_with_stages_counts(tmp_path):
    reports = [
        array(node={'state': 'inactive'}),
        array(processing={'infer_p50_ms': '9.5', 'infer_p95_ms': '11', 'infer_p99_ms': '12'}),
        array(processing={'infer_p50_ms': '8.5', 'published': '3'}, sync={'late_p50_ms': '1'}),
        array(processing={'published': '3'}),
    ]
    with BagWriter(tmp_path / 'b') as bag:
        for i, report in enumerate(reports):
            bag.write('/diagnostics', ARRAY, i, report)
    assert stage_times(tmp_path / 'b') == {'infer': {'p50': 8.5}}


def test_a_silent_node_has_none(tmp_path):
    with BagWriter(tmp_path / 'b') as bag:
        bag.write('/diagnostics', ARRAY, 0, array(node={'state': 'inactive'}))
    assert stage_times(tmp_path / 'b') == {}
