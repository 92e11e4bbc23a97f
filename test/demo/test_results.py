"""What was published is scored against the truth, by situation."""

import math

import pytest

from mmseg_ros.demo.results import situation_at, summarize


def test_every_label_image_is_read_with_its_situation(frames):
    assert len(frames) == 39
    by_time = {round(f.elapsed_s, 3): f for f in frames}
    assert by_time[0.5].situation == 'all sensors'
    assert by_time[0.5].available == ('rgb', 'depth', 'event', 'lidar')
    assert by_time[1.2].situation == 'no rgb'
    assert by_time[1.2].available == ('depth', 'event', 'lidar')
    assert by_time[3.4].situation == 'no lidar'


def test_latency_is_from_the_playing_of_the_stamp_to_the_receipt(frames):
    assert all(f.latency_ms == pytest.approx(70.0, abs=0.5) for f in frames)


def test_scores_of_pixels_and_points(frames):
    by_time = {round(f.elapsed_s, 3): f for f in frames}
    assert by_time[0.5].pixels.miou() == 1.0
    assert by_time[1.2].pixels.miou() == pytest.approx((0 + 0.5 + 1 + 1) / 4)
    assert by_time[0.5].points.pixels == 3
    assert by_time[0.5].points.accuracy() == pytest.approx(2 / 3)
    assert math.isnan(by_time[3.0].points.accuracy())


def test_summary_counts_time_rates_and_gaps(frames, plan):
    full, no_rgb, no_lidar = summarize(frames, plan, 4.0)
    assert (full.name, no_rgb.name, no_lidar.name) == ('all sensors', 'no rgb', 'no lidar')
    assert full.seconds == pytest.approx(2.0)
    assert (full.frames, no_rgb.frames, no_lidar.frames) == (20, 9, 10)
    assert full.rate_hz == pytest.approx(10.0)
    assert no_rgb.longest_gap_s == pytest.approx(0.2)
    assert no_rgb.miou == pytest.approx(0.625)
    assert math.isnan(no_lidar.point_accuracy)
    assert full.latency_ms == pytest.approx(70.0, abs=0.5)


def test_a_node_that_stays_silent_shows_as_a_gap(frames, plan):
    some = [f for f in frames if f.situation != 'no lidar']
    silent = summarize(some, plan, 4.0)[2]
    assert (silent.frames, silent.rate_hz) == (0, 0.0)
    assert silent.longest_gap_s == pytest.approx(1.0)
    assert math.isnan(silent.miou)
    assert math.isnan(silent.latency_ms)


def test_the_edges_of_an_outage(plan):
    assert situation_at(0.999, plan) == 'all sensors'
    assert situation_at(1.0, plan) == 'no rgb'
    assert situation_at(2.0, plan) == 'all sensors'
