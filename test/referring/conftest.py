from __future__ import annotations

from pathlib import Path

import pytest

WORDS = [
    *('the', 'a', 'red', 'blue', 'white', 'car', 'van', 'person', 'on', 'in', 'of', 'left'),
    *('right', 'behind', 'front', 'moving', 'parked', '##s', '##ing', '.', ',', 'walk'),
]


@pytest.fixture
def vocab_path(tmp_path: Path) -> Path:
    path = tmp_path / 'vocab.txt'
    path.write_text('\n'.join(['[PAD]', '[UNK]', '[CLS]', '[SEP]', *WORDS]) + '\n')
    return path
