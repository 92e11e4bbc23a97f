"""`mmseg_ros view`: serve a page that shows the running node, or a bag."""

from __future__ import annotations

import argparse
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_ros.commands.arguments import real_number, whole_number
from mmseg_ros.core.types import STANDARD_MODALITIES

if TYPE_CHECKING:
    from mmseg_ros.view.page import Page

_NICENESS = 10
"""The page waits for processor time that the node wants."""

EPILOG = """examples:
  python -m mmseg_ros view                       # the running node, on http://127.0.0.1:8080
  python -m mmseg_ros view --node /front/mmseg
  python -m mmseg_ros view out/labels            # a bag; results are shown if they are in it
  python -m mmseg_ros view out/evaluate/drive    # an evaluation with --write-bag inside

Needs `pip install 'mmseg_ros[view]'`. Nothing is loaded from the internet, and only this machine
can open the page unless --host says otherwise."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.epilog = EPILOG
    parser.add_argument(
        'source', type=Path, nargs='?', help='bag, or folder of an evaluation; none is the node'
    )
    parser.add_argument('--node', default='/mmseg', help='full name of the node')
    parser.add_argument('--host', default='127.0.0.1', help='address to listen on')
    parser.add_argument(
        '--port', type=whole_number(1, 65535), default=8080, help='port; the next one if in use'
    )
    parser.add_argument(
        '--rate',
        type=real_number(most=60.0, positive=True),
        default=5.0,
        help='how often a second the page changes at most',
    )
    parser.add_argument(
        '--silence',
        action='store_true',
        help='buttons that silence sensors of `mmseg_ros play --silence`',
    )


def run(args: argparse.Namespace) -> int:
    """Serve the page until SIGINT or SIGTERM."""
    import cv2

    from mmseg_ros.view.bag_source import BagSource, bag_of
    from mmseg_ros.view.feed import Feed
    from mmseg_ros.view.page import Page, load_viewer
    from mmseg_ros.view.ports import free_port
    from mmseg_ros.view.scene import Scene

    load_viewer()
    os.nice(_NICENESS)
    cv2.setNumThreads(1)  # what it makes is small, and a second thread takes the node's core
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    scene = Scene()
    feed = Feed(scene, args.node)
    sensors: tuple[str, ...] = STANDARD_MODALITIES
    pump: Callable[[], None] = _nothing
    if args.source is not None:
        bag = BagSource(bag_of(args.source), feed, args.node)
        sensors, controls, close = bag.sensors, bag.controls(), bag.close
        bag.start()
    else:
        from mmseg_ros.ros.environment import prepare_process

        prepare_process()
        from mmseg_ros.ros.view_link import ViewLink

        feed.prepare()
        link = ViewLink(feed, args.node, args.silence)
        controls, close, pump = link.controls(), link.close, link.pump
    try:
        port = free_port(args.host, args.port)
        page = Page(scene, controls, args.host, port, sensors)
        if page.port != args.port:
            print(f'Port {args.port} is in use; the next free one is taken.', flush=True)
        print(f'The page is on http://{args.host}:{page.port} (Ctrl-C ends it).', flush=True)
        _serve(page, pump, 1.0 / args.rate, stop)
        page.close()
    finally:
        close()
    for fault, count in feed.faults.most_common(5):
        print(f'{count} x {fault}')
    return 0


def _nothing() -> None:
    """Do what a bag needs: it plays in a thread."""


def _serve(page: Page, pump: Callable[[], None], period_s: float, stop: threading.Event) -> None:
    """Show what is new, as often as that; while nobody looks nothing is decoded."""
    while not stop.is_set():
        began_s = time.monotonic()
        if page.watched():
            pump()
            page.update()
        stop.wait(max(period_s - (time.monotonic() - began_s), 0.01))
