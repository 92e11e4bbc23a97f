"""`mmseg_ros segment-text`: segment what text prompts name, in an image or an image of a bag."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_ros.commands.arguments import real_number
from mmseg_ros.commands.sensors_option import add_sensors, sensors_of
from mmseg_ros.core.aspects import ASPECTS, DEFAULT_ASPECT
from mmseg_ros.core.model_config import PROMPT_RUNTIMES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mmseg_ros.bag.sensor_setup import SensorSetup
    from mmseg_ros.referring.result import ReferringResult

EPILOG = """examples:
  python -m mmseg_ros segment-text street.png "the red car on the left" --out mask.png
  python -m mmseg_ros segment-text out/sequence "the closest person" --at 3.5 --overlay person.png

The mask is 255 where any of the prompts applies, else 0; the overlay gives each a color."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.epilog = EPILOG
    parser.add_argument('source', type=Path, help='image file, or ROS 2 bag with a camera')
    parser.add_argument('sentences', nargs='+', metavar='PROMPT', help='what to segment')
    parser.add_argument('--out', type=Path, help='PNG to write the mask to')
    parser.add_argument('--overlay', type=Path, help='PNG to write the colored image to')
    parser.add_argument(
        '--at',
        type=real_number(),
        default=0.0,
        metavar='S',
        help='seconds after the start of the bag',
    )
    add_sensors(parser, 'which topic of the bag is the camera, as rgb=/camera/image_raw')
    parser.add_argument('--bundle', default='crossvlt-small-sim', help='folder or shipped name')
    parser.add_argument(
        '--backend',
        default='auto',
        choices=('auto', *PROMPT_RUNTIMES),
        help='inference runtime',
    )
    parser.add_argument(
        '--aspect',
        choices=ASPECTS,
        default=DEFAULT_ASPECT,
        help="images of another shape than the network's: pad, cut off or stretch",
    )


def run(args: argparse.Namespace) -> int:
    """Write what was asked for and print one line per prompt.

    Raises:
        ConfigError: The image cannot be read.
        OutputError: A result cannot be written.
        BagError: The bag cannot be read or holds no camera image there.
        SampleError: A prompt cannot be read.
        BundleError: The bundle cannot be used.
    """
    from mmseg_ros.core.atomic_files import require_writable
    from mmseg_ros.labelling import overlay
    from mmseg_ros.referring.expression import split_expression
    from mmseg_ros.referring.result import label_space_of
    from mmseg_ros.referring.segmenter import load_segmenter

    for path in filter(None, (args.out, args.overlay)):
        require_writable(path)
    sentences = split_expression(';'.join(args.sentences))
    rgb = _image(args.source, args.at, sensors_of(args))
    segmenter = load_segmenter(args.bundle, args.backend, aspect=args.aspect)
    for note in segmenter.read(sentences):
        sys.stderr.write(note + '\n')
    result = segmenter.segment(rgb, sentences)
    sys.stdout.write('\n'.join(_lines(result)) + '\n')
    if args.out:
        _write(args.out, result.mask)
    if args.overlay:
        _write(args.overlay, overlay(rgb, result.labels, label_space_of(sentences), 0.55))
    return 0


def _image(source: Path, at_s: float, sensors: SensorSetup) -> NDArray[np.uint8]:
    """Return H x W x 3 uint8 RGB of an image, or of the first camera image at `at_s` of a bag."""
    import cv2
    import numpy as np

    from mmseg_ros.bag.files import is_recording
    from mmseg_ros.core.errors import ConfigError

    if is_recording(source):
        return _bag_image(source, at_s, sensors)
    if not source.is_file():
        raise ConfigError(f'There is no image and no bag {source}.')
    pixels = cv2.imread(str(source), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ConfigError(f'{source} is no image that can be read; give a PNG or JPEG file.')
    return np.ascontiguousarray(pixels[:, :, ::-1], np.uint8)


def _bag_image(source: Path, at_s: float, sensors: SensorSetup) -> NDArray[np.uint8]:
    from mmseg_ros.bag.proposal import sensors_hint
    from mmseg_ros.bag.reader import BagReader
    from mmseg_ros.bag.rejected import Rejected
    from mmseg_ros.bag.replay import samples, sensor_topics
    from mmseg_ros.core.errors import BagError
    from mmseg_ros.core.types import RGB, ImageData
    from mmseg_ros.labelling import as_rgb

    with BagReader(source) as reader:
        topics = sensor_topics(reader, (RGB,), sensors.topics)
        if not topics:
            raise BagError(
                f'{source} holds no camera on the usual topic; it has '
                f'{", ".join(sorted(reader.topics))}.{sensors_hint(reader, (RGB,))}'
            )
        begin_ns = reader.start_ns + round(at_s * 1e9)
        rejected = Rejected()
        for sample in samples(reader, topics, on_rejected=rejected, span_ns=(begin_ns, None)):
            if isinstance(sample.payload, ImageData):
                sys.stderr.write(rejected.text())
                return as_rgb(sample.payload.pixels)
    reasons = rejected.text().strip() or 'the recording ends before'
    raise BagError(f'{source} holds no camera image {at_s:g} s after its start: {reasons}.')


def _lines(result: ReferringResult) -> list[str]:
    lines = []
    for sentence, meant in zip(result.sentences, result.meant, strict=True):
        rows, columns = meant.any(axis=1).nonzero()[0], meant.any(axis=0).nonzero()[0]
        if len(rows):
            box = f'columns {columns[0]}..{columns[-1]}, rows {rows[0]}..{rows[-1]}'
            lines.append(f'{sentence}: {100 * meant.mean():.2f} % of the image, {box}')
        else:
            lines.append(f'{sentence}: nothing found')
    return lines


def _write(path: Path, pixels: NDArray[Any]) -> None:
    """Write a gray or RGB image and say where."""
    from mmseg_ros.labelling.image_files import write_image

    write_image(path, pixels)
    sys.stdout.write(f'{path}\n')
