"""The HTML report holds everything itself and escapes what it is given."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from mmseg_ros.metrics import figures
from mmseg_ros.metrics.report import (
    Figure,
    Report,
    Section,
    Table,
    number,
    percent,
    render,
    write,
)

pytest.importorskip('jinja2')
pytest.importorskip('matplotlib')


class Outline(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags = []
        self.links = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [
            value
            for name, value in attrs
            if name in ('src', 'href', 'xlink:href') and not value.startswith(('data:', '#'))
        ]


@pytest.fixture(scope='module')
def report():
    image = np.zeros((8, 8, 3), np.uint8)
    image[2:4] = (250, 10, 20)
    spans = [figures.Span(1.0, 2.0, 'no rgb', '#aa0000')]
    plot = figures.time_line([0, 1, 2], {'mIoU': [0.5, np.nan, 0.6]}, 'mIoU', spans)
    bars = figures.bar_chart({'road': 0.9, 'water': float('nan')}, 'IoU', 1.0)
    blocks = [
        Table(['class', 'IoU'], [['<road>', '0.5']], 'IoU over the data set.'),
        Figure([('left', figures.picture(image, 'a stripe')), ('', plot)], 'Two images.'),
        Figure([('', bars)], 'One.'),
    ]
    return Report('A & B', 'One line.', [('mIoU', '0.50')], [Section('S', 'text', blocks)])


def test_is_one_file_without_outside_references(report, tmp_path):
    write(report, tmp_path / 'deep' / 'report.html')
    text = (tmp_path / 'deep' / 'report.html').read_text()
    outline = Outline()
    outline.feed(text)
    assert outline.links == []
    assert outline.tags.count('svg') == 2
    assert outline.tags.count('img') == 1
    assert outline.tags.count('td') == 2
    assert 'no rgb' in text
    assert 'not in the data' in text
    assert [p.name for p in (tmp_path / 'deep').iterdir()] == ['report.html']


def test_text_is_escaped_and_pictures_are_not(report):
    text = render(report)
    assert '&lt;road&gt;' in text
    assert '<title>A &amp; B</title>' in text
    assert '&lt;svg' not in text


def test_rendering_is_deterministic():
    def plot():
        return figures.time_line([0, 1], {'a': [0, 1], 'b': [1, 0]}, 'x')

    assert plot() == plot()
    assert not re.search(r'\d{4}-\d\d-\d\dT', plot())


def test_a_picture_keeps_its_colors():
    import base64

    import cv2

    image = np.zeros((4, 4, 3), np.uint8)
    image[..., 0] = 200
    code = figures.picture(image, 'red').split('base64,')[1].split('"')[0]
    data = np.frombuffer(base64.b64decode(code), np.uint8)
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(decoded[..., ::-1], image)


def test_numbers_without_value_are_a_dash():
    assert [number(None), number(float('nan')), number(0.12345)] == ['–', '–', '0.123']
    assert [percent(None), percent(float('nan')), percent(0.123)] == ['–', '–', '12.3 %']


def test_no_line_crosses_a_gap():
    seconds, values = figures._with_gaps([0.0, 0.1, 1.0, 1.1], [1, 2, 3, 4], 0.5)
    np.testing.assert_array_equal(seconds, [0.0, 0.1, 1.0, 1.0, 1.1])
    np.testing.assert_array_equal(values, [1, 2, np.nan, 3, 4])
