"""Prophesee's formats (EVT 2.0, 2.1 and 3.0) by name, for packets and files alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SampleError
from mmseg_ros.messages import event_codecs as codecs

WORD_TYPES = {'evt2': '<u4', 'evt21': '<u8', 'evt3': '<u2'}


def decode_prophesee(
    encoding: str, data: NDArray[np.uint8], state: NDArray[np.int64], most: int | None = None
) -> codecs.Columns:
    """Return x, y, time (us since the start of the sensor) and polarity of a buffer's events.

    Args:
        encoding: A key of `WORD_TYPES`.
        data: N bytes.
        state: Decoder state, all zero at the start of a stream.
        most: Limit of the number of events, if there is one.

    Raises:
        SampleError: The buffer ends within a word or holds more events than the limit.
    """
    words = packet_words(data, WORD_TYPES[encoding], encoding)
    if encoding == 'evt2':
        columns = codecs.event_columns(len(words), most)
        n = codecs.decode_evt2(words, state, *columns)
    elif encoding == 'evt21':
        columns = codecs.event_columns(codecs.count_evt21(words), most)
        n = codecs.decode_evt21(words, state, *columns)
    else:
        columns = codecs.event_columns(codecs.count_vector_words(words, 0x2, 0x5, 0x4), most)
        n = codecs.decode_evt3(words, state, *columns)
    x, y, times_us, polarity = columns
    return x[:n], y[:n], times_us[:n], polarity[:n]


def packet_words(data: NDArray[np.uint8], dtype: str, encoding: str) -> NDArray[Any]:
    """Return the words of a buffer, read-only and aligned whatever holds it.

    Compiled loops are made for one kind of array: another one would be compiled while it waits.

    Raises:
        SampleError: The buffer ends within a word.
    """
    size = np.dtype(dtype).itemsize
    if len(data) % size:
        raise SampleError(
            f'EventPacket {encoding!r} holds {len(data)} bytes, which is no multiple of {size}: '
            'it is cut off.'
        )
    words = np.require(data, requirements='C').view(dtype)
    words = words if words.flags.aligned else words.copy()
    words.flags.writeable = False
    return words
