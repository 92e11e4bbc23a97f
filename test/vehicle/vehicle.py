"""The machine that `make test-vehicle` makes: a venv with what package.xml and the README name."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import yaml

ROOT = Path(__file__).parents[2]
TABLE = Path(__file__).with_name('rosdep.yaml')
INSTALL_SECTION = '## On a ROS 2 system'
APT = 'ros-dev-tools'
"""What the README takes from apt beside the keys."""
WANTED = (3, 12)
"""Python of Ubuntu 24.04."""


def keys() -> list[str]:
    """Return the exec_depend keys of package.xml."""
    package = ElementTree.parse(ROOT / 'package.xml').getroot()
    return [str(element.text) for element in package.iter('exec_depend')]


def distributions() -> list[str]:
    """Return what pip installs for the keys and for the README's install line.

    Raises:
        SystemExit: A key is not in the table.
    """
    table: dict[str, list[str]] = yaml.safe_load(TABLE.read_text())
    unmapped = sorted(set(keys()) - set(table))
    if unmapped:
        raise SystemExit(f'{TABLE}: add what becomes of {", ".join(unmapped)} of package.xml.')
    mapped = [name for key in [*keys(), APT] for name in table[key]]
    return list(dict.fromkeys([*mapped, *readme_distributions()]))


def readme_distributions() -> list[str]:
    """Return what the section of the README for ROS users installs with pip."""
    section = (ROOT / 'README.md').read_text().split(INSTALL_SECTION)[1].split('\n## ')[0]
    (line,) = re.findall(r'^pip install (.+)$', section, re.MULTILINE)
    return shlex.split(line, comments=True)


def find_python() -> str:
    """Return Python 3.12 where there is one, else the one that runs this."""
    folders = [*os.environ['PATH'].split(os.pathsep), '/usr/bin', '/usr/local/bin']
    found = [Path(folder, 'python3.12') for folder in folders]
    found += sorted(Path.home().glob('.pyenv/versions/3.12*/bin/python3.12'))
    for path in found:
        if shutil.which(path) and _can_make_venvs(path):
            return str(path)
    print(f'No Python 3.12 with venv here: {sys.executable} stands in for it.', flush=True)
    return sys.executable


def _can_make_venvs(python: Path) -> bool:
    program = 'import sys, venv, ensurepip; print(*sys.version_info[:2])'
    done = subprocess.run([python, '-c', program], capture_output=True, text=True)
    return done.returncode == 0 and tuple(map(int, done.stdout.split())) == WANTED


class Vehicle:
    """A venv and a workspace in it.

    Args:
        folder: Made anew.
    """

    def __init__(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.folder = folder
        self.python = folder / 'venv' / 'bin' / 'python'
        self.executable = folder / 'install' / 'mmseg_ros' / 'lib/mmseg_ros/segmentation_node'

    def make(self) -> None:
        """Make the venv and build the workspace with colcon."""
        run([find_python(), '-m', 'venv', self.folder / 'venv'])
        pip = [self.python, '-m', 'pip', '--disable-pip-version-check', '--quiet', 'install']
        wanted = distributions()
        run([*pip, '--constraint', self._constraints(wanted), *wanted])
        source = self.folder / 'src' / 'mmseg_ros'
        source.parent.mkdir()
        source.symlink_to(ROOT)
        colcon = [self.python, '-m', 'colcon', '--log-base', 'log', 'build', '--symlink-install']
        run([*colcon, '--base-paths', 'src'], cwd=self.folder)

    def environment(self) -> dict[str, str]:
        """Return the environment of a shell that has sourced the venv and install/setup.bash."""
        clean = {
            k: v for k, v in os.environ.items() if not k.startswith(('PYTHON', '_ROS', 'LD_'))
        }
        clean['PATH'] = f'{self.python.parent}{os.pathsep}{os.environ["PATH"]}'
        command = f'. {self.folder}/install/setup.bash && env -0'
        done = subprocess.run(
            ['bash', '-c', command], env=clean, capture_output=True, text=True, check=True
        )
        return {
            **dict(item.split('=', 1) for item in done.stdout.split('\0') if '=' in item),
            'ROS_DOMAIN_ID': str(1 + os.getpid() % 100),
            'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
            'ROS_LOG_DIR': str(self.folder / 'roslog'),
            'PYTHONUNBUFFERED': '1',
        }

    def _constraints(self, wanted: list[str]) -> Path:
        """Return the lines of constraints.in for what is wanted in no version of its own.

        The rest of that file was tested beside another numpy, which some of it demands.
        """
        unpinned = {name.split('[')[0] for name in wanted if '==' not in name}
        lines = (ROOT / 'constraints.in').read_text().splitlines()
        path = self.folder / 'constraints.in'
        path.write_text('\n'.join(line for line in lines if line.split('==')[0] in unpinned))
        return path


def _clean_environment() -> dict[str, str]:
    """Return the environment without what belongs to the development venv."""
    own = ('PYTHON', '_ROS', 'LD_')
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}


def run(command: list[object], cwd: Path = ROOT) -> None:
    """Run a command outside the development venv, and show it."""
    words = [str(word) for word in command]
    print('$', shlex.join(words)[:200], flush=True)
    subprocess.run(words, cwd=cwd, env=_clean_environment(), check=True)
