"""The page shows every situation, and the images show what the node had and said."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mmseg_ros.core.child_process import Usage
from mmseg_ros.demo.live import LiveRun
from mmseg_ros.demo.poster import poster, save
from mmseg_ros.demo.report import demo_report, summary_lines
from mmseg_ros.demo.results import summarize
from mmseg_ros.demo.shown import chosen_frames, moment_figure, moment_pictures, moments
from mmseg_ros.metrics.report import Section, render


@pytest.fixture(scope='module')
def scores(frames, plan):
    return summarize(frames, plan, 4.0)


@pytest.fixture(scope='module')
def seen(frames, plan, drive, recording, rig):
    chosen = chosen_frames(frames, plan)
    return list(moments(drive, recording, chosen, rig))


def is_grey_field(image):
    return np.median(image.reshape(-1, 3), axis=0).tolist() == [226, 226, 226]


def test_moments_hold_the_samples_of_their_stamp(seen, frames):
    assert [moment.frame.situation for moment in seen] == ['all sensors', 'no rgb', 'no lidar']
    for moment in seen:
        assert moment.frame_set.stamp_ns == moment.frame.stamp_ns
        assert set(moment.frame_set.samples) == {'rgb', 'depth', 'event', 'lidar'}
    assert seen[0].cloud.points['label'].tolist() == [3, 1, 0, 255]
    assert seen[2].cloud is None


def test_an_outage_without_labels_has_no_picture(frames, plan):
    some = [f for f in frames if f.situation != 'no rgb']
    assert [f.situation for f in chosen_frames(some, plan)] == ['all sensors', 'no lidar']
    near_middle = chosen_frames(frames, plan)[1]
    assert near_middle.elapsed_s == pytest.approx(1.45, abs=0.06)


def test_a_silent_sensor_is_shown_as_missing(seen, rig, manifest):
    inputs, results = moment_pictures(seen[1], rig, manifest)
    assert is_grey_field(inputs['rgb'])
    assert not is_grey_field(inputs['depth'])
    assert results['labels'].shape == (16, 24, 3)
    inputs, results = moment_pictures(seen[2], rig, manifest)
    assert is_grey_field(inputs['lidar'])
    assert is_grey_field(results['labeled points'])
    assert not is_grey_field(inputs['rgb'])


def test_the_page_holds_every_situation(seen, frames, scores, plan, rig, manifest, tmp_path):
    run = LiveRun(tmp_path, Usage(12.0, 345.0), 30.0)
    figures = [moment_figure(moment, rig, manifest) for moment in seen]
    stages = {'infer': {'p50': 41.0, 'p95': 52.0}, 'latency': {'p50': 66.0}}
    pointed = Section('Text prompts', 'the red car')
    page = render(demo_report(frames, scores, plan, run, stages, figures, [pointed], 'fake'))
    for text in (
        'no rgb',
        'no lidar',
        'the red car',
        '345 MB',
        'class 3',
        '70 ms',
        'stage infer',
        '52 ms',
        'stamp to publication',
    ):
        assert text in page
    assert page.count('<svg') == 4
    assert page.count('<img') == 3 * 6


def test_two_lines_sum_it_up(frames, scores):
    first, second = summary_lines(frames, scores)
    assert first.startswith('39 label images at 10.0 Hz, median latency 70 ms')
    assert '0.20 s' in first
    assert 'mIoU 1.00 with all sensors, 0.62 at worst (no rgb); 66.7 %' in second


def test_the_speed_of_the_playback_is_told(frames, scores, plan):
    first, _ = summary_lines(frames, summarize(frames, plan, 4.0, 0.25), 0.25)
    assert first.startswith('39 label images at 2.5 Hz')
    assert 'played at 0.25 of its speed' in first
    assert 'speed' not in summary_lines(frames, scores)[0]


def test_too_few_label_images_are_not_compared(frames, plan):
    some = [f for f in frames if f.situation != 'no rgb' or f.elapsed_s < 1.35]
    _, second = summary_lines(some, summarize(some, plan, 4.0))
    assert 'at worst' not in second
    assert 'too few label images to compare the outages (4 with no rgb; it takes 5' in second


def test_an_outage_that_scores_higher_is_no_worst(frames, plan):
    better = [replace(s, miou=0.9) for s in summarize(frames, plan, 4.0)]
    better[0] = replace(better[0], miou=0.8)
    assert (
        'mIoU 0.80 with all sensors, not lower in any outage (0.90'
        in summary_lines(frames, better)[1]
    )


def test_the_poster_is_one_small_picture(seen, rig, manifest, tmp_path):
    image = poster(seen, rig, manifest)
    save(image, tmp_path / 'demo.png')
    read = cv2.imread(str(tmp_path / 'demo.png'))[..., ::-1].astype(int)
    assert np.abs(read - image).mean() < 6
    assert image.dtype == np.uint8
    assert image.shape[1] == 4 * 320 + 3 * 6
    assert image.shape[0] > 700
