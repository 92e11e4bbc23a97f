"""Streams of samples without content, and a collector for them."""

from mmseg_ros.core.config import SensorConfig, SyncConfig
from mmseg_ros.core.types import ImageData, SensorSample
from mmseg_ros.sync import Collector

MS = 1_000_000
S = 1_000_000_000
START_NS = 1_000 * S


def image(name, stamp_ns):
    return SensorSample(name, stamp_ns, name, ImageData(None))


def collector(names=('rgb', 'depth'), sensors=None, **sync):
    blocks = {name: SensorConfig() for name in names} | (sensors or {})
    return Collector(names, SyncConfig(content_checks=False, **sync), blocks)


def pair_stream(count, period_ms=100, names=('rgb', 'depth')):
    return [
        (START_NS + k * period_ms * MS + lag, image(name, START_NS + k * period_ms * MS))
        for k in range(count)
        for lag, name in enumerate(names)
    ]


def feed(unit, arrivals):
    return [frame for now_ns, item in arrivals for frame in unit.add(item, now_ns)]
