"""Models of an installed package: read from a catalog, and put into a street."""

import zipfile

import cv2
import numpy as np
import pytest

from mmseg_ros.core.errors import ConfigError, DatasetError
from mmseg_ros.core.labels import load_label_space
from mmseg_ros.sim.visible_objects import NOUNS
from mmseg_ros.sim.world import library
from mmseg_ros.sim.world.library import Entry, MeshLibrary, load_library
from mmseg_ros.sim.world.surfaces import SurfaceTable
from mmseg_ros.sim.world.sweethome import PROPERTIES, read_piece

OBJ = """mtllib cart.mtl
v 0 0 0
v 100 0 0
v 100 50 0
v 0 50 0
v 0 0 200
v 100 0 200
vt 0.25 0.75
vt 0.75 0.25
usemtl paint
f 1 2 3 4
usemtl image
f 1/1 2/1 6/1
f -6/2 -1/2 -2/2
"""
MTL = 'newmtl paint\nKd 0.5 0 1\nnewmtl image\nmap_Kd cart.png\n'


@pytest.fixture
def catalog(tmp_path):
    """A catalog with one model: 1 m wide (x), 2 m deep (z), 0.5 m high (y)."""
    image = np.zeros((16, 16, 3), np.uint8)
    image[:8, :8] = (0, 0, 255)  # upper left: red, in OpenCV's order
    image[8:, 8:] = (0, 255, 0)
    path = tmp_path / 'Shop.sh3f'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr(
            PROPERTIES,
            'id#1=a\nmodel#1=/shop/cart/cart.obj\nwidth#1=100\ndepth#1=200\nheight#1=50\n',
        )
        archive.writestr('shop/cart/cart.obj', OBJ)
        archive.writestr('shop/cart/cart.mtl', MTL)
        archive.writestr('shop/cart/cart.png', cv2.imencode('.png', image)[1].tobytes())
    return path


def test_a_model_stands_on_the_ground_with_its_front_ahead(catalog):
    piece = read_piece(catalog, 'cart')
    assert piece.size_m == (2.0, 1.0, 0.5)
    np.testing.assert_allclose(piece.vertices.min(0), [-1.0, -0.5, 0.0], atol=1e-9)
    np.testing.assert_allclose(piece.vertices.max(0), [1.0, 0.5, 0.5], atol=1e-9)
    # z = 200 cm of the file is the front, x = 100 cm its left.
    np.testing.assert_allclose(piece.vertices[5], [1.0, 0.5, 0.0], atol=1e-9)


def test_faces_are_cut_into_triangles_and_counted_from_either_end(catalog):
    faces = read_piece(catalog, 'cart').faces.tolist()
    assert faces == [[0, 1, 2], [0, 2, 3], [0, 1, 5], [0, 5, 4]]


def test_colors_come_from_the_material_or_its_image(catalog):
    colors = read_piece(catalog, 'cart').colors
    np.testing.assert_allclose(colors[0], [0.5, 0.0, 11 / 12], atol=0.05)
    np.testing.assert_allclose(colors[2], [11 / 12, 0, 0], atol=0.05)
    np.testing.assert_allclose(colors[3], [0, 11 / 12, 0], atol=0.05)


def test_a_real_height_scales_the_whole_model(catalog):
    assert read_piece(catalog, 'cart', 1.0).size_m == (4.0, 2.0, 1.0)


def test_what_cannot_be_read_is_named(catalog, tmp_path):
    with pytest.raises(DatasetError, match="no model 'plane'"):
        read_piece(catalog, 'plane')
    broken = tmp_path / 'broken.sh3f'
    broken.write_bytes(b'no zip')
    with pytest.raises(DatasetError, match='broken'):
        read_piece(broken, 'cart')
    with pytest.raises(DatasetError, match='gone'):
        read_piece(tmp_path / 'gone.sh3f', 'cart')


def test_models_are_taken_for_their_kinds_with_their_class(catalog):
    shop = MeshLibrary((Entry(catalog, 'cart', 'clutter', 'Dynamic', 0.0, 'me'),))
    rng, table = np.random.default_rng(0), SurfaceTable()
    taken = [shop.take(rng, table, 'clutter') for _ in range(40)]
    found = [item for item in taken if item is not None]
    assert 8 < len(found) < 32
    assert (found[0].length_m, found[0].width_m) == (2.0, 1.0)
    labels = table.array()['label'][found[0].mesh.surface]
    assert set(labels) == {load_label_space().class_id('Dynamic')}
    assert all(shop.take(rng, table, 'bus') is None for _ in range(20))


def test_a_missing_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(library, 'LIBRARIES', ('sweethome3d',))
    load_library.cache_clear()
    monkeypatch.setattr(library.Path, 'is_file', lambda path: path.suffix != '.sh3f')
    with pytest.raises(ConfigError, match='apt install sweethome3d-furniture'):
        load_library('sweethome3d')
    load_library.cache_clear()


def test_an_unknown_library_is_named():
    with pytest.raises(ConfigError, match='sweethome3d'):
        load_library('toys')


def test_without_a_name_there_is_no_library():
    assert load_library('') is None


def test_every_entry_of_the_mapping_has_a_class_and_a_kind_with_that_class():
    import yaml

    from mmseg_ros.core.resources import config_file

    data = yaml.safe_load(config_file('meshes/sweethome3d.yaml').read_text())
    names = load_label_space().names
    for item in data['pieces']:
        assert item['class'] in names
        assert item['creator']
        if item['kind'] in NOUNS:
            assert NOUNS[item['kind']][1] == item['class']
