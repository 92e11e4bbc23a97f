"""Which moments a sweep takes, and the faults that it goes through."""

import pytest

from mmseg_ros.evaluation.sweep import SweepOptions, chosen, sweep_rows
from mmseg_ros.evaluation.sweep_cases import bag_cases, fault_texts, image_cases, not_in_images

TOPICS = {'rgb': '/rgb/image_raw', 'lidar': '/lidar/points'}


def test_moments_are_spread_evenly():
    assert chosen(10, SweepOptions(every=3), 12) == [0, 3, 6, 9]
    assert chosen(5, SweepOptions(quick=True), 12) == [0, 1, 2, 3, 4]
    assert chosen(100, SweepOptions(quick=True), 4) == [12, 37, 62, 87]
    assert chosen(0, SweepOptions(quick=True), 4) == []


def test_every_sensor_gets_every_fault_and_its_own_failures():
    cases = bag_cases(TOPICS, quick=False)
    assert len(cases) == 6 * 3 * 2 + 4
    assert len({case.name for case in cases}) == len(cases)
    delays = [c for c in cases if c.fault == 'delay' and c.sensor == 'lidar']
    assert [c.disturbance.schedule[0].delay_s for c in delays] == [0.05, 0.2, 0.5]
    assert {c.disturbance.schedule[0].topic for c in delays} == {'/lidar/points'}
    assert [c.sensor for c in cases if not c.level] == ['rgb', 'rgb', 'rgb', 'lidar']
    turned = [c.disturbance.yaw_deg for c in cases if c.fault == 'turned' and c.sensor == 'rgb']
    assert turned == [0.5, 1.0, 2.0]
    assert {c.fault for c in cases} <= set(fault_texts())
    assert len(bag_cases(TOPICS, quick=True)) == 6 * 2 + 4


def test_a_data_set_has_noise_and_failures_only():
    cases = image_cases(['rgb', 'event'], quick=True)
    assert [case.name for case in cases] == [
        'noise_0.1_rgb', 'noise_0.1_event', 'motionblur_rgb', 'over-exposure_rgb',
        'under-exposure_rgb', 'loweventresolution_event',
    ]  # fmt: skip
    assert not_in_images() == ['delay', 'clock offset', 'turned', 'shifted', 'rate cut']


def test_rows_of_faults_lost_frames_and_failed_runs():
    cases = bag_cases({'rgb': '/r'}, quick=True)[:3]
    clean = {'miou': 0.5, 'frames': 8, 'full_frames': 8, 'subsets': []}
    rows = sweep_rows(
        cases,
        {
            'undisturbed': clean,
            cases[0].name: {'miou': 0.2, 'frames': 7},
            cases[1].name: {'miou': None, 'frames': 0},
            cases[2].name: {'fault': 'no calibration'},
        },
    )
    assert [(row['kept'], row['frames'], row['problem']) for row in rows] == [
        (pytest.approx(0.4), 7, ''),
        (0.0, 0, ''),
        (None, 0, 'no calibration'),
    ]
    assert sweep_rows(cases, {'undisturbed': clean}) == [], 'what was not run has no row'
