"""`mmseg_ros inspect`: the clock doctor for recordings; event files are `inspect_events`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_ros.commands.inspect_events import inspect_events
from mmseg_ros.commands.sensors_option import add_sensors, sensors_of

if TYPE_CHECKING:
    from mmseg_ros.bag.reader import BagReader
    from mmseg_ros.bag.sensor_setup import SensorSetup
    from mmseg_ros.bag.stamps import RecordedStamps
    from mmseg_ros.sync.clock_doctor import Suggestion, TopicClock

EPILOG = """examples:
  python -m mmseg_ros inspect sequence.mcap
  python -m mmseg_ros inspect sequence/ --sensors thermal=/flir/image_raw rgb=/camera/image_raw
  python -m mmseg_ros inspect sequence/ --write rig.yaml
  python -m mmseg_ros inspect sequence.mcap --json > clocks.json
  python -m mmseg_ros inspect sequence/ --check
  python -m mmseg_ros inspect recording.raw

offset: stamps minus those of the other sensors. delay: 99th percentile of the time to the recorder
above its minimum. drift: how much faster than the recorder's the sensor's clock runs.
The YAML at the end says which topic is which sensor, with windows, offsets and calibration; all
verbs take it with --sensors, the node with calibration.file.
An event file (.raw, .dat, .h5, .hdf5, .aedat4) is told with its format, size, span and rate."""

_ORDER = ('rgb', 'lidar', 'depth', 'event')
_TOO_NEW_S = 0.005
_YEAR_S = 365.25 * 86400


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.epilog = EPILOG
    parser.add_argument('bag', help='folder, .mcap or .db3 of a ROS 2 bag; or event file')
    add_sensors(parser, 'data topics of sensors, where they are not the probable ones')
    parser.add_argument('--calibration', type=Path, help='calibration file to put into the YAML')
    parser.add_argument('--write', type=Path, metavar='FILE.yaml', help='write the YAML there')
    parser.add_argument(
        '--check',
        action='store_true',
        help='hold rows, chunks and indexes of a bag against each other first',
    )
    parser.add_argument('--json', action='store_true', help='print one JSON object')


def run(args: argparse.Namespace) -> int:
    """Print what the clocks did, and the sensors as one YAML.

    Raises:
        BagError: The bag cannot be read, is damaged, or holds no message with a header.
        ConfigError: A sensor is not given as NAME=TOPIC, or its topic is not in the bag.
        MmsegError: An event file cannot be read.
    """
    from mmseg_ros.bag.event_recordings import is_event_file
    from mmseg_ros.bag.proposal import propose_topics
    from mmseg_ros.bag.reader import BagReader
    from mmseg_ros.bag.replay import sensor_topics
    from mmseg_ros.bag.stamps import read_stamps
    from mmseg_ros.core.errors import BagError
    from mmseg_ros.sync.clock_doctor import examine

    if is_event_file(Path(args.bag)):
        return inspect_events(args)
    given = sensors_of(args)
    with BagReader(args.bag) as reader:
        if args.check:
            reader.check()
        topics = {**propose_topics(reader), **sensor_topics(reader, [*given.topics], given.topics)}
        stamps = read_stamps(reader)
        if not stamps.times:
            raise BagError(
                f'{args.bag} holds no topic whose messages have a header{_why(stamps)}.'
            )
        clocks = examine(stamps.times)
        suggestions, deadline_s = _suggestions(stamps, clocks, topics)
        data = _proposal(reader, args, topics, given, suggestions, deadline_s)
    if args.json:
        print(_to_json(clocks, suggestions, deadline_s, data))
    else:
        print(_to_text(clocks, stamps, data))
    if args.write is not None:
        _write(args.write, data)
    return 0


def _why(stamps: RecordedStamps) -> str:
    unknown = ', '.join(f'{topic} ({kind})' for topic, kind in stamps.unknown.items())
    return f'; types that cannot be read: {unknown}' if unknown else '; nothing to say'


def _suggestions(
    stamps: RecordedStamps, clocks: Sequence[TopicClock], topics: Mapping[str, str]
) -> tuple[dict[str, Suggestion], float]:
    """Return suggestions for the sensors that have a stamp at all, and the deadline."""
    from mmseg_ros.sync.clock_doctor import suggest

    usable = {clock.topic: clock for clock in clocks if clock.count > clock.zero}
    present = {name: topic for name, topic in topics.items() if topic in usable}
    if not present:
        return {}, 0.0
    used = [item for item in stamps.times if item.topic in present.values()]
    reference = next(present[name] for name in (*_ORDER, *present) if name in present)
    found, deadline_s = suggest(used, [usable[item.topic] for item in used], reference)
    return {name: found[topic] for name, topic in present.items()}, deadline_s


def _proposal(
    reader: BagReader,
    args: argparse.Namespace,
    topics: Mapping[str, str],
    given: SensorSetup,
    suggestions: Mapping[str, Suggestion],
    deadline_s: float,
) -> dict[str, Any]:
    from mmseg_ros.bag.calibration import rig_from_bag
    from mmseg_ros.bag.proposal_file import proposal
    from mmseg_ros.projection.extrinsics import load_rig

    file_rig = load_rig(args.calibration) if args.calibration else given.rig
    rig = rig_from_bag(reader, topics, given=file_rig, infos=given.infos)
    return proposal(reader, topics, given.infos, rig, suggestions, deadline_s)


def _write(path: Path, data: Mapping[str, Any]) -> None:
    from mmseg_ros.bag.proposal_file import proposal_text
    from mmseg_ros.core.errors import ConfigError

    try:
        path.write_text(proposal_text(data), encoding='utf-8')
    except OSError as error:
        raise ConfigError(f'{path} cannot be written ({error}).') from error


def _to_json(
    clocks: Sequence[TopicClock],
    suggestions: Mapping[str, Suggestion],
    deadline_s: float,
    data: Mapping[str, Any],
) -> str:
    return json.dumps(
        {
            'topics': [asdict(clock) for clock in clocks],
            'suggestions': {name: asdict(item) for name, item in suggestions.items()},
            'deadline_s': deadline_s,
            'sensors': data,
        },
        indent=2,
    )


def _to_text(clocks: Sequence[TopicClock], stamps: RecordedStamps, data: Mapping[str, Any]) -> str:
    from mmseg_ros.bag.proposal_file import proposal_text

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
    lines += ['', *(_remarks(clocks, stamps) or ['The clocks agree, and nothing is missing.'])]
    lines += stamps.doubts
    return '\n'.join([*lines, '', proposal_text(data)])


def _remarks(clocks: Sequence[TopicClock], stamps: RecordedStamps) -> list[str]:
    remarks = [
        f'{topic}: type {kind} has no definition here that can be read; its stamps are left out.'
        for topic, kind in stamps.unknown.items()
    ]
    remarks += [
        f'{topic}: {count} messages are too short for a header.'
        for topic, count in stamps.malformed.items()
    ]
    remarks += [
        f'{topic}: sequence numbers say that {count} packets were lost before the recorder.'
        for topic, count in stamps.lost_packets.items()
        if count
    ]
    for clock in clocks:
        if clock.zero:
            all_of = 'all ' if clock.zero == clock.count else ''
            remarks.append(
                f'{clock.topic}: {all_of}{clock.zero} stamps are zero; the driver must set them.'
            )
        if clock.explanation:
            remarks.append(
                f'{clock.topic}: stamps are {clock.offset_s:+.3f} s from the others'
                f' ({clock.explanation}).'
            )
        elif clock.skew_s > _YEAR_S:
            remarks.append(
                f"{clock.topic}: stamps are not of the recorder's time: simulated time, or counted"
                ' from the boot of the sensor.'
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
    return remarks
