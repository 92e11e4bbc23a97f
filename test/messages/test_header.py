"""Header stamps."""

from types import SimpleNamespace

import numpy as np
import pytest

from mmseg_ros.core.errors import SampleError
from mmseg_ros.messages import stamp_ns


def test_stamp_is_exact_nanoseconds(message):
    stamp = stamp_ns(message(sec=np.int32(1_700_000_000), nanosec=np.uint32(999_999_999)).header)
    assert stamp == 1_700_000_000_999_999_999
    assert isinstance(stamp, int)


def test_a_missing_stamp_is_named():
    with pytest.raises(SampleError, match='no header stamp'):
        stamp_ns(SimpleNamespace())
