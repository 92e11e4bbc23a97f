"""The same moment through each shipped network, and what is not shipped said."""

from types import SimpleNamespace

import pytest

from mmseg_ros.core.errors import BundleError
from mmseg_ros.core.resources import DEFAULT_BUNDLE
from mmseg_ros.core.types import CloseReason, FrameSet
from mmseg_ros.demo import systems


@pytest.fixture
def moment(sensor_samples):
    newest = {sample.modality: sample for sample in sensor_samples[:4]}
    stamp_ns = newest['rgb'].stamp_ns
    frame_set = FrameSet('rgb', stamp_ns, newest, tuple(newest), CloseReason.COMPLETE)
    return SimpleNamespace(frame_set=frame_set)


def test_the_default_stands_for_its_model_and_each_model_is_there_once():
    found = systems.shipped_systems(DEFAULT_BUNDLE)
    assert found['stitchfusion'] == DEFAULT_BUNDLE
    assert set(found) == set(systems.MODELS), 'a bundle of each is shipped'


def test_each_has_a_picture_with_its_legend(moment, rig, make_bundle, monkeypatch):
    bundle = make_bundle()
    monkeypatch.setattr(systems, 'shipped_systems', lambda _: {'mle_sam': str(bundle.path)})
    section = systems.systems_section(moment, rig, 'x')
    (figure,) = section.blocks
    assert figure.caption.startswith('MLE-SAM')
    assert '<img' in figure.pictures[0][1]
    assert 'No bundle is shipped of StitchFusion, GeminiFusion.' in section.text


def test_one_that_cannot_run_says_why_and_the_others_are_shown(
    moment, rig, make_bundle, monkeypatch
):
    bundle = make_bundle()

    def load(name):
        if name == 'broken':
            raise BundleError('damaged')
        return bundle

    monkeypatch.setattr(systems, 'load_bundle', load)
    both = {'geminifusion': 'broken', 'stitchfusion': 'whole'}
    monkeypatch.setattr(systems, 'shipped_systems', lambda _: both)
    first, second = systems.systems_section(moment, rig, 'x').blocks
    assert first.caption.endswith('did not run: damaged')
    assert second.pictures
