"""`make test-vehicle`: install as a vehicle does, start the installed node, use it, stop it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from vehicle import ROOT, Vehicle

FOLDER = ROOT / 'out' / 'vehicle'
NODE_S, CLIENT_S, STOP_S = 60.0, 120.0, 20.0
PARAMETERS = ['-p', 'autostart:=false', '-p', 'calibration.file:=demo_rig']


def main() -> int:
    """Return the exit status."""
    began_s = time.monotonic()
    vehicle = Vehicle(FOLDER)
    vehicle.make()
    print(f'Installed and built in {time.monotonic() - began_s:.0f} s.', flush=True)
    log = FOLDER / 'node.log'
    with log.open('w') as stream:
        node = subprocess.Popen(
            [str(vehicle.executable), '--ros-args', *PARAMETERS],
            env=vehicle.environment(), cwd=FOLDER, stdout=stream, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            problem = drive(vehicle, node)
        finally:
            node.kill()
            node.wait()
    if problem:
        print(f'{problem}\nThe end of {log}:\n{log.read_text()[-3000:]}', file=sys.stderr)
        return 1
    print(f'The vehicle works ({time.monotonic() - began_s:.0f} s).')
    return 0


def drive(vehicle: Vehicle, node: subprocess.Popen[bytes]) -> str:
    """Return what went wrong, or nothing."""
    here = Path(__file__)
    topics = ROOT / 'test' / 'ros' / 'independent_client.py'
    steps = [
        ('lifecycle.py', ['up', str(NODE_S)]),
        (topics, ['all', str(CLIENT_S)]),
        ('lifecycle.py', ['around', str(NODE_S)]),
        (topics, ['all', str(CLIENT_S)]),
        ('lifecycle.py', ['down', str(NODE_S)]),
    ]
    for program, arguments in steps:
        path = here.with_name(program) if isinstance(program, str) else program
        command = [str(vehicle.python), str(path), *arguments]
        done = subprocess.run(
            command, env=vehicle.environment(), cwd=FOLDER, capture_output=True, text=True,
            timeout=CLIENT_S + NODE_S,
        )  # fmt: skip
        print(f'{path.name} {arguments[0]}: exit status {done.returncode}', flush=True)
        if done.returncode or node.poll() is not None:
            return f'{path.name} {arguments[0]} failed:\n{(done.stdout + done.stderr)[-2000:]}'
    node.send_signal(signal.SIGINT)
    try:
        status = node.wait(STOP_S)
    except subprocess.TimeoutExpired:
        return f'SIGINT did not stop the node within {STOP_S:.0f} s.'
    return f'SIGINT ended the node with exit status {status}, not 0.' if status else ''


if __name__ == '__main__':
    sys.exit(main())
