import os
import subprocess
import sys

from mmseg_ros.ros.environment import prepare_process

VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')


def test_profile_is_set_unless_there_is_one(monkeypatch):
    monkeypatch.setenv(VARIABLES[0], '/mine.xml')
    monkeypatch.delenv(VARIABLES[1], raising=False)
    prepare_process()
    assert os.environ[VARIABLES[0]] == '/mine.xml'
    assert os.environ[VARIABLES[1]].endswith('config/fastdds.xml')
    monkeypatch.delenv(VARIABLES[1])


def test_profile_is_valid_and_loaded_by_fast_dds():
    """The XML's shared-memory segment is seen in the process that sets it by itself."""
    code = (
        'import os\n'
        'for name in ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE"):\n'
        '    os.environ.pop(name, None)\n'
        'import rclpy\n'
        'from mmseg_ros.ros.environment import prepare_process\n'
        'prepare_process()\n'
        'rclpy.init()\n'
        'node = rclpy.create_node("probe")\n'
        'lines = [line for line in open("/proc/self/maps") if "fastrtps_" in line]\n'
        'sizes = [int(l.split("-")[1].split()[0], 16) - int(l.split("-")[0], 16) for l in lines]\n'
        'print(max(sizes) >> 20)\n'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split()[-1] == '16'
    assert 'XML' not in done.stderr
