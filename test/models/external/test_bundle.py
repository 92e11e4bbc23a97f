"""A bundle of an ONNX file answers as the network does, or is rejected with the reason."""

import warnings

import numpy as np
import onnx
import pytest
import torch
from torch import nn
from torch.nn import functional

from mmseg_models.export.deployed import bundled_model
from mmseg_models.external.bundle import ExternalOptions, import_onnx
from mmseg_ros.core.errors import BundleError
from mmseg_ros.core.labels import LabelClass, LabelSpace
from mmseg_ros.inference.backend import create_backend

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLASSES, HEIGHT, WIDTH = 5, 32, 48


def label_space(classes=CLASSES, ignore_id=255):
    entries = tuple(LabelClass(i, f'c{i}', (i, 2 * i, 3 * i), '') for i in range(classes))
    return LabelSpace('some', entries, ignore_id)


class Net(nn.Module):
    """One strided convolution, and the end that the test asks for."""

    def __init__(self, channels=3, classes=CLASSES, stride=4, end=None, last=False, gain=0.3):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(channels, classes, 7, stride, 3)
        nn.init.normal_(self.conv.weight, std=gain)  # every class wins somewhere
        self.end, self.last = end, last

    def forward(self, *images):
        x = torch.cat([image.float() for image in images], dim=3 if self.last else 1)
        x = self.conv(x.permute(0, 3, 1, 2) if self.last else x)
        return self.end(x) if self.end else x


@pytest.fixture
def save(tmp_path):
    """Return a function that exports a network as people do."""

    def write(net, *examples, outputs=('out',), opset=17, **options):
        path = tmp_path / 'theirs.onnx'
        names = [f'input_{i}' for i in range(len(examples))]
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            torch.onnx.export(
                net.eval(),
                examples,
                str(path),
                input_names=names,
                output_names=list(outputs),
                opset_version=opset,
                dynamo=False,
                **options,
            )
        return path

    return write


@pytest.fixture
def images():
    """Return two modalities of smooth noise, 2 x H x W x 3 uint8."""
    rng = np.random.default_rng(3)
    small = torch.from_numpy(rng.uniform(0, 255, (2, 3, 4, 6)).astype(np.float32))
    large = functional.interpolate(small, (HEIGHT, WIDTH), mode='bilinear')
    return large.permute(0, 2, 3, 1).round().to(torch.uint8).numpy()


def options(modalities=('rgb',), mean=MEAN, std=STD, **rest):
    rest.setdefault('label_space', label_space())
    return ExternalOptions(modalities=modalities, mean=mean, std=std, **rest)


def answers(bundle, images, available=None):
    backend = create_backend('onnxruntime')
    backend.load(bundle)
    there = np.ones(len(images), bool) if available is None else np.array(available)
    try:
        return backend.infer(images, there)
    finally:
        backend.close()


def normal(images, mean=MEAN, std=STD):
    """Return M x 3 x H x W, normalized."""
    x = (torch.from_numpy(images).float() / 255 - torch.tensor(mean)) / torch.tensor(std)
    return x.permute(0, 3, 1, 2)


def expected(logits):
    """Return labels and confidence at full size, as torch has them."""
    full = functional.interpolate(logits, (HEIGHT, WIDTH), mode='bilinear')[0]
    best, labels = full.softmax(dim=0).max(dim=0)
    return labels.numpy(), (255 * best).numpy()


def require_equal(found, logits):
    labels, confidence = expected(logits)
    assert len(np.unique(labels)) > 1
    assert (found.labels == labels).mean() > 0.995
    same = found.labels == labels
    assert np.abs(found.confidence - confidence)[same].max() <= 1.01


@pytest.mark.parametrize('opset', [11, 13, 17, 18, 20])
@pytest.mark.parametrize('stride', [1, 4, 8])
def test_logits_of_any_stride_and_opset(save, images, tmp_path, opset, stride):
    net = Net(stride=stride)
    file = save(net, torch.zeros(1, 3, HEIGHT, WIDTH), opset=opset)
    bundle = import_onnx(file, options(), tmp_path / 'b', 'theirs')
    assert bundle.manifest.modality_names == ('rgb',)
    assert bundle.manifest.modalities[0].mean == pytest.approx(MEAN)
    with torch.no_grad():
        require_equal(answers(bundle, images[:1]), net(normal(images[:1])))


def test_open_sizes_take_those_asked_for(save, images, tmp_path):
    net = Net()
    axes = {'input_0': {0: 'n', 2: 'h', 3: 'w'}, 'out': {0: 'n', 2: 'h', 3: 'w'}}
    file = save(net, torch.zeros(1, 3, 64, 64), dynamic_axes=axes)
    with pytest.raises(BundleError, match='--height'):
        import_onnx(file, options(), tmp_path / 'b', 'theirs')
    bundle = import_onnx(file, options(height=HEIGHT, width=WIDTH), tmp_path / 'b', 'theirs')
    assert (bundle.manifest.height, bundle.manifest.width) == (HEIGHT, WIDTH)
    with torch.no_grad():
        require_equal(answers(bundle, images[:1]), net(normal(images[:1])))


def test_bytes_with_channels_last_are_given_as_they_are(save, images, tmp_path):
    net = Net(last=True, gain=0.003)
    file = save(net, torch.zeros(1, HEIGHT, WIDTH, 3, dtype=torch.uint8))
    with pytest.raises(BundleError, match='leave --mean'):
        import_onnx(file, options(), tmp_path / 'b', 'theirs')
    bundle = import_onnx(file, options(mean=(), std=()), tmp_path / 'b', 'theirs')
    with torch.no_grad():
        require_equal(answers(bundle, images[:1]), net(torch.from_numpy(images[:1])))


def test_classes_last_bgr_and_statistics_of_bytes(save, images, tmp_path):
    net = Net(end=lambda x: x.permute(0, 2, 3, 1))
    file = save(net, torch.zeros(1, 3, HEIGHT, WIDTH))
    mean, std = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)
    with pytest.raises(BundleError, match='--range 255'):
        import_onnx(file, options(mean=mean, std=std), tmp_path / 'b', 'theirs')
    given = options(mean=mean, std=std, pixel_range=255.0, bgr=True)
    bundle = import_onnx(file, given, tmp_path / 'b', 'theirs')
    assert bundle.manifest.modalities[0].mean == pytest.approx(MEAN)
    with torch.no_grad():
        scores = net(normal(images[:1]).flip(1)).permute(0, 3, 1, 2)
    require_equal(answers(bundle, images[:1]), scores)


def test_probabilities_keep_their_confidence(save, images, tmp_path):
    net = Net(stride=1, end=nn.Softmax(dim=1))
    file = save(net, torch.zeros(1, 3, HEIGHT, WIDTH))
    bundle = import_onnx(file, options(), tmp_path / 'b', 'theirs')
    with torch.no_grad():
        require_equal(answers(bundle, images[:1]), net.conv(normal(images[:1])))


@pytest.mark.parametrize('end', [None, nn.Sigmoid()])
def test_one_channel_scores_the_second_of_two_classes(save, images, tmp_path, end):
    net = Net(classes=1, stride=1, end=end)
    file = save(net, torch.zeros(1, 3, HEIGHT, WIDTH))
    given = options(label_space=label_space(2))
    bundle = import_onnx(file, given, tmp_path / 'b', 'theirs')
    with torch.no_grad():
        score = net.conv(normal(images[:1]))
    require_equal(answers(bundle, images[:1]), torch.cat([torch.zeros_like(score), score], 1))


@pytest.mark.parametrize('keep', [False, True])
def test_labels_alone_are_certain(save, images, tmp_path, keep):
    net = Net(end=lambda x: x.argmax(dim=1, keepdim=keep))
    file = save(net, torch.zeros(1, 3, HEIGHT, WIDTH))
    space = label_space(CLASSES - 1, ignore_id=200)
    bundle = import_onnx(file, options(label_space=space), tmp_path / 'b', 'theirs')
    found = answers(bundle, images[:1])
    with torch.no_grad():
        small = net.conv(normal(images[:1])).argmax(dim=1)[0].numpy()
    labels = small.repeat(4, axis=0).repeat(4, axis=1)
    assert len(np.unique(labels)) > 2
    assert (labels == CLASSES - 1).any()  # of no class in this space
    np.testing.assert_array_equal(found.labels, np.where(labels == CLASSES - 1, 200, labels))
    np.testing.assert_array_equal(found.confidence == 255, labels < CLASSES - 1)


@pytest.mark.parametrize('layout', ['two inputs', 'six channels', 'four channels'])
def test_two_modalities(save, images, tmp_path, layout):
    channels = {'two inputs': (3, 3), 'six channels': (6,), 'four channels': (4,)}[layout]
    net = Net(channels=sum(channels))
    file = save(net, *(torch.zeros(1, count, HEIGHT, WIDTH) for count in channels))
    given = options(('rgb', 'thermal'), mean=MEAN + (0.5,) * 3, std=STD + (0.25,) * 3)
    bundle = import_onnx(file, given, tmp_path / 'b', 'theirs')
    first = normal(images[:1])
    second = normal(images[1:], (0.5,) * 3, (0.25,) * 3)[:, : sum(channels) - 3]
    with torch.no_grad():
        logits = net(torch.cat([first, second], dim=1))
    require_equal(answers(bundle, images), logits)
    other = images.copy()
    other[1] = 255 - other[1]
    one, two = (answers(bundle, value, (True, False)) for value in (images, other))
    np.testing.assert_array_equal(one.labels, two.labels)
    np.testing.assert_array_equal(one.confidence, two.confidence)


def test_half_precision(save, images, tmp_path):
    net = Net()
    file = save(net, torch.zeros(1, 3, HEIGHT, WIDTH))
    model = onnx.load(file)
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    for node in model.graph.node:
        if node.op_type == 'Cast':
            node.attribute[0].i = onnx.TensorProto.FLOAT16
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT16
    del model.graph.value_info[:]
    onnx.save(model, file)
    bundle = import_onnx(file, options(), tmp_path / 'b', 'theirs')
    assert bundle.manifest.precision == 'fp16'
    with torch.no_grad():
        labels, _ = expected(net(normal(images[:1])))
    assert (answers(bundle, images[:1]).labels == labels).mean() > 0.98


def test_an_output_is_chosen_by_name_where_several_fit(save, images, tmp_path):
    net = Net(end=lambda x: (x, -x))
    file = save(net, torch.zeros(1, 3, HEIGHT, WIDTH), outputs=('main', 'aux'))
    with pytest.raises(BundleError, match=r'main, aux all fit.*--output-name'):
        import_onnx(file, options(), tmp_path / 'b', 'theirs')
    bundle = import_onnx(file, options(output_name='aux'), tmp_path / 'b', 'theirs')
    with torch.no_grad():
        require_equal(answers(bundle, images[:1]), -net.conv(normal(images[:1])))


def test_not_a_number_is_marked(save, images, tmp_path):
    net = Net(stride=1, end=lambda x: torch.sqrt(x))
    file = save(net, torch.zeros(1, 3, HEIGHT, WIDTH))
    with torch.no_grad():
        bad = net(normal(images[:1])).isnan().any(dim=1)[0].numpy()
    assert 0 < bad.mean() < 1
    bundle = import_onnx(file, options(), tmp_path / 'b', 'theirs')
    found = answers(bundle, images[:1])
    assert (found.labels[found.confidence == 0] == 255).all()
    assert (found.confidence[~bad] > 0).all()


@pytest.mark.parametrize(
    ('example', 'given', 'reason'),
    [
        ((2, 3, 32, 48), {}, 'takes 2 images at once'),
        ((1, 5, 32, 48), {}, 'has neither 1 nor 3 channels'),
        ((1, 3, 32, 48), {'label_space': label_space(7)}, 'neither axis of classes has 7'),
        ((1, 3, 32, 48), {'modalities': ('rgb', 'depth')}, 'channels'),
        ((1, 3, 32, 48), {'height': 64}, 'has height 32, not 64'),
        ((1, 3, 32, 48), {'input_names': ('image',)}, 'has no input image; it has input_0'),
        ((1, 3, 32, 48), {'output_name': 'y'}, "no output 'y'; it has out"),
        ((1, 3, 32, 48), {'mean': ()}, '--mean needs 3'),
        ((1, 3, 32, 48), {'std': (0.0, 1.0, 1.0)}, 'must be positive'),
        ((1, 3, 32, 48), {'encodings': ('magic',)}, 'No encoding magic'),
        ((1, 3, 32, 3), {}, 'may be NCHW or NHWC'),
    ],
)
def test_what_cannot_be_is_rejected_with_the_reason(save, tmp_path, example, given, reason):
    file = save(Net(channels=example[1]), torch.zeros(example))
    with pytest.raises(BundleError, match=reason):
        import_onnx(file, options(**given), tmp_path / 'b', 'theirs')
    assert not (tmp_path / 'b').exists()


def test_files_that_hold_no_network(tmp_path):
    for name, content in (('empty.onnx', b''), ('text.onnx', b'not a network at all')):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BundleError, match=name):
            import_onnx(tmp_path / name, options(), tmp_path / 'b', 'x')
    with pytest.raises(BundleError, match='There is no file'):
        import_onnx(tmp_path / 'absent.onnx', options(), tmp_path / 'b', 'x')


def test_there_are_no_weights_to_train_further(save, tmp_path):
    file = save(Net(), torch.zeros(1, 3, HEIGHT, WIDTH))
    bundle = import_onnx(file, options(), tmp_path / 'b', 'theirs')
    with pytest.raises(BundleError, match='holds no weights'):
        bundled_model(bundle)
