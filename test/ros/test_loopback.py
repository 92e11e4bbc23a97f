"""With the loopback profile a node listens to its own machine alone."""

import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.ros
PROFILES = Path(__file__).parents[2] / 'config'
DOMAIN = 97
WELL_KNOWN = range(7400 + 250 * DOMAIN + 10, 7400 + 250 * (DOMAIN + 1))
"""Ports that participants of the domain listen to, by the rule of RTPS."""
LISTEN = """
import rclpy, sys
rclpy.init()
node = rclpy.create_node('listener')
print(open('/proc/net/udp').read())
"""


def listeners(profile):
    """Return the addresses that a node of the domain is bound to on its well-known ports."""
    environment = {
        **os.environ,
        'ROS_DOMAIN_ID': str(DOMAIN),
        'FASTRTPS_DEFAULT_PROFILES_FILE': str(PROFILES / profile),
        'FASTDDS_DEFAULT_PROFILES_FILE': str(PROFILES / profile),
    }
    done = subprocess.run(
        [sys.executable, '-c', LISTEN],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = set()
    for line in done.stdout.splitlines():
        address, _, port = line.split()[1].partition(':') if ':' in line else ('', '', '')
        if port and int(port, 16) in WELL_KNOWN:
            found.add(socket.inet_ntoa(struct.pack('<I', int(address, 16))))
    return found


def test_only_the_own_machine_is_heard():
    assert listeners('fastdds.xml') == {'0.0.0.0'}
    assert listeners('fastdds_loopback.xml') == {'127.0.0.1'}


def test_the_profiles_differ_in_nothing_else():
    plain, loopback = (
        (PROFILES / name).read_text().partition('<profiles')[2]
        for name in ('fastdds.xml', 'fastdds_loopback.xml')
    )
    head, _, rest = loopback.partition('      <interfaceWhiteList>\n')
    assert head + rest.partition('      </interfaceWhiteList>\n')[2] == plain
