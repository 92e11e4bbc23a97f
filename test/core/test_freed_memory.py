"""Memory of freed arrays goes back to the system or serves again, as chosen."""

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

# Fresh pages for arrays of the same size, freed and taken again: of KiB, as named.
TAKE_AGAIN = """
import resource, sys
from mmseg_ros.core.freed_memory import keep_freed_memory, return_large_arrays

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

size = int(sys.argv[1]) << 10
for choice in sys.argv[2:]:
    {'keep': keep_freed_memory, 'return': return_large_arrays}[choice]()
pages = size // resource.getpagesize()
for round in range(21):
    if round == 1:
        before = faults()
    arrays = [bytearray(size) for _ in range(4)]
    for array in arrays:
        array[::4096] = bytes(len(array[::4096]))
    del array, arrays
print((faults() - before) / (20 * 4 * pages))
"""
only_glibc = pytest.mark.skipif(
    platform.libc_ver()[0] != 'glibc', reason='only glibc knows the choice'
)


@only_glibc
@pytest.mark.parametrize(
    ('kib', 'choices', 'is_fresh'),
    [
        (4096, ['keep'], False),
        (4096, ['return'], True),
        (4096, ['return', 'keep'], False),
        (4096, ['keep', 'return'], True),
        (512, ['return'], False),
        (512, ['keep'], False),
    ],
)
def test_pages_serve_again_where_that_is_chosen(kib, choices, is_fresh):
    words = [sys.executable, '-c', TAKE_AGAIN, str(kib), *choices]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    fresh = float(done.stdout)
    assert fresh > 0.9 if is_fresh else fresh < 0.1


@only_glibc
@pytest.mark.parametrize(('asked', 'grows'), [('asked', False), ('not', True)])
def test_small_objects_hold_no_large_arrays(asked, grows):
    words = [sys.executable, '-c', KEEP_SMALL, asked]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    assert (float(done.stdout) > 100) == grows


def test_another_c_library_changes_nothing(monkeypatch):
    from mmseg_ros.core import freed_memory

    monkeypatch.setattr(freed_memory.ctypes, 'CDLL', lambda name: object())
    freed_memory.return_large_arrays()
    freed_memory.keep_freed_memory()
