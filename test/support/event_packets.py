"""Event packets as the drivers send them."""

import struct
from types import SimpleNamespace

HEIGHT, WIDTH = 480, 640
START_NS = 1_700_000_000_000_000_000


def packet(encoding, content, seq=0, time_base=0, header_ns=START_NS):
    stamp = SimpleNamespace(sec=header_ns // 10**9, nanosec=header_ns % 10**9)
    return SimpleNamespace(
        header=SimpleNamespace(stamp=stamp, frame_id='event'), height=HEIGHT, width=WIDTH,
        seq=seq, time_base=time_base, encoding=encoding, is_bigendian=False, events=content,
    )  # fmt: skip


def evt3(*words):
    return struct.pack(f'<{len(words)}H', *((code << 12) | rest for code, rest in words))


def evt3_time(microseconds):
    return (8, (microseconds >> 12) & 0xFFF), (6, microseconds & 0xFFF)
