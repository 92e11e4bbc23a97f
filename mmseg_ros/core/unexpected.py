"""Errors that nobody foresaw, kept to the one sample that raised them."""

from __future__ import annotations

import logging
import traceback

from mmseg_ros.core.errors import MmsegError

_MAX_REMEMBERED = 64
_LONGEST_DETAIL = 200
_PREFIX, _DETAIL = 'Unexpected ', ' (traceback in the log): '
_logger = logging.getLogger(__name__)
_logged: set[tuple[str, str]] = set()


def reason_of(error: Exception, doing: str) -> str:
    """Return what a report says about a sample that could not be used, in one sentence.

    An error of this package says it itself. Any other is named by its type and what it says; its
    first traceback is logged, once per type and activity.

    Args:
        error: What was raised.
        doing: What the package was doing to the sample, e.g. `aligning`.
    """
    if isinstance(error, MmsegError):
        return str(error)
    log_once(error, doing)
    detail = str(error).strip().partition('\n')[0][:_LONGEST_DETAIL]
    return f'{_PREFIX}{type(error).__name__} while {doing} it{_DETAIL}{detail or "no details"}'


def cause_of(reason: str) -> str:
    """Return what reports count a reason under: of an unexpected error, its type and activity."""
    return reason.partition(_DETAIL)[0] if reason.startswith(_PREFIX) else reason


def log_once(error: Exception, doing: str) -> None:
    """Log the traceback of an unexpected error, the first of its type in this activity only.

    Args:
        error: What was raised.
        doing: As in `reason_of`.
    """
    kind = type(error).__name__
    if (kind, doing) not in _logged and len(_logged) < _MAX_REMEMBERED:
        _logged.add((kind, doing))
        _logger.error(
            'Unexpected %s while %s a sample; it costs that sample only:\n%s',
            kind,
            doing,
            ''.join(traceback.format_exception(error)),
        )
