import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_ros.sim.referring import Expression, make_expressions
from mmseg_ros.sim.visible_objects import VisibleObject, find_visible
from mmseg_ros.sim.world.stage import SceneObject

SHAPE = (100, 200)


def _visible_object(instance, noun, x, depth_m, color='', moving=False, pixels=400):
    u = int(x * 200)
    box = (max(u - 8, 0), 40, min(u + 8, 199), 60)
    return VisibleObject(instance, noun, 9, color, moving, pixels, (x, 0.5), box, depth_m)


def _sentences(visible, seed=0):
    made = make_expressions(visible, SHAPE, np.random.default_rng(seed), 20)
    return {item.target.instance: item.sentence for item in made}


def _ever(visible, instance):
    return {_sentences(visible, seed).get(instance) for seed in range(30)} - {None}


def test_a_single_thing_needs_its_noun_alone():
    assert 'the bus' in _ever([_visible_object(0, 'bus', 0.5, 20.0)], 0)


def test_properties_single_out():
    street = [
        _visible_object(0, 'car', 0.2, 10.0, 'red'),
        _visible_object(1, 'car', 0.8, 30.0, 'blue', moving=True),
    ]
    said = _ever(street, 0)
    assert {'the red car', 'the closest car', 'the car on the left', 'the parked car'} <= said
    assert 'the car' not in said
    assert 'the moving car' in _ever(street, 1)


def test_relations_to_landmarks():
    street = [
        _visible_object(0, 'bus', 0.5, 20.0),
        _visible_object(1, 'car', 0.51, 32.0, 'red'),
        _visible_object(2, 'car', 0.52, 12.0, 'red'),
        _visible_object(3, 'car', 0.1, 20.0, 'red'),
    ]
    assert 'the car behind the bus' in _ever(street, 1)
    assert 'the car in front of the bus' in _ever(street, 2)
    assert 'the car left of the bus' in _ever(street, 3)


def test_twins_get_no_sentence_and_similar_colors_do_not_count():
    twins = [_visible_object(k, 'car', 0.5, 10.0, 'red') for k in (0, 1)]
    assert _sentences(twins) == {}
    similar = [
        _visible_object(0, 'car', 0.5, 10.0, 'white'),
        _visible_object(1, 'car', 0.5, 10.0, 'silver'),
    ]
    assert _sentences(similar) == {}


def test_tiny_things_distract_but_are_not_asked_for():
    street = [_visible_object(0, 'dog', 0.5, 10.0), _visible_object(1, 'dog', 0.5, 10.0, pixels=2)]
    assert _sentences(street) == {}


_things = st.builds(
    _visible_object,
    st.just(0),
    st.sampled_from(['car', 'van', 'bus', 'person', 'rider']),
    st.floats(0.0, 1.0),
    st.floats(3.0, 60.0),
    st.sampled_from(['red', 'blue', 'white', 'black']),
    st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_things, min_size=1, max_size=7), st.integers(0, 5))
def test_no_sentence_is_said_of_two_objects(things, seed):
    street = [
        VisibleObject(
            k, t.noun, t.class_id, t.color, t.moving, t.pixels, t.center, t.box, t.depth_m
        )
        for k, t in enumerate(things)
    ]
    by_sentence = {}
    for attempt in range(4):
        for instance, sentence in _sentences(street, seed * 10 + attempt).items():
            assert by_sentence.setdefault(sentence, instance) == instance


def test_sightings_and_masks_come_from_the_truth_images():
    objects = [SceneObject(0, 'sedan', 'red', True), SceneObject(1, 'street lamp')]
    instances = np.full(SHAPE, -1, np.int32)
    labels = np.full(SHAPE, 6, np.uint8)
    instances[10:20, 30:50], labels[10:20, 30:50] = 0, 9
    instances[5:60, 100:104], labels[5:60, 100:104] = 1, 4
    depth = np.full(SHAPE, 12.0, np.float32)
    car, lamp = find_visible(objects, labels, instances, depth)
    assert (car.noun, car.pixels, car.box, car.depth_m) == ('car', 200, (30, 10, 49, 19), 12.0)
    assert lamp.class_id == 4
    mask = Expression('the car', car).mask(labels, instances)
    assert mask.sum() == 200
    assert mask[10:20, 30:50].all()
