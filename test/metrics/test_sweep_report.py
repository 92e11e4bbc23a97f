"""The matrix of a sweep: cells where they belong, and a page that defines them."""

import numpy as np

from mmseg_ros.metrics.report import render
from mmseg_ros.metrics.sweep_report import matrix, sweep_report, sweep_text


def row(fault, level, sensor, kept, detail='', problem=''):
    return {
        'fault': fault, 'level': level, 'sensor': sensor, 'frames': 3, 'miou': 0.5,
        'kept': kept, 'detail': detail, 'problem': problem,
    }  # fmt: skip


CONTENT = {
    'source': {'name': 'drive', 'moments': 3},
    'bundle': {'name': 'b', 'modalities': ['rgb', 'lidar']},
    'scores': [{'miou': 0.5, 'frames': 3}],
    'fault_texts': {'delay': 'every message arrives so much later'},
    'faults': [
        row('given', 'rgb', 'all', 0.75),
        row('delay', '0.2 s', 'rgb', 0.25),
        row('delay', '0.2 s', 'lidar', None, problem='no <calibration>'),
        row('EMM', '', 'lidar', 0.5),
        row('EMM', '', 'all', 0.1, detail='missing: rgb+lidar'),
        row('EMM', '', 'all', 0.625),
    ],
    'not_run': {'rate cut': 'a data set has no rates'},
    'protocols': {'emm': {'average': 31.25, 'expected': {'0.1': 40.5}}, 'nm': {'mid': 12.5}},
}


def test_cells_stand_at_their_fault_and_sensor():
    rows, columns, kept = matrix(CONTENT)
    assert rows == ['given rgb', 'delay 0.2 s', 'EMM']
    assert columns == ['rgb', 'lidar', 'all']
    nan = np.nan
    wanted = [[nan, nan, 0.75], [0.25, nan, nan], [nan, 0.5, 0.625]]
    assert np.array_equal(kept, wanted, equal_nan=True)
    lines = sweep_text(CONTENT).splitlines()
    assert lines[2].split() == ['delay', '0.2', 's', '25.0', '.', '.']
    assert lines[-1] == 'not run: rate cut: a data set has no rates'


def test_the_page_holds_one_picture_and_defines_what_it_shows():
    page = render(sweep_report({**CONTENT, 'interrupted': {'parts': 3, 'of': 9}}))
    assert page.count('<svg') == 1
    for text in (
        'every message arrives so much later',
        'the network is not told',
        'no &lt;calibration&gt;',
        'a data set has no rates',
        'Interrupted after 3 of 9 parts',
        'missing: rgb+lidar',
        '40.50',
    ):
        assert text in page, text
