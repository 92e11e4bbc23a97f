"""A street as Mitsuba knows it: meshes with the mean color of each face, sky, sun and lamps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.sim.render.shading import (
    HEADLIGHT_COLOR,
    HEADLIGHT_HEIGHT_M,
    LAMP_COLOR,
    sky_radiance,
)
from mmseg_ros.sim.world.mesh import FloatArray, Mesh
from mmseg_ros.sim.world.surfaces import Texture
from mmseg_ros.sim.world.weather import Sky

_LAMP_RANGE_M = 60.0
# The fast shader's lamps at the distances at which they matter, as intensity over pi.
_LAMP_INTENSITY, _HEADLIGHT_INTENSITY = 10.0, 30.0
_SKY_ROWS = 64
_GROUND_SHARE = 0.08
_Z_UP = np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], np.float64)


def mean_albedo(surfaces: NDArray[Any]) -> FloatArray:
    """Return S x 3 float32: what share of the light each surface sends back, over its texture.

    Args:
        surfaces: SURFACE_DTYPE rows.
    """
    color, second = surfaces['color'].copy(), surfaces['second']
    facade = surfaces['texture'] == int(Texture.FACADE)
    stripes = surfaces['texture'] == int(Texture.STRIPES)
    # A third of a facade is dark glass, a sixth the frames of its windows.
    color[facade] = 0.5 * color[facade] + 0.17 * second[facade] + 0.02
    color[stripes] = 0.5 * (color[stripes] + second[stripes])
    return np.asarray(np.clip(color, 0.05, 0.85), np.float32)


def sky_image(sky: Sky) -> FloatArray:
    """Return H x 2 H x 3 float32: the sky by direction, as bright as the weather says.

    Row 0 is overhead; column c looks to azimuth atan2(sin, cos) of 2 pi c / W from +y to +x.
    """
    theta, phi = np.meshgrid(
        np.pi * (np.arange(_SKY_ROWS) + 0.5) / _SKY_ROWS,
        np.pi * (np.arange(2 * _SKY_ROWS) + 0.5) / _SKY_ROWS,
        indexing='ij',
    )
    ring = np.sin(theta)
    directions = np.stack([ring * np.sin(phi), ring * np.cos(phi), np.cos(theta)], -1)
    image = sky_radiance(directions.reshape(-1, 3), sky).reshape(*theta.shape, 3)
    cosine = np.maximum(np.cos(theta), 0) * ring
    mean = (image * cosine[..., None]).sum((0, 1)) / cosine.sum()
    ambient, sun = np.array(sky.weather.sky), np.array(sky.weather.sun)
    image *= ambient / np.maximum(mean, 1e-4)
    image[theta > np.pi / 2] = _GROUND_SHARE * (ambient + sun)
    return image.astype(np.float32)


def emitters(
    mi: Any, sky: Sky, lamps: FloatArray, eye: FloatArray, forward: FloatArray
) -> dict[str, Any]:
    """Return what gives light, as `mitsuba.load_dict` takes it.

    Args:
        mi: The module `mitsuba`.
        sky: Light of the sky and the sun.
        lamps: L x 3, street lamps.
        eye: 3, the camera; the head lights are below it.
        forward: 3, where the vehicle looks.
    """
    image = mi.Bitmap(sky_image(sky))
    up = mi.ScalarTransform4f(_Z_UP)
    found: dict[str, Any] = {'sky': {'type': 'envmap', 'bitmap': image, 'to_world': up}}
    weather = sky.weather
    if max(weather.sun) > 0.01:
        found['sun'] = {
            'type': 'directional',
            'direction': (-sky.to_sun).astype(float).tolist(),
            'irradiance': _rgb(weather.sun, np.pi),
        }
    if weather.lamps > 0:
        near = lamps[np.linalg.norm(lamps - eye, axis=1) < _LAMP_RANGE_M] if len(lamps) else lamps
        power = np.pi * weather.lamps
        for k, place in enumerate(near):
            color = _rgb(LAMP_COLOR, power * _LAMP_INTENSITY)
            found[f'lamp{k}'] = _spot(mi, place, np.array([0, 0, -1]), color, 80.0, 40.0)
        below = eye - np.array([0, 0, HEADLIGHT_HEIGHT_M])
        color = _rgb(HEADLIGHT_COLOR, power * _HEADLIGHT_INTENSITY)
        found['headlight'] = _spot(mi, below, forward, color, 37.0, 14.0)
    return found


def to_mitsuba(mi: Any, mesh: Mesh, albedo: FloatArray) -> Any:
    """Return a `mitsuba.Mesh` whose faces have the mean color of their surfaces.

    Args:
        mi: The module `mitsuba`.
        mesh: With at least one face.
        albedo: S x 3, see `mean_albedo`.
    """
    color = {'type': 'mesh_attribute', 'name': 'face_color'}
    bsdf = {'type': 'twosided', 'material': {'type': 'diffuse', 'reflectance': color}}
    properties = mi.Properties()
    properties['material'] = mi.load_dict(bsdf)
    shape = mi.Mesh('street', len(mesh.vertices), len(mesh.faces), props=properties)
    # A mesh attribute is added before the buffers: they are what makes its bounds known.
    shape.add_attribute('face_color', 3, albedo[mesh.surface].ravel())
    parameters = mi.traverse(shape)
    parameters['vertex_positions'] = mesh.vertices.ravel()
    parameters['faces'] = mesh.faces.astype(np.uint32).ravel()
    parameters.update()
    return shape


def _spot(
    mi: Any,
    place: NDArray[np.floating[Any]],
    forward: NDArray[Any],
    color: dict[str, Any],
    cutoff_deg: float,
    beam_deg: float,
) -> dict[str, Any]:
    upright = [1, 0, 0] if abs(forward[2]) > 0.9 else [0, 0, 1]
    target = (place + forward).astype(float).tolist()
    pose = mi.ScalarTransform4f().look_at(place.astype(float).tolist(), target, upright)
    return {
        'type': 'spot', 'to_world': pose, 'intensity': color,
        'cutoff_angle': cutoff_deg, 'beam_width': beam_deg,
    }  # fmt: skip


def _rgb(color: tuple[float, float, float], factor: float) -> dict[str, Any]:
    return {'type': 'rgb', 'value': [float(factor * c) for c in color]}
