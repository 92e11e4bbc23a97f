"""Copies channels, definitions and messages into a new MCAP bag as they are."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import yaml
from mcap.records import Attachment, Channel, Metadata, Schema
from mcap.writer import Writer

from mmseg_ros.core.errors import BagError
from mmseg_ros.core.safe_yaml import parse_yaml

_NS_PER_S = 1_000_000_000
_QOS = 'offered_qos_profiles'
_HASH = 'topic_type_hash'


class McapCopy:
    """A bag folder that takes over schemas, channels and messages of other files verbatim.

    Attributes:
        messages: Number of messages. start_ns, end_ns: First and last log time.
    """

    def __init__(self, folder: Path, profile: str = 'ros2') -> None:
        """Create the folder and its storage file.

        Raises:
            OSError: The folder exists or cannot be made.
        """
        folder.mkdir(parents=True)
        self._folder = folder
        self._name = f'{folder.name}_0.mcap'
        self._stream = (folder / self._name).open('wb')
        self._writer = Writer(self._stream)
        self._writer.start(profile=profile, library='mmseg_ros')
        self._schemas: dict[tuple[str, str, bytes], int] = {}
        self._channels: dict[tuple[Any, ...], int] = {}
        self._topics: dict[str, tuple[str, Channel]] = {}
        self._counts: Counter[str] = Counter()
        self.messages = 0
        self.start_ns = self.end_ns = 0

    def channel(self, channel: Channel, schema: Schema | None) -> int:
        """Return the id here of a channel of another file, which is added the first time."""
        schema_id = 0 if schema is None else self._schema(schema)
        metadata = tuple(sorted(channel.metadata.items()))
        key = (channel.topic, channel.message_encoding, schema_id, metadata)
        if key not in self._channels:
            self._channels[key] = self._writer.register_channel(
                channel.topic, channel.message_encoding, schema_id, dict(channel.metadata)
            )
            name = '' if schema is None else schema.name
            self._topics.setdefault(channel.topic, (name, channel))
        return self._channels[key]

    def write(
        self,
        topic: str,
        channel_id: int,
        stamp_ns: int,
        data: bytes,
        publish_ns: int,
        sequence: int = 0,
    ) -> None:
        """Add one message."""
        self._writer.add_message(channel_id, stamp_ns, data, publish_ns, sequence)
        self._counts[topic] += 1
        self.start_ns = min(self.start_ns, stamp_ns) if self.messages else stamp_ns
        self.end_ns = max(self.end_ns, stamp_ns) if self.messages else stamp_ns
        self.messages += 1

    def write_beside(self, record: Attachment | Metadata) -> None:
        """Add an attachment or a metadata record."""
        if isinstance(record, Metadata):
            self._writer.add_metadata(record.name, dict(record.metadata))
            return
        self._writer.add_attachment(
            record.create_time, record.log_time, record.name, record.media_type, record.data
        )

    @property
    def names_qos(self) -> bool:
        """Return whether the QoS of the channels is written in words, not in numbers."""
        texts = [channel.metadata.get(_QOS, '') for _, channel in self._topics.values()]
        return not any('history: 1' in text or 'history: 3' in text for text in texts)

    @property
    def topics(self) -> int:
        """Return the number of topics with messages."""
        return len(self._counts)

    def close(self) -> None:
        """Write the index and metadata.yaml."""
        self._writer.finish()
        self._stream.close()
        text = yaml.safe_dump({'rosbag2_bagfile_information': self._information()})
        (self._folder / 'metadata.yaml').write_text(text, encoding='utf-8')

    def _schema(self, schema: Schema) -> int:
        key = (schema.name, schema.encoding, bytes(schema.data))
        if key not in self._schemas:
            self._schemas[key] = self._writer.register_schema(*key)
        return self._schemas[key]

    def _information(self) -> dict[str, Any]:
        # Version 9 names QoS values by words, the versions before by numbers in a string.
        is_named = self.names_qos
        start = {'nanoseconds_since_epoch': self.start_ns}
        duration = {'nanoseconds': self.end_ns - self.start_ns}
        file = {'path': self._name, 'starting_time': start, 'duration': duration}
        return {
            'version': 9 if is_named else 8,
            'storage_identifier': 'mcap',
            'duration': duration,
            'starting_time': start,
            'message_count': self.messages,
            'topics_with_message_count': [
                {'topic_metadata': self._topic(name, is_named), 'message_count': count}
                for name, count in self._counts.items()
            ],
            'compression_format': '',
            'compression_mode': '',
            'relative_file_paths': [self._name],
            'files': [{**file, 'message_count': self.messages}],
            'custom_data': None,
            'ros_distro': 'unknown',
        }

    def _topic(self, name: str, is_named: bool) -> dict[str, Any]:
        kind, channel = self._topics[name]
        text = channel.metadata.get(_QOS, '')
        return {
            'name': name,
            'type': kind,
            'serialization_format': channel.message_encoding,
            'offered_qos_profiles': _profiles(text) if is_named else text,
            'type_description_hash': channel.metadata.get(_HASH, ''),
        }


def _profiles(text: str) -> list[Any]:
    try:
        profiles = parse_yaml(text, 'offered_qos_profiles', BagError) if text else []
    except BagError:
        return []
    return profiles if isinstance(profiles, list) else []
