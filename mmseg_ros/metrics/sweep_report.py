"""A robustness sweep as a page and as text, from the content of robustness.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.metrics.charts import share_matrix
from mmseg_ros.metrics.report import Figure, Report, Section, Table, number, percent

_ALL = 'all'
_PROTOCOL_TEXTS = {
    'given': 'the network is given the named sensors alone and told that the others are missing',
    'EMM': (
        'the normalized input of a sensor is set to 0 and the network is not told; all = average '
        'of the 15 sets of none to three missing sensors'
    ),
    'RMM': (
        'each element of the normalized input of a sensor is set to 0 with chance r and the '
        'network is not told; all = average of the same 15 sets'
    ),
    'NM': 'salt and pepper on all sensors, Gaussian noise on all but events, at once',
}


def sweep_report(content: Mapping[str, Any]) -> Report:
    """Return the page of one sweep.

    Args:
        content: Of robustness.json.
    """
    faults = content['faults']
    worst = min((row for row in faults if row['kept'] is not None), key=lambda row: row['kept'])
    full = content['scores'][0]
    return Report(
        title=f'Robustness of {content["bundle"]["name"]} on {content["source"]["name"]}',
        summary=_summary(content),
        key_figures=[
            ('mIoU without faults', number(full['miou'])),
            ('moments scored', str(content['source']['moments'])),
            ('worst kept', percent(worst['kept'])),
            ('by', _row_name(worst) + ('' if worst['sensor'] == _ALL else f', {worst["sensor"]}')),
        ],
        sections=[_matrix_section(content), _definitions(content), _not_run(content),
                  _protocols(content), _numbers(faults)],
    )  # fmt: skip


def sweep_text(content: Mapping[str, Any]) -> str:
    """Return the matrix as lines of text, in percent of the mIoU kept."""
    rows, columns, kept = matrix(content)
    width = max(28, *(len(row) for row in rows))
    lines = [f'{"mIoU kept, %":{width}}' + ''.join(f'{name:>8}' for name in columns) + '\n']
    for name, values in zip(rows, kept, strict=True):
        cells = ''.join('       .' if np.isnan(v) else f'{100 * v:8.1f}' for v in values)
        lines.append(f'{name:{width}}{cells}\n')
    lines += [f'not run: {name}: {why}\n' for name, why in content['not_run'].items()]
    if 'interrupted' in content:
        lines.append(_interrupted(content) + '\n')
    return ''.join(lines)


def matrix(content: Mapping[str, Any]) -> tuple[list[str], list[str], NDArray[np.float64]]:
    """Return the names of R rows and C columns, and R x C shares kept; NaN where there is none."""
    cells = [row for row in content['faults'] if not row['detail']]
    rows = list(dict.fromkeys(_row_name(row) for row in cells))
    columns = [*content['bundle']['modalities'], _ALL]
    kept = np.full((len(rows), len(columns)), np.nan)
    for row in cells:
        if row['kept'] is not None:
            kept[rows.index(_row_name(row)), columns.index(row['sensor'])] = row['kept']
    return rows, columns, kept


def _row_name(row: Mapping[str, Any]) -> str:
    return f'{row["fault"]} {row["level"]}'.strip()


def _summary(content: Mapping[str, Any]) -> str:
    text = (
        'One fault of one sensor at a time. Every figure is the share of the mIoU that is kept, '
        'against the same moments without a fault.'
    )
    return f'{text} {_interrupted(content)}' if 'interrupted' in content else text


def _interrupted(content: Mapping[str, Any]) -> str:
    done = content['interrupted']
    return (
        f'Interrupted after {done["parts"]} of {done["of"]} parts; the same command with '
        '--resume does the others.'
    )


def _matrix_section(content: Mapping[str, Any]) -> Section:
    rows, columns, kept = matrix(content)
    caption = (
        'Share of the mIoU kept, in percent: mIoU with the fault divided by mIoU without, over '
        'the frames that came out near the scored moments; 0 where none came out. Columns: the '
        'sensor that has the fault, or all of them. White: not applicable or not run. Noise and '
        'chance are seeded, so every run gives the same matrix. The reference of EMM, RMM and NM '
        'is the undisturbed network in torch, on its own frames.'
    )
    chart = share_matrix(rows, columns, kept, 'sensor with the fault')
    return Section('Share of mIoU kept', blocks=[Figure([('', chart)], caption)])


def _definitions(content: Mapping[str, Any]) -> Section:
    used = {row['fault'] for row in content['faults']}
    texts = {**_PROTOCOL_TEXTS, **content['fault_texts']}
    rows = [[name, text] for name, text in texts.items() if name in used]
    caption = 'What each row of the matrix does to a sensor.'
    return Section('The faults', blocks=[Table(['fault', 'what happens'], rows, caption)])


def _not_run(content: Mapping[str, Any]) -> Section:
    if not content['not_run']:
        text = 'Everything was run.' if 'interrupted' not in content else _interrupted(content)
        return Section('Not run', text=text)
    rows = [[name, why] for name, why in content['not_run'].items()]
    caption = 'What this source or this installation cannot express, and why.'
    return Section('Not run', blocks=[Table(['fault', 'why'], rows, caption)])


def _protocols(content: Mapping[str, Any]) -> Section:
    tables = _expectations(content['protocols'])
    if not tables:
        return Section('EMM, RMM and NM', text='Not run.')
    caption = (
        'mIoU in percent. Average = mean of the 15 sets of none to three missing sensors. E(p) = '
        'expectation where each sensor is missing by itself with chance p, without the case that '
        'all are.'
    )
    chances = list(tables[0][1]['expected'])
    rows = [
        [name, number(table['average'], 2), *(number(table['expected'][p], 2) for p in chances)]
        for name, table in tables
    ]
    rows += [
        [f'NM {level}', number(value, 2), *[''] * len(chances)]
        for level, value in content['protocols'].get('nm', {}).items()
    ]
    header = ['protocol', 'average', *(f'E({p})' for p in chances)]
    return Section('EMM, RMM and NM', blocks=[Table(header, rows, caption)])


def _expectations(protocols: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    tables = [('EMM', protocols['emm'])] if 'emm' in protocols else []
    return tables + [(f'RMM r = {rate}', t) for rate, t in protocols.get('rmm', {}).items()]


def _numbers(faults: Sequence[Mapping[str, Any]]) -> Section:
    rows = [
        [
            ' '.join(part for part in (_row_name(row), row['detail']) if part),
            row['sensor'],
            str(row['frames']),
            number(row['miou']),
            percent(row['kept']),
            row['problem'],
        ]
        for row in faults
    ]
    caption = 'The same as robustness.csv. Frames: how many came out and were scored.'
    header = ['fault', 'sensor', 'frames', 'mIoU', 'kept', 'problem']
    return Section('All numbers', blocks=[Table(header, rows, caption)])
