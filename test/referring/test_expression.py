from __future__ import annotations

import pytest

from mmseg_ros.core.errors import SampleError
from mmseg_ros.referring.expression import MAX_SENTENCES, split_expression


@pytest.mark.parametrize(
    ('text', 'sentences'),
    [
        ('', ()),
        (' ; \n ;', ()),
        ('the red car', ('the red car',)),
        (' the red car;the van\r\n the bus ', ('the red car', 'the van', 'the bus')),
        ('car; car;car', ('car',)),
    ],
)
def test_semicolons_and_line_breaks_part_sentences(text, sentences):
    assert split_expression(text) == sentences


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (b'car', 'must be text'),
        (None, 'must be text'),
        ('car ' * (1 << 18), '1048576 characters'),
        (';'.join(map(str, range(MAX_SENTENCES + 1))), f'at most {MAX_SENTENCES}'),
    ],
)
def test_what_is_no_expression_is_rejected(text, message):
    with pytest.raises(SampleError, match=message):
        split_expression(text)
