"""The model card: what a bundle is, how good it is, and what it may be used for."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from mmseg_models.export.parity import SubsetParity
from mmseg_ros.inference.manifest import Manifest
from mmseg_ros.metrics.html import readable

_MARKUP = str.maketrans({mark: '\\' + mark for mark in '|`[]'})

DEPLOYED = 'deployed'
"""Field of the manifest's metrics: mIoU of the network in torch and of the exported graphs."""


def model_card(manifest: Manifest, parity: Sequence[SubsetParity]) -> str:
    """Return the Markdown of the bundle's README.md."""
    inputs = '\n'.join(
        f'| {plain(m.name)} | {plain(m.encoding)} | {_numbers(m.mean)} | {_numbers(m.std)} |'
        for m in manifest.modalities
    )
    scores = {name: row for name, row in manifest.metrics.items() if name != DEPLOYED}
    worst = min(parity, key=lambda p: p.agreement)
    return f"""# {plain(manifest.name)}

{plain(manifest.model)}, {manifest.precision}, input {manifest.height} x {manifest.width}, \
{manifest.label_space.num_classes} classes of the label space `{plain(manifest.label_space.id)}`.
License of the weights: {plain(manifest.licence)}.

| modality | encoding | mean | std |
|---|---|---|---|
{inputs}

## Training

{table(manifest.training)}

## Scores

Data-set IoU (one confusion matrix over all images); a class that does not occur is left out.

{table(scores)}

## Precision

{_deployed(manifest.metrics.get(DEPLOYED), manifest.precision)}

## Parity with torch

Every graph on every subset of the modalities that it serves: labels agree on at least \
{worst.agreement:.4%} of the pixels, confidence within \
{max(p.confidence_difference for p in parity)}/255.

## Options

{table(manifest.model_options)}
"""


def plain(text: str) -> str:
    """Return a name or value as text of a Markdown page, without markup of its own."""
    line = ' '.join(readable(text).split())
    return html.escape(line, quote=False).translate(_MARKUP)


def _deployed(scores: Mapping[str, Any] | None, precision: str) -> str:
    """Return mIoU as a table: one line per subset, one column per runtime."""
    if not scores:
        return f'The graphs hold {precision}; what that costs in mIoU was not measured.'
    columns = [name for name in scores if name != 'data']
    head = ''.join(f'{name} | ' for name in columns)
    lines = [
        f'| {subset} | ' + ''.join(f'{_score(scores[name], subset)} | ' for name in columns)
        for subset in scores['torch']
    ]
    rule = '|---' * (len(columns) + 1) + '|'
    return '\n'.join(
        [
            f'mIoU of the network in torch (fp32) and of the graphs ({precision}) on '
            f'{plain(scores["data"])}:\n',
            f'| modalities there | {head}'.rstrip(),
            rule,
            *(line.rstrip() for line in lines),
        ]
    )


def _score(row: Mapping[str, float], subset: str) -> str:
    return f'{row[subset]:.4f}' if subset in row else ''


def table(values: Mapping[str, Any], prefix: str = '') -> str:
    """Return nested values as a Markdown table of two columns."""
    rows = list(_rows(values, prefix))
    return '\n'.join(['| | |', '|---|---|', *rows]) if rows else 'None recorded.'


def _rows(values: Mapping[str, Any], prefix: str) -> list[str]:
    rows = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            rows += _rows(value, f'{prefix}{name} / ')
        else:
            rows.append(f'| {plain(prefix + name)} | {_text(value)} |')
    return rows


def _text(value: Any) -> str:
    return f'{value:.4f}' if isinstance(value, float) else plain(str(value))


def _numbers(values: Sequence[float]) -> str:
    return ', '.join(f'{v:.3f}' for v in values)
