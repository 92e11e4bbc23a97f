"""A report as text, beside another one if wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]

_COLUMNS = ('what', 'backend', 'precision', 'subset', 'graph', 'mode')
_ALWAYS = ('min_ms', 'p50_ms', 'p95_ms')


def text_of(report: Mapping[str, Any], other: Mapping[str, Any] | None = None) -> str:
    """Return head, table and stages; with `other`, each median as a ratio to the other's."""
    machine, bundle = report['machine'], report['bundle']
    versions = ', '.join(f'{name} {version}' for name, version in report['software'].items())
    head = [
        f'{bundle["name"]} ({bundle["input"]}, {bundle["precision"]}), {report["created"]}',
        f'{machine["cpu"]}, {machine["cores"]} cores ({", ".join(machine["features"])}), '
        f'{machine["memory_gb"]} GB, load {machine["load_1min"]} at the start',
        versions,
        '',
    ]
    known = {key_of(row): row for row in other['rows']} if other else None
    return '\n'.join(head + _table(report['rows'], known)) + '\n'


def key_of(row: Row) -> tuple[str, ...]:
    """Return what makes two rows of two reports the same case."""
    return tuple(str(row.get(name, '')) for name in _COLUMNS)


def _table(rows: Sequence[Row], known: Mapping[tuple[str, ...], Row] | None) -> list[str]:
    head = ['case', 'subset', *_ALWAYS, 'Hz', 'dropped', 'MB', 'start s', 'by stage (p50 ms)']
    if known is not None:
        head.append('p50 / other')
    cells = [head, *([*_cells(row), *_ratio(row, known)] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
    lines = [
        '| ' + ' | '.join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + ' |'
        for line in cells
    ]
    rule = '|' + '|'.join('-' * (width + 2) for width in widths) + '|'
    return [lines[0], rule, *lines[1:]]


def _cells(row: Row) -> list[str]:
    parts = (row['what'], row['backend'], row.get('precision'), row.get('graph'), row.get('mode'))
    case = ' '.join(str(part) for part in parts if part)
    if 'error' in row:
        return [case, '', *('' for _ in _ALWAYS), '', '', '', '', row['error']]
    rate = row['received_hz'] if 'received_hz' in row else round(1000.0 / row['p50_ms'], 2)
    return [
        case,
        row['subset'],
        *(_number(row.get(name)) for name in _ALWAYS),
        _number(rate),
        _number(row.get('dropped')),
        _number(row.get('peak_mb')),
        _number(row.get('start_s')),
        _what_else(row),
    ]


def _what_else(row: Row) -> str:
    """Return the stages, with their shares where they are known, or the comparison of a node."""
    if 'results_over_engine' in row:
        return (
            f'{row["results_over_engine"]:.2f} of the results per second and '
            f'{row["cpu_over_engine"]:.2f} of the CPU time per result of the bare engine'
        )
    shares = {name: f' ({share:.0%})' for name, share in row.get('shares', {}).items()}
    stages = row.get('stages_p50_ms', {})
    return ', '.join(f'{name} {value:.1f}{shares.get(name, "")}' for name, value in stages.items())


def _ratio(row: Row, known: Mapping[tuple[str, ...], Row] | None) -> list[str]:
    if known is None:
        return []
    there = known.get(key_of(row), {})
    if 'p50_ms' not in there or 'p50_ms' not in row:
        return ['']
    return [f'{row["p50_ms"] / there["p50_ms"]:.2f}']


def _number(value: float | None) -> str:
    return '' if value is None else f'{value:g}'
