"""Each row of the table of failures in docs/architecture.md has a live test that shows it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEADING = '## When a sensor fails'

LIVE = 'test/ros/'
TESTS = {
    'camera silent': [
        'test_failures.py::test_labels_go_on_through_a_drop_and_the_sensor_comes_back',
        'test_failure_rows.py::'
        'test_without_camera_labels_stay_in_its_frame_at_the_stamps_of_the_next_reference',
        'test_degradation.py::test_first_degraded_result_within_deadline_and_one_period',
    ],
    'LiDAR silent': [
        'test_failures.py::test_labels_go_on_through_a_drop_and_the_sensor_comes_back',
        'test_failures.py::test_without_lidar_the_clouds_pause_and_say_why',
    ],
    'depth or events silent': [
        'test_failures.py::test_labels_go_on_through_a_drop_and_the_sensor_comes_back',
        'test_failure_rows.py::test_without_depth_or_events_labels_and_points_go_on',
    ],
    'a sensor is late': [
        'test_failure_rows.py::test_a_late_sensor_is_waited_for_until_the_deadline',
    ],
    'a message is malformed': [
        'test_hostile_streams.py::test_every_other_message_of_a_sensor_is_nonsense',
        'test_refusals.py::test_rejected_sample_is_logged_once_with_its_cause',
    ],
    'an image, camera, cloud or event window exceeds `limits.*`': [
        'test_failure_rows.py::test_what_exceeds_a_limit_is_rejected_by_name_and_the_others_go_on',
        'test_calibration.py::test_an_absurd_camera_info_is_rejected_and_the_old_intrinsics_stay',
    ],
    'alignment or encoding of one sensor raises anything': [
        'test_failure_rows.py::test_whatever_one_sensor_raises_the_others_go_on',
    ],
    'a stage hangs, or fails for every frame': [
        'test_silence.py::test_a_stage_that_hangs_is_named_and_the_end_of_it_too',
        'test_silence.py::test_a_stage_that_fails_is_named',
    ],
    'everything silent': [
        'test_failures.py::test_all_sensors_lost_is_an_error_and_one_that_returns_is_used_at_once',
    ],
    'the bag loops or the clock jumps back': [
        'test_failures.py::test_looping_recording_goes_on_after_the_jump',
        'test_failures.py::test_simulated_clock_that_jumps_back_clears_the_buffers',
    ],
}


def rows():
    """Return the first column of the table."""
    text = (ROOT / 'docs' / 'architecture.md').read_text('utf-8')
    section = text.split(f'\n{HEADING}\n')[1].split('\n## ')[0]
    lines = [line for line in section.splitlines() if line.startswith('|')]
    return [line.split('|')[1].strip() for line in lines[2:]]


def test_each_row_of_the_table_has_its_tests():
    assert rows() == list(TESTS)
    assert all(TESTS.values())


def test_the_readme_points_to_the_table():
    anchor = HEADING[3:].lower().replace(' ', '-')
    assert f'docs/architecture.md#{anchor}' in (ROOT / 'README.md').read_text('utf-8')


@pytest.mark.parametrize('named', sorted({test for tests in TESTS.values() for test in tests}))
def test_what_is_named_is_a_test_that_is_always_run(named):
    file, name = named.split('::')
    tree = ast.parse((ROOT / LIVE / file).read_text('utf-8'))
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    assert len(found) == 1, f'{LIVE}{file} has no test {name}.'
    assert any(isinstance(node, ast.Assert) for node in ast.walk(found[0]))
    marks = [ast.unparse(mark) for mark in found[0].decorator_list]
    assert not any('skip' in mark or 'xfail' in mark for mark in marks)
