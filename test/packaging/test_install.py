"""The four ways to install, each in a copy of the tree: code, data files and node are found."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROBE = """
import mmseg_ros, mmseg_models
from mmseg_ros.core.resources import bundle_directory, share_directory
share = share_directory()
for part in ('package.xml', 'config/mmseg.yaml', 'config/label_spaces/deliver.yaml',
             'launch/mmseg.launch.py', 'models/recipes/smoke.yaml'):
    assert (share / part).is_file(), share / part
assert (bundle_directory('stitchfusion-b0-sim') / 'manifest.json').is_file()
print(mmseg_ros.__file__, mmseg_models.__file__, share, sep='\\n')
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def source(tmp_path):
    """A copy of the files that a clone would hold."""
    target = tmp_path / 'workspace' / 'mmseg_ros'
    ignore = shutil.ignore_patterns(
        '.git',
        '.venv',
        'build',
        'install',
        'log',
        'out',
        'runs',
        '*.egg-info',
        '__pycache__',
        '.*',
    )
    shutil.copytree(ROOT, target, ignore=ignore)
    return target


@pytest.fixture
def environment(tmp_path):
    """An empty venv that sees the packages of this one, but not its mmseg_ros."""
    venv = tmp_path / 'venv'
    _run([sys.executable, '-m', 'venv', '--without-pip', venv])
    site = next(venv.glob('lib/python*/site-packages'))
    (site / 'dependencies.pth').write_text(sysconfig.get_path('purelib') + '\n')
    return venv


def _run(command, **options) -> str:
    clean = {k: v for k, v in os.environ.items() if k not in ('PYTHONPATH', 'AMENT_PREFIX_PATH')}
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        env=clean,
        **options,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _check_probe(output: str, prefix: Path) -> None:
    for line in output.splitlines()[-3:]:
        assert Path(line).is_relative_to(prefix), f'{line} was found outside {prefix}'


def _check_node(prefix: Path) -> None:
    node = prefix / 'lib' / 'mmseg_ros' / 'segmentation_node'
    assert os.access(node, os.X_OK), f'{node} is not executable: `ros2 run` would not find it'
    marker = prefix / 'share' / 'ament_index' / 'resource_index' / 'packages' / 'mmseg_ros'
    assert marker.is_file()


def test_pip_install(source, environment, tmp_path):
    python = environment / 'bin' / 'python'
    _run([python, '-m', 'pip', 'install', '-q', '--no-deps', '--no-build-isolation', source])
    _check_probe(_run([python, '-c', PROBE], cwd=tmp_path), environment)
    _check_node(environment)
    assert 'simulate' in _run([environment / 'bin' / 'mmseg_ros', '--help'], cwd=tmp_path)


def test_pip_install_editable(source, environment, tmp_path):
    python = environment / 'bin' / 'python'
    _run([python, '-m', 'pip', 'install', '-q', '--no-deps', '--no-build-isolation', '-e', source])
    _check_probe(_run([python, '-c', PROBE], cwd=tmp_path), source)


@pytest.mark.parametrize('options', [[], ['--symlink-install']], ids=['copy', 'symlink'])
def test_colcon_build(source, environment, tmp_path, options):
    workspace = source.parent
    colcon = Path(sys.executable).parent / 'colcon'
    _run([colcon, '--log-base', tmp_path / 'log', 'build', *options], cwd=workspace)
    python = environment / 'bin' / 'python'
    setup = workspace / 'install' / 'setup.bash'
    (tmp_path / 'probe.py').write_text(PROBE)
    command = f'. {setup} && {python} {tmp_path}/probe.py'
    _check_probe(_run(['bash', '-c', command], cwd=tmp_path), workspace)
    _check_node(workspace / 'install' / 'mmseg_ros')
