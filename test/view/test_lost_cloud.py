"""The cloud of a lost LiDAR leaves the 3-D view of a real browser, and comes back with it."""

import sys
import threading
import time

import cv2
import numpy as np
import pytest

sys.path.insert(0, __file__.rpartition('/')[0])
from browser import Browser, needs_chromium

pytest.importorskip('viser')
from mmseg_ros.view.controls import Controls
from mmseg_ros.view.page import Page
from mmseg_ros.view.ports import free_port
from mmseg_ros.view.scene import LOST, Cloud, Health, Scene

pytestmark = [pytest.mark.slow, needs_chromium]
RED = (200, 60, 60)
LONG_S = 120.0


class Street:
    """A page that is told of a sensor again and again; its cloud comes while it is not lost."""

    def __init__(self):
        self.scene, self.state, self.now_s = Scene(), 'OK', 100.0
        self.page = Page(
            self.scene, Controls(), '127.0.0.1', free_port('127.0.0.1', 8460), ['lidar']
        )
        xyz = np.random.default_rng(0).uniform((-12, -12, 0), (30, 12, 0.1), (15_000, 3))
        self.cloud = Cloud(xyz.astype(np.float32), np.full(xyz.shape, RED, np.uint8))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._ended.wait(0.2):
            self.now_s += 0.2
            health = Health(2 if self.state == LOST else 0, '', self.state, '10.0')
            self.scene.report(self.now_s, {'lidar': health}, {}, 50.0)
            if self.state != LOST:
                self.scene.set('cloud', self.cloud)
            self.page.update()

    def close(self):
        self._ended.set()
        self._thread.join()
        self.page.close()


def wait_for_red(browser, path, condition):
    """Wait until the number of red pixels of the window meets a condition."""
    end_s = time.monotonic() + LONG_S
    while True:
        browser.screenshot(path)
        seen = cv2.imread(str(path))[..., ::-1].astype(int)
        count = int((np.abs(seen - RED).max(axis=-1) < 40).sum())
        if condition(count):
            return
        assert time.monotonic() < end_s, f'{count} red pixels'
        time.sleep(0.5)


def test_a_lost_lidar_leaves_no_cloud_behind(tmp_path):
    street = Street()
    try:
        browser = Browser(tmp_path, f'http://127.0.0.1:{street.page.port}')
        try:
            browser.see('lidar\tOK', limit_s=LONG_S)
            shot = tmp_path / 'shot.png'
            wait_for_red(browser, shot, lambda count: count > 20_000)
            street.state = LOST
            wait_for_red(browser, shot, lambda count: count < 1_000)
            street.state = 'OK'
            wait_for_red(browser, shot, lambda count: count > 20_000)
        finally:
            browser.close()
    finally:
        street.close()
