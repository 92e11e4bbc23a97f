"""Names of classes, topics, files and bundles, and text prompts, stay text in every page."""

from html.parser import HTMLParser

import numpy as np
import pytest

from mmseg_ros.core.child_process import Usage
from mmseg_ros.core.labels import LabelClass, LabelSpace
from mmseg_ros.demo.live import LiveRun
from mmseg_ros.demo.report import demo_report
from mmseg_ros.demo.results import SituationScore
from mmseg_ros.evaluation.pictures import legend, missing_picture, set_figure
from mmseg_ros.metrics import report
from mmseg_ros.metrics.figures import Span, bar_chart, picture, presence_chart, time_line
from mmseg_ros.metrics.html import Html
from mmseg_ros.metrics.report import Figure, Report, Section, Table, render
from mmseg_ros.metrics.score_report import score_report

pytest.importorskip('jinja2')
pytest.importorskip('matplotlib')

HOSTILE = [
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '</title></svg></style><script>alert(1)</script>',
    '{{ 7 * 7 }}{% raw %}',
    '$\\frac{$',
    '&lt;script&gt;',
    'caf\udce9',
    'nul\0 bell\a escape\x1b[31m \u202e turned',
    'n' * 3000,
    '<!--',
    ']]><![CDATA[',
]
IMAGE = np.zeros((4, 4, 3), np.uint8)
OURS = {
    'html', 'head', 'meta', 'title', 'style', 'body', 'main', 'h1', 'h2', 'p', 'div', 'b', 'span',
    'section', 'figure', 'figcaption', 'table', 'thead', 'tbody', 'tr', 'th', 'td', 'i', 'img',
    'svg', 'defs', 'g', 'path', 'use', 'text', 'tspan', 'clippath', 'rect', 'metadata',
    'rdf:rdf', 'cc:work', 'dc:type', 'dc:format',
}  # fmt: skip


class Page(HTMLParser):
    """Collects tags and attributes, and fails on what a page of ours never holds."""

    def __init__(self, text):
        super().__init__()
        self.text = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        assert tag in OURS, f'external element {tag}'
        for name, value in attrs:
            assert not name.startswith('on'), f'{tag} has {name}'
            if name in ('src', 'href', 'xlink:href'):
                assert value.startswith(('data:image/', '#')), value[:80]

    def handle_comment(self, data):
        pytest.fail(f'a comment: {data[:80]}')

    def handle_data(self, data):
        self.text.append(data)


def space():
    # A label space takes printable names of 200 characters only.
    names = [
        name if name.isprintable() and len(name) <= 200 else f'<b onclick={i}>'
        for i, name in enumerate(HOSTILE)
    ]
    classes = tuple(LabelClass(i, name, (i, i, i), '') for i, name in enumerate(names))
    return LabelSpace('hostile', classes, 255)


def metrics():
    row = {
        'available': list(HOSTILE), 'missing': [HOSTILE[0]], 'sets': 1, 'miou': 0.5,
        'retained': 0.9, 'pixel_accuracy': 0.5, 'point_miou': 0.5, 'point_accuracy': 0.5,
        'class_iou': dict.fromkeys(HOSTILE, 0.5),
    }  # fmt: skip
    rejected = {name: {'count': 1, 'reason': name} for name in HOSTILE}
    return {
        'bundle': {'name': HOSTILE[0], 'modalities': HOSTILE},
        'bag': {'name': HOSTILE[1], 'duration_s': 1.0},
        'sets': {
            'count': 1, 'closed': dict.fromkeys(HOSTILE, 1), 'truth_offset_ns': 0,
            'unusable': dict.fromkeys(HOSTILE, 1),
        },
        'recorded': [row], 'withheld': [row], 'robustness': [row],
        'malformed': rejected, 'rejected': rejected, 'reliability': {'ece': None, 'bins': []},
        'frames': [frame(stamp_ns) for stamp_ns in (10**9, 2 * 10**9, 3 * 10**9)],
        'label_space': {'classes': [{'name': name} for name in HOSTILE]},
        'distance_points': [{'bin': HOSTILE[0], 'count': 1, 'miou': 0.5, 'accuracy': 0.5}],
    }  # fmt: skip


def frame(stamp_ns):
    counts = {'correct': 1, 'total': 2, 'classes': {'0': [1, 2]}}
    return {
        'name': str(stamp_ns), 'available': HOSTILE[0], 'scores': {HOSTILE[0]: {'pixels': counts}}
    }  # fmt: skip


def scored():
    figure = set_figure(
        HOSTILE[1],
        dict.fromkeys(HOSTILE, IMAGE),
        dict.fromkeys(HOSTILE, IMAGE),
        legend(np.arange(len(HOSTILE), dtype=np.uint8)[None], space()),
    )
    stages = {tuple(HOSTILE): {name: {'p50': 1.0, 'p95': 2.0} for name in HOSTILE}}
    return score_report(metrics(), stages, [figure])


def demo(tmp_path):
    score = SituationScore(HOSTILE[0], 1.0, 5, 5.0, 0.2, 0.5, 0.5, 50.0)
    pointed = Section(
        HOSTILE[0], HOSTILE[1], [Figure([(s, picture(IMAGE, s)) for s in HOSTILE], HOSTILE[3])]
    )
    run = LiveRun(tmp_path, Usage(12.0, 345.0), 30.0)
    stages = {name: {'p50': 1.0, 'p95': 2.0} for name in HOSTILE}
    return demo_report([], [score, score], [], run, stages, [], [pointed], HOSTILE[0])


def plain():
    charts = [
        bar_chart(dict.fromkeys(HOSTILE, 0.5), HOSTILE[3]),
        time_line(
            [0, 1],
            {name: [0, 1] for name in HOSTILE},
            HOSTILE[0],
            [Span(0, 1, name, '#aa0000') for name in HOSTILE],
        ),
        presence_chart([0, 1], {name: [True, False] for name in HOSTILE}, 1.0, HOSTILE[1]),
    ]
    blocks = [
        Table(HOSTILE, [HOSTILE], HOSTILE[0]),
        Figure([*((HOSTILE[0], chart) for chart in charts), (HOSTILE[1], HOSTILE[0])], HOSTILE[3]),
    ]
    return Report(
        HOSTILE[3],
        HOSTILE[1],
        [(n, n) for n in HOSTILE],
        [Section(HOSTILE[3], HOSTILE[0], blocks)],
    )


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('kind', ['evaluation', 'demo', 'every part'])
def test_no_page_holds_markup_of_a_name(kind, tmp_path):
    page = {'evaluation': scored, 'demo': lambda: demo(tmp_path), 'every part': plain}[kind]()
    path = tmp_path / 'report.html'
    report.write(page, path)
    text = path.read_bytes().decode('utf-8')
    shown = ''.join(Page(text).text)
    assert '<script>alert(1)</script>' in shown
    assert '{{ 7 * 7 }}' in shown or kind == 'demo'


def test_only_fragments_of_ours_are_taken_as_they_are():
    figure = Figure([('a', Html('<i></i>')), ('b', '<i></i>')], '')
    text = render(Report('t', 's', [], [Section('x', blocks=[figure])]))
    assert text.count('<i></i>') == 1
    assert text.count('&lt;i&gt;&lt;/i&gt;') == 1


@pytest.mark.parametrize('name', HOSTILE)
def test_a_picture_can_hold_any_text(name):
    assert missing_picture(60, 80, name).shape == (60, 80, 3)


def test_model_cards_are_text():
    pytest.importorskip('torch')
    from mmseg_models.export.card import plain as card_text
    from mmseg_models.export.card import table

    for name in HOSTILE:
        line = card_text(name)
        assert '\n' not in line
        assert '<' not in line
        line.encode('utf-8')
    rows = table({'a|b\n# c': {'<b>': '[x](javascript:y)'}})
    assert len(rows.splitlines()) == 3
    assert '<b>' not in rows
    assert '\\[x\\]' in rows
