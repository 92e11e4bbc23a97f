"""`mmseg_ros inspect`: the clock doctor for recordings."""

from __future__ import annotations

import argparse
import json
import struct
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmseg_ros.bag.reader import BagReader
    from mmseg_ros.sync.clock_doctor import Suggestion, TopicClock, TopicTimes

EPILOG = """examples:
  python -m mmseg_ros inspect drive.mcap
  python -m mmseg_ros inspect drive/ --sensors thermal=/flir/image_raw rgb=/camera/image_raw
  python -m mmseg_ros inspect drive.mcap --json > clocks.json

offset: stamps minus those of the other sensors. delay: 99th percentile of the time to the recorder
above its minimum. drift: how much faster than the recorder's the sensor's clock runs."""

_ORDER = ('rgb', 'lidar', 'depth', 'event')
_TOO_NEW_S = 0.005
_HEADER_STAMP = {0: struct.Struct('>iI'), 1: struct.Struct('<iI')}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.epilog = EPILOG
    parser.add_argument('bag', help='folder, .mcap or .db3 of a ROS 2 bag')
    parser.add_argument(
        '--sensors',
        nargs='+',
        default=[],
        metavar='NAME=TOPIC',
        help='data topics of sensors that are not on the default topics',
    )
    parser.add_argument('--json', action='store_true', help='print one JSON object')


def run(args: argparse.Namespace) -> int:
    """Print what the clocks did, and parameters to paste.

    Raises:
        BagError: The bag cannot be read, or it holds no message with a header.
        ConfigError: A sensor is not given as NAME=TOPIC, or its topic is not in the bag.
    """
    from mmseg_ros.bag.reader import BagReader
    from mmseg_ros.core.errors import BagError
    from mmseg_ros.sync.clock_doctor import examine, suggest

    with BagReader(args.bag) as reader:
        sensors = _sensor_topics(reader, args.sensors)
        times = _read_times(reader)
    if not times:
        raise BagError(f'{args.bag} holds no topic whose messages have a header; nothing to say.')
    clocks = examine(times)
    by_topic = {clock.topic: clock for clock in clocks}
    suggestions: dict[str, Suggestion] = {}
    deadline_s = 0.0
    present = {name: topic for name, topic in sensors.items() if topic in by_topic}
    if present:
        used = [item for item in times if item.topic in present.values()]
        reference = next(present[name] for name in (*_ORDER, *present) if name in present)
        found, deadline_s = suggest(used, [by_topic[item.topic] for item in used], reference)
        suggestions = {name: found[topic] for name, topic in present.items()}
    if args.json:
        print(_to_json(clocks, suggestions, deadline_s))
    else:
        print(_to_text(clocks, suggestions, deadline_s))
    return 0


def _sensor_topics(reader: BagReader, given: list[str]) -> dict[str, str]:
    from mmseg_ros.bag.replay import sensor_topics
    from mmseg_ros.core.errors import ConfigError

    topics: dict[str, str] = dict(sensor_topics(reader))
    for text in given:
        name, separator, topic = text.partition('=')
        if not separator or not name or not topic:
            raise ConfigError(f'--sensors {text!r} must be NAME=TOPIC, as in thermal=/flir/image.')
        if topic not in reader.topics:
            raise ConfigError(
                f'The bag has no topic {topic}; it has {", ".join(sorted(reader.topics))}.'
            )
        topics[name] = topic
    return topics


def _read_times(reader: BagReader) -> list[TopicTimes]:
    """Read the header stamps of all topics whose messages begin with a header."""
    import numpy as np

    from mmseg_ros.sync.clock_doctor import TopicTimes

    stamps: dict[str, list[int]] = {}
    receipts: dict[str, list[int]] = {}
    without_header: set[str] = set()
    for item in reader.raw():
        if item.topic in without_header:
            continue
        if item.topic not in stamps:
            if not _begins_with_header(reader, item):
                without_header.add(item.topic)
                continue
            stamps[item.topic], receipts[item.topic] = [], []
        stamps[item.topic].append(_raw_stamp_ns(item.data))
        receipts[item.topic].append(item.stamp_ns)
    return [
        TopicTimes(topic, np.array(stamps[topic], np.int64), np.array(receipts[topic], np.int64))
        for topic in sorted(stamps)
    ]


def _begins_with_header(reader: BagReader, item: Any) -> bool:
    from mmseg_ros.core.errors import SampleError

    try:
        message = reader.deserialize(item)
    except SampleError:
        return False
    names = getattr(message, '__dataclass_fields__', {})
    return next(iter(names), '') == 'header' and len(item.data) >= 12


def _raw_stamp_ns(data: bytes) -> int:
    """Return the stamp of a serialised message that begins with a header, without decoding it."""
    seconds, nanoseconds = _HEADER_STAMP[data[1] & 1].unpack_from(data, 4)
    return int(seconds) * 1_000_000_000 + int(nanoseconds)


def _to_json(
    clocks: list[TopicClock], suggestions: Mapping[str, Suggestion], deadline_s: float
) -> str:
    return json.dumps(
        {
            'topics': [asdict(clock) for clock in clocks],
            'suggestions': {name: asdict(item) for name, item in suggestions.items()},
            'deadline_s': deadline_s,
        },
        indent=2,
    )


def _to_text(
    clocks: list[TopicClock], suggestions: Mapping[str, Suggestion], deadline_s: float
) -> str:
    width = max(len(clock.topic) for clock in clocks)
    lines = [
        f'{"topic":{width}}  count  rate_hz  jitter_ms  gaps  longest_s    skew_s  delay_ms'
        '  drift_ppm  offset_s'
    ]
    for clock in clocks:
        drift = '-' if clock.drift_ppm is None else f'{clock.drift_ppm:.1f}'
        lines.append(
            f'{clock.topic:{width}} {clock.count:6d} {clock.rate_hz:8.2f}'
            f' {clock.jitter_s * 1e3:10.2f} {clock.gaps:5d} {clock.longest_gap_s:10.3f}'
            f' {clock.skew_s:9.3f} {clock.delay_s * 1e3:9.1f} {drift:>10}'
            f' {clock.offset_s:9.3f}'
        )
    lines += ['', *_remarks(clocks)]
    if suggestions:
        lines += ['', *_yaml(suggestions, deadline_s)]
    return '\n'.join(lines)


def _remarks(clocks: list[TopicClock]) -> list[str]:
    remarks = []
    for clock in clocks:
        if clock.zero:
            remarks.append(
                f'{clock.topic}: {clock.zero} stamps are zero; the driver must set them.'
            )
        if clock.explanation:
            remarks.append(
                f'{clock.topic}: stamps are {clock.offset_s:+.3f} s from the others'
                f' ({clock.explanation}).'
            )
        elif clock.skew_s < -_TOO_NEW_S:
            remarks.append(
                f'{clock.topic}: stamps are up to {-clock.skew_s:.3f} s newer than their receipt;'
                ' the clock runs ahead of the recorder.'
            )
        if clock.backward or clock.duplicate:
            remarks.append(
                f'{clock.topic}: {clock.backward} stamps go back, {clock.duplicate} repeat.'
            )
        if clock.gaps:
            remarks.append(
                f'{clock.topic}: about {clock.missing} messages are missing in {clock.gaps} gaps.'
            )
    return remarks or ['The clocks agree, and nothing is missing.']


def _yaml(suggestions: Mapping[str, Suggestion], deadline_s: float) -> list[str]:
    lines = [
        '# suggested parameters, to paste into config/mmseg.yaml',
        '/**:',
        '  ros__parameters:',
    ]
    lines += [f'    sync.deadline_s: {deadline_s}']
    for name, item in suggestions.items():
        lines += [
            f'    sensors.{name}.window_s: {item.window_s:.3f}',
            f'    sensors.{name}.offset_s: {item.offset_s:.3f}',
            f'    sensors.{name}.expected_rate_hz: {item.expected_rate_hz:.2f}',
            f'    sensors.{name}.lost_after_s: {item.lost_after_s:.2f}',
        ]
    return lines
