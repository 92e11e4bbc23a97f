from types import SimpleNamespace

import numpy as np
import pytest

from mmseg_ros.bag.faults import KINDS, Fault, FaultFilter, load_schedule
from mmseg_ros.core.errors import ConfigError


def _image(k):
    stamp = SimpleNamespace(sec=k // 10, nanosec=k % 10 * 100_000_000)
    header = SimpleNamespace(stamp=stamp, frame_id='camera')
    return SimpleNamespace(header=header, encoding='rgb8', data=bytes([k]))


def _stream(count=30):
    """Yield images at 10 Hz on /a, each followed by one on /b."""
    for k in range(count):
        for n, topic in enumerate(('/a', '/b')):
            yield topic, 1_000_000_000 + k * 100_000_000 + n * 1000, _image(k)


def _apply(*faults, seed=0):
    return list(FaultFilter(faults, seed).apply(_stream()))


def _of(result, topic):
    return [(stamp_ns, message) for name, stamp_ns, message in result if name == topic]


def test_without_faults_nothing_changes():
    got, sent = _apply(), list(_stream())
    assert [(t, s, m.data) for t, s, m in got] == [(t, s, m.data) for t, s, m in sent]


def test_drop_takes_one_topic_in_its_span():
    result = _apply(Fault(kind='drop', topic='/a', start_s=1.0, end_s=2.0))
    assert [m.data[0] for _, m in _of(result, '/a')] == [*range(10), *range(20, 30)]
    assert len(_of(result, '/b')) == 30


def test_drop_with_a_probability_is_seeded():
    def kept(seed):
        return [
            m.data
            for _, m in _of(
                _apply(Fault(kind='drop', topic='/a', probability=0.5), seed=seed), '/a'
            )
        ]

    assert kept(1) == kept(1) != kept(2)
    assert 5 < len(kept(1)) < 25


def test_delay_moves_the_receipt_and_keeps_the_stream_in_order():
    result = _apply(Fault(kind='delay', topic='/a', delay_s=0.25))
    stamps = [stamp_ns for _, stamp_ns, _ in result]
    assert stamps == sorted(stamps)
    assert _of(result, '/a')[0][0] == 1_250_000_000
    assert _of(result, '/a')[0][1].header.stamp.sec == 0


def test_freeze_repeats_the_content_under_new_stamps():
    result = _of(_apply(Fault(kind='freeze', topic='/a', start_s=1.0, end_s=2.0)), '/a')
    assert [m.data[0] for _, m in result] == [*range(11), *([10] * 9), *range(20, 30)]
    assert [m.header.stamp.nanosec for _, m in result[10:13]] == [0, 100_000_000, 200_000_000]


def test_duplicate_and_burst():
    doubled = _of(_apply(Fault(kind='duplicate', topic='/a', copies=2)), '/a')
    assert len(doubled) == 90
    burst = _of(_apply(Fault(kind='burst', topic='/a', period_s=1.0)), '/a')
    assert len({stamp_ns for stamp_ns, _ in burst}) <= 4
    assert len(burst) == 30


def test_clock_offset_shifts_headers_in_copies():
    sent = list(_stream())
    fault = Fault(kind='clock_offset', topic='/a', offset_s=-0.05, drift_s=0.01)
    result = list(FaultFilter([fault]).apply(sent))
    for (topic, _, before), (_, _, after) in zip(sent, result, strict=True):
        old, new = (m.header.stamp.sec + m.header.stamp.nanosec / 1e9 for m in (before, after))
        if topic == '/b' or old == 0:
            assert new == old
        else:
            assert new - old == pytest.approx(-0.05 + 0.01 * old, abs=1e-6)


def test_bad_encoding_spares_the_original():
    sent = list(_stream(2))
    result = list(FaultFilter([Fault(kind='bad_encoding', topic='/a')]).apply(sent))
    assert result[0][2].encoding == 'unknown42'
    assert sent[0][2].encoding == 'rgb8'
    field = SimpleNamespace(name='x')
    cloud = SimpleNamespace(header=sent[0][2].header, fields=[field])
    fault = Fault(kind='bad_encoding', topic='/*')
    ((_, _, faulty),) = FaultFilter([fault]).apply([('/c', 0, cloud)])
    assert (faulty.fields[0].name, field.name) == ('unknown42', 'x')


def test_wrong_calibration_turns_transforms_and_scales_focal_lengths():
    turn = SimpleNamespace(x=0.0, y=0.0, z=0.0, w=1.0)
    move = SimpleNamespace(x=1.0, y=2.0, z=3.0)
    items = [
        SimpleNamespace(
            child_frame_id=name, transform=SimpleNamespace(rotation=turn, translation=move)
        )
        for name in ('lidar', 'camera')
    ]
    fault = Fault(
        kind='wrong_calibration', topic='/*', frame_id='lidar', rotation_deg=(0, 0, 90),
        translation_m=(0.5, 0, 0), focal_scale=1.1,
    )  # fmt: skip
    info = SimpleNamespace(k=np.arange(9.0), p=np.arange(12.0), width=4)
    stream = [('/tf_static', 0, SimpleNamespace(transforms=items)), ('/info', 1, info)]
    (_, _, tf), (_, _, camera) = FaultFilter([fault]).apply(stream)
    faulty, spared = tf.transforms
    assert faulty.transform.rotation.z == pytest.approx(np.sqrt(0.5))
    assert faulty.transform.translation.x == 1.5
    assert spared is items[1]
    assert move.x == 1.0
    assert camera.k[4] == pytest.approx(4.4)
    assert camera.p[5] == pytest.approx(5.5)
    assert info.k[4] == 4.0


def test_schedules_are_read_and_mistakes_are_named(tmp_path):
    path = tmp_path / 'faults.yaml'
    path.write_text(
        'faults:\n- {kind: wrong_calibration, topic: /tf_static, rotation_deg: [0, 0, 5]}\n'
    )
    (fault,) = load_schedule(path)
    assert fault.rotation_deg == (0, 0, 5)
    for text, word in (
        ('faults: [{kind: drop}]', 'topic'),
        ('faults: [{kind: drop, topic: /a, sart_s: 3}]', 'sart_s'),
        ('faults: [{kind: melt, topic: /a}]', 'melt'),
        ('faults: [{kind: drop, topic: /a, start_s: 3, end_s: 2}]', 'start_s'),
        ('faults: [{kind: drop, topic: /a, probability: 3}]', 'probability'),
        ('nothing: 1', 'faults'),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=word):
            load_schedule(path)


@pytest.mark.parametrize('kind', KINDS)
def test_every_kind_runs_on_messages_without_headers(kind):
    result = list(FaultFilter([Fault(kind=kind, topic='*')]).apply([('/x', 5, b'raw')]))
    assert len(result) == {'drop': 0, 'duplicate': 2}.get(kind, 1)
