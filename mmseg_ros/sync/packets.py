"""Event packets: which of them a frame needs, and how they become one sample.

An event stream comes in packets; a frame needs the events of the window that ends at its stamp.
So the packets of an event sensor are kept until no later window can reach them and a frame
receives all packets that overlap its window, concatenated when somebody looks at them; one packet
may serve several overlapping windows.
"""

from __future__ import annotations

from dataclasses import replace

from mmseg_ros.core.types import CloudData, EventData, SensorSample
from mmseg_ros.sync.merged_events import merged_events


def packet_end_ns(sample: SensorSample) -> int:
    """Return up to when a packet holds events: its last event, at least its header stamp."""
    payload = sample.payload
    if isinstance(payload, EventData) and len(payload.stamp_ns):
        return max(sample.stamp_ns, int(payload.stamp_ns[-1]))
    return sample.stamp_ns


def starts_after(sample: SensorSample, stamp_ns: int) -> bool:
    """Return whether all events of a packet are newer than the stamp."""
    payload = sample.payload
    if isinstance(payload, EventData) and len(payload.stamp_ns):
        return int(payload.stamp_ns[0]) > stamp_ns
    return sample.stamp_ns > stamp_ns


def merge_packets(packets: list[SensorSample], stamp_ns: int) -> SensorSample:
    """Merge packets into one sample with the given stamp; its events are in order of time.

    Each packet is in order by itself, but packets may overlap, e.g. by one event whose time was
    never set.

    Packets that hold ready-made event images cannot be concatenated; then the newest is taken.
    """
    payloads = [packet.payload for packet in packets if isinstance(packet.payload, EventData)]
    if len(payloads) < len(packets):
        return replace(packets[-1], stamp_ns=stamp_ns)
    merged = payloads[-1] if len(payloads) == 1 else merged_events(payloads)
    return replace(packets[-1], stamp_ns=stamp_ns, payload=merged)


def shift_stamps(sample: SensorSample, offset_ns: int) -> SensorSample:
    """Return the sample with all its stamps moved by the offset, those of its points included."""
    payload = sample.payload
    if isinstance(payload, EventData):
        payload = replace(payload, stamp_ns=payload.stamp_ns + offset_ns)
    elif isinstance(payload, CloudData) and payload.point_stamp_ns is not None:
        payload = replace(payload, point_stamp_ns=payload.point_stamp_ns + offset_ns)
    return replace(sample, stamp_ns=sample.stamp_ns + offset_ns, payload=payload)
