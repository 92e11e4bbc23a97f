"""The verb says how much it saved."""

from mmseg_ros import cli
from mmseg_ros.bag.typestore import message_class, typestore
from mmseg_ros.bag.writer import BagWriter

STRING = 'std_msgs/msg/String'


def test_rescues_a_cut_file(tmp_path, capsys):
    data = bytes(typestore().serialize_cdr(message_class(STRING)('x' * 400_000), STRING))
    with BagWriter(tmp_path / 'b') as bag:
        for i in range(10):
            bag.write_raw('/a', STRING, i * 10**8, data)
    storage = next((tmp_path / 'b').glob('*.mcap'))
    storage.write_bytes(storage.read_bytes()[:-1_500_000])
    assert cli.main(['inspect', str(tmp_path / 'b')]) == 1
    assert 'mmseg_ros repair' in capsys.readouterr().err
    assert cli.main(['repair', str(tmp_path / 'b'), str(tmp_path / 'saved')]) == 0
    assert '6 messages on 1 topics, 0.5 s' in capsys.readouterr().out
