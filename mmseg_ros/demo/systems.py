"""One picture per system: the same moment through every shipped network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from mmseg_ros.core.errors import MmsegError
from mmseg_ros.core.resources import share_directory
from mmseg_ros.demo.shown import Moment
from mmseg_ros.evaluation.pictures import legend, overlay_picture
from mmseg_ros.inference.backend import create_backend
from mmseg_ros.inference.bundle import MANIFEST_FILE, load_bundle, read_manifest
from mmseg_ros.metrics.figures import picture
from mmseg_ros.metrics.report import Figure, Section
from mmseg_ros.pipeline import Pipeline
from mmseg_ros.projection.extrinsics import Rig

MODELS: Mapping[str, str] = MappingProxyType(
    {'stitchfusion': 'StitchFusion', 'geminifusion': 'GeminiFusion', 'mle_sam': 'MLE-SAM'}
)
"""Networks that segment frames, by their name in the registry."""


def shipped_systems(default: str) -> dict[str, str]:
    """Return one shipped bundle per model, by the model's name.

    Args:
        default: The bundle that the demo runs, which stands for its model.
    """
    zoo = share_directory() / 'models' / 'zoo'
    names = sorted(path.parent.name for path in zoo.glob(f'*/{MANIFEST_FILE}'))
    found: dict[str, str] = {}
    for name in (default, *names):
        try:
            _, manifest = read_manifest(name)
        except MmsegError:
            continue
        model = manifest.get('model')
        model_name = model.get('name') if isinstance(model, Mapping) else None
        if model_name in MODELS:
            found.setdefault(str(model_name), name)
    return found


def systems_section(moment: Moment, rig: Rig, default: str) -> Section:
    """Return the section; a bundle that cannot run says why in its place.

    Args:
        moment: A moment with all sensors.
        rig: The calibration.
        default: The bundle that the demo runs.
    """
    figures = list(_figures(moment, rig, default))
    absent = [title for name, title in MODELS.items() if name not in shipped_systems(default)]
    text = 'The same moment, with all its sensors, through each network that is shipped.'
    if absent:
        text += f' No bundle is shipped of {", ".join(absent)}.'
    return Section('The systems side by side', text, figures)


def _figures(moment: Moment, rig: Rig, default: str) -> Iterator[Figure]:
    for model, name in shipped_systems(default).items():
        title = f'{MODELS[model]} ({name})'
        try:
            yield _figure(moment, rig, name, title)
        except MmsegError as error:
            yield Figure([], f'{title} did not run: {error}')


def _figure(moment: Moment, rig: Rig, name: str, title: str) -> Figure:
    bundle = load_bundle(name)
    backend = create_backend('auto')
    try:
        backend.load(bundle)
        result = Pipeline(bundle, backend, rig).process(moment.frame_set, rig).result
    finally:
        backend.close()
    space = bundle.manifest.label_space
    image = picture(overlay_picture(moment.frame_set, result.labels, space), title, lossy=True)
    caption = title
    if result.router_weights is not None:
        pairs = zip(result.modalities, result.router_weights, strict=True)
        caption += '; router: ' + ', '.join(f'{n} {weight:.2f}' for n, weight in pairs)
    return Figure([(title, image), ('', legend(result.labels, space))], caption)
