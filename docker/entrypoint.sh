#!/usr/bin/env bash
# What every new terminal sources (README.md), then the command.
set -e
cd /root/ws
. /opt/ros/jazzy/setup.bash
. install/setup.bash
. venv/bin/activate
exec "$@"
