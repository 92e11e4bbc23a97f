"""Many sources in processes, on Ray and from other file systems: the same bytes as one by one."""

import csv
import os
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from mmseg_ros import cli
from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.commands import task_runners
from mmseg_ros.commands.pair_task import PairOutcome, run_task
from mmseg_ros.commands.remote_files import place, url_name

SAME_FILES = ('metrics.json', 'scores.csv')


@pytest.fixture
def drives(tmp_path, rig, sensor_samples):
    """Two recordings with ground truth, and one that cannot be read."""
    for name, label in (('day', 2), ('night', 6)):
        with BagWriter(tmp_path / name) as bag:
            bag.write_calibration(sensor_samples[0].stamp_ns, rig)
            for sample in sensor_samples:
                bag.write_sample(sample)
                if sample.modality == 'rgb':
                    truth = np.full((32, 48), label, np.uint8)
                    bag.write_truth_labels(sample.stamp_ns, 'rgb_optical', truth)
    (tmp_path / 'broken').mkdir()
    (tmp_path / 'broken/broken.mcap').write_bytes(b'nothing')
    return [tmp_path / name for name in ('day', 'broken', 'night')]


@pytest.fixture
def bundle(make_bundle):
    return make_bundle().path


def run(sources, bundle, output, *options):
    words = ['evaluate', *sources, '--bundle', bundle, '--output', output, '--threads', '1']
    return cli.main([str(word) for word in (*words, '--subsets', 'none', *options)])


def files(folder):
    """Return what must not depend on how it was run, by name below the folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for name in (*SAME_FILES, 'summary.csv', 'summary.json')
        for path in folder.rglob(name)
    }


def killer(pattern, done):
    """Kill the first process below this one whose command line holds a text, once it is busy."""

    def look():
        while not done.is_set():
            for entry in Path('/proc').iterdir():
                try:
                    text = (entry / 'cmdline').read_bytes().replace(b'\0', b' ').decode()
                    if entry.name.isdigit() and pattern in text and _is_below(int(entry.name)):
                        time.sleep(0.3)
                        os.kill(int(entry.name), signal.SIGKILL)
                        done.set()
                        return
                except (OSError, UnicodeDecodeError):
                    continue
            time.sleep(0.01)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    return thread


def _is_below(pid):
    """Return whether a process descends from this one, or from a Ray node that it started."""
    own = os.getpid()
    while pid > 1:
        if pid == own:
            return True
        status = Path(f'/proc/{pid}/stat').read_text()
        pid = int(status.rpartition(')')[2].split()[1])
    return False


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_processes_give_the_same_bytes_and_a_killed_one_costs_no_pair(
    drives, bundle, tmp_path, capsys
):
    serial, parallel = tmp_path / 'serial', tmp_path / 'parallel'
    assert run(drives, bundle, serial) == 1
    done = threading.Event()
    thread = killer('multiprocessing.spawn', done)
    try:
        assert run(drives, bundle, parallel, '--workers', 2) == 1
        assert done.is_set(), 'a worker was killed'
    finally:
        done.set()
        thread.join(10)
    assert len(files(serial)) == 6
    assert files(parallel) == files(serial)
    said = capsys.readouterr()
    assert said.err.count('broken') >= 2
    assert [path.name for path in parallel.rglob('*.draft*')] == []


def started_cluster(make, attempts=4):
    """Return a cluster of two nodes; Ray gives up on one that takes 30 s, as on a busy machine."""
    cluster = make()
    try:
        for _ in range(2):
            memory = 80_000_000
            cluster.add_node(num_cpus=1, object_store_memory=memory, include_dashboard=False)
    except Exception as error:
        cluster.shutdown()
        if attempts == 1 or 'timed out during startup' not in str(error):
            raise
        return started_cluster(make, attempts - 1)
    return cluster


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_ray_nodes_with_a_killed_worker_give_the_same_bytes(
    drives, bundle, tmp_path, capfd, monkeypatch
):
    pytest.importorskip('ray')
    from ray.cluster_utils import Cluster

    monkeypatch.setenv('RAY_USAGE_STATS_ENABLED', '0')
    # Workers 15 steps below everything else starve on a machine that does other things too.
    monkeypatch.setenv('RAY_worker_niceness', '0')
    serial, fleet = tmp_path / 'serial', tmp_path / 'fleet'
    assert run(drives, bundle, serial) == 1
    cluster = started_cluster(Cluster)
    done = threading.Event()
    thread = killer('ray::_elsewhere', done)
    try:
        assert run(drives, bundle, fleet, '--ray', cluster.address) == 1
        assert done.is_set(), 'a worker was killed'
        assert files(fleet) == files(serial)
        assert run(drives, bundle, fleet, '--ray', cluster.address, '--resume') == 1
    finally:
        done.set()
        thread.join(10)
        cluster.shutdown()
    assert files(fleet) == files(serial)


def test_without_ray_or_a_cluster_it_is_said(drives, bundle, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'ray', None)
    assert run(drives, bundle, tmp_path / 'out', '--ray', 'auto') == 1
    assert 'mmseg_ros[fleet]' in capsys.readouterr().err


def _task(**changed):
    values = {'source': Path('a'), 'bundle': 'b', 'place': Path('c'), 'args': None, **changed}
    return task_runners.PairTask(**values)


def die(task):
    os.kill(os.getpid(), signal.SIGKILL)


def fail(task):
    raise ZeroDivisionError('no such thing')


@pytest.mark.parametrize(
    ('function', 'said'), [(die, 'ended early, 3 times'), (fail, 'ZeroDivisionError: no such')]
)
def test_a_pair_that_kills_or_fails_its_process_is_reported(monkeypatch, function, said):
    monkeypatch.setattr(task_runners, 'run_task', function)
    monkeypatch.setattr(task_runners.multiprocessing, 'get_context', lambda _: _forking())
    ((number, outcome),) = task_runners.in_processes([_task()], 2, lambda: False)
    assert number == 0
    assert said in outcome.fault
    assert outcome.row == {'source': 'a', 'bundle': 'b', 'fault': outcome.fault}


def _forking():
    from multiprocessing.context import ForkContext

    return ForkContext()


def test_no_further_pair_begins_after_an_interruption(monkeypatch):
    begun = []

    def note(self, task):
        begun.append(task)
        time.sleep(0.05)
        return PairOutcome({})

    monkeypatch.setattr(task_runners._OwnProcess, 'run', note)
    tasks = [_task(source=Path(str(i))) for i in range(20)]
    found = list(task_runners.in_processes(tasks, 1, lambda: True))
    assert 1 <= len(found) == len(begun) < 20


@pytest.fixture
def depot():
    """A file system of somebody else, which this package has never heard of."""
    fsspec = pytest.importorskip('fsspec')
    from fsspec.implementations.memory import MemoryFileSystem

    class Depot(MemoryFileSystem):
        protocol = 'depot'
        store = {}  # noqa: RUF012 - one store per file system, as in the class above
        pseudo_dirs = ['']  # noqa: RUF012

        @classmethod
        def _strip_protocol(cls, path):
            return MemoryFileSystem._strip_protocol(path.replace('depot://', 'memory://'))

    fsspec.register_implementation('depot', Depot, clobber=True)
    return fsspec.filesystem('depot')


def test_sources_outputs_and_exports_may_lie_in_any_file_system(
    drives, bundle, tmp_path, depot, capsys
):
    serial = tmp_path / 'serial'
    assert run([drives[0], drives[2]], bundle, serial) == 0
    for source in (drives[0], drives[2]):
        depot.put(str(source), f'/bags/{source.name}', recursive=True)
    sources = ['depot://bags/day', 'depot://bags/night/']
    exports = ['--export-masks', 'depot://masks', '--write-bag', 'depot://labeled']
    assert run(sources, bundle, 'depot://scores/new', *exports) == 0
    for name in ('day', 'night'):
        for file in SAME_FILES:
            expected = (serial / name / 'tiny' / file).read_bytes()
            assert depot.cat_file(f'/scores/new/{name}/tiny/{file}') == expected
        assert depot.exists(f'/masks/{name}/tiny/frames.csv')
        assert depot.exists(f'/labeled/{name}/tiny/metadata.yaml')
    rows = list(csv.DictReader(depot.cat_file('/scores/new/summary.csv').decode().splitlines()))
    assert [row['source'] for row in rows] == ['depot://bags/day', 'depot://bags/night']
    assert not [path for path in depot.find('/') if 'draft' in path]
    assert run(['file://' + str(drives[0])], bundle, 'file://' + str(tmp_path / 'one')) == 0
    expected = (serial / 'day/tiny/metrics.json').read_bytes()
    assert (tmp_path / 'one/metrics.json').read_bytes() == expected


@pytest.mark.parametrize(
    ('source', 'said'),
    [('depot://bags/none', 'cannot be copied'), ('nowhere://x/y', 'no file system')],
)
def test_a_url_that_cannot_be_read_fails_that_source_alone(
    drives, bundle, tmp_path, depot, capsys, source, said
):
    assert run([source, drives[0]], bundle, tmp_path / 'out') == 1
    assert said in capsys.readouterr().err
    assert (tmp_path / 'out/day/tiny/metrics.json').is_file()


@pytest.mark.parametrize('option', ['--output', '--write-bag', '--export-masks'])
def test_an_output_on_no_file_system_is_named_before_the_work(tmp_path, capsys, option):
    assert cli.main(['evaluate', str(tmp_path / 'none'), option, 'nowhere://x/y']) == 1
    assert 'names no file system' in capsys.readouterr().err


def test_words_are_paths_or_urls():
    assert place('a/b') == Path('a/b')
    assert place('file:///a/b') == Path('/a/b')
    assert place('s3://a/b/') == 's3://a/b'
    assert url_name('s3://a/b.c/drive.mcap.zstd') == 'drive'
    assert url_name('s3://a/b.c') == 'b.c'


def test_a_task_brings_its_files_home(drives, bundle, tmp_path):
    place_of = tmp_path / 'nowhere'
    seen = {}

    def keep(args):
        seen['args'] = args
        return 0

    from mmseg_ros.commands import evaluate

    parser_words = ['evaluate', str(drives[0]), '--bundle', str(bundle), '--threads', '1']
    original, evaluate.run = evaluate.run, keep
    try:
        cli.main(parser_words)
    finally:
        evaluate.run = original
    task = task_runners.PairTask(seen['args'], drives[0], str(bundle), place_of)
    outcome = run_task(task, is_elsewhere=True)
    assert outcome.fault == ''
    assert {'metrics.json', 'scores.csv', 'report.html', 'metrics.finished.json'} == set(
        outcome.files
    )
    assert not place_of.exists()
    assert f'{place_of}/metrics.json' in outcome.text
