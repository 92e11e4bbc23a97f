"""`mmseg_ros project-check`: LiDAR points over the camera image, as one PNG."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_ros.commands.arguments import real_number
from mmseg_ros.commands.sensors_option import add_sensors, sensors_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mmseg_ros.bag.reader import BagReader
    from mmseg_ros.core.types import ImageData, SensorSample
    from mmseg_ros.projection.extrinsics import Rig

_EPILOG = """examples:
  python -m mmseg_ros project-check sequence --output check.png
  python -m mmseg_ros project-check sequence --calibration rig.yaml --at 3.5
  python -m mmseg_ros project-check --image 000000.png --cloud 000000.bin --calibration 000000.txt

Points are red near and blue far, hidden ones magenta. They must lie on the things they hit; if
they are shifted evenly the extrinsics are wrong, if only while driving the stamps are. Where the
bag has /odom, points are moved to the time of the image, as in the node."""
_AROUND_NS = 1_000_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.epilog = _EPILOG
    parser.add_argument('bag', type=Path, nargs='?', help='recording with camera and LiDAR')
    parser.add_argument('--image', type=Path, help='image file, instead of a bag')
    parser.add_argument('--cloud', type=Path, help='cloud file (.bin .npy .pcd .ply)')
    parser.add_argument(
        '--calibration', type=Path, help='calibration file; a bag brings its own in /tf_static'
    )
    parser.add_argument(
        '--intrinsics',
        choices=('auto', 'file', 'camera_info'),
        default='auto',
        help="who tells the intrinsics: auto takes the calibration file's where it has some",
    )
    add_sensors(parser, 'which topic of the bag is which sensor')
    parser.add_argument(
        '--at',
        type=real_number(),
        default=0.0,
        metavar='S',
        help='seconds after the start of the bag',
    )
    parser.add_argument(
        '--output', type=Path, default=Path('project_check.png'), help='image to write'
    )


def run(args: argparse.Namespace) -> int:
    """Draw, and print the numbers."""
    import numpy as np

    from mmseg_ros.core.atomic_files import require_writable
    from mmseg_ros.core.errors import CalibrationError, ConfigError
    from mmseg_ros.core.types import LIDAR
    from mmseg_ros.labelling.image_files import write_image
    from mmseg_ros.projection.check import check_projection
    from mmseg_ros.projection.summary import rig_summary

    if args.bag is None and not (args.image and args.cloud and args.calibration):
        raise ConfigError('Give a bag, or --image, --cloud and --calibration.')
    require_writable(args.output)
    rig, image, xyz, notes = _from_bag(args) if args.bag else _from_files(args)
    pixels = image.pixels
    rgb = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
    camera = rig.camera(rig.reference).resized(*rgb.shape[:2])
    picture, report = check_projection(rgb, xyz, rig.T(rig.reference, LIDAR), camera)
    write_image(args.output, picture)
    sys.stdout.write(f'{rig_summary(rig)}\n{notes}{report.text()}\n{args.output}\n')
    if not report.in_image:
        raise CalibrationError(
            f'None of the {report.points} points falls into the image: extrinsics or intrinsics '
            'are wrong, or the sensors look elsewhere; `calibration show` draws both.'
        )
    if not report.edges:
        raise CalibrationError(
            'No depth edge lies where the image is bright enough, so there is no figure; look at '
            f'{args.output}, or take another moment with --at.'
        )
    return 0


def _from_files(args: argparse.Namespace) -> tuple[Rig, ImageData, NDArray[np.float32], str]:
    import cv2

    from mmseg_ros.core.errors import SampleError
    from mmseg_ros.core.types import ImageData
    from mmseg_ros.projection.cloud_files import read_cloud
    from mmseg_ros.projection.extrinsics import load_rig

    pixels = cv2.imread(str(args.image), cv2.IMREAD_COLOR_RGB)
    if pixels is None:
        raise SampleError(f'{args.image}: cannot read the image.')
    rig = load_rig(args.calibration, image_size=(pixels.shape[0], pixels.shape[1]))
    return rig, ImageData(pixels), read_cloud(args.cloud).xyz(), ''


def _from_bag(args: argparse.Namespace) -> tuple[Rig, ImageData, NDArray[np.float32], str]:
    """Return the first image after --at, and the cloud nearest to it at the image's time."""
    from mmseg_ros.bag.calibration import rig_from_bag
    from mmseg_ros.bag.proposal import sensors_hint
    from mmseg_ros.bag.reader import BagReader
    from mmseg_ros.bag.rejected import Rejected
    from mmseg_ros.bag.replay import samples, sensor_topics
    from mmseg_ros.core.errors import BagError
    from mmseg_ros.core.types import LIDAR, RGB, ImageData
    from mmseg_ros.projection.extrinsics import load_rig

    with BagReader(args.bag) as reader:
        sensors = sensors_of(args)
        topics = sensor_topics(reader, (RGB, LIDAR), sensors.topics)
        if len(topics) < 2:
            raise BagError(
                f'{args.bag} holds no {" and no ".join({RGB, LIDAR} - set(topics))} on the usual '
                f'topics; it has {", ".join(sorted(reader.topics))}.'
                f'{sensors_hint(reader, (RGB, LIDAR))}'
            )
        rig = rig_from_bag(
            reader,
            topics,
            given=load_rig(args.calibration) if args.calibration else sensors.rig,
            intrinsics=args.intrinsics,
            infos=sensors.infos,
        )
        start_ns = reader.start_ns + round(args.at * 1e9)
        rejected = Rejected()
        span_ns = (start_ns, start_ns + 2_000_000_000)
        found = list(samples(reader, topics, on_rejected=rejected, span_ns=span_ns))
        sys.stderr.write(rejected.text())
        image, cloud = _nearest(args, topics, found)
        xyz, moved = _at_the_image(reader, rig, image, cloud, span_ns)
    assert isinstance(image.payload, ImageData)  # noqa: S101 - for the type checker
    offset_ns = cloud.stamp_ns - image.stamp_ns
    notes = f'cloud minus image stamp: {offset_ns / 1e6:+.1f} ms\n{moved}\n'
    return rig, image.payload, xyz, notes


def _nearest(
    args: argparse.Namespace, topics: Mapping[str, str], found: Sequence[SensorSample]
) -> tuple[SensorSample, SensorSample]:
    """Return the first image and the cloud whose stamp is nearest to it."""
    from mmseg_ros.core.errors import BagError
    from mmseg_ros.core.types import CloudData, ImageData

    image = next((s for s in found if isinstance(s.payload, ImageData)), None)
    clouds = [s for s in found if isinstance(s.payload, CloudData)]
    if image is None or not clouds:
        raise BagError(
            f'{args.bag} holds no image and cloud within 2 s after {args.at} s; '
            f'topics found: {", ".join(topics.values()) or "none"}.'
        )
    return image, min(clouds, key=lambda sample: abs(sample.stamp_ns - image.stamp_ns))


def _at_the_image(
    reader: BagReader,
    rig: Rig,
    image: SensorSample,
    cloud: SensorSample,
    span_ns: tuple[int, int],
) -> tuple[NDArray[np.float32], str]:
    """Return the points at the time of the image by /odom, and how far they moved."""
    import numpy as np

    from mmseg_ros.bag.replay import samples
    from mmseg_ros.core.types import CloudData
    from mmseg_ros.projection.motion import RigInMotion
    from mmseg_ros.projection.odometry import Odometry

    assert isinstance(cloud.payload, CloudData)  # noqa: S101 - for the type checker
    odometry = Odometry()
    around_ns = (span_ns[0] - _AROUND_NS, span_ns[1] + _AROUND_NS)
    list(samples(reader, {}, on_rejected=lambda *_: None, span_ns=around_ns, odometry=odometry))
    xyz = RigInMotion(rig, image.stamp_ns, odometry).xyz(
        cloud.modality, cloud.payload, cloud.stamp_ns
    )
    if not odometry.is_known:
        return xyz, 'no /odom: points stay where they were measured'
    if odometry.misses:
        return xyz, '/odom does not reach these stamps: points stay where they were measured'
    away_m = np.linalg.norm(xyz - cloud.payload.xyz(), axis=1)
    farthest_m = float(np.nanmax(away_m, initial=0.0))
    return xyz, f'points moved to the time of the image by /odom: at most {farthest_m:.2f} m'
