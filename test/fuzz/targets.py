"""Every reader of the project as a function of bytes, which may raise only MmsegError."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fuzz_seeds import bag, event_packets, files, messages, packet

from mmseg_ros import messages as decoders
from mmseg_ros.bag.faults import load_schedule
from mmseg_ros.bag.reader import BagReader
from mmseg_ros.bag.repair import rescue
from mmseg_ros.bag.typestore import typestore
from mmseg_ros.core.errors import MmsegError, SampleError
from mmseg_ros.core.labels import load_label_space
from mmseg_ros.core.resources import bundle_directory
from mmseg_ros.inference.bundle import load_bundle
from mmseg_ros.inference.manifest import Manifest
from mmseg_ros.messages.sensor_decoder import SensorDecoder
from mmseg_ros.messages.transforms import FrameTree
from mmseg_ros.projection.extrinsics import load_rig
from mmseg_ros.projection.odometry import Odometry, add_odometry_message
from mmseg_ros.referring.bundle import ReferringManifest as OfText
from mmseg_ros.referring.expression import split_expression
from mmseg_ros.referring.tokenizer import Tokenizer

KINDS = {'rgb': 'rgb', 'depth': 'depth', 'event': 'event', 'lidar': 'lidar'}
SENTENCES = ('the red car on the left; the bus', 'die Straße\u0301; ' * 20, 'a\u202eb \U0001f600')


@dataclass(frozen=True)
class Target:
    """A reader: its name, small valid inputs, and what reads bytes."""

    name: str
    seeds: Sequence[bytes]
    read: Callable[[bytes], object]


def all_targets(folder: Path) -> list[Target]:
    """Return every reader; those of files use one file in `folder` again and again."""
    found = [*_message_targets(), *_packet_targets(), *_text_targets(folder)]
    found += [*_bag_targets(folder), *_bundle_targets(folder), *_torch_targets(folder)]
    return found


def _parsed(type_name: str, data: bytes) -> object:
    """Deserialise as the bag reader does: bytes that do not fit a type are a sample's fault."""
    try:
        return typestore().deserialize_cdr(data, type_name)
    except Exception as error:
        raise SampleError(str(error)) from error


def _message_targets() -> list[Target]:
    found = []
    for name, (type_name, data) in messages().items():
        if name in KINDS:
            decoder = SensorDecoder(name, lambda: (480, 640))

            def read(data, decoder=decoder, type_name=type_name):
                return decoder.payload(type_name, _parsed(type_name, data))
        elif name == 'camera_info':

            def read(data, type_name=type_name):
                return decoders.decode_camera_info(_parsed(type_name, data))
        elif name == 'odometry':

            def read(data, type_name=type_name):
                return add_odometry_message(Odometry(), 1, _parsed(type_name, data))
        else:

            def read(data, type_name=type_name):
                tree = FrameTree()
                tree.add(_parsed(type_name, data))
                return tree.frames

        found.append(Target(f'message {name}', [data], read))
    return found


def _packet_targets() -> list[Target]:
    return [
        Target(
            f'events {encoding}',
            [data],
            lambda data, encoding=encoding: SensorDecoder('event').payload(
                'event_camera_msgs/msg/EventPacket', packet(encoding, data)
            ),
        )
        for encoding, data in event_packets().items()
    ]


def _text_targets(folder: Path) -> list[Target]:
    text = files()
    vocabulary = bundle_directory('crossvlt-small-sim') / 'vocab.txt'
    tokenizer = Tokenizer(vocabulary)

    def prompts(data: bytes) -> object:
        return [tokenizer.read(s) for s in split_expression(data.decode('utf-8', 'replace'))]

    def manifest(data: bytes, kind) -> object:
        try:
            values = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise MmsegError(str(error)) from error
        if not isinstance(values, dict):
            raise MmsegError('no object')
        return kind.from_dict(values, 'fuzzed')

    return [
        Target('text prompts', [s.encode() for s in SENTENCES], prompts),
        Target('manifest', [text['manifest']], lambda d: manifest(d, Manifest)),
        Target(
            'manifest, text', [text['referring manifest']], lambda d: manifest(d, OfText)
        ),
        _of_file(folder, 'calibration', 'rig.yaml', text['calibration'], load_rig),
        _of_file(
            folder, 'label space', 'labels.yaml', text['label space'],
            lambda path: load_label_space(str(path)),
        ),
        _of_file(folder, 'schedule', 'faults.yaml', text['schedule'], load_schedule),
    ]  # fmt: skip


def _of_file(folder: Path, name: str, file: str, seed: bytes, read) -> Target:
    path = folder / file

    def reader(data: bytes) -> object:
        path.write_bytes(data)
        return read(path)

    return Target(name, [seed], reader)


def _bag_targets(folder: Path) -> list[Target]:
    content = bag()

    def play(path: Path) -> int:
        count = 0
        with BagReader(path) as reader:
            for item in reader.raw():
                count += 1
                try:
                    reader.deserialize(item)
                except SampleError:
                    continue
        return count

    def repair(path: Path) -> object:
        output = folder / 'rescued'
        try:
            return rescue(path, output)
        finally:
            for file in output.glob('*'):
                file.unlink()
            if output.exists():
                output.rmdir()

    return [
        _of_file(folder, 'bag', 'drive.mcap', content, play),
        _of_file(folder, 'bag, rescued', 'cut.mcap', content, repair),
    ]


def _bundle_targets(folder: Path) -> list[Target]:
    bundle = folder / 'bundle'
    bundle.mkdir(exist_ok=True)
    for file in bundle_directory('stitchfusion-b0-sim').iterdir():
        if file.name != 'manifest.json' and not (bundle / file.name).exists():
            os.symlink(file, bundle / file.name)
    seed = files()['manifest']
    return [
        _of_file(folder, 'bundle', 'bundle/manifest.json', seed, lambda _: load_bundle(bundle))
    ]


def _torch_targets(folder: Path) -> list[Target]:
    try:
        from torch import nn
    except ImportError:
        return []
    from mmseg_models.training.checkpoint import (
        Position,
        Trainables,
        generator_state,
        load_checkpoint,
        save_checkpoint,
    )
    from mmseg_models.training.referring_checkpoint import load_referring
    from mmseg_models.training.run_config import OptimizerConfig
    from mmseg_models.training.trained_weights import read_trained, save_weights

    trainables = Trainables.of(nn.Linear(3, 2), OptimizerConfig(warmup_steps=1), 9)
    position = Position(1, 0.25, generator_state()[None, :16])
    step = save_checkpoint(folder, trainables, position, {'steps': 9})
    weights = folder / 'best.safetensors'
    save_weights(weights, trainables.model.state_dict(), {'mmseg_ros': '{"model": "x"}'})
    seed = weights.read_bytes()
    state = step / 'state.pt'
    inside = str(state.relative_to(folder))
    return [
        _of_file(folder, 'trained weights', 'best.safetensors', seed, read_trained),
        _of_file(folder, 'trained text weights', 'text.safetensors', seed, load_referring),
        _of_file(
            folder, 'checkpoint', inside, state.read_bytes(),
            lambda _: load_checkpoint(step, trainables, {'steps': 9}),
        ),
    ]  # fmt: skip
