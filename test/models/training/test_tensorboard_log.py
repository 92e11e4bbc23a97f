"""Event files for TensorBoard: every row becomes scalars, or the missing package is named."""

import sys
from types import ModuleType
from typing import ClassVar

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mmseg_models.training.run_log import COLUMNS, RunLog
from mmseg_ros.core.errors import MissingLibraryError


class Writer:
    """Stands for torch's SummaryWriter."""

    made: ClassVar[list] = []

    def __init__(self, folder, purge_step):
        self.folder, self.purge_step = folder, purge_step
        self.scalars, self.is_closed = {}, False
        Writer.made.append(self)

    def add_scalar(self, name, value, step):
        self.scalars[name, step] = value

    def flush(self):
        pass

    def close(self):
        self.is_closed = True


@pytest.fixture
def writer(monkeypatch):
    module = ModuleType('torch.utils.tensorboard')
    module.SummaryWriter = Writer
    Writer.made = []
    monkeypatch.setitem(sys.modules, 'torch.utils.tensorboard', module)
    return Writer


def test_rows_become_scalars_and_a_resumed_run_hides_what_it_does_again(tmp_path, writer):
    with RunLog(tmp_path, 4, 10, tensorboard=True) as log:
        log.training_row(dict.fromkeys(COLUMNS, 0.5) | {'step': 6})
        log.validation_row(6, {'rgb': {'miou': 0.25, 'iou': {'road': 1.0}}}, final=False)
        log.validation_row(10, {'rgb': {'miou': 0.75}}, final=True)
    (made,) = writer.made
    assert made.folder == str(tmp_path / 'tensorboard')
    assert made.purge_step == 5
    assert made.scalars == {
        **{(f'train/{name}', 6): 0.5 for name in COLUMNS if name != 'step'},
        ('validate/miou/rgb', 6): 0.25,
        ('final/miou/rgb', 10): 0.75,
    }
    assert made.is_closed
    assert (tmp_path / 'log.jsonl').exists()


def test_only_the_first_process_and_only_if_asked(tmp_path, writer):
    with RunLog(None, 0, 10, tensorboard=True), RunLog(tmp_path, 0, 10):
        pass
    assert not writer.made


def test_without_the_package_the_line_that_installs_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'torch.utils.tensorboard', None)
    with pytest.raises(MissingLibraryError, match=r"pip install 'mmseg_ros\[tensorboard\]'"):
        RunLog(tmp_path, 0, 10, tensorboard=True)


def test_torch_reads_what_is_written(tmp_path):
    with RunLog(tmp_path, 0, 10, tensorboard=True) as log:
        log.training_row(dict.fromkeys(COLUMNS, 0.5) | {'step': 6})
    events = EventAccumulator(str(tmp_path / 'tensorboard')).Reload()
    assert [(e.step, e.value) for e in events.Scalars('train/loss')] == [(6, 0.5)]
