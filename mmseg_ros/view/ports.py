"""A free port for the page."""

from __future__ import annotations

import errno
import socket

from mmseg_ros.core.errors import ConfigError

_TRIED = 20


def free_port(host: str, wanted: int) -> int:
    """Return `wanted`, or the next port above it that nobody uses.

    Raises:
        ConfigError: The address is not one of this machine, or no port is free.
    """
    for port in range(wanted, min(wanted + _TRIED, 65536)):
        try:
            with socket.create_server((host, port)):
                return port
        except (PermissionError, OverflowError) as error:
            raise ConfigError(f'--port {port}: {error}; take one above 1023.') from error
        except socket.gaierror as error:
            raise ConfigError(f'--host {host!r} is not an address of this machine.') from error
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise ConfigError(f'--host {host} --port {port}: {error.strerror}.') from error
    raise ConfigError(
        f'The ports {wanted} to {wanted + _TRIED - 1} are all in use; choose another with --port.'
    )
