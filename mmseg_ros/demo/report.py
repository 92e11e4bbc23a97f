"""The demo's page: what the node saw, what it said, and how well through each outage."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from mmseg_ros.core.types import STANDARD_MODALITIES
from mmseg_ros.demo.live import LiveRun
from mmseg_ros.demo.pace import FEWEST_FRAMES
from mmseg_ros.demo.results import ALL_SENSORS, LabelFrame, SituationScore
from mmseg_ros.demo.schedule import Outage
from mmseg_ros.metrics.figures import Span, presence_chart, time_line
from mmseg_ros.metrics.report import Figure, Report, Section, Table, number, percent

_RATE_WINDOW_S = 1.0
_LONGEST_GAP_S = 0.5
_SPAN_COLORS = ('#b3261e', '#1d6f8a', '#7a4fa3', '#3f7d3a')


def demo_report(
    frames: Sequence[LabelFrame],
    scores: Sequence[SituationScore],
    outages: Sequence[Outage],
    run: LiveRun,
    stages: Mapping[str, Mapping[str, float]],
    shown: Sequence[Figure],
    systems: Sequence[Section],
    bundle: str,
) -> Report:
    """Return the page of one demo run.

    Args:
        frames: Published label images, scored.
        scores: The same by situation, `all sensors` first.
        outages: Which sensor was silent when.
        run: What the processes used.
        stages: Percentiles of the node's stages in milliseconds.
        shown: The film, then images, one figure per situation.
        systems: What each system makes of it, and what was found by words.
        bundle: Name of the model bundle.
    """
    spans = [
        Span(o.start_s, o.stop_s, f'no {o.modality}', color)
        for o, color in zip(outages, _SPAN_COLORS, strict=False)
    ]
    sections = [
        Section(
            'What went in, what came out',
            'One frame before the first outage and one in the middle of each. A sensor that was '
            'silent shows as a gray field; the labels go on.',
            shown,
        ),
        *systems,
        _over_time(frames, spans),
        _situations(scores),
        _cost(frames, run, stages),
    ]
    return Report(
        title='Four sensors, one after another fails',
        summary=(
            f'A simulated sequence was played over DDS to the node with {bundle}. The '
            'player silenced one sensor after another; everything below was measured on what a '
            f'separate recorder process received from the node. {_pace(run.speed)}'
        ),
        key_figures=_key_figures(scores, run),
        sections=sections,
    )


def summary_lines(
    frames: Sequence[LabelFrame], scores: Sequence[SituationScore], speed: float = 1.0
) -> list[str]:
    """Return the two lines that the demo ends with.

    Args:
        frames: Published label images.
        scores: The same by situation, `all sensors` first.
        speed: Seconds of the sequence that were played per second.
    """
    full = scores[0]
    gap_s = max(score.longest_gap_s for score in scores)
    played = '' if speed == 1.0 else f', played at {speed:g} of its speed'
    return [
        f'{len(frames)} label images at {full.rate_hz:.1f} Hz, median latency '
        f'{number(full.latency_ms, 0)} ms{played}; the longest silence of the node was '
        f'{gap_s:.2f} s.',
        f'mIoU {number(full.miou, 2)} with all sensors, {_at_worst(scores)}; '
        f'{percent(full.point_accuracy)} of the labeled LiDAR points are right.',
    ]


def _pace(speed: float) -> str:
    if speed == 1.0:
        return 'The sequence was played at its own speed.'
    return (
        f'The sequence was played at {speed:g} of its speed: a warm-up showed how many label '
        f'images per second this machine makes, and every outage needs {FEWEST_FRAMES} of them.'
    )


def _at_worst(scores: Sequence[SituationScore]) -> str:
    """Return how the outages compare, or why they cannot be compared."""
    few = [score for score in scores if score.frames < FEWEST_FRAMES]
    if few:
        counts = ', '.join(f'{score.frames} with {score.name}' for score in few)
        return (
            f'too few label images to compare the outages ({counts}; '
            f'it takes {FEWEST_FRAMES} of each)'
        )
    worst = _worst(scores)
    if worst.miou >= scores[0].miou:
        return f'not lower in any outage ({number(worst.miou, 2)} with {worst.name})'
    return f'{number(worst.miou, 2)} at worst ({worst.name})'


def _worst(scores: Sequence[SituationScore]) -> SituationScore:
    """Return the outage with the lowest mIoU of those that have enough label images."""
    enough = [s for s in scores[1:] if s.frames >= FEWEST_FRAMES and not math.isnan(s.miou)]
    return min(enough, key=lambda score: score.miou, default=scores[0])


def _key_figures(scores: Sequence[SituationScore], run: LiveRun) -> list[tuple[str, str]]:
    full, worst = scores[0], _worst(scores)
    return [
        ('mIoU, all sensors', number(full.miou)),
        (f'mIoU, {worst.name} (the worst)', number(worst.miou)),
        ('labeled points right', percent(full.point_accuracy)),
        ('label images per second', number(full.rate_hz, 1)),
        ('speed of the playback', f'{run.speed:g}'),
        ('median latency', f'{number(full.latency_ms, 0)} ms'),
        ('memory of the node', f'{run.node_usage.peak_mb:.0f} MB'),
    ]


def _over_time(frames: Sequence[LabelFrame], spans: Sequence[Span]) -> Section:
    seconds = [frame.elapsed_s for frame in frames]
    quality = time_line(
        seconds,
        {
            'mIoU of the image': [f.pixels.miou() for f in frames],
            'labeled points right': [f.points.accuracy() for f in frames],
        },
        'share',
        spans,
        high=1.0,
        longest_gap_s=_LONGEST_GAP_S,
    )
    latency = time_line(
        seconds,
        {'latency': [f.latency_ms for f in frames]},
        'ms',
        spans,
        longest_gap_s=_LONGEST_GAP_S,
    )
    rate = time_line(seconds, {'rate': _rates(seconds)}, 'label images per second', spans)
    used = presence_chart(
        seconds,
        {name: [name in f.available for f in frames] for name in STANDARD_MODALITIES},
        float(np.median(np.diff(seconds))) if len(seconds) > 1 else 0.1,
    )
    return Section(
        'Through the sequence',
        blocks=[
            Figure(
                [('', quality)],
                'Every dot is one published label image, scored against the exact labels of the '
                'simulation: IoU per class, averaged over the classes in this image; and the '
                'share of the LiDAR points visible to the camera that got their true class. '
                'Shaded: a sensor was silent.',
            ),
            Figure([('', used)], 'Sensors that the network used, as published on ~/modalities.'),
            Figure(
                [('', latency)],
                'Time from the header stamp of a frame to the receipt of its labels by the '
                'recorder. While a sensor is missing but not yet known '
                'to be lost, its frames wait for it up to the deadline.',
            ),
            Figure([('', rate)], f'Label images in the last {_RATE_WINDOW_S:g} s played.'),
        ],
    )


def _rates(seconds: Sequence[float]) -> list[float]:
    times = np.array(seconds)
    counts = np.arange(1, len(times) + 1) - np.searchsorted(times, times - _RATE_WINDOW_S)
    rates = counts / _RATE_WINDOW_S
    return [
        float('nan') if time - seconds[0] < _RATE_WINDOW_S else float(rate)
        for time, rate in zip(seconds, rates, strict=True)
    ]


def _is_compared(score: SituationScore, scores: Sequence[SituationScore]) -> bool:
    return min(score.frames, scores[0].frames) >= FEWEST_FRAMES


def _situations(scores: Sequence[SituationScore]) -> Section:
    full = scores[0].miou
    rows = [
        [
            score.name,
            f'{score.seconds:.1f} s',
            str(score.frames),
            number(score.rate_hz, 1),
            f'{score.longest_gap_s:.2f} s',
            number(score.miou),
            percent(score.miou / full if full and _is_compared(score, scores) else None)
            if score.name != ALL_SENSORS
            else '',
            percent(score.point_accuracy),
            f'{number(score.latency_ms, 0)} ms',
        ]
        for score in scores
    ]
    header = [
        'situation', 'lasted', 'labels', 'per second', 'longest gap', 'mIoU', 'kept',
        'points right', 'median latency',
    ]  # fmt: skip
    caption = (
        'mIoU here is the data-set mIoU: intersections and unions are summed over all images of '
        'the situation before dividing, and averaged over the classes that occur. Kept = mIoU '
        'divided by that with all sensors; the situations show different stretches of road, so '
        'it is an indication (`python -m mmseg_ros evaluate` compares on equal images). Without '
        'the LiDAR there are no points to label.'
    )
    return Section('By situation', blocks=[Table(header, rows, caption)])


def _cost(
    frames: Sequence[LabelFrame], run: LiveRun, stages: Mapping[str, Mapping[str, float]]
) -> Section:
    latencies = [f.latency_ms for f in frames if not math.isnan(f.latency_ms)]
    p50, p95 = np.percentile(latencies, [50, 95]) if latencies else (math.nan, math.nan)
    rows = [
        [f'stage {name}' if name != 'latency' else 'stamp to publication', *map(_ms, values)]
        for name, values in ((n, (s.get('p50'), s.get('p95'))) for n, s in stages.items())
    ]
    rows.append(['stamp to receipt', _ms(float(p50)), _ms(float(p95))])
    times = Table(
        ['time', 'median', '95th percentile'],
        rows,
        'Stages and publication as the node reported them last on /diagnostics; receipt as the '
        'recorder saw it.',
    )
    usage = Table(
        ['the node used', ''],
        [
            ['CPU time', f'{run.node_usage.cpu_s:.1f} s in {run.seconds:.1f} s'],
            ['peak memory', f'{run.node_usage.peak_mb:.0f} MB'],
        ],
        'CPU time counts all cores and includes start-up. Peak memory is the resident set. '
        'Player, node and recorder shared this machine.',
    )
    return Section('Cost', blocks=[times, usage])


def _ms(value: float | None) -> str:
    return f'{number(value, 0)} ms'
