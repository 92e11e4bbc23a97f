"""Names and lengths of distortion models: what drivers and calibration tools call them."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import CalibrationError

LENGTHS: dict[str, tuple[int, ...]] = {
    'plumb_bob': (0, 4, 5),
    'rational_polynomial': (8, 12, 14),
    'equidistant': (4,),
}
"""Numbers of coefficients per canonical model; rational with thin prism has 12, with tilt 14."""

_NAMES = {
    '': 'plumb_bob',
    'plumbbob': 'plumb_bob',
    'radtan': 'plumb_bob',
    'radial_tangential': 'plumb_bob',
    'brown_conrady': 'plumb_bob',
    'rational': 'rational_polynomial',
    'full_opencv': 'rational_polynomial',
    'equi': 'equidistant',
    'fisheye': 'equidistant',
    'opencv_fisheye': 'equidistant',
    'kannala_brandt': 'equidistant',
    'kannala_brandt4': 'equidistant',
}
_WITHOUT = ('none', 'pinhole', 'perspective', 'inverse_brown_conrady', 'modified_brown_conrady')
"""Names that mean no distortion, or a model that is not known here unless all is zero."""
_FEWEST = 4
_ROUNDING_PX = 1e-6


def canonical_lens(model: str, D: NDArray[np.float64]) -> tuple[str, NDArray[np.float64]]:
    """Return the canonical name of a distortion model and its coefficients.

    Capitals, blanks and hyphens do not matter. A tail of zeros beyond the longest form is cut off,
    and a form in between is filled with zeros; plumb_bob with more than five coefficients is the
    rational model, as in OpenCV.

    Args:
        model: The name as given.
        D: N float64 coefficients, finite.

    Raises:
        CalibrationError: The model is not known, or the number of coefficients does not fit it.
    """
    word = re.sub(r'[\s-]+', '_', model.strip().lower())
    if word in _WITHOUT:
        if D.any():
            raise CalibrationError(
                f'Distortion model {model!r} takes no coefficients here, but D is {D.tolist()}; '
                'name the model they belong to (plumb_bob, rational_polynomial, equidistant).'
            )
        return 'plumb_bob', np.zeros(0)
    name = _NAMES.get(word, word)
    if name not in LENGTHS:
        raise CalibrationError(
            f'Unknown distortion model {model!r}; supported: {", ".join(LENGTHS)}.'
        )
    used = len(np.trim_zeros(D, 'b'))
    if name == 'plumb_bob' and used > 5:
        name = 'rational_polynomial'
    lengths = LENGTHS[name]
    if len(D) in lengths:
        return name, D.copy()
    if not used:
        return name, np.zeros(lengths[0])
    fitting = [length for length in lengths if length >= used]
    if not fitting or len(D) < _FEWEST:
        raise CalibrationError(
            f'Distortion model {name} needs {" or ".join(map(str, lengths))} coefficients, '
            f'but D has {len(D)}.'
        )
    full = np.zeros(fitting[0])
    full[:used] = D[:used]
    return name, full


def without_rounding(K: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return K without a skew that is only what a tool's arithmetic left."""
    skew = np.array([K[0, 1], K[1, 0]])
    if not skew.any() or np.abs(skew).max() > _ROUNDING_PX:
        return K
    K = K.copy()
    K[0, 1] = K[1, 0] = 0.0
    K.flags.writeable = False
    return K
