"""Runs everything once before the first message, so that no live frame waits for a compiler."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import FrameSet, Modality
from mmseg_ros.inference.backend import Backend
from mmseg_ros.inference.bundle import Bundle
from mmseg_ros.labelling.frame import Frame
from mmseg_ros.pipeline import Pipeline, Prepared
from mmseg_ros.projection.outline_frame import compile_loops
from mmseg_ros.ros.made_up import decode_made_up, made_up_frame, made_up_odometry

_BY_NAME: Mapping[Modality, str] = MappingProxyType({})


def load_and_warm_up(
    bundle: Bundle, backend: Backend, kinds: Mapping[Modality, str] = _BY_NAME
) -> None:
    """Load the network, and process one made-up frame of all its sensors and its outputs.

    Loops are compiled at their first use on a machine, which takes a while; later starts read the
    compiled code from disk. So every loop that a live message may need runs here, with the types
    that it gets there. The network is loaded meanwhile in its own thread.

    Args:
        bundle: The network.
        backend: What runs it.
        kinds: What the messages of each sensor hold; by its name where it is not there.

    Raises:
        MmsegError: The network cannot be loaded; see `Backend.load`.
    """
    frame_set, rig = made_up_frame(bundle.manifest.modality_names, kinds)
    pipeline = Pipeline(bundle, backend, rig, odometry=made_up_odometry())
    with ThreadPoolExecutor(1, 'mmseg_load') as pool:
        loading = pool.submit(_load, bundle, backend)
        prepared = _prepare(pipeline, frame_set)
        decode_made_up(frame_set)
        loading.result()
    if prepared is None:
        return
    output = pipeline.complete(prepared)
    space = bundle.manifest.label_space
    frame = Frame(frame_set, output.result, rig, space, geometry=output.geometry)
    frame.labelled_points()
    frame.organized_points()
    frame.projection_image()
    compile_loops()


def _prepare(pipeline: Pipeline, frame_set: FrameSet) -> Prepared | None:
    """Return the prepared frame; None for a network of images that these are not."""
    try:
        return pipeline.prepare(frame_set, with_surface=True)
    except SampleError:
        return None


def _load(bundle: Bundle, backend: Backend) -> None:
    backend.load(bundle)
    backend.warm_up()
