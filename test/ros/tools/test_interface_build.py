"""Message types that are not installed are built from a recording, or the reason is told."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.ros.tools import interface_build
from mmseg_ros.ros.tools.interface_build import built_message_class

WHEEL = 'std_msgs/Header header\nSpeed[] speeds\n'
DEFINITION = (
    WHEEL + '=' * 80 + '\nMSG: std_msgs/Header\nbuiltin_interfaces/Time stamp\nstring frame_id\n'
    + '=' * 80 + '\nMSG: mmseg_wheel_msgs/Speed\nfloat64 speed\n'
)  # fmt: skip
CAN_BUILD = shutil.which('cmake') and (
    Path(sys.prefix, 'share', 'ament_cmake').is_dir()
    and Path(sys.prefix, 'share', 'rosidl_default_generators').is_dir()
)


def test_only_the_messages_of_the_package_are_taken():
    texts = interface_build._messages_of('mmseg_wheel_msgs', 'Wheel', DEFINITION)
    assert texts == {'Wheel': WHEEL, 'Speed': 'float64 speed\n'}


@pytest.mark.parametrize('name', ['../evil/msg/A', 'a b/msg/A', 'pkg/msg/a;b', 'pkg', 'Pkg/msg/A'])
def test_names_that_are_none_are_rejected(tmp_path, name):
    with pytest.raises(ConfigError, match='no name of a message type'):
        built_message_class(name, WHEEL, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_recording_without_a_definition_is_named(tmp_path):
    with pytest.raises(ConfigError, match='no definition of pkg/msg/A'):
        built_message_class('pkg/msg/A', ' \n', tmp_path)


def test_a_missing_tool_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, 'which', lambda name: None)
    with pytest.raises(ConfigError, match='cmake is not installed'):
        built_message_class('mmseg_wheel_msgs/msg/Wheel', DEFINITION, tmp_path)


def test_what_the_build_says_is_told_and_nothing_is_left(tmp_path, monkeypatch):
    def fail(command, **options):
        return subprocess.CompletedProcess(command, 1, '', 'CMake Error:\n\nament_cmake missing\n')

    monkeypatch.setattr(shutil, 'which', lambda name: '/usr/bin/cmake')
    monkeypatch.setattr(subprocess, 'run', fail)
    with pytest.raises(ConfigError, match='CMake Error: ament_cmake missing'):
        built_message_class('mmseg_wheel_msgs/msg/Wheel', DEFINITION, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.skipif(not CAN_BUILD, reason='the generators of ROS 2 are not installed')
def test_a_type_is_built_once(tmp_path):
    name = 'mmseg_wheel_msgs/msg/Wheel'
    wheel = built_message_class(name, DEFINITION, tmp_path)()
    assert wheel.speeds == []
    assert wheel.header.frame_id == ''
    (folder,) = tmp_path.iterdir()
    stamp = folder.stat().st_mtime_ns
    assert built_message_class(name, DEFINITION, tmp_path) is type(wheel)
    assert folder.stat().st_mtime_ns == stamp
