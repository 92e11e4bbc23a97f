"""The part of a report that compares confidence with accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmseg_ros.metrics.charts import reliability_chart
from mmseg_ros.metrics.reliability import ECE_TEXT
from mmseg_ros.metrics.report import Figure, Section, number


def reliability_section(metrics: Mapping[str, Any]) -> Section:
    """Return confidence against accuracy, of a recording or a data set."""
    reliability = metrics['reliability']
    title = 'Is it right as often as it is sure?'
    if reliability['ece'] is None:
        return Section(title, text='Nothing was scored, so the confidence cannot be checked.')
    chart = reliability_chart(reliability['bins'])
    caption = f'ECE {number(reliability["ece"])}, with the sensors as they were. {ECE_TEXT}'
    return Section(title, blocks=[Figure([('', chart)], caption)])
