"""package.xml names what the node imports and what the launch files start; the table knows it."""

import ast
import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_SPEC = importlib.util.spec_from_file_location('vehicle', ROOT / 'test/vehicle/vehicle.py')
vehicle = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(vehicle)

KEYS = {'cv2': 'python3-opencv', 'rosbags': 'python3-rosbags-pip', 'numba': 'python3-numba',
        'numpy': 'python3-numpy', 'yaml': 'python3-yaml', 'matplotlib': 'python3-matplotlib',
        'jinja2': 'python3-jinja2', 'rich': 'python3-rich', 'PIL': 'python3-pil',
        'onnxruntime': 'python3-onnxruntime-pip'}  # fmt: skip
"""Of modules whose name is not that of their ROS package."""


def imported(folder):
    """Return the outermost names of all modules that the files of a folder import."""
    found = set()
    for path in (ROOT / folder).rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition('.')[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition('.')[0])
    return found - set(sys.stdlib_module_names) - {'mmseg_ros', 'mmseg_models'}


@pytest.mark.parametrize('folder', ['mmseg_ros/ros', 'launch'])
def test_what_ros_code_imports_is_depended_on(folder):
    assert {KEYS.get(name, name) for name in imported(folder)} <= set(vehicle.keys())


def test_what_every_part_of_the_runtime_imports_is_depended_on_or_optional():
    optional = {'embreex', 'mcap', 'openvino', 'tensorrt', 'tensorrt_rtx', 'torch',
                'tokenizers', 'mitsuba', 'pyoidn', 'cffi', 'ray', 'cuda'}  # fmt: skip
    with_rosbags = {'zstandard', 'lz4'}
    names = imported('mmseg_ros') - optional - with_rosbags
    assert {KEYS.get(name, name) for name in names} <= set(vehicle.keys())


def test_what_the_launch_files_start_is_depended_on():
    text = ''.join(path.read_text() for path in (ROOT / 'launch').glob('*.py'))
    packages = {'rviz2', 'ros2bag'}
    assert all(f"'{package}'" in text for package in packages)
    assert packages <= set(vehicle.keys())


def test_keys_are_named_once_and_mapped():
    keys = vehicle.keys()
    assert len(keys) == len(set(keys))
    found = vehicle.distributions()
    assert 'numpy==1.26.4' in found
    assert 'tokenizers' not in found
    assert set(vehicle.readme_distributions()) <= set(found)


def test_a_key_that_is_not_mapped_is_named(monkeypatch):
    monkeypatch.setattr(vehicle, 'keys', lambda: ['rclpy', 'python3-new'])
    with pytest.raises(SystemExit, match='add what becomes of python3-new'):
        vehicle.distributions()
