"""The playback is as slow as the machine needs it, and no slower."""

from contextlib import nullcontext
from dataclasses import replace

import pytest

from mmseg_ros.core.child_process import Usage
from mmseg_ros.demo import run as demo_run
from mmseg_ros.demo.live import LiveRun
from mmseg_ros.demo.pace import (
    SLOWEST,
    fewest_frames,
    results_per_second,
    slower,
    speed_for,
)
from mmseg_ros.demo.schedule import outages

PLAN = outages(14.0)


def test_results_are_counted_from_the_first_clock_to_the_last_label(recording):
    # 39 label images, the last one 3.97 s after the first /clock.
    assert results_per_second(recording) == pytest.approx(39 / 3.97, rel=1e-3)


@pytest.mark.parametrize('results_hz', [0.2, 0.5, 1.3, 3.0])
def test_a_slow_machine_gets_five_label_images_in_every_outage(results_hz):
    speed = speed_for(results_hz, PLAN)
    assert SLOWEST <= speed < 1
    shortest_s = min(o.stop_s - o.start_s for o in PLAN)
    assert results_hz * shortest_s / speed >= 5


def test_a_fast_machine_plays_at_the_speed_of_the_sequence():
    assert speed_for(30.0, PLAN) == 1.0
    assert speed_for(30.0, []) == 1.0


def test_a_machine_that_makes_nothing_still_ends():
    assert speed_for(0.0, PLAN) == SLOWEST
    assert slower(SLOWEST, 0) == SLOWEST


@pytest.mark.parametrize('fewest', [0, 2, 4])
def test_another_try_is_at_most_half_as_fast(fewest):
    assert SLOWEST <= slower(0.4, fewest) <= 0.2


def test_only_scored_label_images_count(frames, plan):
    assert fewest_frames(frames, plan) == 9
    unscored = [replace(f, pixels=type(f.pixels)(4, 255)) for f in frames]
    assert fewest_frames(unscored, plan) == 0
    assert fewest_frames([], plan) == 0


class Machine:
    """Stands for the processes: makes label images at its own rate."""

    def __init__(self, frames, plan, enough_at):
        self.frames, self.plan, self.enough_at = frames, plan, enough_at
        self.speeds, self.titles = [], []

    def phase(self, text):
        self.titles.append(text)
        return nullcontext(lambda done, total: None)

    def run_live(self, drive, duration_s, plan, folder, bundle, calibration, told, speed, say):
        self.speeds.append(speed)
        return LiveRun(folder / 'recording', Usage(1.0, 1.0), 1.0, speed)

    def read_frames(self, drive, recording, plan, space):
        enough = self.speeds[-1] <= self.enough_at
        return self.frames if enough else self.frames[:12]


@pytest.mark.parametrize(('enough_at', 'tries'), [(1.0, 1), (0.4, 2), (0.0, 3)])
def test_it_is_played_again_and_slower_until_there_are_enough(
    frames, plan, space, tmp_path, monkeypatch, enough_at, tries
):
    machine = Machine(frames, plan, enough_at)
    monkeypatch.setattr(demo_run, 'run_live', machine.run_live)
    monkeypatch.setattr(demo_run, 'read_frames', machine.read_frames)
    playing = demo_run._Playing(tmp_path / 'drive', 4.0, plan, tmp_path, 'bundle', space, print)
    run, _ = playing.until_enough(0.8, machine)
    assert len(machine.titles) == tries
    assert 'at 0.8 of its speed' in machine.titles[0]
    assert len(machine.speeds) == tries
    assert machine.speeds == sorted(machine.speeds, reverse=True)
    assert run.speed == machine.speeds[-1]
