"""Plays a bag into the scene: sensors, and results where they were recorded beside them."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from mmseg_ros.bag.reader import BagReader
from mmseg_ros.bag.replay import sensor_topics
from mmseg_ros.core.errors import BagError, MmsegError
from mmseg_ros.core.types import EVENT
from mmseg_ros.view.controls import Controls
from mmseg_ros.view.feed import DIAGNOSTICS, INFO, LABELS, MASK, POINTS, Feed

_METRICS = 'metrics.json'
_POLL_S = 0.05
_LATE_S = 0.5


def bag_of(path: Path) -> Path:
    """Return the bag of a path: it itself, or the one that an evaluation wrote into its folder.

    Raises:
        BagError: There is no such bag; says how to make an evaluation write one.
    """
    if not path.is_dir() or (path / 'metadata.yaml').exists() or not (path / _METRICS).exists():
        return path
    bags = sorted(item.parent for item in path.glob('*/metadata.yaml'))
    if not bags:
        raise BagError(
            f'{path} is an evaluation without a bag of its labels; make one with `mmseg_ros '
            f'evaluate SOURCE --output {path} --write-bag {path / "labels"}`.'
        )
    return bags[0]


class BagSource:
    """A bag in its own thread, in the time of its messages; begins again at its end.

    Attributes:
        sensors: Names of the sensors it holds. duration_s: Its length.
    """

    def __init__(self, path: Path, feed: Feed, node: str) -> None:
        """Open the bag.

        Args:
            path: Bag folder or file.
            feed: Takes the messages.
            node: Full name of the node whose results were recorded.

        Raises:
            BagError: It cannot be read, or holds neither sensors nor results.
        """
        self._feed = feed
        self._reader = BagReader(path)
        found = sensor_topics(self._reader)
        self.sensors = tuple(found)
        self.duration_s = self._reader.duration_s
        parts = {topic: name for name, topic in found.items()}
        for part, topics in (
            (LABELS, (f'{node}/labels',)),
            (POINTS, (f'{node}/points',)),
            (INFO, (f'{node}/label_info', f'{node}/label_info_json')),
            (MASK, (f'{node}/referring/mask',)),
            (DIAGNOSTICS, ('/diagnostics',)),
        ):
            parts |= {topic: part for topic in topics if topic in self._reader.topics}
        if not parts:
            raise BagError(
                f'{path} holds no topic of a sensor and none of {node}; --node names another node.'
            )
        self._parts = parts
        self._info_topics = {
            topic: EVENT for topic in self._reader.topics if topic == '/event/camera_info'
        }
        self._target_s: float | None = None
        self._position_s = 0.0
        self._paused = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name='mmseg_view_bag', daemon=True)

    def start(self) -> None:
        """Begin to play."""
        self._thread.start()

    def close(self) -> None:
        """End the thread and close the bag."""
        self._stop.set()
        self._thread.join(5.0)
        self._reader.close()

    def controls(self) -> Controls:
        """Return what the page can do with it."""
        return Controls(
            seek=self._seek,
            duration_s=self.duration_s,
            pause=lambda on: self._paused.set() if on else self._paused.clear(),
            position=lambda: self._position_s,
        )

    def _seek(self, time_s: float) -> None:
        self._target_s = time_s

    def _run(self) -> None:
        self._tell_names()
        while not self._stop.is_set():
            begin_s, self._target_s = self._target_s or 0.0, None
            self._feed.scene.clear()
            self._play_from(begin_s)

    def _tell_names(self) -> None:
        """Send the class names first, wherever the reader begins later."""
        topics = [topic for topic, part in self._parts.items() if part == INFO]
        for topic, _, message in self._reader.messages([*topics, *self._info_topics]):
            if topic in self._info_topics:
                self._feed.camera_info(self._info_topics[topic], message)
                if not topics:
                    return
            else:
                self._feed.take(INFO, self._reader.topics[topic].type_name, message)
                topics = []
            if not topics and not self._info_topics:
                return

    def _play_from(self, begin_s: float) -> None:
        start_ns = self._reader.start_ns
        zero_s = time.monotonic() - begin_s
        try:
            items = self._reader.raw(list(self._parts), start_ns + round(begin_s * 1e9))
            for item in items:
                elapsed_s = (item.stamp_ns - start_ns) / 1e9
                while not self._stop.is_set() and self._target_s is None:
                    ahead_s = elapsed_s - (time.monotonic() - zero_s)
                    if self._paused.is_set():
                        zero_s += _POLL_S
                        self._stop.wait(_POLL_S)
                    elif ahead_s > 0:
                        self._stop.wait(min(ahead_s, _POLL_S))
                    else:
                        break
                if self._stop.is_set() or self._target_s is not None:
                    return
                if time.monotonic() - zero_s - elapsed_s > _LATE_S:
                    zero_s = time.monotonic() - elapsed_s  # a slow machine plays slower
                self._position_s = elapsed_s
                part = self._parts[item.topic]
                self._feed.take(part, item.type_name, self._reader.deserialize(item))
        except MmsegError as error:
            self._feed.faults[str(error)] += 1
            self._stop.wait(1.0)
