"""Runs one kind of work again and again, and kills it one file operation later each time.

`python works.py KIND FOLDER` leaves FOLDER/001, 002 ...: what a kill -9 at each step of the work
leaves behind. The last one was not killed.
"""

import importlib.util
import os
import signal
import sys
import tempfile
from pathlib import Path

# What of Python's audit events changes a disk; `open` does if it is for writing.
CHANGES = {
    'os.mkdir', 'os.rename', 'os.remove', 'os.rmdir', 'os.truncate', 'os.link', 'os.symlink',
    'os.chmod', 'shutil.rmtree', 'shutil.move', 'shutil.copyfile', 'os.fork', 'fcntl.flock',
}  # fmt: skip
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def arm(step):
    """Have this process killed at its `step`-th change of a file, before it happens."""
    left = [step]

    def count(event, arguments):
        if event in CHANGES or (event == 'open' and _writes(arguments)):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def _writes(arguments):
    path, mode, flags = arguments
    if not isinstance(path, str | bytes) or os.fsdecode(path).startswith(('/dev', '/proc')):
        return False
    return bool(flags & WRITING) or (isinstance(mode, str) and mode.strip('rbt') != '')


def export():
    import torch

    torch.set_num_threads(1)
    from mmseg_models.export.bundle import write_bundle

    here = Path(__file__).parents[1] / 'models' / 'export' / 'conftest.py'
    spec = importlib.util.spec_from_file_location('export_fixtures', here)
    fixtures = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fixtures)
    torch.manual_seed(0)
    model = fixtures.SmallModel(modalities=('rgb',)).eval()
    manifest = fixtures.manifest_of(('rgb',))

    def work(folder):
        write_bundle(model, manifest, folder / 'bundle')

    return work


def record():
    from mmseg_ros.bag import builders
    from mmseg_ros.bag.typestore import typestore
    from mmseg_ros.bag.writer import BagWriter

    typestore()
    builders.tf_message(0, 'base_link', {})

    def work(folder):
        with BagWriter(folder / 'bag') as bag:
            _fill(bag)

    return work


def simulate():
    from mmseg_ros.bag.typestore import typestore
    from mmseg_ros.bag.writer import whole_bag

    typestore()

    def work(folder):
        with whole_bag(folder / 'bag', compress=True) as bag:
            _fill(bag)

    return work


def _fill(bag):
    import numpy as np

    for k in range(4):
        bag.write_truth_labels(k, 'camera', np.full((400, 400), k, np.uint8))
        bag.write_odometry(k, np.eye(4))


def train():
    from torch import nn

    from mmseg_models.training.checkpoint import (
        Position,
        Trainables,
        generator_state,
        save_checkpoint,
    )
    from mmseg_models.training.run_config import OptimizerConfig
    from mmseg_models.training.run_log import COLUMNS, RunLog, write_run_files
    from mmseg_models.training.trained_weights import save_weights

    def work(folder):
        trainables = Trainables.of(nn.Linear(3, 2), OptimizerConfig(warmup_steps=1), 9)
        write_run_files(folder, {'steps': 9})
        with RunLog(folder, 0, 2) as log:
            for step in (1, 2):
                log.training_row(dict.fromkeys(COLUMNS, step))
                position = Position(step, 0.25, generator_state()[None])
                save_checkpoint(folder, trainables, position, {'steps': 9})
                save_weights(folder / 'best.safetensors', trainables.model.state_dict())

    return work


def evaluate():
    from mmseg_ros.commands.scored import write_metrics
    from mmseg_ros.metrics import report

    def work(folder):
        for run in ('first', 'second'):
            write_metrics(folder, {'run': run, 'scores': list(range(1000))})
            report.write(report.Report(run, 'text ' * 1000, [], []), folder / 'report.html')

    return work


def calibrate():
    import yaml

    from mmseg_ros.core.atomic_files import write_text
    from mmseg_ros.projection.extrinsics import load_rig

    rig = load_rig()

    def work(folder):
        for name in ('old', 'new'):
            text = yaml.safe_dump(rig.to_dict() | {'note': name}, sort_keys=False)
            write_text(folder / 'calibration.yaml', text)

    return work


def main(kind, folder):
    work = globals()[kind]()
    with tempfile.TemporaryDirectory() as warm_up:
        work(Path(warm_up))  # so that the killed ones import nothing
    step = 0
    while True:
        step += 1
        here = Path(folder) / f'{step:03d}'
        here.mkdir(parents=True)
        child = os.fork()
        if child == 0:
            arm(step)
            work(here)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if not os.WIFSIGNALED(status):
            sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == '__main__':
    main(*sys.argv[1:])
