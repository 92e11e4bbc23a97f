"""One version in every file, and no ROS or torch where they must not be needed."""

import re
import subprocess
import sys
from pathlib import Path

import mmseg_ros

ROOT = Path(__file__).parents[2]


def test_version_is_the_same_everywhere():
    package = re.search(r'<version>(.+)</version>', (ROOT / 'package.xml').read_text())
    setup = re.search(r"VERSION = '(.+)'", (ROOT / 'setup.py').read_text())
    assert package.group(1) == setup.group(1) == mmseg_ros.__version__


def test_runtime_and_help_need_neither_torch_nor_ros():
    program = (
        'import sys, mmseg_ros.pipeline, mmseg_ros.sync.collector\n'
        'from mmseg_ros.cli import VERBS, build_parser\n'
        'for verb in VERBS: build_parser(verb).format_help()\n'
        "print([m for m in ('torch', 'rclpy', 'matplotlib', 'embreex') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == '[]'


def test_every_file_stays_within_its_size():
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in ('mmseg_ros', 'models')
        for path in (ROOT / folder).rglob('*.py')
        if (lines := len(path.read_text().splitlines())) > 350
    }
    assert not long
