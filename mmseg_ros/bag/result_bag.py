"""A copy of a recording with the results of a network beside what was recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from mcap.records import Channel as McapChannel
from mcap.records import Schema

from mmseg_ros.bag import builders
from mmseg_ros.bag.channels import CDR, MSG, Channel
from mmseg_ros.bag.mcap_copy import McapCopy
from mmseg_ros.bag.reader import BagReader, RawMessage
from mmseg_ros.bag.typestore import typestore
from mmseg_ros.core.atomic_files import atomic_folder, require_absent
from mmseg_ros.core.config import OutputConfig
from mmseg_ros.core.errors import BagError, SampleError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import CloudData
from mmseg_ros.core.unexpected import cause_of, reason_of
from mmseg_ros.labelling.frame import Frame
from mmseg_ros.messages.results import (
    LABEL_INFO,
    NODE_NAME,
    Content,
    ImageContent,
    Results,
)

_IMAGES = ('~/labels', '~/confidence', '~/color')
_CLOUD, _ORGANIZED = '~/points', '~/points/organized'
_FOREVER = {'sec': 2147483647, 'nsec': 4294967295}


@contextmanager
def result_bag(
    path: Path, source: Path, label_space: LabelSpace, config: OutputConfig, has_lidar: bool
) -> Iterator[ResultBag]:
    """Yield the writer of a copy of `source`, which appears at `path` if the block ends well.

    Args:
        path: Folder of the copy.
        source: The recording.
        label_space: What the labels mean.
        config: As for the node: how points are named.
        has_lidar: Whether the labeled clouds are those of the LiDAR; else of the depth image.

    Raises:
        BagError: The folder exists, or the source cannot be read.
        OutputError: The copy cannot be written.
    """
    require_absent(path, BagError)
    with atomic_folder(path) as draft, BagReader(source) as reader:
        draft.rmdir()  # the copy makes it
        bag = ResultBag(draft, reader, label_space, config, has_lidar)
        try:
            yield bag
            bag.copy_rest()
        finally:
            bag.close()


class ResultBag:
    """Takes over the messages of a recording and puts the results of its frames between them.

    Topics, types and fields are those of the node under its usual name (`/mmseg/labels`). A topic
    of that name in the recording gives way. The bag stamp of a result is that of the newest
    message of its frame, so a player sends it right behind that one.

    Attributes:
        left_out: Topics that are not copied, and why.
        written: Number of messages per result topic.
        failed: Frames without a message on a result topic, by topic and reason.
    """

    def __init__(
        self,
        folder: Path,
        reader: BagReader,
        label_space: LabelSpace,
        config: OutputConfig,
        has_lidar: bool,
    ) -> None:
        """Create the folder; see `result_bag`."""
        self.left_out: dict[str, str] = {}
        self.written: Counter[str] = Counter()
        self.failed: dict[str, Counter[str]] = {}
        self._reader = reader
        self._copy = McapCopy(folder)
        names = (*_IMAGES, _CLOUD if has_lidar else _ORGANIZED)
        self._results = [topic for topic in Results(config).topics if topic.name in names]
        own = {recorded_topic(name) for name in (*names, LABEL_INFO)}
        self._ids = self._copied_channels(own)
        self._own_ids = {
            topic.name: self._own_channel(topic.name, _type_of(topic.is_cloud))
            for topic in self._results
        }
        self._rest = iter(reader.raw([topic for topic, _ in self._ids]))
        self._next = next(self._rest, None)
        self._write_label_info(label_space)

    def add(self, frame: Frame) -> None:
        """Add the results of one frame, in the order of their receipt.

        Raises:
            BagError: The recording is damaged.
        """
        received_ns = [s.received_ns for s in frame.frame_set.samples.values() if s.received_ns]
        now_ns = max([*received_ns, self._copy.end_ns])
        self._copy_until(now_ns)
        for topic in self._results:
            try:
                content = topic.build(frame)
            except Exception as error:  # a frame may lack the sensor or calibration of a cloud
                reason = cause_of(reason_of(error, 'labeling'))
                self.failed.setdefault(recorded_topic(topic.name), Counter())[reason] += 1
                continue
            if content is not None:
                self._write(topic.name, _type_of(topic.is_cloud), now_ns, _message(content))

    def copy_rest(self) -> None:
        """Copy what the recording holds behind its last frame.

        Raises:
            BagError: The recording is damaged.
        """
        self._copy_until(None)

    def text(self) -> str:
        """Return what was written and what was not, one line each."""
        lines = [f'{n} x {topic}' for topic, n in self.written.items()]
        lines += [f'not copied: {topic}: {reason}' for topic, reason in self.left_out.items()]
        lines += [
            f'{topic}: {count} frames without it: {reason}'
            for topic, reasons in self.failed.items()
            for reason, count in reasons.items()
        ]
        return ''.join(f'  {line}\n' for line in lines)

    def close(self) -> None:
        """Write the index and metadata.yaml."""
        self._copy.close()

    def _copy_until(self, stamp_ns: int | None) -> None:
        while self._next is not None and (stamp_ns is None or self._next.stamp_ns <= stamp_ns):
            self._take_over(self._next)
            self._next = next(self._rest, None)

    def _take_over(self, item: RawMessage) -> None:
        number = self._ids.get((item.topic, item.type_name))
        if number is not None:
            self._copy.write(item.topic, number, item.stamp_ns, item.data, item.stamp_ns)

    def _copied_channels(self, own: set[str]) -> dict[tuple[str, str], int]:
        """Register the channels of the recording; return their ids by topic and type."""
        ids: dict[tuple[str, str], int] = {}
        for channel in self._reader.channels:
            key = channel.topic, channel.type_name
            if channel.topic in own:
                self.left_out[channel.topic] = 'results of the same name take its place'
            elif key not in ids:
                try:
                    ids[key] = self._register(channel, *self._definition(channel))
                except SampleError as error:
                    self.left_out[channel.topic] = str(error)
        return ids

    def _definition(self, channel: Channel) -> tuple[str, str]:
        """Return encoding and text of a channel's definition, found where the file lacks it."""
        if channel.definition.strip() or channel.message_encoding != CDR:
            return channel.definition_encoding, channel.definition
        return MSG, self._reader.definition(channel.topic)

    def _register(self, channel: Channel, encoding: str, text: str) -> int:
        qos = {'offered_qos_profiles': channel.offered_qos} if channel.offered_qos else {}
        data = text.encode('utf-8', 'surrogateescape')
        schema = Schema(id=0, name=channel.type_name, encoding=encoding, data=data)
        has_schema = bool(encoding or text)
        copied = McapChannel(0, channel.topic, channel.message_encoding, qos, int(has_schema))
        return self._copy.channel(copied, schema if has_schema else None)

    def _own_channel(self, name: str, type_name: str, qos: str = '') -> int:
        text, _ = typestore().generate_msgdef(type_name, ros_version=2)
        channel = Channel(recorded_topic(name), type_name, CDR, MSG, text, 0, qos)
        return self._register(channel, MSG, text)

    def _write_label_info(self, label_space: LabelSpace) -> None:
        kind = builders.LABEL_INFO
        qos = _latched_qos(self._copy.names_qos)
        self._own_ids[LABEL_INFO] = self._own_channel(LABEL_INFO, kind, qos)
        start_ns = self._reader.start_ns
        message = builders.label_info_message(start_ns, label_space)
        self._write(LABEL_INFO, kind, start_ns, message)

    def _write(self, name: str, type_name: str, stamp_ns: int, message: Any) -> None:
        topic = recorded_topic(name)
        data = bytes(typestore().serialize_cdr(message, type_name))
        self._copy.write(topic, self._own_ids[name], stamp_ns, data, stamp_ns)
        self.written[topic] += 1


def recorded_topic(name: str) -> str:
    """Return the full name of a result topic of the node under its usual name."""
    return name.replace('~', f'/{NODE_NAME}', 1)


def _type_of(is_cloud: bool) -> str:
    return builders.POINT_CLOUD if is_cloud else builders.IMAGE


def _message(content: Content) -> Any:
    if isinstance(content, ImageContent):
        return builders.image_message(
            content.stamp_ns, content.frame_id, content.pixels, content.encoding
        )
    cloud = CloudData(content.points, content.height, content.width)
    return builders.cloud_message(content.stamp_ns, content.frame_id, cloud)


def _latched_qos(in_words: bool) -> str:
    """Return the QoS of a latched topic as recorders write it, like the other topics' have it."""
    # Equal values stand there again: readers of QoS know no references.
    profile = {
        'history': 'keep_last' if in_words else 1,
        'depth': 1,
        'reliability': 'reliable' if in_words else 1,
        'durability': 'transient_local' if in_words else 1,
        'deadline': dict(_FOREVER),
        'lifespan': dict(_FOREVER),
        'liveliness': 'automatic' if in_words else 1,
        'liveliness_lease_duration': dict(_FOREVER),
        'avoid_ros_namespace_conventions': False,
    }
    return str(yaml.safe_dump([profile], sort_keys=False))
