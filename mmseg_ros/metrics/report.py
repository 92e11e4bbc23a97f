"""One self-contained HTML file from sections of tables and figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmseg_ros.core.atomic_files import write_bytes
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.metrics.html import Html
from mmseg_ros.metrics.template import PAGE


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of ready-made text under a header; the caption defines what the numbers mean."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One or more images side by side: HTML made by `metrics.figures`, each with a label.

    Attributes:
        pictures: (label, HTML) pairs.
        caption: What is drawn and how it was computed.
    """

    pictures: Sequence[tuple[str, Html]]
    caption: str


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, a paragraph and its tables and figures."""

    title: str
    text: str = ''
    blocks: Sequence[Table | Figure] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Report:
    """A page: title, one-sentence summary, key figures (name, value) and sections."""

    title: str
    summary: str
    key_figures: Sequence[tuple[str, str]]
    sections: Sequence[Section]


def render(report: Report) -> str:
    """Return the report as one HTML document without any outside reference.

    Raises:
        ConfigError: Jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        raise ConfigError(
            "The HTML report needs Jinja2: `pip install 'mmseg_ros[report]'`."
        ) from error
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(PAGE).render(report=report)


def write(report: Report, path: Path) -> None:
    """Write the report, making the folder; the file appears in one step."""
    # A lone surrogate, as in the name of a file that is not Unicode, has no UTF-8.
    write_bytes(path, render(report).encode('utf-8', 'backslashreplace'))


def number(value: float | None, digits: int = 3) -> str:
    """Return a number as table text; a dash where it is None or NaN."""
    return '–' if value is None or math.isnan(value) else f'{value:.{digits}f}'


def percent(value: float | None) -> str:
    """Return a share 0..1 as percent text; a dash where it is None or NaN."""
    return '–' if value is None or math.isnan(value) else f'{100 * value:.1f} %'
