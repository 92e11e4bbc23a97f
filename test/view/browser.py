"""A headless Chromium, driven through its DevTools protocol; no driver package is needed."""

import base64
import json
import os
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

import cv2
import numpy as np
import pytest

_NAMES = ('chromium', 'chromium-browser', 'google-chrome')
CHROMIUM = next(filter(None, map(shutil.which, _NAMES)), None)
# `.ci/run` installs one: there a browser that is missing is a fault, not a reason to skip.
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get('CI'), reason='no Chromium is installed'
)
_FLAGS = (
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--enable-unsafe-swiftshader',
    '--disable-dev-shm-usage',
    '--disable-extensions',
    '--disable-background-networking',
    '--no-first-run',
    '--remote-debugging-port=0',
    # No name but this machine's can be looked up, whatever the page asks for.
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
)


class Browser:
    """One page."""

    def __init__(self, folder: Path, url: str, size=(1500, 950)):
        from websockets.sync.client import connect

        assert CHROMIUM, f'none of {", ".join(_NAMES)} is installed'
        window = [f'--user-data-dir={folder}', f'--window-size={size[0]},{size[1]}', 'about:blank']
        self.process = subprocess.Popen(
            [CHROMIUM, *_FLAGS, *window], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        port_file = folder / 'DevToolsActivePort'
        self.wait(lambda: port_file.exists() and port_file.read_text().strip(), 90)
        port = port_file.read_text().split()[0]
        self._socket = connect(self.wait(lambda: self._pages(port))[0], max_size=None)
        self._count = 0
        self.requests = []
        for domain in ('Page', 'Network', 'Runtime'):
            self.call(f'{domain}.enable')
        self.call('Page.navigate', url=url)

    @staticmethod
    def _pages(port):
        with urllib.request.urlopen(f'http://127.0.0.1:{port}/json/list', timeout=10) as answer:
            return [p['webSocketDebuggerUrl'] for p in json.load(answer) if p['type'] == 'page']

    def wait(self, condition, limit_s=60.0):
        """Wait until a condition holds; return its value."""
        end_s = time.monotonic() + limit_s
        while time.monotonic() < end_s:
            value = condition()
            if value:
                return value
            time.sleep(0.2)
        raise AssertionError(f'waited {limit_s:.0f} s for {condition}')

    def call(self, method, **parameters):
        """Call a method of the protocol; return its result."""
        self._count += 1
        self._socket.send(json.dumps({'id': self._count, 'method': method, 'params': parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=120))
            if message.get('method') == 'Network.requestWillBeSent':
                self.requests.append(message['params']['request']['url'])
            if message.get('id') == self._count:
                return message.get('result', {})

    def js(self, expression):
        """Evaluate JavaScript; return its value."""
        done = self.call('Runtime.evaluate', expression=expression, returnByValue=True)
        return done.get('result', {}).get('value')

    def text(self):
        """Return the text that a visitor sees."""
        return self.js('document.body.innerText') or ''

    def see(self, *words, limit_s=120.0):
        """Wait until all words are on the page."""
        missing = list(words)
        end_s = time.monotonic() + limit_s
        while missing and time.monotonic() < end_s:
            text = self.text()
            missing = [word for word in words if word not in text]
            time.sleep(0.3)
        assert not missing, f'not on the page: {missing}; there is: {self.text()[:1500]}'

    def click(self, label):
        """Click the button with that text, with the mouse and where a visitor sees it."""
        place = self.js(
            '(() => { const all = [...document.querySelectorAll("button")];'
            f' const b = all.find(e => e.innerText.trim() === {json.dumps(label)});'
            ' if (!b) return null; b.scrollIntoView({block: "center"});'
            ' const r = b.getBoundingClientRect();'
            ' return [r.x + r.width / 2, r.y + r.height / 2]; })()'
        )
        assert place, f'no button {label!r}'
        for kind in ('mouseMoved', 'mousePressed', 'mouseReleased'):
            x, y = place
            self.call('Input.dispatchMouseEvent', type=kind, x=x, y=y, button='left', clickCount=1)

    def pixels(self, width, height):
        """Return the pictures of these proportions, each H x W x 3 RGB."""
        found = self.js(
            '[...document.querySelectorAll("img")].filter(i => i.naturalWidth &&'
            f' Math.abs(i.naturalWidth * {height} / i.naturalHeight / {width} - 1) < 0.02)'
            '.map(i => { const c = document.createElement("canvas");'
            ' c.width = i.naturalWidth; c.height = i.naturalHeight;'
            ' c.getContext("2d").drawImage(i, 0, 0); return c.toDataURL("image/png"); })'
        )
        coded = [base64.b64decode(url.partition(',')[2]) for url in found or []]
        return [cv2.imdecode(np.frombuffer(data, np.uint8), 1)[..., ::-1] for data in coded]

    def type_into(self, text):
        """Type into the first text field that is empty; fields of numbers are not."""
        found = self.js(
            '(() => { const all = [...document.querySelectorAll("input, textarea")];'
            ' const e = all.find(e => ["text", "textarea"].includes(e.type) && e.value === "");'
            ' if (e) e.focus(); return !!e; })()'
        )
        assert found, 'no empty text field'
        self.call('Input.insertText', text=text)

    def screenshot(self, path):
        """Save what is seen as PNG."""
        shot = self.call('Page.captureScreenshot', format='png')
        Path(path).write_bytes(base64.b64decode(shot['data']))

    def close(self):
        """End the browser."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
