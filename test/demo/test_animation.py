"""The film of the drive: its frames, their times, the outages marked, and the figure."""

import io

import numpy as np
import pytest

from mmseg_ros.demo.animation import MOST_FRAMES, encoded, film_figure, film_of, save_film
from mmseg_ros.metrics.report import Report, Section, render

ALARM = (205, 50, 50)


@pytest.fixture
def film(drive, recording, frames, space):
    return film_of(drive, recording, frames, space)


def test_each_label_image_is_a_picture_and_outages_are_marked(film, frames):
    assert len(film.pictures) == len(frames) <= MOST_FRAMES
    assert len({picture.shape for picture in film.pictures}) == 1
    marked = [tuple(picture[2, -2]) == ALARM for picture in film.pictures]
    assert marked == [frame.situation != 'all sensors' for frame in frames]
    assert any(marked)
    assert not all(marked)


def test_it_takes_as_long_as_the_sequence(film, frames):
    length_s = frames[-1].elapsed_s - frames[0].elapsed_s
    assert sum(film.durations_ms[:-1]) / 1000 == pytest.approx(length_s, rel=0.05)


def test_many_frames_are_thinned(drive, recording, frames, space):
    film = film_of(drive, recording, [*frames, *frames], space)
    assert len(film.pictures) <= MOST_FRAMES
    assert len(film.durations_ms) == len(film.pictures)


def test_the_file_is_an_animation_and_the_page_holds_it(film, tmp_path):
    from PIL import Image

    data = encoded(film)
    save_film(data, tmp_path / 'drive.webp')
    with Image.open(tmp_path / 'drive.webp') as image:
        assert image.n_frames > 1
        assert image.size == film.pictures[0].shape[1::-1]
    with Image.open(io.BytesIO(data)) as image:
        assert np.asarray(image.convert('RGB')).shape == film.pictures[0].shape
    page = render(Report('t', 's', [], [Section('film', '', [film_figure(data)])]))
    assert 'src="data:image/webp;base64,' in page
