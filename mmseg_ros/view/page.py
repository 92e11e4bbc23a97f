"""The page: a 3-D view with a panel beside it, served by viser on this machine."""

from __future__ import annotations

import contextlib
import importlib
import io
import math
from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import MissingLibraryError
from mmseg_ros.core.types import LIDAR, RGB
from mmseg_ros.labelling.colors import overlay
from mmseg_ros.metrics.html import escaped
from mmseg_ros.view.controls import Controls
from mmseg_ros.view.pace import Pace
from mmseg_ros.view.pictures import missing, mosaic, timeline, timeline_height
from mmseg_ros.view.scene import HISTORY_S, LOST, Cloud, Health, Scene

MISSING_VIEWER = (
    'The page needs the Python package viser, which is not installed; install it with: '
    "pip install 'mmseg_ros[view]' (or: pip install viser)."
)
TITLE = 'mmseg_ros'
_LEVEL_COLORS = ('#26a05a', '#d98e1f', '#cd3232')
_MASK_COLOR = (255, 40, 200)
_STATUS_EM, _LEGEND_EM, _ROW_EM = 11.5, 6.0, 2.5
_BEHIND_M, _AHEAD_M = (-14.0, 0.0, 9.0), (14.0, 0.0, 0.0)
_MOST_CLASSES = 14
_POINT_M = 0.07


def load_viewer() -> Any:
    """Import viser.

    Raises:
        MissingLibraryError: It is not installed; the message has the line for pip.
    """
    try:
        return importlib.import_module('viser')
    except ImportError as error:
        raise MissingLibraryError(MISSING_VIEWER) from error


class Page:
    """Shows a scene to every browser that is connected.

    Args:
        scene: What is shown. controls: What can be steered.
        host: Address to listen on. port: A free port.
        sensors: Names of the sensors whose pictures have a place from the start.
        pace: Says when a cloud is due; by default by what the cores have left.
    """

    def __init__(
        self,
        scene: Scene,
        controls: Controls,
        host: str,
        port: int,
        sensors: Sequence[str],
        pace: Pace | None = None,
    ) -> None:
        viser = load_viewer()
        self._scene = scene
        self._controls = controls
        self._seen: dict[str, int] = {}
        self._drawn: tuple[Any, ...] = ()
        self._silenced: set[str] = set()
        self._cloud: Any = None
        self._shown_cloud = 0
        self._pace = pace if pace is not None else Pace()
        self._sensors = tuple(sensors)
        with contextlib.redirect_stdout(io.StringIO()):  # it announces itself in a box
            self._server = viser.ViserServer(host=host, port=port, label=TITLE, verbose=False)
        self._uplot = importlib.import_module('viser.uplot')
        self._server.gui.configure_theme(
            control_layout='fixed', control_width='large', show_logo=False, show_share_button=False
        )
        self._server.scene.set_up_direction('+z')
        self._server.on_client_connect(self._look)
        self._build(sensors)

    @property
    def port(self) -> int:
        """Return the port that it listens on."""
        return int(self._server.get_port())

    def watched(self) -> bool:
        """Return whether a browser is connected."""
        return bool(self._server.get_clients())

    def update(self) -> None:
        """Send what has changed since the last call; nothing while nobody watches."""
        if not self.watched():
            return
        with self._scene.lock:
            changed = {n for n, v in self._scene.version.items() if self._seen.get(n) != v}
            self._seen = dict(self._scene.version)
            pictures = dict(self._scene.pictures)
            cloud = self._scene.cloud
        if any(name.startswith('picture ') for name in changed) or 'report' in changed:
            names = (*self._sensors, *(n for n in pictures if n not in self._sensors))
            shown = {name: pictures.get(name) for name in names}
            self._inputs.image = mosaic(shown, self._scene.lost())
        self._show_overlay()
        self._show_cloud(cloud)
        if 'report' in changed:
            self._show_report()
        if self._time is not None:
            self._time.value = min(self._controls.position(), self._controls.duration_s)

    def close(self) -> None:
        """End the server."""
        self._server.stop()

    def _look(self, client: Any) -> None:
        """Place a new browser behind the vehicle, and send it all there is."""
        client.camera.up_direction = (0.0, 0.0, 1.0)
        client.camera.position = _BEHIND_M
        client.camera.look_at = _AHEAD_M
        self._seen, self._drawn = {}, ()

    def _build(self, sensors: Sequence[str]) -> None:
        gui = self._server.gui
        self._status = gui.add_html(_fixed('', _STATUS_EM))
        with gui.add_folder('Labels'):
            self._overlay = gui.add_image(missing('no labels yet'), format='jpeg', jpeg_quality=80)
            self._opacity = gui.add_slider('Opacity', 0.0, 1.0, 0.05, 0.5)
            self._legend = gui.add_html(_fixed('', _LEGEND_EM))
        if self._controls.ask is not None:
            self._build_prompt()
        with gui.add_folder('Inputs'):
            self._inputs = gui.add_image(
                mosaic(dict.fromkeys(sensors)), format='jpeg', jpeg_quality=80
            )
        self._build_bag()
        with gui.add_folder('Sensors'):
            self._health = gui.add_html(
                _fixed('&nbsp; waiting for /diagnostics', _ROW_EM * len(sensors))
            )
            self._timeline = gui.add_image(
                missing('no states yet', timeline_height(len(sensors))), format='png'
            )
            self._buttons: dict[str, Any] = {}
            if self._controls.silence is not None:
                for name in sensors:
                    self._buttons[name] = self._silence_button(name)
        with gui.add_folder('Rate and latency'):
            self._rate = self._plot('results per second', '#2468b2')
            self._latency = self._plot('latency in ms (median)', '#b25c24')

    def _build_prompt(self) -> None:
        gui = self._server.gui
        with gui.add_folder('Text prompt'):
            text = gui.add_text('Prompt', '', hint='such as: the closest car; the bus')
            ask, end = gui.add_button('Ask'), gui.add_button('End')
            self._answer = gui.add_html('')
            ask.on_click(lambda _: self._ask(text.value))
            end.on_click(lambda _: self._ask(''))

    def _build_bag(self) -> None:
        controls, gui = self._controls, self._server.gui
        self._time: Any = None
        if controls.seek is None:
            return
        with gui.add_folder('Bag'):
            most_s = max(controls.duration_s, 0.1)
            self._time = gui.add_slider('Time [s]', 0.0, most_s, 0.1, 0.0)
            running = gui.add_checkbox('Play', True)
            self._time.on_update(self._seek)
            if controls.pause is not None:
                pause = controls.pause
                running.on_update(lambda _: pause(not running.value))

    def _ask(self, text: str) -> None:
        """Send a text prompt; an empty one ends the mask too."""
        if self._controls.ask is not None:
            self._controls.ask(text)
        if not text:
            self._scene.set('mask', None)

    def _seek(self, event: Any) -> None:
        """Go to where a visitor has moved the slider; the page itself moves it as time goes."""
        if event.client is not None and self._controls.seek is not None:
            self._controls.seek(float(self._time.value))

    def _silence_button(self, name: str) -> Any:
        button = self._server.gui.add_button(f'Silence {name}')
        button.on_click(lambda _: self._toggle(name))
        return button

    def _toggle(self, name: str) -> None:
        self._silenced ^= {name}
        word = 'Bring back' if name in self._silenced else 'Silence'
        self._buttons[name].label = f'{word} {name}'
        if self._controls.silence is not None:
            self._controls.silence(sorted(self._silenced))

    def _plot(self, name: str, color: str) -> Any:
        series = self._uplot.Series
        return self._server.gui.add_uplot(
            (np.array([0.0, 1.0]), np.array([0.0, 0.0])),
            (series(label='time [s]'), series(label=name, stroke=color, width=2)),
            scales={'x': {'time': False}, 'y': {'auto': True}},
            title=name,
            aspect=2.6,
        )

    def _show_overlay(self) -> None:
        with self._scene.lock:
            rgb, labels, mask = self._scene.rgb, self._scene.labels, self._scene.mask
            space = self._scene.label_space
        drawn = (id(rgb), id(labels), id(mask), id(space), self._opacity.value)
        if drawn == self._drawn or labels is None or space is None:
            return
        self._drawn = drawn
        if rgb is None or RGB in self._scene.lost():  # an old image would show another place
            rgb = np.zeros((*labels.shape, 3), np.uint8)
        picture = overlay(rgb, labels, space, float(self._opacity.value))
        self._overlay.image = picture if mask is None else _with_mask(picture, mask)
        ids, counts = np.unique(labels[labels < space.num_classes], return_counts=True)
        first = ids[np.argsort(-counts, kind='stable')][:_MOST_CLASSES]
        shown = [space.classes[i] for i in map(int, first)]
        line = _line(_entry(item.name, item.color) for item in shown)
        self._legend.content = _fixed(line, _LEGEND_EM)

    def _show_cloud(self, cloud: Cloud | None) -> None:
        """Send a new cloud when it is due; a lost LiDAR's leaves the view."""
        newest = self._seen.get('cloud', 0)
        if LIDAR in self._scene.lost():
            if self._cloud is not None and self._cloud.visible:
                self._cloud.visible = False
        elif cloud is not None and newest != self._shown_cloud and self._pace.due():
            self._shown_cloud = newest
            nth = max(1, math.ceil(len(cloud.xyz) / self._pace.step.points))
            self._cloud = self._server.scene.add_point_cloud(
                '/cloud',
                cloud.xyz[::nth],
                cloud.colors[::nth],
                point_size=_POINT_M * math.sqrt(nth),
                point_shape='circle',
            )

    def _show_report(self) -> None:
        with self._scene.lock:
            health, statuses = dict(self._scene.health), dict(self._scene.statuses)
            states = {name: list(changes) for name, changes in self._scene.states.items()}
            history, now_s = list(self._scene.history), self._scene.now_s
        self._health.content = _health_table(health)
        if states:
            self._timeline.image = timeline(states, now_s, HISTORY_S)
        parts = [f'<b>{escaped(n)}</b>: {escaped(text)}' for n, (_, text) in statuses.items()]
        worst = max((level for level, _ in statuses.values()), default=0)
        color = _LEVEL_COLORS[min(worst, 2)]
        style = f'border-left:5px solid {color};padding:4px 8px;font-size:0.85em'
        self._status.content = _fixed(
            f'<div style="{style}">{"<br>".join(parts)}</div>', _STATUS_EM
        )
        if self._controls.ask is not None and 'referring' in statuses:
            self._answer.content = f'<small>{escaped(statuses["referring"][1])}</small>'
        if history:
            time_s = np.array([t - now_s for t, _, _ in history])
            self._rate.data = (time_s, np.array([rate for _, rate, _ in history]))
            latency = np.array([0.0 if math.isnan(ms) else ms for _, _, ms in history])
            self._latency.data = (time_s, latency)


def _with_mask(picture: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the picture with what a text prompt names in one strong color."""
    height, width = picture.shape[:2]
    inside = cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST) > 127
    shown = picture.copy()
    shown[inside] = (0.35 * shown[inside] + 0.65 * np.array(_MASK_COLOR)).astype(np.uint8)
    return shown


def _fixed(content: str, height_em: float) -> str:
    """Return HTML that takes the same height whatever it says.

    Nothing below moves then, such as a button under a visitor's mouse.
    """
    return f'<div style="height:{height_em}em;overflow:hidden auto">{content}</div>'


def _health_table(health: dict[str, Health]) -> str:
    rows = ''.join(
        f'<tr style="height:2.9em"><td style="color:{_LEVEL_COLORS[min(item.level, 2)]}">'
        f'&#9679;</td><td><b>{escaped(name)}</b></td><td>{escaped(item.state)}</td>'
        f'<td style="white-space:nowrap">{_rate(item)} Hz</td>'
        f'<td style="line-height:1.3">{escaped(item.cause)}</td></tr>'
        for name, item in health.items()
    )
    table = f'<table style="font-size:0.8em;width:100%;padding:0 10px">{rows}</table>'
    return _fixed(table, _ROW_EM * len(health))


def _rate(health: Health) -> str:
    """Return what a sensor delivers now; the node tells a lost one's rate before that."""
    return '0' if health.state == LOST else escaped(health.rate_hz)


def _entry(name: str, color: tuple[int, int, int]) -> str:
    """Return a class of the legend as HTML."""
    field = f'background:rgb{color};padding:0 7px;border-radius:3px;border:1px solid #888'
    return f'<span style="white-space:nowrap"><span style="{field}"></span> {escaped(name)}</span>'


def _line(items: Iterable[str]) -> str:
    style = 'font-size:0.8em;line-height:1.7;padding:0 10px'
    return f'<div style="{style}">{" &nbsp; ".join(items)}</div>'
