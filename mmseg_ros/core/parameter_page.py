"""The page docs/parameters.md, written from the dataclasses that define the parameters.

`python -m mmseg_ros.core.parameter_page > docs/parameters.md` renews it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import Field
from typing import Any

from mmseg_ros.core.config import PARAMETER_BLOCKS, SensorConfig
from mmseg_ros.core.parameters import default_of, parameters_of
from mmseg_ros.core.types import STANDARD_MODALITIES

_HEAD = """# Parameters

Written by `python -m mmseg_ros.core.parameter_page`, not by hand; `ros2 param describe /mmseg`
with a name shows the same. *Live* parameters can be set while the node runs, and touch nothing but
what they concern; the others are read when the node starts. Values of the wrong type, out of range
or in contradiction to each other are rejected with the reason.

A parameter file needs only what differs: [config/](../config) has one per usual rig.
"""
_NODE = (
    (
        'autostart',
        'bool',
        False,
        'Whether the node configures and activates itself.',
    ),
    (
        'sensor_names',
        'list of str',
        list(STANDARD_MODALITIES),
        'Names of the sensors; each has a block `sensors.<name>.*`.',
    ),
)
_QOS = """
## Quality of service

`qos_overrides.<topic>.publisher.<policy>` and `qos_overrides.<topic>.subscription.<policy>`, with
the topic's full name and one of history, depth, reliability, durability, override the QoS of any
result and any input, as in other ROS 2 nodes. For an input the override wins over
`sensors.<name>.reliability` and `queue_depth`. They are read when the node is activated.
"""


def parameter_page() -> str:
    """Return the page as Markdown."""
    parts = [_HEAD, '\n## Node\n\n', _table(_node_rows())]
    parts += ['\n## `sensors.<name>.*`, one block per sensor\n\n', _block(SensorConfig)]
    for name, kind in PARAMETER_BLOCKS.items():
        parts += [f'\n## `{name}.*`\n\n', _block(kind)]
    return ''.join([*parts, _QOS])


def _node_rows() -> Iterator[tuple[str, ...]]:
    for name, kind, default, text in _NODE:
        yield f'`{name}`', kind, _shown(default), '', '', text


def _block(kind: Any) -> str:
    return _table(_row(item) for item in parameters_of(kind))


def _row(item: Field[Any]) -> tuple[str, ...]:
    rule, default = item.metadata, default_of(item)
    allowed = ', '.join(f'`{choice}`' for choice in rule['choices'])
    if rule['low'] is not None:
        allowed = f'{rule["low"]:g} to {rule["high"]:g} {rule["unit"]}'.strip()
    kind = 'list of str' if isinstance(default, list) else type(default).__name__
    live = '' if rule['read_only'] else 'live'
    return f'`{item.name}`', kind, _shown(default), allowed, live, rule['text']


def _shown(value: Any) -> str:
    return f'`{json.dumps(value)}`'.replace('"', "'")


def _table(rows: Iterator[tuple[str, ...]]) -> str:
    head = ('name', 'type', 'default', 'allowed', '', 'meaning')
    lines = [head, ('---',) * len(head), *rows]
    return ''.join('| ' + ' | '.join(line) + ' |\n' for line in lines)


if __name__ == '__main__':
    print(parameter_page(), end='')
