"""Damages bytes as disks, networks and attackers do."""

from __future__ import annotations

import random

EXTREMES = (
    b'\x00', b'\xff', b'\x7f', b'\x80', b'\xff\xff\xff\xff', b'\x00\x00\x00\x80',
    b'\x00\x00\xc0\x7f', b'\x00\x00\x80\x7f', b'\x00\x00\x00\x00\x00\x00\xf8\x7f',
    b'\xff\xff\xff\xff\xff\xff\xff\x7f', b'NaN', b'Infinity', b'-1', b'1e999', b'null', b'{}',
    b'[', b'*a', b'&a', b'\xf0\x9f\x92\xa5', b'\\u0000', b'9' * 40, b'"', b'\n',
)  # fmt: skip
_HEAD = 160


def mutated(seed: bytes, rng: random.Random) -> bytes:
    """Return a damaged copy: a few changes, most of them in the first bytes."""
    data = bytearray(seed)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        if not data:
            break
        place = rng.randrange(len(data) if rng.random() < 0.5 else min(len(data), _HEAD))
        kind = rng.random()
        if kind < 0.35:
            data[place] = rng.randrange(256)
        elif kind < 0.5:
            data[place] ^= 1 << rng.randrange(8)
        elif kind < 0.75:
            extreme = rng.choice(EXTREMES)
            data[place : place + len(extreme)] = extreme
        elif kind < 0.83:
            del data[place : place + rng.choice((1, 2, 4, 8, 64))]
        elif kind < 0.91:
            data[place:place] = data[place : place + rng.choice((1, 4, 32))] or b'\0'
        elif kind < 0.96:
            del data[place:]
        else:
            data[place:place] = rng.randbytes(rng.choice((1, 4, 64)))
    return bytes(data)
