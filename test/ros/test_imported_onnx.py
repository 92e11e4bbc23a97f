"""An ONNX file of others, imported with the command line, labels live camera images."""

import warnings

import numpy as np
import pytest
from sensor_msgs.msg import Image

from mmseg_ros.cli import main
from mmseg_ros.messages import decode_image, stamp_ns

torch = pytest.importorskip('torch')
pytestmark = pytest.mark.ros

LABELS = '/mmseg/labels'
HEIGHT, WIDTH, CLASSES = 48, 80, 19
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.fixture
def network():
    """Return a network as others have them: normalized images in, coarse logits out."""
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(3, CLASSES, 7, 4, 3)
    torch.nn.init.normal_(layer.weight, std=0.3)  # every class wins somewhere
    return layer.eval()


@pytest.fixture
def bundle(network, tmp_path):
    """Return the folder that `import-onnx` made of it."""
    path = tmp_path / 'theirs.onnx'
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, HEIGHT, WIDTH),),
            str(path),
            input_names=['image'],
            output_names=['logits'],
            opset_version=17,
            dynamo=False,
        )
    command = ['import-onnx', str(path), '--modalities', 'rgb', '--labels', 'cityscapes']
    command += ['--mean', *map(str, MEAN), '--std', *map(str, STD)]
    assert main([*command, '--output', str(tmp_path / 'bundle')]) == 0
    return tmp_path / 'bundle'


def expected(network, pixels):
    """Return the class of each pixel as the network says it by itself."""
    x = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    x = (x - torch.tensor(MEAN)[None, :, None, None]) / torch.tensor(STD)[None, :, None, None]
    with torch.inference_mode():
        logits = torch.nn.functional.interpolate(network(x), (HEIGHT, WIDTH), mode='bilinear')
    return logits.argmax(1)[0].numpy()


def test_live_labels_are_those_of_the_network(make_node, sensors, listener, network, bundle):
    sent = {}

    def remember(topic, message):
        if topic == 'rgb/image_raw':
            sent[stamp_ns(message.header)] = decode_image(message).pixels.copy()
        return message

    node = make_node(bundle=str(bundle), model__backend='onnxruntime')
    assert node.state_label == 'active'
    listener.listen(Image, LABELS)
    messages = listener.messages[LABELS]
    assert sensors.play_until(['rgb'], lambda: len(messages) >= 3, 60.0, remember)
    for message in messages:
        labels = np.frombuffer(bytes(message.data), np.uint8).reshape(HEIGHT, WIDTH)
        truth = expected(network, sent[stamp_ns(message.header)])
        assert len(np.unique(truth)) > 10
        assert (labels == truth).mean() > 0.99
