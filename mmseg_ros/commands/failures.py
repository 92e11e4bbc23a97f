"""What the command line says, in one line, about anything that ends it early."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import suppress

from mmseg_ros.core.errors import MmsegError, StoppedError
from mmseg_ros.core.output_errors import reason, shown

FAILED = 1
UNEXPECTED = 70
SIGNALED = 128
INTERRUPTED = 130
PIPE_CLOSED = 141
_LONGEST = 400


def report(error: BaseException, verb: str | None, debug: bool) -> int:
    """Say on stderr what went wrong and return the exit status.

    Args:
        error: What ended the verb.
        verb: Its name, as far as it is known.
        debug: Whether the traceback comes first.
    """
    sentence, status = _explained(error)
    with suppress(OSError, ValueError):  # nobody may be left to tell
        if debug:
            traceback.print_exception(error, file=sys.stderr)
        sys.stderr.write(f'mmseg_ros{" " + verb if verb else ""}: {sentence}\n')
        sys.stderr.flush()
    if isinstance(error, OSError):
        _let_go_of_output()
    return status


def _explained(error: BaseException) -> tuple[str, int]:
    """Return a sentence and the exit status."""
    if isinstance(error, StoppedError):
        return str(error), SIGNALED + error.number
    if isinstance(error, MmsegError):
        return str(error), FAILED
    if isinstance(error, KeyboardInterrupt):
        return 'interrupted.', INTERRUPTED
    if isinstance(error, BrokenPipeError):
        return 'the reader of the output is gone; what was not read yet is lost.', PIPE_CLOSED
    if isinstance(error, OSError):
        return _of_system(error), FAILED
    if isinstance(error, MemoryError):
        return 'the memory does not suffice; ask for less, or close other programs.', FAILED
    if isinstance(error, RecursionError):
        return 'the input is nested too deeply; check the files that were given.', FAILED
    if isinstance(error, ModuleNotFoundError) and error.name:
        text = f'the Python package {error.name!r} is not installed; see README.md, Install.'
        return text, FAILED
    return _unexpected(error), UNEXPECTED


def _of_system(error: OSError) -> str:
    """Return what the system says, with the file it is about."""
    if error.filename is None:
        return f'{_one_line(reason(error))}.'
    return f'{shown(os.fsdecode(_path(error.filename)))}: {_one_line(reason(error))}.'


def _path(filename: object) -> str | bytes:
    return filename if isinstance(filename, str | bytes) else str(filename)


def _unexpected(error: BaseException) -> str:
    text = _one_line(str(error))
    return (
        f'stopped by an unexpected {type(error).__name__}{": " + text if text else ""}; this is a '
        'fault of the program. Run the command again with --debug and report what it prints.'
    )


def _one_line(text: str) -> str:
    line = ' '.join(text.split())
    return line if len(line) <= _LONGEST else line[:_LONGEST] + '...'


def _let_go_of_output() -> None:
    """Keep the interpreter from writing again at its end what the output would not take."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
        return
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
