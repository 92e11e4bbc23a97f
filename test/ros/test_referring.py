"""Text prompts over rclpy: masks that follow them, what is rejected, what none costs."""

import subprocess
import sys
import threading

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import String

from mmseg_ros.cli import main
from mmseg_ros.core.errors import BackendError
from mmseg_ros.messages import decode_cloud, decode_image, stamp_ns
from mmseg_ros.ros import referring_node
from mmseg_ros.ros.conversions import header_of, image_message

pytestmark = pytest.mark.ros
MASK, OVERLAY, POINTS = (f'/mmseg/referring/{name}' for name in ('mask', 'overlay', 'points'))
LABELS = '/mmseg/labels'
CAMERA_AND_LIDAR = ('rgb', 'lidar')


class Speaker:
    """Says sentences to the node while the sensors run; its camera sees red left, blue right."""

    def __init__(self, sensors, listener):
        self.sensors, self.listener = sensors, listener
        self.graph = sensors.graph
        self.stamps = []
        self.publisher = listener.node.create_publisher(String, '/mmseg/referring/expression', 10)

    def say(self, text):
        assert self.graph.spin_until(self.publisher.get_subscription_count)
        self.publisher.publish(String(data=text))

    def run(self, done, timeout_s=60.0, modalities=CAMERA_AND_LIDAR):
        return self.sensors.play_until(modalities, done, timeout_s, self.two_colors)

    def two_colors(self, topic, message):
        if topic != 'rgb/image_raw':
            return message
        # A camera whose image never changes would be taken for a frozen one.
        shape = (message.height, message.width, 3)
        pixels = self.sensors.random.integers(0, 20, shape, np.uint8)
        pixels[:, : message.width // 2, 0] = 250
        pixels[:, message.width // 2 :, 2] = 250
        stamp = stamp_ns(message.header)
        self.stamps.append(stamp)
        return image_message(header_of(stamp, 'camera_optical'), pixels, 'rgb8')

    def sides(self, message):
        """Return which halves of the image a mask covers."""
        pixels = decode_image(message).pixels
        assert set(np.unique(pixels)) <= {0, 255}
        half = pixels.shape[1] // 2
        return {
            name
            for name, part in (('left', pixels[:, : half - 1]), ('right', pixels[:, half + 1 :]))
            if (part == 255).mean() > 0.9
        }

    def saw(self, *sides):
        """Wait for a mask of these halves."""
        masks = self.listener.messages[MASK]
        found = self.run(lambda: masks and self.sides(masks[-1]) == set(sides))
        return found or pytest.fail(f'{len(masks)} masks; {self.status()}')

    def status(self):
        """Return (level, message, values) of the last report."""
        arrays = self.listener.messages['/diagnostics']
        for array in reversed(arrays):
            for status in array.status:
                if status.name == 'mmseg: referring':
                    return status.level, status.message, {v.key: v.value for v in status.values}
        return b'', '', {}


@pytest.fixture
def speaker(sensors, listener):
    listener.listen(DiagnosticArray, '/diagnostics')
    listener.listen(Image, MASK)
    return Speaker(sensors, listener)


@pytest.fixture
def node(make_node, make_referring_bundle):
    return make_node(
        referring__bundle=str(make_referring_bundle().path), referring__backend='onnxruntime'
    )


def test_the_mask_follows_the_sentence_and_ends_with_it(speaker, node, listener):
    listener.listen(Image, LABELS)
    listener.listen(Image, OVERLAY)
    listener.listen(PointCloud2, POINTS)
    speaker.say('the red car')
    assert speaker.saw('left')
    mask = listener.messages[MASK][-1]
    assert (mask.encoding, mask.header.frame_id) == ('mono8', 'camera_optical')
    assert stamp_ns(mask.header) in speaker.stamps
    speaker.say('the BLUE car on the right')
    assert speaker.saw('right')
    speaker.say('the blue car; red')
    assert speaker.saw('left', 'right')
    assert speaker.run(lambda: node.session.referring.segmenter.encoded == 4)
    overlay = decode_image(listener.messages[OVERLAY][-1]).pixels
    assert not np.array_equal(overlay[5, 5], [250, 10, 10])
    speaker.say('')
    assert speaker.run(lambda: speaker.status()[1] == 'no expression')
    masks, labels = len(listener.messages[MASK]), len(listener.messages[LABELS])
    assert speaker.run(lambda: len(listener.messages[LABELS]) > labels + 3)
    assert len(listener.messages[MASK]) == masks


def test_the_verb_say_reaches_the_node(speaker, node):
    command = [sys.executable, '-m', 'mmseg_ros', 'prompt', 'the red car', '--wait', '60']
    child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert speaker.run(lambda: child.poll() is not None)
    _, said = child.communicate()
    assert child.returncode == 0, said
    assert speaker.saw('left')


def test_the_verb_say_misses_a_node_that_is_not_there(capsys):
    assert main(['prompt', 'red', '--node', '/nobody', '--wait', '0.2']) == 1
    assert 'Nobody listens to /nobody/referring/expression' in capsys.readouterr().err


def test_points_are_those_that_are_meant(speaker, node, listener):
    listener.listen(PointCloud2, POINTS)
    listener.listen(PointCloud2, '/mmseg/points')
    speaker.say('the red car')
    assert speaker.saw('left')
    assert speaker.run(lambda: listener.messages[POINTS] and listener.messages['/mmseg/points'])
    meant = decode_cloud(listener.messages[POINTS][-1])
    assert listener.messages[POINTS][-1].header.frame_id == 'lidar'
    assert {'x', 'y', 'z', 'intensity', 'label', 'confidence', 'rgb'} <= set(
        meant.points.dtype.names
    )
    whole = decode_cloud(listener.messages['/mmseg/points'][-1])
    assert 0 < len(meant.points) < len(whole.points)
    assert (meant.points['y'] > 0).mean() > 0.9  # left of the vehicle
    assert (meant.points['label'] == 0).all()


def test_without_an_expression_nothing_is_loaded_and_nothing_runs(
    speaker, node, listener, monkeypatch
):
    monkeypatch.setattr(referring_node, 'load_segmenter', lambda *_: pytest.fail('loaded'))
    listener.listen(Image, LABELS)
    assert speaker.run(lambda: len(listener.messages[LABELS]) >= 5)
    referring = node.session.referring
    assert referring.segmenter is None
    assert referring.slot.dropped == 0
    assert not [t for t in threading.enumerate() if t.name == 'mmseg_referring']
    assert speaker.status()[1] == 'no expression'
    assert not listener.messages[MASK]


def test_the_camera_is_received_once(speaker, node, listener):
    speaker.say('red')
    assert speaker.saw('left')
    assert listener.node.count_subscribers('/rgb/image_raw') == 1
    assert node.stream.intake.received['rgb'] <= len(speaker.stamps)


def test_a_sentence_that_comes_again_is_not_encoded_again(speaker, node):
    for sentence, side in (('red', 'left'), ('blue', 'right'), ('red', 'left')):
        speaker.say(sentence)
        assert speaker.saw(side)
        speaker.say(sentence)
    assert node.session.referring.segmenter.encoded == 2


@pytest.mark.parametrize(
    ('expression', 'reason'),
    [
        ('zeppelin', "No word of the text prompt is in the vocabulary: 'zeppelin'"),
        ('\x01\x02', 'holds no word'),
        ('red ' * (1 << 18), '1048576 characters'),
        (';'.join(f'red {i}' for i in range(9)), 'at most 8'),
        ('red; zeppelin', "'zeppelin'"),
    ],
)
def test_what_cannot_be_meant_is_rejected_and_ends_what_was(speaker, node, expression, reason):
    speaker.say('red')
    assert speaker.saw('left')
    speaker.say(expression)
    assert speaker.run(lambda: reason in speaker.status()[1])
    level, text, values = speaker.status()
    assert level == b'\x02'
    assert text.startswith('rejected: ')
    assert values['expression'] == ''
    speaker.say('blue')
    assert speaker.saw('right')
    assert speaker.run(lambda: speaker.status()[0] == b'\x00')


def test_what_is_cut_or_unknown_is_answered_and_told(speaker, node):
    speaker.say('the red zeppelin on the left of the car on the left')
    assert speaker.saw('left')
    assert speaker.run(lambda: "left out: 'of the car on the left'" in speaker.status()[1])
    assert speaker.status()[0] == b'\x01'
    assert "'zeppelin'" in speaker.status()[1]


def test_a_missing_bundle_is_told_and_labels_go_on(speaker, make_node, listener):
    make_node(referring__bundle='no-such-bundle')
    listener.listen(Image, LABELS)
    speaker.say('red')
    assert speaker.run(lambda: 'no-such-bundle' in speaker.status()[1])
    assert speaker.status()[2]['state'] == 'failed'
    before = len(listener.messages[LABELS])
    assert speaker.run(lambda: len(listener.messages[LABELS]) > before + 2)


def test_without_their_library_text_prompts_are_answered_and_labels_go_on(
    speaker, make_node, listener, monkeypatch
):
    monkeypatch.setitem(sys.modules, 'tokenizers', None)
    node = make_node()
    listener.listen(Image, LABELS)
    assert speaker.run(lambda: speaker.status()[2].get('state') == 'unavailable')
    assert speaker.status()[0] == b'\x00'
    speaker.say('red')
    assert speaker.run(lambda: speaker.status()[0] == b'\x02')
    assert 'pip install tokenizers' in speaker.status()[1]
    assert node.session.referring.sentences == ()
    before = len(listener.messages[LABELS])
    assert speaker.run(lambda: len(listener.messages[LABELS]) > before + 2)
    speaker.say('')
    assert speaker.run(lambda: speaker.status()[0] == b'\x00')


@pytest.mark.parametrize('error', [BackendError('out of memory'), ZeroDivisionError('nought')])
def test_an_image_that_fails_is_told_and_the_next_is_answered(speaker, node, monkeypatch, error):
    speaker.say('red')
    assert speaker.saw('left')

    def fail(*_):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(node.session.referring.segmenter, 'segment', fail)
        assert speaker.run(lambda: str(error) in speaker.status()[1])
    speaker.say('blue')
    assert speaker.saw('right')


def test_a_slow_network_answers_the_newest_and_labels_do_not_wait(
    speaker, node, listener, monkeypatch
):
    listener.listen(Image, LABELS)
    speaker.say('red')
    assert speaker.saw('left')
    referring = node.session.referring
    segment = referring.segmenter.segment
    gate = threading.Event()

    def slow(*arguments):
        gate.wait(1.0)
        return segment(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(referring.segmenter, 'segment', slow)
        masks, labels = len(listener.messages[MASK]), len(listener.messages[LABELS])
        assert speaker.run(lambda: len(listener.messages[MASK]) >= masks + 2)
        assert len(listener.messages[LABELS]) - labels > len(listener.messages[MASK]) - masks
        gate.set()
    assert referring.slot.dropped >= 1
    stamps = [stamp_ns(m.header) for m in listener.messages[MASK]]
    assert stamps == sorted(stamps)


def test_nobody_listening_means_no_inference(sensors, make_node, make_referring_bundle, graph):
    from rclpy.node import Node

    node = make_node(
        referring__bundle=str(make_referring_bundle().path), referring__backend='onnxruntime'
    )
    publisher = graph.add(Node('mouth', context=graph.context)).create_publisher(
        String, '/mmseg/referring/expression', 10
    )
    assert graph.spin_until(publisher.get_subscription_count)
    publisher.publish(String(data='red'))
    assert sensors.play_until(('rgb',), lambda: node.session.referring.idle >= 2)
    assert node.session.referring.published == 0


def test_without_a_camera_there_is_no_mask_and_with_it_there_is(speaker, node, listener):
    speaker.say('red')
    assert speaker.run(lambda: node.session.referring.sentences, modalities=('lidar',))
    listener.listen(Image, LABELS)

    def labelled():
        info = speaker.sensors.camera_info('rgb', speaker.sensors.now_ns())
        speaker.sensors.publisher('rgb/camera_info').publish(info)
        return len(listener.messages[LABELS]) > 2

    assert speaker.run(labelled, modalities=('lidar',))
    assert not listener.messages[MASK]
    assert speaker.saw('left')


def test_deactivating_forgets_the_expression_and_ends_the_thread(speaker, node):
    speaker.say('red')
    assert speaker.saw('left')
    node.trigger_deactivate()
    assert node.session.referring.sentences == ()
    assert not [t for t in threading.enumerate() if t.name == 'mmseg_referring']
    node.trigger_activate()
    speaker.say('blue')
    assert speaker.saw('right')
    assert node.session.referring.segmenter.encoded == 2
