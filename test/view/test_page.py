"""The page of a recording in a real browser: what a visitor sees and can do."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, __file__.rpartition('/')[0])
from browser import Browser, needs_chromium

pytest.importorskip('viser')
pytestmark = [
    pytest.mark.slow,
    needs_chromium,
]


class Served:
    """`mmseg_ros view` as a process."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, '-u', '-m', 'mmseg_ros', 'view', *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines = []
        for line in self.process.stdout:
            self.lines.append(line)
            found = re.search(r'http://([\d.]+):(\d+)', line)
            if found:
                self.url = found[0]
                self.host, self.port = found[1], int(found[2])
                return
        pytest.fail(''.join(self.lines))

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        self.process.communicate(timeout=60)
        return self.process.returncode


@pytest.fixture
def serve():
    started = []

    def start(*arguments):
        started.append(Served(*arguments))
        return started[-1]

    yield start
    for item in started:
        item.process.kill()
        item.process.wait()


@pytest.fixture
def browse(tmp_path):
    opened = []

    def open_page(url):
        opened.append(Browser(tmp_path / f'browser{len(opened)}', url))
        return opened[-1]

    yield open_page
    for item in opened:
        item.close()


def test_a_visitor_sees_labels_inputs_health_and_times(recording, serve, browse):
    served = serve(recording, '--port', 8310)
    page = browse(served.url)
    page.see('Labels', 'Opacity', 'Inputs', 'Sensors', 'results per second', 'latency in ms')
    page.see('processing', '42 ms latency (p95)', 'active')
    page.see(
        'lidar', 'LOST: silent for 2.0 s', '10.00 Hz', '\t0 Hz'
    )  # in the last second of the loop
    assert page.js('document.querySelectorAll("canvas").length') >= 1
    pictures = page.js('[...document.querySelectorAll("img")].map(i => i.naturalWidth)')
    assert len([width for width in pictures if width >= 48]) >= 3
    assert 'Text prompt' not in page.text(), 'a recording cannot be asked'
    outside = [url for url in page.requests if not re.match(rf'(blob:|data:)|{served.url}', url)]
    assert outside == []
    assert served.end() == 0


def test_it_listens_on_this_machine_alone_and_takes_the_next_port(recording, serve):
    with socket.create_server(('127.0.0.1', 8330)):
        served = serve(recording, '--port', 8330)
        assert served.port != 8330
        assert any('Port 8330 is in use' in line for line in served.lines)
    listening = {
        line.split()[1]
        for name in ('tcp', 'tcp6')
        for line in Path(f'/proc/net/{name}').read_text().splitlines()[1:]
        if line.split()[3] == '0A' and line.split()[1].endswith(f':{served.port:04X}')
    }
    assert listening == {f'0100007F:{served.port:04X}'}
    assert served.end(signal.SIGTERM) == 0
