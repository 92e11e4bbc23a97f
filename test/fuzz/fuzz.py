"""The fuzzer: `python test/fuzz/fuzz.py SECONDS [SEED]` damages the inputs of every reader.

Prints a table and, for every kind of fault, the first input that shows it, which is kept in
out/fuzz/. Exits with 1 if there was one. Each reader gets the same time, one core is used.
"""

from __future__ import annotations

import logging
import random
import resource
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent))

from mutation import mutated
from targets import Target, all_targets

from mmseg_ros.core.errors import MmsegError

SLICE_S = 0.25
HANG_S = 10.0
KEPT = Path('out/fuzz')
MEMORY_BYTES = 12 << 30


class Hang(BaseException):
    """One input took too long."""


class Tally:
    """What one reader did."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.read = self.rejected = 0
        self.faults: Counter[str] = Counter()
        self.longest_s = 0.0

    @property
    def inputs(self) -> int:
        """Return how many inputs it got."""
        return self.read + self.rejected + self.faults.total()

    def give(self, data: bytes) -> None:
        """Read one input, and keep it if it shows a new kind of fault."""
        began_s = time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, HANG_S)
        try:
            self.target.read(data)
            self.read += 1
        except MmsegError:
            self.rejected += 1
        except (Exception, Hang) as error:
            self._keep(error, data)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        self.longest_s = max(self.longest_s, time.perf_counter() - began_s)

    def _keep(self, error: BaseException, data: bytes) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [f for f in frames if 'mmseg_ros' in f.filename or '/models/' in f.filename]
        place = (ours or frames)[-1]
        kind = f'{type(error).__name__} at {Path(place.filename).name}:{place.lineno}'
        self.faults[kind] += 1
        if self.faults[kind] == 1:
            KEPT.mkdir(parents=True, exist_ok=True)
            file = KEPT / f'{self.target.name} {kind}'.replace(' ', '_').replace('/', '_')
            file.write_bytes(data)
            sys.stdout.write(f'FAULT {self.target.name}: {kind}: {str(error)[:200]!r}; {file}\n')


def main(seconds: float, seed: int = 0) -> int:
    """Fuzz every reader and print what came of it; return the exit status."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter('ignore')
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    signal.signal(signal.SIGALRM, _hang)
    rng = random.Random(seed)
    with TemporaryDirectory(dir=_memory()) as folder:
        tallies = [Tally(target) for target in all_targets(Path(folder))]
        for tally in tallies:
            for data in tally.target.seeds:
                with suppress(MmsegError):
                    tally.target.read(data)  # compiles loops, for which a busy machine takes long
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            for tally in tallies:
                slice_end_s = min(time.monotonic() + SLICE_S, end_s)
                while time.monotonic() < slice_end_s:
                    tally.give(mutated(rng.choice(tally.target.seeds), rng))
    sys.stdout.write(table(tallies, seconds, seed))
    return int(any(tally.faults for tally in tallies))


def table(tallies: list[Tally], seconds: float, seed: int) -> str:
    """Return what happened as a table."""
    lines = [
        f'{sum(t.inputs for t in tallies):,} inputs in {seconds:g} s, seed {seed}',
        '',
        '| reader | inputs | read | rejected | faults | slowest ms |',
        '|---|---|---|---|---|---|',
    ]
    lines += [
        f'| {t.target.name} | {t.inputs} | {t.read} | {t.rejected} | {t.faults.total()} | '
        f'{t.longest_s * 1e3:.0f} |'
        for t in tallies
    ]
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return '\n'.join([*lines, '', f'Peak memory {peak_mb:.0f} MB.', ''])


def _memory() -> str | None:
    return '/dev/shm' if Path('/dev/shm').is_dir() else None


def _hang(*_: object) -> None:
    raise Hang


if __name__ == '__main__':
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
