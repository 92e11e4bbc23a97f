"""docs/parameters.md is what the dataclasses say."""

from pathlib import Path

from mmseg_ros.core.parameter_page import parameter_page

ROOT = Path(__file__).parents[2]


def test_the_page_is_fresh():
    found = (ROOT / 'docs' / 'parameters.md').read_text(encoding='utf-8')
    assert found == parameter_page(), (
        'run: python -m mmseg_ros.core.parameter_page > docs/parameters.md'
    )
