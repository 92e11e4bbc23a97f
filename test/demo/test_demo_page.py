"""The page of `up` in a real browser, on the demo's sequence: everything a visitor finds there."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from mmseg_ros.demo.sequence import SEED, cached_drive
from mmseg_ros.view.pictures import STATE_COLORS

sys.path.insert(0, str(Path(__file__).parents[1] / 'view'))
from browser import Browser, needs_chromium

pytest.importorskip('rclpy')
pytest.importorskip('embreex')
pytest.importorskip('viser')

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.timeout(900), needs_chromium]

DURATION_S = 5.0
SPEED = 0.25
ALL = ('rgb', 'depth', 'event', 'lidar')
LONG_S = 300.0
NO_PICTURE = 226
"""Gray of a picture's place as long as there is none."""


class Up:
    """`mmseg_ros up` on a sequence, with the page."""

    def __init__(self, sequence, port):
        command = [sys.executable, '-u', '-m', 'mmseg_ros', 'up', '--bag', str(sequence)]
        command += ['--loop', '--rate', str(SPEED), '--view', '--port', str(port)]
        self.process = subprocess.Popen(
            [*command, 'calibration:=demo_rig'],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, 'ROS_DOMAIN_ID': '77'},
        )
        self.log, self.url = [], ''
        self._there = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        assert self._there.wait(LONG_S), self.log

    def _read(self):
        for line in self.process.stdout:
            self.log.append(line)
            found = re.search(r'http://[\d.]+:\d+', line)
            if found and not self.url:
                self.url = found[0]
                self._there.set()

    def end(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


@pytest.fixture(scope='module')
def up(demo_cache):
    started = Up(cached_drive(demo_cache, DURATION_S, SEED, lambda *_: None), 8410)
    yield started
    started.process.kill()


@pytest.fixture(scope='module')
def page(up, tmp_path_factory):
    opened = Browser(tmp_path_factory.mktemp('browser'), up.url)
    opened.see('Labels', 'Inputs', *(f'{name}\tOK' for name in ALL), limit_s=LONG_S)
    yield opened
    opened.close()


def share_of(color, picture):
    """Return the share of a picture's pixels that have a color."""
    return (np.abs(picture.astype(int) - color) < 12).all(-1).mean()


def shown(page, width, height, condition):
    """Wait until the picture of these proportions shows something; return it."""

    def picture():
        found = page.pixels(width, height)
        return [item for item in found if condition(item)]

    return page.wait(picture, LONG_S)[0]


def tiles(mosaic):
    """Return the four inputs without their names and frames."""
    height, width = mosaic.shape[0] // 2, mosaic.shape[1] // 2
    return [
        mosaic[row * height :, column * width :][24 : height - 4, 4 : width - 4]
        for row in (0, 1)
        for column in (0, 1)
    ]


def is_picture(tile):
    return share_of((NO_PICTURE,) * 3, tile) < 0.5 and tile.std() > 10


def test_four_inputs_the_overlay_and_its_legend_are_there(page):
    shown(page, 648, 424, lambda mosaic: all(map(is_picture, tiles(mosaic))))
    shown(page, 480, 288, is_picture)
    page.see('Opacity', 'Road', 'Building', limit_s=LONG_S)


def test_health_timeline_and_figures_are_there(page):
    page.see('results per second', 'latency in ms (median)', 'latency (p95)', limit_s=LONG_S)
    for name in ALL:
        assert re.search(rf'{name}\tOK\t[\d.]+ Hz', page.text())

    def all_ok(bars):
        rows = [bars[26 * k + 8 : 26 * k + 18, 92:] for k in range(len(ALL))]
        return all(share_of(STATE_COLORS['OK'], row) > 0 for row in rows)

    shown(page, 480, 104, all_ok)


def test_a_prompt_is_answered_with_a_mask_on_the_overlay(page):
    def pink():
        return max((share_of_pink(picture) for picture in page.pixels(480, 288)), default=0)

    assert pink() < 0.1
    page.type_into('the road')
    page.click('Ask')
    page.see('segmenting', limit_s=LONG_S)
    page.wait(lambda: pink() > 0.3, LONG_S)
    page.click('End')
    page.wait(lambda: pink() < 0.1, LONG_S)


def share_of_pink(picture):
    """Return the share of the mask's color in front of the vehicle, where the road is."""
    height, width = picture.shape[:2]
    ahead = picture[height * 3 // 4 : height * 19 // 20, width // 3 : width * 2 // 3].astype(int)
    red, green, blue = ahead[..., 0], ahead[..., 1], ahead[..., 2]
    return ((red > 150) & (blue > 110) & (green < 0.5 * np.minimum(red, blue))).mean()


@pytest.mark.parametrize('name', ALL)
def test_a_sensor_is_silenced_and_brought_back_while_labels_go_on(page, name):
    page.click(f'Silence {name}')
    page.see(f'Bring back {name}', f'{name}\tLOST', limit_s=LONG_S)
    count = published(page)
    page.wait(lambda: published(page) > count + 2, LONG_S)
    assert f'{name}\tLOST' in page.text()
    page.click(f'Bring back {name}')
    page.see(f'Silence {name}', f'{name}\tOK', limit_s=LONG_S)


def published(page):
    """Return how many different overlays the page has shown since it was opened."""
    return page.js(
        '(() => { window.overlays ??= new Set(); for (const i of document.querySelectorAll("img"))'
        ' if (Math.abs(i.naturalWidth * 288 / i.naturalHeight / 480 - 1) < 0.02)'
        ' window.overlays.add(i.src); return window.overlays.size; })()'
    )


def test_ctrl_c_ends_all_of_it(up, page):
    assert up.end() == 0
    assert {line.split(']')[0].strip('[ ') for line in up.log} >= {'node', 'view', 'player'}
