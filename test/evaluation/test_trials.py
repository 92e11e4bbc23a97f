"""Frames on their way through a network that works while others are read and scored."""

from types import SimpleNamespace

import numpy as np
import pytest

from mmseg_ros.core.errors import CalibrationError, SampleError
from mmseg_ros.core.types import CloseReason, FrameSet
from mmseg_ros.evaluation.trials import completed, trials
from mmseg_ros.pipeline import Prepared
from mmseg_ros.projection.odometry import Odometry

NAMES = ('rgb', 'lidar')


class TwoSensors:
    """Stands in for a pipeline: what comes out names the sensors and the thread's turn."""

    bundle = SimpleNamespace(manifest=SimpleNamespace(modality_names=NAMES))

    def __init__(self):
        self.odometry = Odometry()
        self.done = []
        self.with_surface = []

    def prepare(self, frame_set, with_surface=False):
        self.with_surface.append(with_surface)
        if not frame_set.samples:
            raise SampleError('nothing')
        available = np.array([name in frame_set.samples for name in NAMES])
        return Prepared(frame_set, None, None, None, {}, None, available, None, None)

    def complete(self, prepared):
        self.done.append('+'.join(prepared.frame_set.samples))
        return self.done[-1]


def frame(stamp_ns, *names):
    samples = dict.fromkeys(names)
    return FrameSet('rgb', stamp_ns, samples, NAMES, CloseReason.COMPLETE)


def test_a_frame_with_all_sensors_goes_through_with_every_subset_in_order():
    pipeline, subsets = TwoSensors(), [NAMES, ('rgb',), ('lidar',)]
    sets = [frame(1, 'rgb', 'lidar'), frame(2, 'lidar'), frame(3), frame(4, *NAMES)]
    stream = (trial for i, s in enumerate(sets) for trial in trials(i, s, pipeline, subsets))
    found = [
        (trial.number, trial.subset, str(output), trial.is_last)
        for trial, output in completed(stream, pipeline)
    ]
    whole = [(None, 'rgb+lidar', False), (('rgb',), 'rgb', False), (('lidar',), 'lidar', True)]
    assert found == [
        *[(0, *row) for row in whole], (1, None, 'lidar', True), (2, None, 'nothing', True),
        *[(3, *row) for row in whole],
    ]  # fmt: skip
    assert pipeline.with_surface == [True, False, False, True, False, True, False, False]


def test_a_trial_keeps_the_motion_that_was_known_when_it_began():
    pipeline = TwoSensors()

    def stream():
        for i in range(3):
            for stamp_ns in (100 * i, 100 * i + 50):
                pipeline.odometry.add(stamp_ns * 1_000_000, np.eye(4))
            yield from trials(i, frame(i, 'rgb'), pipeline, [])

    for trial, _ in completed(stream(), pipeline):
        last_ns = (100 * trial.number + 50) * 1_000_000
        trial.odometry.pose(last_ns + 100_000_000)
        with pytest.raises(CalibrationError, match='101 ms away'):
            trial.odometry.pose(last_ns + 101_000_000)


def test_the_network_works_while_the_caller_scores():
    pipeline = TwoSensors()
    stream = (t for i in range(3) for t in trials(i, frame(i, 'rgb'), pipeline, []))
    run = completed(stream, pipeline)
    next(run)
    run.close()  # waits for what is under way
    assert pipeline.done == ['rgb', 'rgb']
