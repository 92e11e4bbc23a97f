"""Memory of freed arrays goes back to the system."""

import platform
import subprocess
import sys

import pytest

KEEP_SMALL = """
import sys
from mmseg_ros.core.freed_memory import return_large_arrays

def resident_mib():
    return int(open('/proc/self/statm').read().split()[1]) / 256

if sys.argv[1] == 'asked':
    return_large_arrays()
del (bytearray(30 << 20))[:]  # from now on glibc keeps what is smaller
before_mib, kept = resident_mib(), []
large = []
for i in range(40):
    large.append(bytearray(4 << 20))
    kept += [bytes(600) for _ in range(50)]
large.clear()
print(resident_mib() - before_mib)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='only glibc knows the choice')
@pytest.mark.parametrize(('asked', 'grows'), [('asked', False), ('not', True)])
def test_small_objects_hold_no_large_arrays(asked, grows):
    words = [sys.executable, '-c', KEEP_SMALL, asked]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    assert (float(done.stdout) > 100) == grows


def test_another_c_library_changes_nothing(monkeypatch):
    from mmseg_ros.core import freed_memory

    monkeypatch.setattr(freed_memory.ctypes, 'CDLL', lambda name: object())
    freed_memory.return_large_arrays()
