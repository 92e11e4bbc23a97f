"""`python -m mmseg_ros`."""

import sys

from mmseg_ros.cli import main

if __name__ == '__main__':
    sys.exit(main())
