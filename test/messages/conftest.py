"""Messages as plain objects: what matters are their attribute names."""

from types import SimpleNamespace

import pytest


def _header(sec=10, nanosec=5, frame_id='sensor'):
    return SimpleNamespace(stamp=SimpleNamespace(sec=sec, nanosec=nanosec), frame_id=frame_id)


@pytest.fixture
def message():
    """Return a function that builds a message with a header from fields."""

    def build(sec=10, nanosec=5, **fields):
        points = fields.get('fields')
        if points and isinstance(points[0], tuple):
            names = ('name', 'offset', 'datatype', 'count')
            fields['fields'] = [
                SimpleNamespace(**dict(zip(names, p, strict=True))) for p in points
            ]
        return SimpleNamespace(header=_header(sec, nanosec), **fields)

    return build
