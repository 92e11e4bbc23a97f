import pytest
import torch
from torch import nn
from torch.nn import functional

from mmseg_models.segmentation_model import SegmentationModel
from mmseg_ros.core.labels import LabelClass, LabelSpace
from mmseg_ros.inference.manifest import Manifest, ModalitySpec

NAMES = ('rgb', 'depth', 'lidar')
SIZE = (32, 64)
STATISTICS = {'rgb': (0.4, 0.2), 'depth': (0.5, 0.3), 'lidar': (0.1, 0.4)}


class SmallModel(SegmentationModel):
    """Two layers per modality; `private` gives each modality weights of its own."""

    def __init__(self, modalities=NAMES, num_classes=5, private=False):
        super().__init__(modalities, num_classes, size_divisor=4)
        self.private = private
        count = len(modalities) if private else 1
        self.stems = nn.ModuleList(nn.Conv2d(3, 16, 5, 4, 2) for _ in range(count))
        self.expand = nn.Linear(16, 64)
        self.head = nn.Linear(64, num_classes)

    def segment(self, x_SCHW, presence):
        if self.private:
            stems = [self.stems[i] for i in presence.members]
            parts = [stem(x) for stem, x in zip(stems, presence.split(x_SCHW), strict=True)]
            x_SCHW = torch.cat(parts)
        else:
            x_SCHW = self.stems[0](x_SCHW)
        x_BCHW = presence.renormalized(functional.relu(x_SCHW)).sum(dim=0)
        x_BHWC = functional.gelu(self.expand(x_BCHW.permute(0, 2, 3, 1)))
        return self.head(x_BHWC).permute(0, 3, 1, 2)


@pytest.fixture
def small_model():
    """Return a maker of networks whose random weights are always the same."""

    def make(**options):
        torch.manual_seed(0)
        return SmallModel(**options).eval()

    return make


def manifest_of(modalities=NAMES, height=SIZE[0], width=SIZE[1], num_classes=5):
    """Return the manifest of such a network."""
    classes = tuple(LabelClass(i, f'c{i}', (i, i, i), '') for i in range(num_classes))
    specs = tuple(
        ModalitySpec(name, 'rgb', (STATISTICS[name][0],) * 3, (STATISTICS[name][1],) * 3)
        for name in modalities
    )
    return Manifest(
        name='small',
        model='small',
        model_options={'rank': 8},
        modalities=specs,
        height=height,
        width=width,
        label_space=LabelSpace('five', classes, 255),
        precision='fp32',
        training={'steps': 3},
        metrics={'all': {'miou': 0.25}},
        licence='Apache-2.0',
    )


@pytest.fixture
def manifest():
    """Return a maker of manifests for such a network."""
    return manifest_of
